"""Publish by key: one row wins each key, the others are kept aside so that they can return.

The state of a key is a pure function of its rows: the winner is the greatest by (order columns, delivery date,
delivery id, record number), whenever the rows came. The work is narrow: only rows whose key occurs more than once, in
the batch or in the table, are compared as wholes; the rest is appended without a look at the table's other columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.storagelevel import StorageLevel

from lakehouse.ledger.book import table_version
from lakehouse.storage.commits import append, merge_changes, overwrite
from lakehouse.storage.tables import Shape, partition_filter, read_table

ADDRESS = ("delivery_sequence", "record_number")
"""What identifies a row of bronze."""

_HASH = "key_hash"
_CHANGE = "change"
_FEW = 200_000
"""Rows up to this number are broadcast to every task; more are joined by shuffling."""
_WHERE = "table_or_aside"


@dataclass(frozen=True)
class KeyedTable:
    """A table with one row per key, and the one beside it, of the same columns, with the rows that lost."""

    shape: Shape
    outranked: Shape
    keys: tuple[str, ...]
    order_by: tuple[str, ...]

    @property
    def path(self) -> str:
        """Folder of the rows that readers see."""
        return self.shape.path

    @property
    def outranked_path(self) -> str:
        """Folder of the rows that lost."""
        return self.outranked.path

    @property
    def partition_by(self) -> tuple[str, ...]:
        """Partition columns of both."""
        return self.shape.partition_by

    @property
    def all_columns(self) -> list[str]:
        """Columns of the contract and of the delivery."""
        return list(self.shape.columns)


@dataclass(frozen=True)
class Scope:
    """The part of a table that a batch can touch."""

    table: KeyedTable
    partitions: tuple[tuple[str, tuple[object, ...]], ...]
    """(partition column, values); empty for an unpartitioned table."""
    empty: bool
    """True when the table has no rows that could matter: nothing is read then."""
    versions: tuple[int | None, int | None] = (None, None)
    """Versions of the published and the outranked table that the work starts from."""

    def before(self, spark: SparkSession) -> tuple[DataFrame, DataFrame]:
        """Published and outranked rows within this scope as they were at the start.

        Pinned: Spark computes a cached frame again when a table that it reads is written, and the frames that decide
        about the second commit must not see the first one.
        """
        return (
            self.read(spark, self.table.path, self.versions[0]),
            self.read(spark, self.table.outranked_path, self.versions[1]),
        )

    def read(self, spark: SparkSession, path: str, version: int | None = None) -> DataFrame:
        """The rows of a table within this scope, as they are now or were at a version."""
        rows = read_table(spark, path, version).select(self.table.all_columns)
        if self.empty:
            return rows.where(F.lit(False))
        return reduce(lambda found, part: found.where(partition_filter(*part)), self.partitions, rows)

    def pruning(self) -> tuple[str, Sequence[object]] | None:
        """The first partition column with its values: a MERGE searches those partitions only."""
        return self.partitions[0] if self.partitions else None


def scope_of(rows: Sequence[DataFrame], table: KeyedTable, empty: bool) -> Scope:
    """The partitions in which the keys of some rows lie."""
    versions = (table_version(table.path), table_version(table.outranked_path))
    if empty or not table.partition_by:
        return Scope(table, (), empty, versions)
    values = reduce(DataFrame.unionByName, [frame.select(*table.partition_by) for frame in rows]).distinct().collect()
    found = [(name, tuple({row[name] for row in values})) for name in table.partition_by]
    return Scope(table, tuple(found), not values, versions)


def key_hash(table: KeyedTable) -> Column:
    """A 64-bit hash of the key; equal keys have equal hashes, the reverse is checked on the key itself."""
    return F.xxhash64(*table.keys).alias(_HASH)


@dataclass(frozen=True)
class Colliding:
    """Keys that occur more than once in a batch and the table, by their hashes."""

    table: KeyedTable
    hashes: DataFrame
    count: int

    def side(self) -> DataFrame:
        """The hashes as the smaller side of a join."""
        return smaller_side(self.hashes, self.count)


def narrowed(rows: DataFrame, table: KeyedTable, *others: str) -> DataFrame:
    """The few columns by which rows are compared: address, partition, hash of the key, and others."""
    return rows.select(*ADDRESS, *table.partition_by, key_hash(table), *others)


def collisions(narrow: DataFrame, scope: Scope, replaced: Sequence[int]) -> Colliding:
    """The keys that occur more than once among a batch's narrowed rows and the table, or whose rows are replaced.

    Their hashes are persisted: unpersist them when done.
    """
    table, spark = scope.table, narrow.sparkSession
    counted = narrow.select(_HASH, F.lit(1).alias("fresh"), F.lit(1).alias("weight"))
    if not scope.empty:
        weight = F.when(F.col("delivery_sequence").isin(list(replaced)), 2).otherwise(1) if replaced else F.lit(1)
        fresh = weight - 1
        for rows in scope.before(spark):
            kept = rows.select(key_hash(table), fresh.alias("fresh"), weight.alias("weight"))
            counted = counted.unionByName(kept)
    hashes = (
        counted.groupBy(_HASH)
        .agg(F.sum("fresh").alias("fresh"), F.sum("weight").alias("weight"))
        .where("fresh > 0 AND weight > 1")
        .select(_HASH)
        .persist(StorageLevel.MEMORY_AND_DISK)
    )
    return Colliding(table, hashes, hashes.count())


def colliding_addresses(narrow: DataFrame, colliding: Colliding) -> DataFrame:
    """Addresses of the narrowed rows whose key collides, as the smaller side of a join."""
    found = narrow.join(colliding.side(), _HASH, "left_semi").select(*ADDRESS)
    return smaller_side(found, colliding.count)


def smaller_side(rows: DataFrame, count: int) -> DataFrame:
    """Rows as the smaller side of a join: sent to every task when they are few."""
    return F.broadcast(rows) if count <= _FEW else rows


def among(rows: DataFrame, colliding: Colliding) -> DataFrame:
    """Rows whose key collides."""
    hashed = rows.withColumn(_HASH, key_hash(colliding.table))
    return hashed.join(colliding.side(), _HASH, "left_semi").drop(_HASH)


def beyond(rows: DataFrame, colliding: Colliding) -> DataFrame:
    """Rows whose key collides with no other."""
    if colliding.count == 0:
        return rows
    hashed = rows.withColumn(_HASH, key_hash(colliding.table))
    return hashed.join(colliding.side(), _HASH, "left_anti").drop(_HASH)


def ranked(rows: DataFrame, table: KeyedTable, within: Sequence[str] = ()) -> DataFrame:
    """Rows with ``place``: 1 for the winner of each key."""
    order = [*table.order_by, "delivery_date", "delivery_id", "record_number"]
    window = Window.partitionBy(*within, *table.keys).orderBy(*(F.col(name).desc_nulls_last() for name in order))
    return rows.withColumn("place", F.row_number().over(window))


def rebuild(batch: DataFrame, contenders: DataFrame, colliding: Colliding) -> None:
    """Make both tables anew from a batch that holds all rows there are; ``contenders`` are those that collide."""
    table = colliding.table
    decided = ranked(contenders, table).persist(StorageLevel.MEMORY_AND_DISK)
    losers = decided.where("place > 1").select(table.all_columns)
    winners = beyond(batch, colliding).unionByName(decided.where("place = 1").drop("place"))
    overwrite(losers, table.outranked)
    overwrite(winners, table.shape)
    decided.unpersist()


def publish(
    batch: DataFrame, contenders: DataFrame, colliding: Colliding, scope: Scope, replaced: Sequence[int]
) -> None:
    """Bring a batch of good rows into both tables: first the losers, then, in one commit, what readers see.

    ``contenders`` are the rows of the batch whose key collides. ``replaced`` names the delivery sequences whose
    present rows do not count any more.
    """
    table, spark = scope.table, batch.sparkSession
    plain = beyond(batch, colliding).select(table.all_columns)
    if colliding.count == 0:
        append(plain, table.path, table.partition_by)
        return
    present, aside = (among(rows, colliding) for rows in scope.before(spark))
    stays = ~F.col("delivery_sequence").isin(list(replaced)) if replaced else F.lit(True)
    pool = contenders.unionByName(present.where(stays)).unionByName(aside.where(stays)).dropDuplicates(list(ADDRESS))
    decided = ranked(pool, table).persist(StorageLevel.MEMORY_AND_DISK)
    changes = _table_changes(decided, present, table).withColumn(_WHERE, F.lit("table"))
    moves = _aside_changes(decided, aside, table).withColumn(_WHERE, F.lit("aside"))
    both = changes.unionByName(moves).persist(StorageLevel.MEMORY_AND_DISK)
    found = {(row[_WHERE], row[_CHANGE]) for row in both.select(_WHERE, _CHANGE).distinct().collect()}
    _commit_aside(both.where(F.col(_WHERE) == "aside").drop(_WHERE), found, scope)
    _commit_table(plain, both.where(F.col(_WHERE) == "table").drop(_WHERE), found, scope)
    decided.unpersist()
    both.unpersist()


def _commit_aside(moves: DataFrame, found: set[tuple[str, str]], scope: Scope) -> None:
    table = scope.table
    if ("aside", "delete") in found:
        merge_changes(moves, table.outranked_path, ADDRESS, scope.pruning(), _CHANGE)
    elif ("aside", "write") in found:
        append(moves.select(table.all_columns), table.outranked_path, table.partition_by)


def _commit_table(plain: DataFrame, changes: DataFrame, found: set[tuple[str, str]], scope: Scope) -> None:
    table = scope.table
    if ("table", "update") in found or ("table", "delete") in found:
        kind = F.when(F.col(_CHANGE) == "delete", "delete").otherwise("write")
        source = plain.withColumn(_CHANGE, F.lit("write")).unionByName(changes.withColumn(_CHANGE, kind))
        merge_changes(source, table.path, table.keys, scope.pruning(), _CHANGE)
    elif ("table", "insert") in found or not plain.isEmpty():
        append(plain.unionByName(changes.select(table.all_columns)), table.path, table.partition_by)


def _content(table: KeyedTable, prefix: str) -> Column:
    return F.struct(*(F.col(f"{prefix}.{name}") for name in table.all_columns))


def _table_changes(decided: DataFrame, present: DataFrame, table: KeyedTable) -> DataFrame:
    """What has to happen to the published table: rows to insert, update or delete, by ``change``."""
    winners = decided.where("place = 1").drop("place").alias("w")
    current = present.alias("c")
    same = reduce(lambda a, b: a & b, (F.col(f"w.{key}") == F.col(f"c.{key}") for key in table.keys))
    key = table.keys[0]
    change = (
        F.when(F.col(f"w.{key}").isNull(), "delete")
        .when(F.col(f"c.{key}").isNull(), "insert")
        .when(~_content(table, "w").eqNullSafe(_content(table, "c")), "update")
    )
    chosen = [F.coalesce(F.col(f"w.{name}"), F.col(f"c.{name}")).alias(name) for name in table.keys]
    rest = [F.col(f"w.{name}").alias(name) for name in table.all_columns if name not in table.keys]
    joined = winners.join(current, same, "full_outer").select(*chosen, *rest, change.alias(_CHANGE))
    return joined.where(F.col(_CHANGE).isNotNull()).select(*table.all_columns, _CHANGE)


def _aside_changes(decided: DataFrame, aside: DataFrame, table: KeyedTable) -> DataFrame:
    """What has to happen to the outranked table: rows to 'write' or 'delete', by address."""
    losers = decided.where("place > 1").drop("place").alias("w")
    current = aside.alias("c")
    same = reduce(lambda a, b: a & b, (F.col(f"w.{name}") == F.col(f"c.{name}") for name in ADDRESS))
    change = F.when(F.col("w.record_number").isNull(), "delete").when(
        ~_content(table, "w").eqNullSafe(_content(table, "c")), "write"
    )
    columns = [
        F.when(F.col("w.record_number").isNull(), F.col(f"c.{name}")).otherwise(F.col(f"w.{name}")).alias(name)
        for name in table.all_columns
    ]
    joined = losers.join(current, same, "full_outer").select(*columns, change.alias(_CHANGE))
    return joined.where(F.col(_CHANGE).isNotNull())
