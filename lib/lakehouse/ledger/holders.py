"""Who writes a domain right now, asked without getting in the writer's way."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass

from lakehouse.contracts.lakes import Lake
from lakehouse.ledger.writer import claim_file


@dataclass(frozen=True)
class Holder:
    """The process that holds the claim on a domain. What could not be read of it is None."""

    user: str | None = None
    host: str | None = None
    process: int | None = None
    run_id: str | None = None
    since: str | None = None


def holder(lake: Lake, domain: str) -> Holder | None:
    """Who holds the claim on a domain of a local lake, or None when it is free.

    Both locks of the writer (see ``writer.claim``) are tried for an instant, and shared: observers do not exclude one
    another.
    """
    path = claim_file(lake, domain)
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None  # no writer has ever been there
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _named(os.pread(descriptor, 1 << 16, 0))
    finally:
        os.close(descriptor)
    return None


def _named(text: bytes) -> Holder:
    try:
        found = json.loads(text)
        return Holder(found["user"], found["host"], found["process"], found["run"], found["since"])
    except (ValueError, KeyError, TypeError):
        return Holder()
