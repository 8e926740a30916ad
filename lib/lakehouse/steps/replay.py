"""What replaying quarantined rows would do: judge them again, at their addresses only, and write nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from lakehouse.contracts.names import TableId
from lakehouse.ledger.book import table_version
from lakehouse.ledger.decisions import Decision, Decisions
from lakehouse.steps.patches import RowAddress, silver_table
from lakehouse.steps.workspace import Workspace


@dataclass
class Preview:
    """What would become of quarantined rows."""

    passing: list[str] = field(default_factory=list)
    """Ids of the rows that would enter their table."""
    broken: Counter[tuple[TableId, str]] = field(default_factory=Counter)
    """Rows that would stay, by table and rule."""
    staying: int = 0


def preview(work: Workspace, rows: Sequence[RowAddress], decided: Sequence[Decision]) -> Preview:
    """Judge quarantined rows by the contract as it is now, with decisions that are not recorded yet."""
    from lakehouse.quality.conform import DELIVERED
    from lakehouse.quality.decided import DISCARDED, decided_field
    from lakehouse.quality.rules import QUARANTINED, reasons
    from lakehouse.steps.batches import Batch
    from lakehouse.storage.keyed import ADDRESS
    from lakehouse.storage.tables import literal_rows

    register = work.ledger.deliveries()
    all_decisions = Decisions((*register.decisions.entries, *decided))
    found = Preview()
    for table_id in sorted({row.table for row in rows}):
        mine = {(row.sequence, row.record_number): row for row in rows if row.table == table_id}
        table = silver_table(work.domain, table_id)
        bronze = work.domain.bronze_of(table)
        path = work.lake.table(bronze.id)
        batch = Batch(work.judging_spark, table, bronze, path, table_version(path), all_decisions.of_rows(table_id))
        places = [dict(zip(ADDRESS, place, strict=True)) for place in mine]
        kind = "array<struct<delivery_sequence:bigint,record_number:bigint>>"
        sequences = sorted({sequence for sequence, _ in mine})
        deliveries = [(register.contents[sequence].delivery_date, sequence) for sequence in sequences]
        work.progress(f"{table_id}: judging {len(mine)} rows again")
        judged = batch.judged(deliveries, literal_rows(work.spark, places, kind))
        why = reasons(table, bronze, decided_field(judged, DELIVERED, DISCARDED))
        for row in judged.select(*ADDRESS, QUARANTINED, why.getField("rule").alias("rules")).collect():
            if row[QUARANTINED]:
                found.staying += 1
                found.broken.update((table_id, rule) for rule in row["rules"])
            else:
                found.passing.append(mine[row["delivery_sequence"], row["record_number"]].quarantine_id)
    return found
