"""How a lease is taken: at once when it is free or its holder is known to be dead, else after watching it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from secrets import token_hex

from lakehouse.errors import ConfigurationError, busy
from lakehouse.ledger.lease import TRIES, Lease, Pace
from lakehouse.ledger.lease_record import ConflictError, DeniedError, Found, Record, Store, UnreachableError, find, put
from lakehouse.ledger.processes import Process, proven_dead, this_process

_NO_VERSION = '"00000000000000000000000000000000"'
"""An ETag that no object has."""


@dataclass(frozen=True)
class Sight:
    """What somebody who wants a lease sees of it."""

    found: Found | None
    quiet: float = 0
    """Seconds for which the counter was seen to stand still."""
    alive: bool = False
    """The counter has moved since the first look."""
    dead: bool = False
    """The holder, and all that writes for it, are dead processes of this machine."""
    own: bool = False
    """An earlier attempt to take it was done after all."""

    @property
    def open(self) -> bool:
        """Whether the lease can be taken."""
        record = self.found.record if self.found else None
        if record is None or not record.held or self.dead or self.own:
            return True
        return not self.alive and self.quiet > record.seconds


class Candidate:
    """A run that wants the lease of a domain."""

    def __init__(self, store: Store, domain: str, run: str, pace: Pace, process: Process) -> None:
        self._store = store
        self._domain = domain
        self._run = run
        self._pace = pace
        self._process = process
        self._taking = token_hex(8)
        self._attempts = 0
        self._began = 0.0
        self._first: tuple[str, int] | None = None
        self._since = 0.0

    def look(self) -> Sight:
        """Read the lease once."""
        found = find(self._store)
        now = self._pace.clock()  # After the answer: what it says may be older than that, never younger.
        if found is None or not found.record.held:
            return Sight(found)
        record = found.record
        if record.taking == self._taking:
            return Sight(found, own=True)
        seen = (record.taking, record.beats)
        if self._first is None:
            self._first, self._since = seen, now
        dead = all(proven_dead(process, self._process) for process in (record.holder, *record.drivers))
        return Sight(found, now - self._since, seen != self._first, dead)

    def take(self, sight: Sight) -> Lease:
        """Take a lease that was seen to be open.

        Raises WriterBusyError when another one was faster, UnreachableError when it is not known to be taken.
        """
        if sight.own and sight.found:
            return Lease(self._store, self._domain, sight.found, self._began, self._pace)
        now = self._pace.clock()
        self._began = self._began if self._attempts else now
        self._attempts += 1
        wanted = self._record(sight.found)
        found = put(self._store, wanted, sight.found.e_tag if sight.found else None)
        if found and found.record == wanted:
            check_conditions(self._store, found)
            return Lease(self._store, self._domain, found, now, self._pace)
        if found and found.record.held and found.record.taking != self._taking and found != sight.found:
            raise busy(self._domain, str(found.record))
        raise UnreachableError(f"{self._store.place} was not taken.")

    def _record(self, found: Found | None) -> Record:
        return Record(
            token=found.record.token + 1 if found else 1,
            taking=self._taking,
            held=True,
            holder=self._process,
            run=self._run,
            beats=self._attempts,
            seconds=self._pace.seconds,
            since=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        )


def take(
    store: Store, domain: str, run: str, pace: Pace, say: Callable[[str], None], process: Process | None = None
) -> Lease:
    """Take the lease of a domain for a process (default: this one).

    When somebody holds it who is not known to be dead, the counter is watched: once it moves, usually within one beat,
    WriterBusyError names the holder; when it stands still for the lease's time to live, the lease is taken over.
    Raises UnreachableError when the store fails several times in a row, and ConfigurationError when it does not keep
    the conditions of a put.
    """
    candidate = Candidate(store, domain, run, pace, process or this_process())
    failures, told = 0, False
    while True:
        try:
            sight = candidate.look()
            if sight.open:
                return candidate.take(sight)
            failures = 0
        except DeniedError:
            raise
        except UnreachableError:
            failures += 1
            if failures == TRIES:
                raise
        else:
            record = sight.found.record if sight.found else None
            assert record is not None, "what nobody holds is open"
            if sight.alive:
                raise busy(domain, str(record))
            if sight.quiet > 1.5 * pace.beat and not told:
                say(_silence(domain, record, sight.quiet))
                told = True
        pace.wait(pace.look)


def check_conditions(store: Store, found: Found) -> None:
    """Raise ConfigurationError when a store ignores the conditions of a put: then it can keep no lease.

    It is asked to write what is there already under conditions that do not hold.
    """
    content = found.record.encoded()
    for over, header in ((None, "If-None-Match"), (_NO_VERSION, "If-Match")):
        try:
            store.write(content, over)
        except (ConflictError, UnreachableError):
            continue
        put(store, found.record.freed("given back"), found.e_tag)
        raise ConfigurationError(
            f"The store of {store.place} ignores the condition {header} of a put, so two writers could not be kept "
            "apart in it. Amazon S3 keeps such conditions; other stores may need a newer version."
        )


def _silence(domain: str, record: Record, seconds: float) -> str:
    return (
        f"{record}, holds the domain '{domain}' and has given no sign of life for {seconds:.0f} s; "
        f"after {record.seconds:g} s of silence this run takes over"
    )
