"""Contents in bronze that count for nothing any more, and will not again: what may be removed of what was delivered.

A content is removed when its bronze contract asks for it, and when for so many days nothing needed it: it was not the
one that counts, readers did not see it, no gate, refused correction, person or manifest kept it waiting, and no row of
it is open in quarantine. The ledger notes it before and after: a release or a restore that would need it says so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lakehouse.contracts.names import TableId
from lakehouse.contracts.tables import BronzeTable
from lakehouse.ledger.clocks import latest_times
from lakehouse.ledger.decisions import decisions
from lakehouse.ledger.deliveries import Delivery, Register, delivery_row, register
from lakehouse.ledger.entries import Row, open_table
from lakehouse.steps.workspace import Workspace
from lakehouse.storage.asking import counts_by
from lakehouse.storage.values import Values

_UNDECIDED = ("open", "discarded")
"""Statuses of quarantined rows that belong to a content of which something may still come."""


@dataclass(frozen=True)
class Superseded:
    """The contents of one bronze table that are to be removed."""

    table: TableId
    contents: tuple[Delivery, ...]
    days: int | None
    """For how long they have counted for nothing; None when only an interrupted removal is finished."""

    def work(self) -> str:
        """What is to be done, in words."""
        rows = sum(content.rows or 0 for content in self.contents)
        count = "1 superseded content" if len(self.contents) == 1 else f"{len(self.contents)} superseded contents"
        since = f", without use for {self.days} days" if self.days else ""
        return f"remove {count} ({rows} rows{since})"


def superseded(work: Workspace, table: BronzeTable, state: Register, now: datetime) -> Superseded | None:
    """What is to be removed from a bronze table; None when there is nothing. ``state`` is that of the ledger."""
    days = table.maintain.drop_superseded_days
    begun = [
        state.contents[sequence]
        for sequence, how in state.dropped.items()
        if how == "dropping" and state.contents[sequence].table == table.id
    ]
    spare = [] if days is None else _spare(work, table, now - timedelta(days=days), now)
    gone = (*begun, *spare)
    return Superseded(table.id, gone, days) if gone else None


def _spare(work: Workspace, table: BronzeTable, since: datetime, now: datetime) -> list[Delivery]:
    """The contents of a bronze table that nothing has needed since a moment, and nobody may still decide about."""
    silver = readers(work) | _readers_since(work, since, now)
    found = unneeded(work.ledger.rows("deliveries"), work.ledger.rows("decisions"), silver, since, now)
    spare = [content for content in found if content.table == table.id]
    waiting = _quarantined(work, silver, [content.sequence or 0 for content in spare]) if spare else set()
    return [content for content in spare if content.sequence not in waiting]


def readers(work: Workspace) -> set[TableId]:
    """The silver tables that contents may be needed for: one that no contract names any more keeps none."""
    return {table.id for table in work.domain.silver()}


def _readers_since(work: Workspace, since: datetime, now: datetime) -> set[TableId]:
    """Silver tables that had a contract when a run ended since a moment: it may be away for a while only."""
    runs = work.ledger.rows("runs")
    times = latest_times([run["recorded_at"].timestamp() for run in runs], now.timestamp())
    noted = [(run["summary"] or {}).get("versions", {}) for run, time in zip(runs, times, strict=True)
             if time >= since.timestamp()]  # fmt: skip
    names = {name for versions in noted for name in versions if name.split(".")[1] == "silver"}
    return {TableId.parse(name) for name in names}


def unneeded(
    rows: Sequence[Row], decided: Sequence[Row], silver: Collection[TableId], since: datetime, now: datetime
) -> list[Delivery]:
    """Contents in bronze that none of these silver tables has needed since a moment, by the ledger's entries."""
    state = register(rows, decisions(decided))
    wanted = needed(state, silver)
    spare = {
        sequence: content
        for sequence, content in state.contents.items()
        if content.state == "ingested" and sequence not in wanted and sequence not in state.dropped
    }
    about, ruled = (_by_delivery(entries, {c.delivery_id for c in spare.values()}, now) for entries in (rows, decided))
    for delivery_id, mine in about.items():
        for then in _states(mine, ruled.get(delivery_id, []), since):
            for sequence in needed(then, silver):
                spare.pop(sequence, None)
    return [spare[sequence] for sequence in sorted(spare)]


