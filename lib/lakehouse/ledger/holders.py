"""Who writes a domain right now, asked without getting in the writer's way, and how a lease is taken from the dead."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone

from lakehouse.contracts.lakes import Lake
from lakehouse.errors import ConfigurationError, busy
from lakehouse.ledger.lease import TRIES, Pace
from lakehouse.ledger.lease_object import LeaseObject
from lakehouse.ledger.lease_record import Found, UnreachableError, find, put
from lakehouse.ledger.processes import proven_dead, this_process
from lakehouse.ledger.writer import Holder, claim_file, last_holder

__all__ = ["Holder", "held_lease", "holder", "holder_of", "remove_lease"]


def holder(lake: Lake, domain: str) -> Holder | None:
    """Who holds the claim on a domain, or None when it is free.

    Raises UnreachableError for an object store that does not answer, ConfigurationError for what cannot be read.
    """
    if lake.local:
        return _of_lock(lake, domain)
    found = held_lease(lake, domain)
    return holder_of(found) if found else None


def _of_lock(lake: Lake, domain: str) -> Holder | None:
    """Both locks of the writer are tried for an instant, and shared: observers do not exclude one another."""
    path = claim_file(lake, domain)
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return None  # no writer has ever been there
    except OSError as error:
        raise ConfigurationError(f"The lake {lake.root} cannot be read: {error.strerror} ({path}).") from error
    try:
        if _refused(fcntl.flock, descriptor):
            return last_holder(path)
        if _refused(fcntl.lockf, descriptor):
            return replace(last_holder(path), dead=True)
        return None
    finally:
        os.close(descriptor)


def _refused(lock: Callable[[int, int], object], descriptor: int) -> bool:
    """Whether a shared lock cannot be had."""
    try:
        lock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    return False


def held_lease(lake: Lake, domain: str) -> Found | None:
    """The lease of a domain in an object store, if somebody holds it."""
    found = find(LeaseObject(lake, domain, Pace().beat))
    return found if found and found.record.held else None


def holder_of(lease: Found) -> Holder:
    """Who holds a lease."""
    record = lease.record
    dead = all(proven_dead(process) for process in (record.holder, *record.drivers))
    return Holder(record.holder.user, record.holder.host, record.holder.number, record.run, record.since, dead)


def remove_lease(lake: Lake, domain: str, found: Found, because: str) -> str:
    """Make a lease free that somebody holds, whoever it is; returns how that was noted.

    The holder, should it live, learns of it before its next commit. Raises WriterBusyError when somebody else has taken
    the lease meanwhile, UnreachableError when the store does not do it.
    """
    store = LeaseObject(lake, domain, Pace().beat)
    me = this_process()
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    note = f"removed by {me.user} on {me.host} at {now}: {because}"
    for _ in range(TRIES):
        left = put(store, found.record.freed(note), found.e_tag)
        if left is None or not left.record.held:
            return note
        if not left.record.is_taking(found.record):
            raise busy(domain, str(left.record))
        found = left
    raise UnreachableError(f"{store.place} was not removed.")
