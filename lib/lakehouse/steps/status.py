"""What is going on in a domain: collected from the ledger, the tables' logs and the writer's lock; no Spark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, get_args

from lakehouse.contracts.names import TableId
from lakehouse.landing.listing import missing_days
from lakehouse.ledger.deliveries import Delivery, Register
from lakehouse.ledger.entries import Row
from lakehouse.ledger.holders import Holder, holder
from lakehouse.steps.drift import Drift, drift
from lakehouse.steps.freshness import KEPT_OUT, TableFreshness, freshness
from lakehouse.steps.open_rows import QuarantineCounts, quarantine_counts
from lakehouse.steps.run_records import RunRecord, run_records
from lakehouse.steps.staleness import gone_outcomes, pending_deliveries, stale_tables
from lakehouse.steps.workspace import Workspace

DeliveryState = Literal[
    "current", "waiting", "refused", "unreadable", "unconfirmed", "torn", "interrupted", "held", "retracted",
    "duplicate",
]  # fmt: skip
"""``waiting``: in bronze, not refined under the present contract. ``unconfirmed``: its manifest, or the want of one,
keeps it out. ``interrupted``: a run stopped while it took it.
``held`` and ``retracted``: people decided so. ``duplicate``: another delivery brought the same content as well; of
each pair of rows one is outranked."""

STATES: tuple[DeliveryState, ...] = get_args(DeliveryState)


@dataclass(frozen=True)
class DeliveryStatus:
    """A delivery that readers do not see, or see an older content of."""

    source: str
    delivery_id: str
    day: date | None
    state: DeliveryState
    table: str
    """The table that it is not in."""
    reason: str


@dataclass(frozen=True)
class Gap:
    """Days in a row for which a source has no delivery, both ends included."""

    source: str
    first: date
    last: date

    @property
    def days(self) -> int:
        """How many days."""
        return (self.last - self.first).days + 1


@dataclass(frozen=True)
class GateVerdict:
    """A gate that did not pass."""

    table: str
    delivery_id: str | None
    """None for gold, which is judged as a whole."""
    severity: Literal["error", "warn"]
    rule: str
    reason: str


@dataclass(frozen=True)
class GateCount:
    """How a gate judged the deliveries of the window; the newest verdict on each counts."""

    table: str
    rule: str
    passed: int
    warned: int
    refused: int


@dataclass(frozen=True)
class Verdicts:
    """What the gates said."""

    run_id: str | None
    """The last run that judged anything."""
    failed: tuple[GateVerdict, ...]
    """Gates that did not pass in that run."""
    gates: tuple[GateCount, ...]


@dataclass(frozen=True)
class Waiting:
    """Work that the next run would do with what the lake knows already."""

    table: str
    why: str
    deliveries: tuple[str, ...] = ()


@dataclass(frozen=True)
class DomainStatus:
    """All there is to know about a domain at one moment."""

    domain: str
    lake: str
    at: datetime
    since: datetime
    """The beginning of the window: runs, verdicts and drift are told from then on. What stands is told always."""
    writer: Holder | None
    runs: tuple[RunRecord, ...]
    """Newest first; the last one always, however long ago it was."""
    tables: tuple[TableFreshness, ...]
    deliveries: Mapping[DeliveryState, int]
    troubled: tuple[DeliveryStatus, ...]
    """Every delivery that readers do not see as it was delivered, and that no run is about to bring in."""
    gaps: tuple[Gap, ...]
    verdicts: Verdicts
    quarantine: tuple[QuarantineCounts, ...]
    drift: Drift
    waiting: tuple[Waiting, ...]


def domain_status(work: Workspace, now: datetime, days: int) -> DomainStatus:
    """The status of a domain; ``days`` is how far back runs, verdicts and drift are told.

    Raises TableError for a ledger that cannot be read.
    """
    work.ledger.check_format()
    since = now - timedelta(days=days)
    register, entries = work.ledger.deliveries(), work.ledger.rows("deliveries")
    writer = holder(work.lake, work.domain.name)
    runs = run_records(work.lake, work.domain.name, work.ledger.rows("runs"), writer)
    waiting = _waiting(work, register)
    states = _states(work, register, waiting)
    behind = {table: f"{KEPT_OUT}: {reason}" for table, reason in work.ledger.refusals().items()}
    behind |= {TableId.parse(one.table): one.why for one in waiting}
    counts = [quarantine_counts(work.lake, table.id, since) for table in work.domain.silver()]
    return DomainStatus(
        domain=work.domain.name,
        lake=work.lake.root,
        at=now,
        since=since,
        writer=writer,
        runs=tuple(run for number, run in enumerate(runs) if number == 0 or run.started_at >= since),
        tables=tuple(freshness(work, register, entries, behind, now)),
        deliveries={state: sum(1 for one in states if one.state == state) for state in STATES},
        troubled=tuple(one for one in states if one.state not in {"current", "waiting"}),
        gaps=tuple(_gaps(work, register)),
        verdicts=_verdicts(work.ledger.rows("verdicts"), since),
        quarantine=tuple(found for found in counts if found),
        drift=drift(work.domain, entries, work.ledger.rows("metrics"), since),
        waiting=tuple(waiting),
    )


# --- Deliveries ---


def _states(work: Workspace, register: Register, waiting: Sequence[Waiting]) -> list[DeliveryStatus]:
    """Every delivery, by day and path."""
    pending = {delivery_id for one in waiting for delivery_id in one.deliveries}
    found = [_state(register, delivery, delivery.delivery_id in pending) for delivery in register.latest.values()]
    return sorted(found, key=lambda one: (one.day or date.max, one.delivery_id))


def _state(register: Register, latest: Delivery, pending: bool) -> DeliveryStatus:
    refused = [
        outcome
        for (_, delivery_id), outcome in register.outcomes.items()
        if delivery_id == latest.delivery_id and outcome.state == "refused" and outcome.sequence == latest.sequence
    ]
    state: DeliveryState = "current"
    table, reason = latest.table, ""
    if latest.state != "ingested":
        state = "interrupted" if latest.state == "ingesting" else latest.state
        reason = latest.reason or ("a run stopped while it took the file" if state == "interrupted" else "")
    elif latest.delivery_id in register.aside:
        state, reason = _aside(register, latest.delivery_id)
    elif pending:
        state = "waiting"
    elif refused:
        state, table, reason = "refused", refused[0].table, refused[0].reason or ""
    elif latest.details.get("same_content_as"):
        state, reason = "duplicate", f"the same content as {latest.details['same_content_as']}"
    return DeliveryStatus(latest.table.name, latest.delivery_id, latest.delivery_date, state, str(table), reason)


def _aside(register: Register, delivery_id: str) -> tuple[DeliveryState, str]:
    """Why a content that could be read does not count: what was decided about it."""
    text = register.aside[delivery_id]
    kind = "retract" if text == "retracted" else "hold" if text.startswith("held") else ""
    mine = [one for one in register.decisions.entries if (one.kind, one.delivery_id) == (kind, delivery_id)]
    return "retracted" if kind == "retract" else "held", f"by {mine[-1].who}: {mine[-1].why}"


def _gaps(work: Workspace, register: Register) -> list[Gap]:
    delivered = [(one.table, one.delivery_date) for one in register.latest.values()]
    known = [day for _, day in delivered if day]
    if not known:
        return []
    gaps: list[Gap] = []
    for table in work.domain.bronze():
        for missing in missing_days([table], delivered, min([work.domain.facts.start_date, *known]), max(known)):
            last = gaps[-1] if gaps else None
            if last and last.source == table.id.name and missing.day - last.last == timedelta(days=1):
                gaps[-1] = Gap(last.source, last.first, missing.day)
            else:
                gaps.append(Gap(table.id.name, missing.day, missing.day))
    return gaps


# --- Gates ---


def _verdicts(rows: Sequence[Row], since: datetime) -> Verdicts:
    run_id = rows[-1]["run_id"] if rows else None
    failed = [_verdict(row) for row in rows if row["run_id"] == run_id and row["passed"] == "no"]
    newest: dict[tuple[str, str, str | None], Row] = {}
    for row in rows:
        if row["recorded_at"] >= since:
            newest[row["table_id"], row["rule"], row["delivery_id"]] = row
    counts: dict[tuple[str, str], list[int]] = {}
    for (table, rule, _), row in newest.items():
        place = 0 if row["passed"] == "yes" else 1 if row["severity"] == "warn" else 2
        counts.setdefault((table, rule), [0, 0, 0])[place] += 1
    gates = [GateCount(table, rule, *count) for (table, rule), count in sorted(counts.items())]
    failed.sort(key=lambda one: (one.severity, one.table, one.delivery_id or "", one.rule))
    return Verdicts(run_id, tuple(failed), tuple(gates))


def _verdict(row: Row) -> GateVerdict:
    return GateVerdict(row["table_id"], row["delivery_id"], row["severity"], row["rule"], row["reason"] or row["rule"])


# --- Work ---


def _waiting(work: Workspace, register: Register) -> list[Waiting]:
    found = []
    for table in work.domain.silver():
        pending = pending_deliveries(work, table, register)
        if pending:
            judged = {outcome.sequence for (owner, _), outcome in register.outcomes.items() if owner == table.id}
            again = all(delivery.sequence in judged for delivery in pending)
            why = "deliveries are to be judged again" if again else "deliveries are not refined yet"
            found.append(Waiting(str(table.id), why, tuple(sorted(delivery.delivery_id for delivery in pending))))
        gone = gone_outcomes(work, table, register)
        if gone:
            ids = tuple(sorted(outcome.delivery_id for outcome in gone))
            found.append(Waiting(str(table.id), "deliveries are to be taken out", ids))
    publications = work.ledger.publications()
    for gold in stale_tables(work):
        published = publications.get(gold.id)
        if published is None:
            why = "it was never made"
        elif published.fingerprint != work.fingerprint(gold.id):
            why = "its contract or code changed"
        else:
            why = "its inputs changed"
        found.append(Waiting(str(gold.id), why))
    return found
