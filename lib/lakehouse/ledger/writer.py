"""One writer per domain: on a local lake an OS lock that the kernel frees with the process, and who holds it."""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from lakehouse.contracts.lakes import Lake
from lakehouse.errors import ConfigurationError, WriterBusyError


def claim_file(lake: Lake, domain: str) -> Path:
    """The file that the writer of a domain holds locked."""
    return Path(lake.domain(domain)) / "writer.lock"


@contextmanager
def claim(lake: Lake, domain: str, run_id: str) -> Iterator[None]:
    """Hold the right to write a domain; raises WriterBusyError, which says who holds it, when it is taken.

    Two locks on one file count: this process's own (flock), and the one that the Spark driver takes once it runs
    (a POSIX lock, see session.hold_claim), so that a driver that outlived its parent still counts as the writer.
    """
    if not lake.local:
        raise ConfigurationError(f"The lake {lake.root} is not on a local disk; only local lakes can be written yet.")
    path = claim_file(lake, domain)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise ConfigurationError(f"The lake {lake.root} cannot be written: {error.strerror} ({path}).") from error
    try:
        _lock(descriptor, path, domain)
        holder = {"user": getpass.getuser(), "host": socket.gethostname(), "process": os.getpid(), "run": run_id}
        since = datetime.now(timezone.utc).isoformat(timespec="seconds")
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({**holder, "since": since}).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path, domain: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.lockf(descriptor, fcntl.LOCK_UN)
    except OSError as error:
        raise WriterBusyError(
            f"Another process writes the domain '{domain}': {_holder(path)}. Nothing was changed. "
            "Wait until it has ended, then run the command again."
        ) from error


def _holder(path: Path) -> str:
    try:
        found = json.loads(path.read_text("utf-8"))
        return (
            f"process {found['process']} of {found['user']} on {found['host']}, run {found['run']}, "
            f"since {found['since']}"
        )
    except (OSError, ValueError, KeyError):
        return "who it is could not be read"
