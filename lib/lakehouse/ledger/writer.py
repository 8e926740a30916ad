"""One writer per domain: the claim, which is a lock of the kernel on a local lake and a lease in an object store."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Protocol

from lakehouse.contracts.lakes import Lake
from lakehouse.errors import ConfigurationError, busy, lost
from lakehouse.ledger.commits import fenced
from lakehouse.ledger.lease import SECONDS, Pace, beating
from lakehouse.ledger.lease_object import LeaseObject
from lakehouse.ledger.lease_taking import take
from lakehouse.ledger.processes import this_process

Say = Callable[[str], None]

_PAUSES = (0.02, 0.1, None)
"""Whoever only looks whether a lock is held (see holders) holds it for a moment: try again, in seconds."""


class Claim(Protocol):
    """The right to write a domain, while it is held."""

    def check(self) -> None:
        """Raise ClaimLostError when this process holds the domain no more; called before each commit."""

    def include(self, process: int) -> None:
        """Let another process of this machine, the Spark driver, count as the writer too as long as it lives."""


def check_writable(lake: Lake) -> None:
    """Raise ConfigurationError for a lake that is not on a disk."""
    if not lake.local:
        # Claims are ready for object stores (see ``hold``); other parts of the engine still need a disk.
        raise ConfigurationError(f"The lake {lake.root} is not on a local disk; only local lakes can be written yet.")


@contextmanager
def claim(lake: Lake, domain: str, run_id: str, say: Say = print, lease_seconds: float = SECONDS) -> Iterator[Claim]:
    """Hold the right to write a domain; raises WriterBusyError, which says who holds it, when it is taken."""
    check_writable(lake)
    with hold(lake, domain, run_id, say, Pace.of(lease_seconds)) as held:
        yield held


@contextmanager
def hold(lake: Lake, domain: str, run_id: str, say: Say = print, pace: Pace | None = None) -> Iterator[Claim]:
    """Hold the claim on a domain of a lake of either kind; it is checked before each commit below the domain's folder.

    Raises WriterBusyError for a domain that is taken, ConfigurationError for a place that cannot be written.
    """
    kind = _locked(lake, domain, run_id) if lake.local else _leased(lake, domain, run_id, say, pace or Pace())
    with kind as held, fenced(lake.domain(domain), held.check):
        _held[lake.domain(domain)] = held
        try:
            yield held
        finally:
            del _held[lake.domain(domain)]


_held: dict[str, Claim] = {}


def held_claim(lake: Lake, domain: str) -> Claim | None:
    """The claim that this process holds on a domain."""
    return _held.get(lake.domain(domain))


# --- In an object store ---


@contextmanager
def _leased(lake: Lake, domain: str, run_id: str, say: Say, pace: Pace) -> Iterator[Claim]:
    lease = take(LeaseObject(lake, domain, pace.beat), domain, run_id, pace, say)
    try:
        with beating(lease, pace):
            yield lease
    finally:
        if not lease.release():
            say(f"the lease on the domain '{domain}' could not be given back; it ends by itself after "
                f"{pace.seconds:g} s")  # fmt: skip


# --- On a disk ---


def claim_file(lake: Lake, domain: str) -> Path:
    """The file that the writer of a domain of a local lake holds locked."""
    return Path(lake.domain(domain)) / "writer.lock"


@dataclass(frozen=True)
class Lock:
    """A lock of the kernel, which goes with the process.

    Two locks on one file count: this process's own (flock), and the one that the Spark driver takes once it runs
    (a POSIX lock, see session.hold_claim), so that a driver that outlived its parent still counts as the writer.
    """

    domain: str
    path: Path
    descriptor: int

    def check(self) -> None:
        """Raise ClaimLostError when the file is not the one that is locked: then others can lock another one."""
        if not self.is_in_place():
            raise lost(self.domain, f"its lock file {self.path} was deleted or replaced.")

    def is_in_place(self) -> bool:
        """Whether the file that is locked is the one that others find."""
        try:
            return os.path.samestat(self.path.stat(), os.fstat(self.descriptor))
        except FileNotFoundError:
            return False

    def include(self, process: int) -> None:
        """Nothing: a process takes the lock itself."""


@contextmanager
def _locked(lake: Lake, domain: str, run_id: str) -> Iterator[Claim]:
    path = claim_file(lake, domain)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise ConfigurationError(f"The lake {lake.root} cannot be written: {error.strerror} ({path}).") from error
    lock = Lock(domain, path, descriptor)
    try:
        _acquire(lock)
        since = datetime.now(timezone.utc).isoformat(timespec="seconds")
        me = this_process()
        holder = {"user": me.user, "host": me.host, "process": me.number, "run": run_id, "since": since}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(holder).encode(), 0)
        yield lock
    finally:
        os.close(descriptor)


def _acquire(lock: Lock) -> None:
    for pause in _PAUSES:
        try:
            fcntl.flock(lock.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.lockf(lock.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.lockf(lock.descriptor, fcntl.LOCK_UN)
            # Somebody may have deleted the file between its opening and now.
            lock.check()
            return
        except OSError as error:
            if pause is None:
                raise busy(lock.domain, str(last_holder(lock.path))) from error
            time.sleep(pause)


@dataclass(frozen=True)
class Holder:
    """The process that holds the claim on a domain. What could not be read of it is None."""

    user: str | None = None
    host: str | None = None
    process: int | None = None
    run_id: str | None = None
    since: str | None = None
    dead: bool = False
    """It is known to have ended; on a disk, its Spark driver is still at work then."""

    def __str__(self) -> str:
        if self.process is None:
            return "who it is could not be read"
        return f"process {self.process} of {self.user} on {self.host}, run {self.run_id}, since {self.since}"


def last_holder(path: Path) -> Holder:
    """Who wrote a lock file last."""
    try:
        found = json.loads(path.read_text("utf-8"))
        return Holder(found["user"], found["host"], found["process"], found["run"], found["since"])
    except (OSError, ValueError, KeyError, TypeError):
        return Holder()
