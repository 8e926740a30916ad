"""Verify: compute silver, outranked, quarantine and gold again from bronze and compare them with the lake.

The computation is the plain one - all deliveries at once, one window over all rows, every period - and shares with
the daily steps only how a row is conformed and judged, and the transforms.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.storagelevel import StorageLevel

from lakehouse.contracts.names import TableId
from lakehouse.contracts.tables import SilverTable
from lakehouse.ledger.book import table_version
from lakehouse.ledger.deliveries import Register
from lakehouse.quality.quarantine import BAD
from lakehouse.steps.aggregate import computed
from lakehouse.steps.batches import Batch
from lakehouse.steps.shapes import keyed_table
from lakehouse.steps.staleness import gone_outcomes, pending_deliveries
from lakehouse.steps.workspace import Workspace
from lakehouse.storage.differences import Differences, compare
from lakehouse.storage.keyed import ADDRESS
from lakehouse.storage.tables import read_table
from lakehouse.storage.winners import Settled, settled


@dataclass
class Proof:
    """What verification found."""

    differences: list[Differences] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    """Deliveries whose rows are not all in exactly one place."""
    deliveries: int = 0
    """Accepted deliveries that were checked for conservation."""
    notes: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether the tables are exactly what the deliveries make them."""
        return not self.lost and not any(found.total for found in self.differences)


def verify(work: Workspace, shown: int = 20) -> Proof:
    """Compare every table of a domain with its recomputation; nothing is written."""
    proof = Proof()
    register = work.ledger.deliveries()
    before = work.ledger.publications()
    expected: dict[TableId, Settled] = {}
    for table in work.domain.silver():
        if table_version(work.lake.table(table.id)) is None:
            proof.notes.append(f"{table.id} has not been made yet")
            continue
        waiting = len(pending_deliveries(work, table, register)) + len(gone_outcomes(work, table, register))
        if waiting:
            proof.notes.append(f"{waiting} deliveries are pending for {table.id} and not part of it yet")
        expected[table.id] = _verify_silver(work, table, register, proof, shown)
    _verify_gold(work, expected, proof, shown)
    for found in expected.values():
        found.basis.unpersist()
    if work.ledger.publications() != before:
        proof.notes.append("another run wrote to this lake meanwhile: verify again when it has ended")
    return proof


def _verify_silver(work: Workspace, table: SilverTable, register: Register, proof: Proof, shown: int) -> Settled:
    keyed = keyed_table(table, work.lake)
    bronze = work.domain.bronze_of(table)
    path = work.lake.table(bronze.id)
    decided = register.decisions.of_rows(table.id)
    batch = Batch(work.spark, table, bronze, path, table_version(path), decided)
    published = [outcome for (owner, _), outcome in register.published.items() if owner == table.id]
    accepted = [(register.contents[outcome.sequence].delivery_date, outcome.sequence) for outcome in published]
    work.progress(f"{table.id}: computing {len(accepted)} deliveries again")
    expected = settled(batch.good(accepted, keyed.row_columns), keyed)
    expected.basis.persist(StorageLevel.MEMORY_AND_DISK)
    silver = read_table(work.spark, keyed.path)
    aside = read_table(work.spark, keyed.outranked_path)
    work.progress(f"{table.id}: comparing")
    proof.differences.append(compare(str(table.id), expected.published, silver, keyed.row_keys, shown))
    proof.differences.append(compare(f"outranked {table.id}", expected.aside, aside, ADDRESS, shown))
    judged = {
        (register.contents[outcome.sequence].delivery_date, outcome.sequence)
        for (owner, _), outcome in register.outcomes.items()
        if owner == table.id and outcome.state != "withdrawn"
    }
    bad = batch.judged(sorted({*judged, *accepted}, key=str)).where("quarantined")
    quarantined = read_table(work.spark, work.lake.quarantine(table.id)).where(F.col("status").isin(*BAD))
    proof.differences.append(
        compare(f"quarantine {table.id}", bad.select(*ADDRESS), quarantined.select(*ADDRESS), ADDRESS, shown)
    )
    rows = read_table(work.spark, path).where(F.col("delivery_sequence").isin([o.sequence for o in published]))
    _conserve(
        table, (rows, silver, keyed.beside(aside), quarantined), {o.sequence: o.delivery_id for o in published}, proof
    )
    return expected


def _conserve(
    table: SilverTable, frames: tuple[DataFrame, DataFrame, DataFrame, DataFrame], names: dict[int, str], proof: Proof
) -> None:
    """Rows of every accepted delivery, counted where they are now."""
    places = ("in bronze", "published", "outranked", "quarantined")
    found: dict[int, dict[str, int]] = {sequence: dict.fromkeys(places, 0) for sequence in names}
    for place, frame in zip(places, frames, strict=True):
        for row in frame.groupBy("delivery_sequence").count().collect():
            if row["delivery_sequence"] in found:
                found[row["delivery_sequence"]][place] = row["count"]
            elif place in ("published", "outranked"):
                proof.lost.append(
                    f"{table.id}: {row['count']} rows are {place} of delivery sequence {row['delivery_sequence']}, "
                    "which is not accepted"
                )
    for sequence, counts in found.items():
        arrived, *kept = counts.values()
        if arrived != sum(kept):
            words = ", ".join(f"{count} {place}" for place, count in counts.items())
            proof.lost.append(f"{table.id}: {names[sequence]}: {words}")
    proof.deliveries += len(names)


def _verify_gold(work: Workspace, expected: dict[TableId, Settled], proof: Proof, shown: int) -> None:
    frames = {table_id: found.published for table_id, found in expected.items()}
    for table in work.domain.gold():
        if not all(source in frames for source in table.inputs.values()):
            continue
        inputs = {name: frames[source] for name, source in table.inputs.items()}
        frames[table.id] = computed(work, table, inputs)
        if table_version(work.lake.table(table.id)) is None:
            proof.notes.append(f"{table.id} has not been made yet")
            continue
        work.progress(f"{table.id}: comparing")
        found = read_table(work.spark, work.lake.table(table.id))
        proof.differences.append(compare(str(table.id), frames[table.id], found, table.write.keys, shown))
