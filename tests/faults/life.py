"""The life of a lake: what happens to it, action by action, and what must be true of it in the end."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Generic

from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from lakehouse.contracts.domains import load_domain
from lakehouse.contracts.lakes import Lake
from lakehouse.contracts.names import TableId
from lakehouse.landing.news import Days
from lakehouse.ledger.book import Ledger
from lakehouse.ledger.decisions import Decision
from lakehouse.steps import decisions
from lakehouse.steps.decisions import Decide, Ruling
from lakehouse.steps.patch_files import Patch
from lakehouse.steps.patches import RowAddress, resolve
from tests.faults.crashes import CrashError, Point, crashing
from tests.faults.plain import Content, Plain, Row
from tests.faults.subjects import Subject

ALL = ("ingest", "refine", "aggregate", "maintain")
DECIDING = ("refine", "aggregate")
BAD = ("open", "discarded")
UNLIKE = {
    "delivery_sequence", "quarantine_id", "run_id", "quarantined_at", "closed_run_id", "closed_at",
}  # fmt: skip
"""Columns that differ between lakes that took the same contents in other runs."""


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

    def __post_init__(self) -> None:
        subject = self.subject
        self.plain = Plain(subject.broken, subject.share, subject.limits[0])
        subject.contract(self.conf, subject.limits[0])
        for contract in (self.conf / subject.domain / "gold").glob("*.yml"):
            if f"gold/{contract.stem}" not in subject.tables:
                contract.unlink()

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
            self._meanwhile(crash)
            crash = None
        else:
            self._run(steps, decide)
        if "ingest" in steps:
            for slot, contents in self.landed.items():
                self.plain.take(self._id(slot), self.subject.slots[slot][0], contents[-1])
        self.plain.judge()

    def _crashes(self, at: Point, steps: Sequence[str], decide: Decide | None) -> bool:
        try:
            with crashing(at) as passed:
                self._run(steps, decide)
        except CrashError:
            return True
        assert isinstance(at, int), f"{at} is not among {passed}"
        return False

    def _meanwhile(self, crash: Crash[Row] | None) -> None:
        if crash and crash.elsewhere:
            self.subject.run(self.landing, self.lake, days=Days(date(2030, 1, 1), date(2030, 1, 1)))
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

    # --- The end

    def conclude(self, clean: Path) -> None:
        """Bring the lake up to date and compare it with the plain computation, and with a lake that saw no trouble."""
        self.act(Run())
        assert self.subject.run(self.landing, self.lake).nothing_new
        domain, silver = self.lake / self.subject.domain, TableId.parse(self.subject.silver)
        good = self.plain.good()
        for path, expected in self.subject.tables.items():
            found = [tuple(row[name] for name in expected.columns) for row in rows_of(domain / path)]
            same(path, found, expected.figures(good))
        bad = [row for row in rows_of(domain / f"quarantine/{silver.name}") if row["status"] in BAD]
        addresses = [(row["delivery_id"], row["record_number"], row["status"]) for row in bad]
        same("quarantine", addresses, [tuple(row) for row in self.plain.bad()])
        self._live_cleanly(clean)
        for path in (*self.subject.tables, f"quarantine/{silver.name}"):
            here, there = (_alike(rows_of(lake / self.subject.domain / path)) for lake in (self.lake, clean / "lake"))
            same(f"{path} of a clean lake", here, there)

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


def rows_of(path: Path) -> list[dict[str, Any]]:
    """All rows of a table, read through delta-rs; none when it was never made."""
    try:
        frame = DeltaTable(str(path)).scan().read_all()
    except TableNotFoundError:
        return []
    columns = [frame.column(name).to_pylist() for name in frame.column_names]
    return [dict(zip(frame.column_names, values, strict=True)) for values in zip(*columns, strict=True)]


def _alike(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Rows without what differs from run to run, and without what is history."""
    return [
        tuple(repr(value) for name, value in sorted(row.items()) if name not in UNLIKE)
        for row in rows
        if row.get("status", "open") in BAD
    ]


def same(what: str, found: Sequence[tuple[Any, ...]], expected: Sequence[tuple[Any, ...]]) -> None:
    """Whether two tables hold the same rows; the difference stands in the message."""
    here, there = Counter(found), Counter(expected)
    assert (here - there, there - here) == (Counter(), Counter()), f"{what}: too much, and missing"
