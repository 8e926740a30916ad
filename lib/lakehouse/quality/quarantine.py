"""Quarantine: every bad row with its address, the row as delivered, and each rule that it broke."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse.contracts.columns import BRONZE_COLUMNS, DELIVERY_COLUMNS
from lakehouse.contracts.names import TableId
from lakehouse.contracts.tables import BronzeTable, SilverTable
from lakehouse.ledger.book import table_version
from lakehouse.quality.conform import DELIVERED
from lakehouse.quality.decided import DISCARDED, PATCHED_FROM, decided_field
from lakehouse.quality.rules import REASON_TYPE, reasons
from lakehouse.storage.asking import ask, counts_by
from lakehouse.storage.commits import append, replace_where, set_where
from lakehouse.storage.tables import Shape, read_table
from lakehouse.storage.values import Values

COLUMNS = {
    "quarantine_id": ("string", "Identity of the row: a hash of table, delivery, sequence and record number"),
    **DELIVERY_COLUMNS,
    "reasons": (REASON_TYPE, "Each broken rule with the column, the offending value and what was expected"),
    "payload": ("string", "The row as delivered, JSON"),
    "status": ("string", "open, replayed, discarded or superseded"),
    "contract_fingerprint": ("string", "The contract that the row was judged by"),
    "run_id": ("string", "Run that quarantined the row"),
    "quarantined_at": ("timestamp", "When (UTC)"),
    "closed_run_id": ("string", "Run that replayed, discarded or superseded the row; null while it is open"),
    "closed_at": ("timestamp", "When (UTC)"),
}

BAD = ("open", "discarded")
"""Statuses of rows that are kept out of the table; the others are history."""

_BAD = Values.of("status", "string", BAD)

PARTITION_BY = ("delivery_date",)


def shape(table: TableId, path: str) -> Shape:
    """What the quarantine of a table is created with."""
    return Shape(
        path=path,
        name=f"{table.domain}_quarantine.{table.name}",
        description=f"Rows of {table} that broke a rule.",
        columns=COLUMNS,
        partition_by=PARTITION_BY,
        statistics=("delivery_sequence",),
    )


def quarantined_rows(
    judged: DataFrame, table: SilverTable, bronze: BronzeTable, fingerprint: str, run_id: str
) -> DataFrame:
    """The bad rows among judged rows, in the columns of the quarantine table."""
    identity = F.concat_ws("|", F.lit(str(table.id)), "delivery_id", "delivery_sequence", "record_number")
    patched_from, discarded = (decided_field(judged, DELIVERED, name) for name in (PATCHED_FROM, DISCARDED))
    delivered = [_as_delivered(name, patched_from).alias(name) for name in (*bronze.columns, *BRONZE_COLUMNS)]
    now, run = F.current_timestamp(), F.lit(run_id)
    gone = F.lit(False) if discarded is None else discarded.isNotNull()
    return judged.where("quarantined").select(
        F.substring(F.sha2(identity, 256), 1, 16).alias("quarantine_id"),
        *DELIVERY_COLUMNS,
        reasons(table, bronze, discarded).alias("reasons"),
        F.to_json(F.struct(*delivered)).alias("payload"),
        F.when(gone, "discarded").otherwise("open").alias("status"),
        F.lit(fingerprint).alias("contract_fingerprint"),
        run.alias("run_id"),
        now.alias("quarantined_at"),
        F.when(gone, run).alias("closed_run_id"),
        F.when(gone, now).alias("closed_at"),
    )


def _as_delivered(name: str, patched_from: Column | None) -> Column:
    found = F.col(DELIVERED).getField(name)
    if patched_from is None or name in BRONZE_COLUMNS:
        return found
    before = patched_from.getItem(name)
    # Nothing was delivered where the kept text is empty: the payload leaves such columns out.
    return F.when(before.isNull(), found).when(before != "", before)


def write_quarantine(rows: DataFrame, path: str, sequences: Sequence[int], known: bool, run_id: str) -> None:
    """Put the bad rows of some deliveries into quarantine; those that lay there and are bad no more are replayed.

    ``known`` says that nothing of them can lie there yet, so that nothing has to be searched for.
    """
    if known:
        append(rows, path, PARTITION_BY)
        return
    before = read_table(rows.sparkSession, path, table_version(path))
    mine = before.where(F.col("delivery_sequence").isin(list(sequences)))
    again = rows.select("quarantine_id")
    closing = F.col("status").isin(*BAD)
    replayed = {
        "closed_run_id": F.when(closing, run_id).otherwise(F.col("closed_run_id")),
        "closed_at": F.when(closing, F.current_timestamp()).otherwise(F.col("closed_at")),
        "status": F.when(closing, "replayed").otherwise(F.col("status")),
    }
    good = mine.join(again, "quarantine_id", "left_anti").select(*COLUMNS).withColumns(replayed)
    condition = f"delivery_sequence IN ({', '.join(map(str, sequences))})"
    replace_where(rows.unionByName(good), path, condition, PARTITION_BY)


def close_superseded(spark: SparkSession, path: str, sequences: Sequence[int], run_id: str) -> None:
    """Close the bad rows of contents that count no more: a correction has replaced them, or they were withdrawn."""
    if not sequences:
        return
    mine = Values.numbers("delivery_sequence", sequences)
    if ask(path, f"SELECT 1 FROM asked WHERE {mine.asked()} AND {_BAD.asked()} LIMIT 1"):
        closed = {"closed_run_id": F.lit(run_id), "closed_at": F.current_timestamp()}
        set_where(spark, path, mine.chosen() & _BAD.chosen(), {"status": F.lit("superseded"), **closed})


def broken_rules(path: str, sequences: Sequence[int]) -> dict[int, dict[str, int]]:
    """Per delivery sequence: rows that broke each rule, and under '' the quarantined rows."""
    found: dict[int, dict[str, int]] = {sequence: {} for sequence in sequences}
    bad = f"{Values.numbers('delivery_sequence', sequences).asked()} AND {_BAD.asked()}"
    for (sequence,), rows in counts_by(path, ["delivery_sequence"], bad).items():
        found[sequence][""] = rows
    each = f"SELECT delivery_sequence, unnest(reasons) AS reason FROM asked WHERE {bad}"
    counted = f"SELECT delivery_sequence, reason['rule'], count(*) FROM ({each}) GROUP BY 1, 2"
    for sequence, rule, rows in ask(path, counted):
        found[sequence][rule] = rows
    return found


def replayed_rows(path: str, sequences: Sequence[int], run_id: str) -> int:
    """Rows that a run found to be bad no more; only those of deliveries that it judged can be."""
    mine = Values.numbers("delivery_sequence", sequences).asked()
    by_run = Values.of("closed_run_id", "string", [run_id]).asked()
    ((rows,),) = ask(path, f"SELECT count(*) FROM asked WHERE {mine} AND status = 'replayed' AND {by_run}")
    return int(rows)