_Dated = tuple[float, Row]
"""An entry with the latest time at which it can have been recorded: what clocks say of it may be wrong."""


def _by_delivery(entries: Sequence[Row], wanted: Collection[str], now: datetime) -> dict[str, list[_Dated]]:
    times = latest_times([row["recorded_at"].timestamp() for row in entries], now.timestamp())
    found: dict[str, list[_Dated]] = {}
    for time, row in zip(times, entries, strict=True):
        if row["delivery_id"] in wanted:
            found.setdefault(row["delivery_id"], []).append((time, row))
    return found


def _states(mine: Sequence[_Dated], ruled: Sequence[_Dated], since: datetime) -> Iterator[Register]:
    """What held of one delivery at a moment, and after each entry since: what is needed of it changes with them alone.

    Every entry counts by itself, though several may have been recorded at one time: what lay between is seen then, too.
    """
    order = sorted(
        [(time, 0, n) for n, (time, _) in enumerate(ruled)] + [(time, 1, n) for n, (time, _) in enumerate(mine)]
    )
    before = sum(1 for time, _, _ in order if time <= since.timestamp())
    for count in range(before, len(order) + 1):
        known = [sum(1 for _, kind, _ in order[:count] if kind == one) for one in (0, 1)]
        yield register([row for _, row in mine[: known[1]]], decisions(row for _, row in ruled[: known[0]]))


def needed(state: Register, silver: Collection[TableId]) -> set[int]:
    """Contents that count or that readers see, and those that a gate, a person or a manifest keeps waiting.

    Readers and gates are those of the given silver tables.
    """
    held = {sequence for _, kept in state.decisions.withheld().values() for sequence in kept}
    counting = [(table, state.current[name]) for table, name in state.seen if table in silver and name in state.current]
    before = [state.predecessor(table, current) for table, current in counting]
    return {
        *(content.sequence or 0 for content in state.current.values()),
        *(content.sequence or 0 for content in before if content),
        *(outcome.sequence for (table, _), outcome in state.published.items() if table in silver),
        *(
            outcome.sequence
            for (table, _), outcome in state.outcomes.items()
            if table in silver and outcome.state != "withdrawn"
        ),
        *(sequence for sequence, content in state.contents.items() if content.state == "unconfirmed"),
        *held,
    }


def lost_contents(now: Register, then: Register, silver: Collection[TableId]) -> list[Delivery]:
    """Contents that these silver tables needed at another time, and that have been removed from bronze since."""
    return [now.contents[sequence] for sequence in sorted(needed(then, silver)) if sequence in now.dropped]


def _quarantined(work: Workspace, silver: Collection[TableId], sequences: Collection[int]) -> set[int]:
    """Those of some contents with rows in quarantine that somebody may still decide about."""
    found: set[int] = set()
    for table in silver:
        path = work.lake.quarantine(table)
        if open_table(path) is not None:
            mine = Values.numbers("delivery_sequence", sequences).asked()
            where = f"{Values.of('status', 'string', _UNDECIDED).asked()} AND {mine}"
            found |= {sequence for (sequence,) in counts_by(path, ["delivery_sequence"], where)}
    return found


def drop(work: Workspace, found: Superseded) -> None:
    """Remove contents from bronze; the ledger is told before and after, so that a crash leaves no doubt."""
    from lakehouse.storage.commits import delete_where

    # What the ledger knows of the contents stays; these entries say no more than that their rows go.
    rows = [delivery_row(content) | {"details": None, "run_id": work.run_id} for content in found.contents]
    work.ledger.record("deliveries", [{**row, "state": "dropping", "rows_in": None} for row in rows])
    days = Values.days("delivery_date", (content.delivery_date for content in found.contents)).sql()
    sequences = ", ".join(str(content.sequence) for content in found.contents)
    delete_where(work.spark, work.lake.table(found.table), f"{days} AND delivery_sequence IN ({sequences})")
    work.ledger.record("deliveries", [{**row, "state": "dropped", "rows_in": 0} for row in rows])
