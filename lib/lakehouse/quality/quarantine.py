"""Quarantine: every bad row with its address, the row as delivered, and each rule that it broke."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse.contracts.columns import BRONZE_COLUMNS, DELIVERY_COLUMNS
from lakehouse.contracts.names import TableId
from lakehouse.contracts.tables import BronzeTable, SilverTable
from lakehouse.quality.conform import DELIVERED
from lakehouse.quality.rules import REASON_TYPE, reasons
from lakehouse.storage.commits import append, replace_where, set_where
from lakehouse.storage.tables import Shape, read_table

COLUMNS = {
    "quarantine_id": ("string", "Identity of the row: a hash of table, delivery, sequence and record number"),
    **DELIVERY_COLUMNS,
    "reasons": (REASON_TYPE, "Each broken rule with the column, the offending value and what was expected"),
    "payload": ("string", "The row as delivered, JSON"),
    "status": ("string", "open, replayed, discarded or superseded"),
    "contract_fingerprint": ("string", "The contract that the row was judged by"),
    "run_id": ("string", "Run that quarantined the row"),
    "quarantined_at": ("timestamp", "When (UTC)"),
}

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
    delivered = [F.col(DELIVERED).getField(name).alias(name) for name in (*bronze.columns, *BRONZE_COLUMNS)]
    return judged.where("quarantined").select(
        F.substring(F.sha2(identity, 256), 1, 16).alias("quarantine_id"),
        *DELIVERY_COLUMNS,
        reasons(table, bronze).alias("reasons"),
        F.to_json(F.struct(*delivered)).alias("payload"),
        F.lit("open").alias("status"),
        F.lit(fingerprint).alias("contract_fingerprint"),
        F.lit(run_id).alias("run_id"),
        F.current_timestamp().alias("quarantined_at"),
    )


def write_quarantine(rows: DataFrame, path: str, sequences: Sequence[int], known: bool) -> None:
    """Put the bad rows of some deliveries into quarantine; what lay there of the same sequences is replaced.

    ``known`` says that nothing of them can lie there yet, so that nothing has to be searched for.
    """
    if known:
        append(rows, path, PARTITION_BY)
    else:
        replace_where(rows, path, f"delivery_sequence IN ({', '.join(map(str, sequences))})", PARTITION_BY)


def close_superseded(spark: SparkSession, path: str, sequences: Sequence[int]) -> None:
    """Close the open rows of contents that a correction has replaced."""
    if not sequences:
        return
    open_rows = F.col("delivery_sequence").isin(list(sequences)) & (F.col("status") == "open")
    if not read_table(spark, path).where(open_rows).isEmpty():
        set_where(spark, path, open_rows, {"status": F.lit("superseded")})


def broken_rules(spark: SparkSession, path: str, sequences: Sequence[int]) -> dict[int, dict[str, int]]:
    """Per delivery sequence: rows that broke each rule, and under '' the quarantined rows."""
    rows = read_table(spark, path).where(F.col("delivery_sequence").isin(list(sequences)))
    named = rows.select("delivery_sequence", F.explode(F.concat(F.array(F.lit("")), "reasons.rule")).alias("rule"))
    found: dict[int, dict[str, int]] = {sequence: {} for sequence in sequences}
    for row in named.groupBy("delivery_sequence", "rule").count().collect():
        found[row["delivery_sequence"]][row["rule"]] = row["count"]
    return found
