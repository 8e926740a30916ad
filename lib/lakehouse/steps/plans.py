"""What a run would find, read and touch, from the landing zone, the ledger and the tables' logs alone: no Spark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from lakehouse.contracts.names import TableId
from lakehouse.contracts.writes import ReplacePeriods
from lakehouse.landing.days import ranges_of
from lakehouse.landing.listing import LandedFile, MissingDay, missing_days
from lakehouse.landing.news import News, judged_unread
from lakehouse.landing.seals import Seal
from lakehouse.ledger.deliveries import Delivery, Outcome, Register
from lakehouse.steps.maintenance import MaintenancePlan, planned
from lakehouse.steps.staleness import is_anew, pending_deliveries, stale_tables
from lakehouse.steps.workspace import Workspace

State = Literal["present", "new", "changed", "pending", "refused", "unreadable", "unconfirmed"]
"""Of a delivery. A changed file has another size or time than the content that was taken; whether its content differs
is known once it is read. Pending ones wait for a step that was interrupted, or that a changed contract asks for.
Unconfirmed ones are kept out by their manifest, or by the want of one."""

WORK: frozenset[State] = frozenset({"new", "changed", "pending"})
"""States that a run does something about."""


@dataclass(frozen=True)
class PlannedDelivery:
    """One delivery as a run would find it."""

    table: TableId
    """The bronze table it belongs to."""
    delivery_id: str
    day: date | None
    state: State
    size: int
    """Bytes of the file."""
    rows: int | None
    """Rows of the content that is in bronze; None when none is."""
    reads: bool
    """Whether ingest would read the file."""
    reason: str
    """Why it is not simply present; empty otherwise."""


@dataclass(frozen=True)
class PlannedTable:
    """A table that a run would touch."""

    table: str
    step: str
    deliveries: tuple[str, ...]
    """Ids of the deliveries that would be brought in; none for gold and maintenance."""
    days: tuple[date, ...]
    """Their days. Which periods of gold they touch is known once they are refined."""
    what: str


@dataclass(frozen=True)
class Plan:
    """What a run would find, read and touch."""

    first: date | None
    last: date | None
    """The days for which a delivery is expected, both ends included; None when nothing was ever delivered."""
    deliveries: tuple[PlannedDelivery, ...]
    missing: tuple[MissingDay, ...]
    """Expected days for which a source has no delivery."""
    tables: tuple[PlannedTable, ...]
    strangers: tuple[str, ...]
    orphans: tuple[str, ...] = ()
    """Manifests of which no file has landed."""
    maintenance: MaintenancePlan = field(default_factory=MaintenancePlan)
    """What the files need as they are now; empty when maintain is not among the steps."""

    @property
    def reads(self) -> list[PlannedDelivery]:
        """Deliveries whose files ingest would read."""
        return [delivery for delivery in self.deliveries if delivery.reads]

    @property
    def unreadable(self) -> list[PlannedDelivery]:
        """Deliveries that cannot be taken as they are: unreadable, or not confirmed by their manifest."""
        return [delivery for delivery in self.deliveries if delivery.state in {"unreadable", "unconfirmed"}]

    def work_days(self) -> list[date]:
        """Days with a delivery that a run would do something about, in their order."""
        return sorted({d.day for d in self.deliveries if d.day and d.state in WORK})

    def work_ranges(self) -> list[tuple[date, date]]:
        """The work days as ranges of days that follow one another, both ends included."""
        return ranges_of(self.work_days())

    def days(self) -> list[date]:
        """Every day that a delivery is missing or was delivered for."""
        return sorted({*(one.day for one in self.missing), *(d.day for d in self.deliveries if d.day)})

    def actions(self) -> list[tuple[str, str]]:
        """Step and what it would do, once for all tables that it would do the same to."""
        tables: dict[tuple[str, str], list[str]] = {}
        for table in self.tables:
            tables.setdefault((table.step, table.what), []).append(table.table)
        return [(step, f"{what} {', '.join(names)}") for (step, what), names in tables.items()]

    def notes(self, steps: Iterable[str]) -> list[str]:
        """What the steps would do, as lines for a person."""
        found: list[str] = []
        for step in steps:
            if step == "ingest":
                size = sum(delivery.size for delivery in self.reads)
                files = "1 file" if len(self.reads) == 1 else f"{len(self.reads)} files"
                found.append(f"ingest would read {files} ({size:,} bytes):")
                found += [f"  {d.delivery_id} ({d.size} bytes, {d.state})" for d in self.reads]
                found += [f"  not {d.delivery_id}: {d.reason}" for d in self.deliveries if d.state == "unconfirmed"]
            elif step in {"refine", "aggregate"} and not any(table.step == step for table in self.tables):
                found.append(f"{step} would touch no table")
            found += [f"{step} would {done}" for by, done in self.actions() if by == step != "ingest"]
        return found


def plan(work: Workspace, steps: Sequence[str], news: News) -> Plan:
    """What the steps would do with what a look at the landing zone found; reads no delivery and writes nothing."""
    register = work.ledger.deliveries()
    pending = {table.id: pending_deliveries(work, table, register) for table in work.domain.silver()}
    deliveries = _deliveries(work, news, register, {d.delivery_id for waiting in pending.values() for d in waiting})
    maintenance = planned(work) if "maintain" in steps else MaintenancePlan()
    first, last = _expected(work, deliveries)
    delivered = ((delivery.table, delivery.day) for delivery in deliveries)
    return Plan(
        first,
        last,
        tuple(deliveries),
        tuple(missing_days(work.domain.bronze(), delivered, first, last)) if first and last else (),
        (*_tables(work, steps, deliveries, pending), *_maintained(maintenance)),
        news.strangers,
        news.orphans,
        maintenance,
    )


def _expected(work: Workspace, deliveries: Sequence[PlannedDelivery]) -> tuple[date | None, date | None]:
    delivered = [delivery.day for delivery in deliveries if delivery.day]
    first = work.days.first or min([work.domain.facts.start_date, *delivered])
    last = work.days.last or max(delivered, default=None)
    return (first, last) if last and first <= last else (None, None)


# --- Deliveries ---


def _deliveries(work: Workspace, news: News, register: Register, pending: set[str]) -> list[PlannedDelivery]:
    candidates = {file.delivery_id for file in news.candidates}
    landed = {file.delivery_id: file for file in news.landed}
    found = []
    for file in news.landed:
        known = register.latest.get(file.delivery_id)
        if file.delivery_id in candidates:
            found.append(_candidate(file, known, news.seals.get(file.delivery_id), register))
        elif known:
            found.append(_taken(known, register, pending))
    for delivery_id, latest in register.latest.items():
        # Landing zones are cleared now and then: what the ledger has was delivered, unless it was lost halfway.
        lost = latest.state in {"ingesting", "torn"}
        known = register.current.get(delivery_id) if lost else latest
        if delivery_id not in landed and known and work.days.holds(known.delivery_date):
            found.append(_taken(known, register, pending))
    return sorted(found, key=lambda delivery: (delivery.day or date.max, delivery.delivery_id))


def _candidate(file: LandedFile, known: Delivery | None, seal: Seal | None, register: Register) -> PlannedDelivery:
    judged = judged_unread(file, seal, register) if seal else None
    reason = judged.reason if judged else seal.waits if seal else None
    if reason or judged:
        state: State = "unconfirmed" if reason else "present" if known and known.state == "ingested" else "pending"
        return PlannedDelivery(
            file.table, file.delivery_id, file.delivery_date, state, file.size, known.rows if known else None,
            reads=False, reason=reason or ("its manifest confirms it now" if state == "pending" else ""),
        )  # fmt: skip
    return _to_read(file, known)


def _to_read(file: LandedFile, known: Delivery | None) -> PlannedDelivery:
    state: State
    if known is None:
        state, reason = "new", ""
    elif known.state in {"ingesting", "torn"}:
        state = "pending"
        reason = known.reason or "a run was interrupted while it took the file"
    elif (known.size, known.modified) != (file.size, file.modified):
        state, reason = "changed", "size or time differ from what was taken"
    elif known.state == "unconfirmed":
        state, reason = "pending", "its manifest confirms it now"
    else:
        state, reason = "pending", f"the contract of {file.table} changed since the file was unreadable"
    rows = known.rows if known else None
    return PlannedDelivery(
        file.table, file.delivery_id, file.delivery_date, state, file.size, rows, reads=True, reason=reason
    )


def _taken(known: Delivery, register: Register, pending: set[str]) -> PlannedDelivery:
    """A delivery that the ledger knows, and whose file is unchanged or gone."""
    outcomes = [outcome for (_, name), outcome in register.outcomes.items() if name == known.delivery_id]
    refused = [o for o in outcomes if o.state == "refused" and o.sequence == known.sequence]
    state: State = "present"
    reason = register.aside.get(known.delivery_id, "")
    if known.state in {"unreadable", "unconfirmed"}:
        state, reason = known.state, known.reason or ""
    elif known.delivery_id in pending:
        state, reason = "pending", _why_pending(known, outcomes)
    elif refused:
        state, reason = "refused", refused[0].reason or ""
    return PlannedDelivery(
        known.table, known.delivery_id, known.delivery_date, state, known.size, known.rows, reads=False, reason=reason
    )


def _why_pending(delivery: Delivery, outcomes: Sequence[Outcome]) -> str:
    judged = [outcome for outcome in outcomes if outcome.sequence == delivery.sequence]
    if judged:
        return "to be judged again: the contract changed, or a full refresh asks for it"
    return "in bronze, not refined yet"


# --- Tables ---


def _tables(
    work: Workspace,
    steps: Sequence[str],
    deliveries: Sequence[PlannedDelivery],
    pending: dict[TableId, list[Delivery]],
) -> list[PlannedTable]:
    found: list[PlannedTable] = []
    reads = [delivery for delivery in deliveries if delivery.reads]
    if "ingest" in steps:
        for bronze in work.domain.bronze():
            mine = [delivery for delivery in reads if delivery.table == bronze.id]
            found += _bringing(bronze.id, "ingest", {d.delivery_id: d.day for d in mine})
    if "refine" in steps:
        for silver in work.domain.silver():
            waiting = {delivery.delivery_id: delivery.delivery_date for delivery in pending[silver.id]}
            waiting |= {d.delivery_id: d.day for d in reads if d.table == silver.bronze}
            found += _bringing(silver.id, "refine", waiting)
    if "aggregate" in steps:
        found += _gold(work, {table.table for table in found})
    return found


def _maintained(plan: MaintenancePlan) -> list[PlannedTable]:
    return [PlannedTable(table, "maintain", (), (), f"{what}, in") for table, what in plan.work()]


def _bringing(table: TableId, step: str, deliveries: dict[str, date | None]) -> list[PlannedTable]:
    if not deliveries:
        return []
    days = tuple(sorted({day for day in deliveries.values() if day}))
    count = "1 delivery" if len(deliveries) == 1 else f"{len(deliveries)} deliveries"
    what = f"bring {count} {_range(days)}into"
    return [PlannedTable(str(table), step, tuple(sorted(deliveries)), days, what)]


def _range(days: Sequence[date]) -> str:
    match len(days):
        case 0:
            return ""
        case 1:
            return f"of {days[0]} "
    return f"of {len(days)} days from {days[0]} to {days[-1]} "


def _gold(work: Workspace, touched: set[str]) -> list[PlannedTable]:
    """Gold that is out of date already, and gold that is made from what would be touched."""
    stale, published = {table.id for table in stale_tables(work)}, work.ledger.publications()
    found = []
    for table in work.domain.gold():
        if table.id in stale or any(str(source.owner) in touched for source in table.inputs.values()):
            touched.add(str(table.id))
            made = published.get(table.id)
            by_period = isinstance(table.write, ReplacePeriods) and not (made and is_anew(work, table, made))
            what = "compute the touched periods of" if by_period else "make anew"
            found.append(PlannedTable(str(table.id), "aggregate", (), (), what))
    return found
