"""Count the rows of every delivery of the ledger where they are now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.contracts.names import TableId
from lakehouse.ledger.deliveries import Register, Removal
from lakehouse.ledger.entries import Row
from lakehouse.steps.proof import Verification
from lakehouse.storage.keyed import OUTRANKED, UNCHANGED, KeyedTable
from lakehouse.storage.tables import OBSERVED_AS

Counts = Mapping[TableId, Mapping[int, int]]
"""Rows in bronze, by table and delivery sequence."""

Places = Mapping[str, Mapping[int, int]]
"""Rows that follow from bronze, by place and delivery sequence."""


def count_rows(verification: Verification) -> Counts:
    """Rows in bronze of every sequence; those that the ledger tells otherwise are noted."""
    found: dict[TableId, Mapping[int, int]] = {}
    snapshot = verification.snapshot
    for table in verification.work.domain.bronze():
        path = verification.work.lake.table(table.id)
        if verification.exists(path):
            verification.work.progress(f"{table.id}: counting")
            found[table.id] = counted(verification.read(path))
            dropped = snapshot.register.dropped
            verification.proof.lost += unlike_ledger(table.id, snapshot.entries, dropped, found[table.id])
    return found


def counted(rows: DataFrame) -> dict[int, int]:
    """Rows by delivery sequence."""
    return {row["delivery_sequence"]: row["count"] for row in rows.groupBy("delivery_sequence").count().collect()}


def unlike_ledger(
    table: TableId, entries: Sequence[Row], dropped: Mapping[int, Removal], found: Mapping[int, int]
) -> Iterator[str]:
    """What is wrong with the rows of a bronze table by what the ledger says of its deliveries, in words."""
    known = {row["delivery_sequence"]: row for row in entries if row["table_id"] == str(table)}
    for sequence, row in known.items():
        there = found.get(sequence, 0)
        # A file that is only touched gets an entry, also when its content is not in bronze any more.
        if sequence in dropped:
            if there and dropped[sequence] == "dropped":
                yield f"{table}: {row['delivery_id']}: {there} rows are there, but its content was removed"
        # Of what an interrupted run left behind nothing was counted yet.
        elif sequence is not None and row["rows_in"] not in (None, there):
            yield f"{table}: {row['delivery_id']}: {row['rows_in']} rows were taken, {there} are there"
    for sequence, count in found.items():
        if sequence not in known:
            yield f"{table}: {count} rows are there of delivery sequence {sequence}, which the ledger does not know"


def places(keyed: KeyedTable, published: DataFrame, aside: DataFrame, quarantined: DataFrame) -> Places:
    """Rows of a table by where they are; ``aside`` is the table beside, as a whole."""
    found: dict[str, dict[int, int]] = {UNCHANGED: {}, OUTRANKED: {}} if keyed.history else {OUTRANKED: {}}
    fate = F.col(OBSERVED_AS) if keyed.history else F.lit(OUTRANKED)
    rows = keyed.beside(aside).select("delivery_sequence", fate.alias("fate"))
    for row in rows.groupBy("delivery_sequence", "fate").count().collect():
        found.setdefault(row["fate"], {})[row["delivery_sequence"]] = row["count"]
    return {"published": counted(published), **found, "quarantined": counted(quarantined)}


def unconserved(table: TableId, register: Register, arrived: Mapping[int, int], found: Places) -> Iterator[str]:
    """Accepted deliveries whose rows are not all in exactly one place, and rows of others, in words."""
    mine = {o.sequence: o.delivery_id for (owner, _), o in register.published.items() if owner == table}
    judged = {o.sequence for (owner, _), o in register.outcomes.items() if owner == table} | set(mine)
    for place, counts in found.items():
        allowed, why = (judged, "judged") if place == "quarantined" else (set(mine), "accepted")
        for sequence in sorted(counts.keys() - allowed):
            yield f"{table}: {counts[sequence]} rows are {place} of delivery sequence {sequence}, which is not {why}"
    for sequence, name in mine.items():
        kept = {place: counts.get(sequence, 0) for place, counts in found.items()}
        total = arrived.get(sequence, 0)
        if total != sum(kept.values()):
            words = ", ".join(f"{number} {place}" for place, number in kept.items())
            yield f"{table}: {name}: {total} in bronze, {words}"
