"""A lease on a domain in an object store: kept by conditional put, lost by silence, fenced by a token.

The holder renews a counter. Whoever wants the lease watches the counter by a clock of its own that nobody can set, and
takes over when it has stood still for as long as the lease says. Before each commit the holder renews once more: then
the store itself has said that it is the holder still, and nobody takes over for the whole time to live after that.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from lakehouse.errors import ClaimLostError, LakehouseError, lost
from lakehouse.ledger.lease_record import Found, Record, Store, UnreachableError, put
from lakehouse.ledger.processes import process_of_this_machine

SECONDS = 60
"""How long a lease lives without a renewal, unless the environment says otherwise."""

TRIES = 3
"""So often in a row the store may fail, or refuse for no visible reason, before it is given up."""


@dataclass(frozen=True)
class Pace:
    """Times, in seconds, and the clock that they are measured by."""

    seconds: float = SECONDS
    """The lease's time to live."""
    beat: float = SECONDS / 12
    """Between two renewals."""
    look: float = SECONDS / 60
    """Between two looks at somebody else's lease, and between two tries after a failure."""
    clock: Callable[[], float] = time.monotonic
    """Cannot be set: what time people or servers think it is does not matter."""
    wait: Callable[[float], None] = time.sleep

    @classmethod
    def of(cls, seconds: float) -> Pace:
        """The usual pace of a lease that lives so long."""
        return cls(seconds, seconds / 12, seconds / 60)


class Lease:
    """The right to write one domain, while it is held. Threads may share it."""

    def __init__(self, store: Store, domain: str, found: Found, confirmed: float, pace: Pace) -> None:
        self._store = store
        self._domain = domain
        self._record = found.record
        self._e_tag = found.e_tag
        self._attempts = found.record.beats
        self._drivers = found.record.drivers
        self._confirmed = confirmed
        """When the last put that the store is known to have done was begun."""
        self._pace = pace
        self._loss = ""
        self._lock = threading.RLock()

    @property
    def record(self) -> Record:
        """What the lease says, as it was last written."""
        return self._record

    def check(self) -> None:
        """Renew; raises ClaimLostError when the lease is not this one's, or could not be renewed for all its life."""
        while True:
            try:
                self.renew()
                if self._left() > 0:
                    return
            except UnreachableError as error:
                if self._left() <= 0:
                    why = f"its lease could not be renewed for {self._record.seconds:g} s. {error}"
                    raise self._lost(why) from error
                self._pace.wait(self._pace.look)

    def renew(self) -> None:
        """Move the counter. Raises ClaimLostError, or UnreachableError when it is not known to have been moved."""
        with self._lock:
            if self._loss:
                raise ClaimLostError(self._loss)
            began = self._pace.clock()
            self._attempts += 1
            wanted = replace(self._record, beats=self._attempts, drivers=self._drivers)
            found = put(self._store, wanted, self._e_tag)
            if found is None:
                raise self._lost("its lease was deleted.")
            if not found.record.is_taking(wanted):
                raise self._lost(_who_has_it(found.record))
            self._record, self._e_tag = found.record, found.e_tag
            if found.record.beats != wanted.beats:
                # An older attempt was done instead. Others may have seen it long ago: it proves too little.
                raise UnreachableError(f"{self._store.place} was not renewed.")
            self._confirmed = began

    def include(self, process: int) -> None:
        """Name another process of this machine that writes for the holder: while it lives, the holder is not dead."""
        with self._lock:
            self._drivers = tuple(dict.fromkeys((*self._drivers, process_of_this_machine(process))))
        self.check()

    def release(self) -> bool:
        """Give the lease back if it is this one's still; whether others can take it at once."""
        with self._lock:
            free = self._record.freed("given back")
            for _ in range(TRIES):
                try:
                    found = put(self._store, free, self._e_tag)
                except UnreachableError:
                    return False
                if found is None or not found.record.is_taking(free):
                    return True
                self._e_tag = found.e_tag
            return False

    def _left(self) -> float:
        """Seconds for which nobody else takes over; one look less, because no two clocks run quite alike."""
        return self._confirmed + self._record.seconds - self._pace.look - self._pace.clock()

    def _lost(self, why: str) -> ClaimLostError:
        self._loss = self._loss or str(lost(self._domain, why))
        return ClaimLostError(self._loss)


def _who_has_it(record: Record) -> str:
    if not record.held:
        return f"its lease was {record.note}."
    return f"{record}, has taken it over (token {record.token})."


@contextmanager
def beating(lease: Lease, pace: Pace) -> Iterator[None]:
    """Renew a lease in the background. What goes wrong there is told by the next check."""
    ended = threading.Event()

    def beat() -> None:
        pause = pace.beat
        while not ended.wait(pause):
            try:
                lease.renew()
                pause = pace.beat
            except UnreachableError:
                pause = pace.look
            except LakehouseError:
                return

    thread = threading.Thread(target=beat, name="lakehouse-lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
