"""Random interleavings: at no time two holders whose check passes, whatever is lost, late, paused or silent."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

from lakehouse.errors import ClaimLostError, WriterBusyError
from lakehouse.ledger.lease import Lease, Pace
from lakehouse.ledger.lease_record import ConflictError, Found, Record, UnreachableError, find
from lakehouse.ledger.lease_taking import Candidate, Sight
from lakehouse.ledger.processes import Process

LIFE = 12.0
FAULTS = ("ok", "ok", "ok", "ok", "no request", "no answer", "late")
RUNS = 4


@dataclass
class World:
    """A store, a true time that nobody can read, and the dice."""

    dice: Random
    time: float = 0.0
    object: tuple[bytes, str] | None = None
    writes: int = 0
    late: list[tuple[bytes, str | None]] = field(default_factory=list)
    history: list[tuple[float, Record]] = field(default_factory=list)
    """Every lease that the store accepted, and the true time of it."""
    busy: set[int] = field(default_factory=set)
    runs: list[Run] = field(default_factory=list)
    commits: int = 0
    replaced: int = 0
    lost: int = 0
    place: str = "memory"

    def read(self) -> tuple[bytes, str] | None:
        self.happen()
        if self.fault() in ("no request", "no answer"):
            raise UnreachableError("no answer")
        return self.object

    def write(self, content: bytes, over: str | None) -> str:
        self.happen()
        fault = self.fault()
        if fault == "no request":
            raise UnreachableError("no answer")
        if fault == "late":
            self.late.append((content, over))
            raise UnreachableError("no answer")
        e_tag = self.apply(content, over)
        self.happen()
        if fault == "no answer":
            raise UnreachableError("no answer")
        return e_tag

    def apply(self, content: bytes, over: str | None) -> str:
        if over != (self.object[1] if self.object else None):
            raise ConflictError
        self.writes += 1
        self.object = (content, f"e{self.writes}")
        self.history.append((self.time, self.found().record))
        return self.object[1]

    def found(self) -> Found:
        """The lease, looked at without anything going on."""
        found = find(Shelf(self.object))
        assert found is not None
        return found

    def fault(self) -> str:
        return self.dice.choice(FAULTS)

    def happen(self) -> None:
        """Something else goes on, perhaps, before the store does what it was asked for, or before the answer comes."""
        if len(self.busy) > 2 or self.dice.random() < 0.5:
            return
        self.step()

    def step(self) -> None:
        free = [run for run in self.runs if run.number not in self.busy]
        what = self.dice.choice(("run", "run", "run", "time", "late"))
        if what == "run" and free:
            run = self.dice.choice(free)
            self.busy.add(run.number)
            try:
                run.step()
            finally:
                self.busy.discard(run.number)
        elif what == "time":
            self.time += self.dice.choice((0.5, 2.0, 5.0, LIFE, 3 * LIFE))
        elif what == "late" and self.late:
            content, over = self.late.pop(self.dice.randrange(len(self.late)))
            with suppress(ConflictError):
                self.apply(content, over)


@dataclass
class Shelf:
    """What lies in the store."""

    object: tuple[bytes, str] | None
    place: str = "memory"

    def read(self) -> tuple[bytes, str] | None:
        return self.object

    def write(self, content: bytes, over: str | None) -> str:
        raise NotImplementedError


@dataclass
class Run:
    """A process that wants to write: it watches, takes, commits, goes to sleep and gives back, one step at a time."""

    number: int
    world: World
    candidate: Candidate | None = None
    sight: Sight | None = None
    lease: Lease | None = None

    def pace(self) -> Pace:
        world, began = self.world, 1000.0 * self.number  # No two clocks show the same.
        return Pace(LIFE, 1, 0.2, lambda: world.time + began, self.wait)

    def wait(self, seconds: float) -> None:
        self.world.time += seconds
        self.world.happen()

    def step(self) -> None:
        try:
            if self.lease is not None:
                self.hold(self.lease)
            elif self.sight is not None and self.sight.open:
                self.take(self.sight)
            else:
                self.look()
        except WriterBusyError as error:  # The run ends, and another one begins.
            self.world.lost += isinstance(error, ClaimLostError)
            self.candidate = self.sight = self.lease = None
        except UnreachableError:
            self.sight = None

    def look(self) -> None:
        if self.candidate is None:
            process = Process("u", f"host-{self.number}", "", 1 + self.number, "")
            self.candidate = Candidate(self.world, "shop", f"run-{self.number}", self.pace(), process)
        self.sight = self.candidate.look()
        if self.sight.alive:
            self.candidate = self.sight = None

    def take(self, sight: Sight) -> None:
        assert self.candidate is not None
        self.sight = None
        self.lease = self.candidate.take(sight)

    def hold(self, lease: Lease) -> None:
        what = self.world.dice.choice(("check", "check", "check", "renew", "release"))
        if what == "check":
            began = len(self.world.history)
            lease.check()
            self.commit(lease, began)
        elif what == "renew":
            lease.renew()
        else:
            self.candidate = self.sight = self.lease = None
            lease.release()

    def commit(self, lease: Lease, began: int) -> None:
        """The check has passed: this run is the holder, has shown it to the store, and nobody else was meanwhile."""
        mine = lease.record.taking
        during = [record for _, record in self.world.history[began:]]
        assert {record.taking for record in during} == {mine}
        assert self.world.found().record.taking == mine
        shown = max(at for at, record in self.world.history if record.taking == mine)
        assert self.world.time - shown < LIFE
        self.world.commits += 1


def play(seed: int) -> World:
    """One interleaving; raises AssertionError when a promise is broken."""
    world = World(Random(seed))
    world.runs = [Run(number, world) for number in range(RUNS)]
    for _ in range(100):
        world.step()
    takings: dict[int, str] = {}
    for _, record in world.history:
        assert takings.setdefault(record.token, record.taking) == record.taking, "a token has one holder"
    for (before, old), (after, new) in pairwise(world.history):
        assert new.token == old.token + (new.taking != old.taking), "tokens grow, one at a time"
        if new.taking != old.taking and old.held:
            assert after - before > LIFE, "nobody is replaced who gave a sign of life"
            world.replaced += 1
    return world


def test_never_two_holders() -> None:
    worlds = [play(seed) for seed in range(1000)]
    # Much did happen in them.
    assert sum(world.commits for world in worlds) > 1000
    assert sum(world.replaced for world in worlds) > 1000
    assert sum(world.lost for world in worlds) > 100
