"""The life of a lake: what happens to it, action by action, and what must be true of it in the end."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Generic

from lakehouse.contracts.domains import load_domain
from lakehouse.contracts.lakes import Lake
from lakehouse.contracts.names import TableId
from lakehouse.landing.days import Days
from lakehouse.ledger.book import Ledger
from lakehouse.ledger.decisions import Decision
from lakehouse.steps import decisions
from lakehouse.steps.decisions import Decide, Ruling
from lakehouse.steps.patch_files import Patch
from lakehouse.steps.patches import RowAddress, resolve
from tests.faults.crashes import CrashError, Point, crashing
from tests.faults.plain import Content, Plain, Row
from tests.faults.subjects import Subject
from tests.faults.tables import BAD, Tables, alike, compare, rows_of

ALL = ("ingest", "refine", "aggregate", "maintain")
DECIDING = ("refine", "aggregate")


@dataclass(frozen=True)
class Crash(Generic[Row]):
    """The end of a command at one of its commits, and what happens before it is given again."""

    at: tuple[Point, ...]
    """Where each attempt ends."""
    elsewhere: bool = False
    """Another run, about other days, comes between."""
    arrives: tuple[int, tuple[Row, ...]] | None = None
    """A slot, and harmless rows that are delivered meanwhile."""


@dataclass(frozen=True)
class Deliver(Generic[Row]):
    """A content lands; rows make it new, a correction, or a delivery that gates refuse."""

    slot: int
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Again:
    """A delivery lands once more: as it is, as it was at first, or as another one is."""

    slot: int
    what: str
    """same, first or other."""


@dataclass(frozen=True)
class Run(Generic[Row]):
    """All steps; with ``flip`` under another contract."""

    flip: bool = False
    crash: Crash[Row] | None = None


@dataclass(frozen=True)
class Decided(Generic[Row]):
    """Somebody retracts, releases, patches or discards: a delivery by slot, a row by its place among the open ones."""

    kind: str
    which: int
    crash: Crash[Row] | None = None


@dataclass
class Life(Generic[Row]):
    """A lake, its landing zone, and what they amount to the plain way."""

    subject: Subject[Row]
    conf: Path
    landing: Path
    lake: Path
    plain: Plain[Row] = field(init=False)
    landed: dict[int, list[tuple[Row, ...]]] = field(default_factory=dict)
    """By slot: every content that lay there, newest last."""
    before: Tables = field(init=False)
    """What the tables held after the last command."""

    def __post_init__(self) -> None:
        subject = self.subject
        self.plain = Plain(subject.broken, subject.share, subject.limits[0])
        subject.contract(self.conf, subject.limits[0])
        for contract in (self.conf / subject.domain / "gold").glob("*.yml"):
            if f"gold/{contract.stem}" not in subject.tables:
                contract.unlink()
        self.before = self._told(self.plain)

    def act(self, action: object) -> None:
        """Let something happen; what makes no sense yet does not happen."""
        match action:
            case Deliver(slot, rows):
                self._land(slot, rows)
            case Again(slot, what) if slot in self.landed:
                mine, others = self.landed[slot], self.landed[min(self.landed)]
                self._land(slot, {"same": mine[-1], "first": mine[0], "other": others[-1]}[what])
            case Run(flip, crash):
                if flip:
                    self.plain.limit = next(one for one in self.subject.limits if one != self.plain.limit)
                    self.subject.contract(self.conf, self.plain.limit)
                self._command(ALL, None, crash)
            case Decided("retract" | "release", slot, _) if self._id(slot) in self.plain.histories:
                self._rule(action)
            case Decided("patch" | "discard", _, _) if self.plain.open_rows():
                self._rule(action)

    def _id(self, slot: int) -> str:
        return self.subject.delivery_id(*self.subject.slots[slot])

    def _land(self, slot: int, rows: tuple[Row, ...]) -> None:
        self.subject.deliver(self.landing, *self.subject.slots[slot], rows)
        self.landed.setdefault(slot, []).append(rows)

    def _rule(self, action: Decided[Row]) -> None:
        if action.kind in ("retract", "release"):
            delivery_id = self._id(action.which)
            history = self.plain.histories[delivery_id]
            decide = getattr(decisions, action.kind)(delivery_id, "ann", "test")
            if action.kind == "retract":
                history.retracted = len(history.contents)
            elif history.current is None:
                history.retracted = 0
            elif self.plain.refused(delivery_id):
                history.current.accepted = True
        else:
            delivery_id, content, number = self.plain.open_rows()[action.which % len(self.plain.open_rows())]
            row = self._quarantined(delivery_id, content, number)
            if action.kind == "discard":
                decide = decisions.discard([row], "ann", "test")
                content.discarded.add(number)
            else:
                column, value, content.patched[number] = self.subject.mend(content.rows[number - 1])
                patch = Patch("patch.csv, line 2", row.quarantine_id, column, value, "ann", "typo")
                decide = decisions.patch(resolve([patch], {row.quarantine_id: row}, load_domain(self.subject.domain)))
        self._command(DECIDING, decide, action.crash)

    def _command(self, steps: Sequence[str], decide: Decide | None, crash: Crash[Row] | None) -> None:
        """Give a command, and after each crash once more, as people do who saw no end of it."""
        for at in crash.at if crash else ():
            known = len(self._ledger().decisions().entries)
            if not self._crashes(at, steps, decide):
                break
            if len(self._ledger().decisions().entries) > known:
                decide = None  # it stands in the ledger
            self._meanwhile(crash, steps)
            crash = None
        else:
            self._run(steps, decide)
        self._follow(self.plain, steps)
        self.before = self._told(self.plain)
        compare(self._found(), self.before)

    def _follow(self, plain: Plain[Row], steps: Sequence[str]) -> None:
        """Let a plain computation do what these steps do."""
        if "ingest" in steps:
            for slot, contents in self.landed.items():
                plain.take(self._id(slot), self.subject.slots[slot][0], contents[-1])
        plain.judge()

    def _crashes(self, at: Point, steps: Sequence[str], decide: Decide | None) -> bool:
        try:
            with crashing(at) as passed:
                self._run(steps, decide)
        except CrashError:
            return True
        assert isinstance(at, int), f"{at} is not among {passed}"
        return False

    def _meanwhile(self, crash: Crash[Row] | None, steps: Sequence[str]) -> None:
        if crash and crash.elsewhere:
            self.subject.run(self.landing, self.lake, days=Days(date(2030, 1, 1), date(2030, 1, 1)))
            done = deepcopy(self.plain)
            self._follow(done, steps)
            # Another run leaves nothing half done: the tables are as they were before the command, or as after it.
            found, after = self._found(), self._told(done)
            compare(found, after if found == after else self.before)
        if crash and crash.arrives:
            slot, rows = crash.arrives
            # A content that lay there before would be the one that was taken, or a new one: as far as the crash let it.
            if rows not in self.landed.get(slot, ()):
                self._land(slot, rows)

    def _run(self, steps: Sequence[str], decide: Decide | None = None) -> None:
        self.subject.run(self.landing, self.lake, steps=tuple(steps), decide=decide)

    def _ledger(self) -> Ledger:
        return Ledger(Lake.at(str(self.lake)), self.subject.domain)

    def _quarantined(self, delivery_id: str, content: Content[Row], number: int) -> RowAddress:
        """The row in quarantine; of contents that both have such a row, the older one has the lower sequence."""
        table = TableId.parse(self.subject.silver)
        found = sorted(
            (row["delivery_sequence"], row["quarantine_id"], row["status"], row["payload"])
            for row in rows_of(self.lake / self.subject.domain / f"quarantine/{table.name}")
            if (row["delivery_id"], row["record_number"]) == (delivery_id, number) and row["status"] in BAD
        )
        both = [one for one in self.plain.histories[delivery_id].standing if self.plain.is_bad(one, number)]
        sequence, quarantine_id, status, payload = found[both.index(content)]
        return RowAddress(table, quarantine_id, delivery_id, sequence, number, status, json.loads(payload))

    # --- What must be true

    def _told(self, plain: Plain[Row]) -> Tables:
        """What a plain computation says of every table, and of the rows that are kept out."""
        good = plain.good()
        found = {path: Counter(expected.figures(good)) for path, expected in self.subject.tables.items()}
        return found | {self._quarantine: Counter(tuple(row) for row in plain.bad())}

    def _found(self) -> Tables:
        """What the tables hold."""
        domain = self.lake / self.subject.domain
        found = {
            path: Counter(tuple(row[name] for name in expected.columns) for row in rows_of(domain / path))
            for path, expected in self.subject.tables.items()
        }
        bad = (row for row in rows_of(domain / self._quarantine) if row["status"] in BAD)
        return found | {
            self._quarantine: Counter((row["delivery_id"], row["record_number"], row["status"]) for row in bad)
        }

    @property
    def _quarantine(self) -> str:
        return f"quarantine/{TableId.parse(self.subject.silver).name}"

    def conclude(self, clean: Path) -> None:
        """Bring the lake up to date and compare it with one that saw no trouble."""
        self.act(Run())
        assert self.subject.run(self.landing, self.lake).nothing_new
        self._live_cleanly(clean)
        here, there = (
            {path: alike(rows_of(lake / self.subject.domain / path)) for path in self.before}
            for lake in (self.lake, clean / "lake")
        )
        compare(here, there)

    def _live_cleanly(self, folder: Path) -> None:
        """Load what counts into a new lake in one run, all decisions included; then, in another, what gates refuse."""
        landing, lake = folder / "landing", folder / "lake"
        places = {self.subject.delivery_id(*slot): slot for slot in self.subject.slots}
        histories = self.plain.histories.items()
        counting = {name: h.visible or h.current or h.contents[-1] for name, h in histories}
        refused = {name: h.current for name, h in histories if h.visible and h.current and h.current is not h.visible}
        taken = 0
        for contents in (counting, refused):
            for name, content in contents.items():
                self.subject.deliver(landing, *places[name], content.rows)
            if contents:
                # A run takes what is new by day and path.
                ordered = sorted(contents, key=lambda name: (places[name][0], name))
                sequences = {name: taken + number for number, name in enumerate(ordered, start=1)}
                decide = self._decided({sequences[name]: (name, content) for name, content in contents.items()})
                self.subject.run(landing, lake, decide=decide)
                register = Ledger(Lake.at(str(lake)), self.subject.domain).deliveries()
                assert {name: register.latest[name].sequence for name in contents} == sequences
                taken += len(contents)

    def _decided(self, contents: Mapping[int, tuple[str, Content[Row]]]) -> Decide:
        """All that was decided about some contents, by sequence, as one ruling."""
        table, found = TableId.parse(self.subject.silver), []
        for sequence, (name, content) in contents.items():
            about = (name, sequence, "ann", "test")
            found += [Decision("accept", *about)] if content.accepted else []
            found += [] if self.plain.histories[name].current else [Decision("retract", *about)]
            for number in content.patched:
                column, value, _ = self.subject.mend(content.rows[number - 1])
                found.append(Decision("patch", *about, table, number, None, column, value))
            found += [Decision("discard", *about, table, number) for number in content.discarded]
        return lambda work: Ruling(found, ())
