"""Commits: every write of rows goes through one of these functions."""

from __future__ import annotations

from collections.abc import Sequence

from delta.tables import DeltaTable
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse.ledger.commits import committing
from lakehouse.storage.tables import Shape, keep_ranges, settings
from lakehouse.storage.values import Values

_RUN = "spark.databricks.delta.commitInfo.userMetadata"


def name_commits(spark: SparkSession, run_id: str) -> None:
    """Put the run's id into the history of every table that this session writes from now on."""
    spark.conf.set(_RUN, run_id)


def arranged(rows: DataFrame, partition_by: Sequence[str]) -> DataFrame:
    """Rows laid out so that each partition is written by one task, in one file."""
    return rows.repartition(*partition_by) if partition_by else rows


def append(rows: DataFrame, path: str, partition_by: Sequence[str] = (), application: str | None = None) -> None:
    """Add rows in one commit; with ``application`` a repetition of the same append is skipped."""
    writer = arranged(rows, partition_by).write.format("delta").mode("append")
    if application is not None:
        writer = writer.option("txnAppId", application).option("txnVersion", 1)
    with committing(path, "append"):
        writer.save(path)


def overwrite(rows: DataFrame, shape: Shape) -> None:
    """Replace a whole table, its columns and partitioning included, in one commit.

    Before it comes another one when the log is to keep ranges of other columns.
    """
    keep_ranges(shape, rows.sparkSession.conf.get(_RUN, None))
    described = [F.col(name).alias(name, metadata=shape.about(name)) for name in shape.columns]
    writer = arranged(rows, shape.partition_by).select(*described).write.format("delta").mode("overwrite")
    writer = writer.option("overwriteSchema", "true")
    # A table without partitions would lie in as many files as its rows have tasks: small ones are brought together.
    writer = writer.partitionBy(*shape.partition_by) if shape.partition_by else writer.option("optimizeWrite", "true")
    with committing(shape.path, "overwrite"):
        writer.save(shape.path)


def replace_where(rows: DataFrame, path: str, condition: str, partition_by: Sequence[str] = ()) -> None:
    """Replace the rows that fulfil a SQL condition by others, in one commit."""
    writer = arranged(rows, partition_by).write.format("delta").mode("overwrite").option("replaceWhere", condition)
    with committing(path, "replace"):
        writer.save(path)


def merge_changes(changes: DataFrame, path: str, keys: Sequence[str], partitions: Values | None, change: str) -> None:
    """Apply changes by key in one MERGE: the column ``change`` says 'delete' or 'write' of each row.

    ``partitions`` limits the files that are searched; only literals prune them.
    """
    spark = changes.sparkSession
    condition = _equal(keys)
    if partitions is not None:
        condition = condition & partitions.chosen(of="t.")
    columns: dict[str, str | Column] = {name: F.col(f"s.{name}") for name in changes.columns if name != change}
    merge = (
        DeltaTable.forPath(spark, path)
        .alias("t")
        .merge(changes.alias("s"), condition)
        .whenMatchedDelete(F.col(f"s.{change}") == "delete")
        .whenMatchedUpdate(F.col(f"s.{change}") == "write", columns)
        .whenNotMatchedInsert(F.col(f"s.{change}") == "write", columns)
    )
    with committing(path, "merge"):
        merge.execute()


def set_where(spark: SparkSession, path: str, condition: Column, values: dict[str, str | Column]) -> None:
    """Change columns of the rows that fulfil a condition, in one commit."""
    with committing(path, "update"):
        DeltaTable.forPath(spark, path).update(condition, values)


def delete_where(spark: SparkSession, path: str, condition: str) -> None:
    """Remove the rows that fulfil a SQL condition, in one commit."""
    with committing(path, "delete"):
        DeltaTable.forPath(spark, path).delete(condition)


def optimize(spark: SparkSession, path: str, condition: str, zorder_by: Sequence[str], sizes: tuple[int, int]) -> None:
    """Bring files of the partitions that fulfil a condition together, or their rows into Z-order, in one commit.

    ``sizes`` (bytes): files below the first are brought together, all that is written has about the second. Without a
    condition the whole table is meant.
    """
    names = ("spark.databricks.delta.optimize.minFileSize", "spark.databricks.delta.optimize.maxFileSize")
    optimizing = DeltaTable.forPath(spark, path).optimize()
    optimizing = optimizing.where(condition) if condition else optimizing
    with settings(spark, dict(zip(names, sizes, strict=True))), committing(path, "optimize"):
        if zorder_by:
            optimizing.executeZOrderBy(*zorder_by)
        else:
            optimizing.executeCompaction()


def _equal(keys: Sequence[str]) -> Column:
    condition = F.lit(True)
    for key in keys:
        condition = condition & (F.col(f"t.{key}") == F.col(f"s.{key}"))
    return condition
