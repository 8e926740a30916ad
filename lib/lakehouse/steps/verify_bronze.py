"""Count the rows of every delivery of the ledger where they are now."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame

from lakehouse.contracts.names import TableId
from lakehouse.contracts.tables import SilverTable
from lakehouse.steps.proof import Verification

Counts = Mapping[TableId, Mapping[int, int]]
"""Rows in bronze, by table and delivery sequence."""

PLACES = ("in bronze", "published", "outranked", "quarantined")


def count_rows(verification: Verification) -> Counts:
    """Rows in bronze of every sequence; those that the ledger tells otherwise are noted."""
    found: dict[TableId, Mapping[int, int]] = {}
    for table in verification.work.domain.bronze():
        path = verification.work.lake.table(table.id)
        if verification.exists(path):
            verification.work.progress(f"{table.id}: counting")
            found[table.id] = counted(verification.read(path))
            _compare_with_ledger(verification, table.id, found[table.id])
    return found


def counted(rows: DataFrame) -> dict[int, int]:
    """Rows by delivery sequence."""
    return {row["delivery_sequence"]: row["count"] for row in rows.groupBy("delivery_sequence").count().collect()}


def _compare_with_ledger(verification: Verification, table: TableId, found: Mapping[int, int]) -> None:
    known = {row["delivery_sequence"]: row for row in verification.snapshot.entries if row["table_id"] == str(table)}
    for sequence, row in known.items():
        # Of what an interrupted run left behind nothing was counted yet.
        if sequence is not None and row["rows_in"] not in (None, found.get(sequence, 0)):
            verification.proof.lost.append(
                f"{table}: {row['delivery_id']}: {row['rows_in']} rows were taken, {found.get(sequence, 0)} are there"
            )
    for sequence, count in found.items():
        if sequence not in known:
            verification.proof.lost.append(
                f"{table}: {count} rows are there of delivery sequence {sequence}, which the ledger does not know"
            )


def conserve(
    verification: Verification, table: SilverTable, arrived: Mapping[int, int], places: tuple[DataFrame, ...]
) -> None:
    """Note accepted deliveries whose rows are not all in exactly one place, and rows of others.

    ``places`` are the published rows, those beside, and the quarantined ones.
    """
    register, lost = verification.snapshot.register, verification.proof.lost
    mine = {o.sequence: o.delivery_id for (owner, _), o in register.published.items() if owner == table.id}
    judged = {o.sequence for (owner, _), o in register.outcomes.items() if owner == table.id} | set(mine)
    counts = [arrived, *(counted(rows) for rows in places)]
    for place, found in zip(PLACES[1:], counts[1:], strict=True):
        allowed, why = (judged, "judged") if place == "quarantined" else (set(mine), "accepted")
        for sequence in sorted(found.keys() - allowed):
            lost.append(f"{table.id}: {found[sequence]} rows are {place} of delivery sequence {sequence}, "
                        f"which is not {why}")  # fmt: skip
    for sequence, name in mine.items():
        total, *kept = (found.get(sequence, 0) for found in counts)
        if total != sum(kept):
            words = ", ".join(f"{n} {place}" for n, place in zip((total, *kept), PLACES, strict=True))
            lost.append(f"{table.id}: {name}: {words}")
    verification.proof.deliveries += len(mine)
