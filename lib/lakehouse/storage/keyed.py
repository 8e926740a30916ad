"""Tables by key: what they consist of, the part of them that a batch can touch, and the keys that occur more than once.

The work is narrow: only rows whose key occurs more than once, in the batch or in the table, are compared as wholes; the
rest is appended without a look at the table's other columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.storagelevel import StorageLevel

from lakehouse.contracts.columns import OWN
from lakehouse.ledger.book import table_version
from lakehouse.storage import asking
from lakehouse.storage.tables import HISTORY_NAMES, OBSERVED_AS, Shape, read_table
from lakehouse.storage.values import Values

ADDRESS = ("delivery_sequence", "record_number")
"""What identifies a row of bronze."""

VERSION, UNCHANGED, OUTRANKED = "version", "unchanged", "outranked"

_HASH = f"{OWN}key_hash"
PLACE = f"{OWN}place"
"""Column of ranked rows."""
_FEW = 200_000
"""Rows up to this number are broadcast to every task; more are joined by shuffling."""


@dataclass(frozen=True)
class History:
    """How the rows of a key become its versions."""

    valid_from: str
    """The column with the day from which a row holds."""
    type_1: tuple[str, ...]
    """Columns of which every version shows the newest value."""
    tracked: tuple[str, ...]
    """Columns whose change makes a version."""


@dataclass(frozen=True)
class KeyedTable:
    """A table with one row per key, or per version of it, and the one beside it with rows that readers need not see.

    Of a table with one row per key those are the rows that lost. Of a table with versions they are all good rows as
    delivered, each with what became of it: versions follow from them, and change when one comes between or goes.
    """

    shape: Shape
    outranked: Shape
    keys: tuple[str, ...]
    order_by: tuple[str, ...]
    history: History | None = None

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
    def columns(self) -> list[str]:
        """Columns of what readers see."""
        return list(self.shape.columns)

    @property
    def aside_columns(self) -> list[str]:
        """Columns of the table beside."""
        return list(self.outranked.columns)

    @property
    def row_columns(self) -> list[str]:
        """Columns of a good row: those of the contract and of the delivery."""
        added = HISTORY_NAMES if self.history else set()
        return [name for name in self.outranked.columns if name not in added]

    @property
    def row_keys(self) -> tuple[str, ...]:
        """What identifies a row that readers see."""
        return (*self.keys, "valid_from") if self.history else self.keys

    def beside(self, aside: DataFrame) -> DataFrame:
        """The rows of the table beside that readers do not see in the table itself."""
        return aside.where(F.col(OBSERVED_AS) != VERSION) if self.history else aside


@dataclass(frozen=True)
class Scope:
    """The part of a table that a batch can touch."""

    table: KeyedTable
    partitions: tuple[Values, ...]
    """Of each partition column; empty for an unpartitioned table."""
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
        rows = read_table(spark, path, version)
        if self.empty:
            return rows.where(F.lit(False))
        return reduce(lambda found, part: found.where(part.chosen()), self.partitions, rows)

    def placed(self) -> dict[tuple[int, str], int]:
        """Numbers of the rows that lie here now, by delivery sequence and place: published, or what beside it."""
        here = " AND ".join(part.asked() for part in self.partitions) or "true"
        there = asking.counts_by(self.table.path, ["delivery_sequence"], here)
        found = {(sequence, "published"): rows for (sequence,), rows in there.items()}
        if self.table.history is None:
            aside = asking.counts_by(self.table.outranked_path, ["delivery_sequence"], here)
            return found | {(sequence, OUTRANKED): rows for (sequence,), rows in aside.items()}
        beside = f"{here} AND {OBSERVED_AS} <> '{VERSION}'"
        columns = ["delivery_sequence", OBSERVED_AS]
        aside = asking.counts_by(self.table.outranked_path, columns, beside)
        return found | {(sequence, fate): rows for (sequence, fate), rows in aside.items()}

    def pruning(self) -> Values | None:
        """The values of the first partition column: a MERGE searches those partitions only."""
        return self.partitions[0] if self.partitions else None


def scope_of(touched: set[tuple[str | None, ...]], table: KeyedTable, empty: bool, replaced: Sequence[int]) -> Scope:
    """The partitions that are touched: those given, as texts, and those with rows of replaced sequences."""
    versions = (table_version(table.path), table_version(table.outranked_path))
    if empty or not table.partition_by:
        return Scope(table, (), empty, versions)
    if replaced:
        mine = Values.numbers("delivery_sequence", replaced).asked()
        for path in (table.path, table.outranked_path):
            touched = touched | asking.texts_of(path, table.partition_by, mine)
    kinds = ((at, name, table.shape.columns[name][0]) for at, name in enumerate(table.partition_by))
    found = [Values.of(name, kind, (texts[at] for texts in touched)) for at, name, kind in kinds]
    return Scope(table, tuple(found), not touched, versions)


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


def narrowed(rows: DataFrame, table: KeyedTable, others: Mapping[str, Column]) -> DataFrame:
    """The few columns by which rows are compared: address, partition, hash of the key, and others by their names."""
    own = (*ADDRESS, *table.partition_by)
    return rows.select(*own, key_hash(table), *(column.alias(n) for n, column in others.items() if n not in own))


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


def ranked(rows: DataFrame, table: KeyedTable, within: Sequence[str] = ()) -> DataFrame:
    """Rows with ``PLACE``: 1 for the winner of each key; of a table with versions, of each key and day."""
    order = [*table.order_by, "delivery_date", "delivery_id", "record_number"]
    days = [table.history.valid_from] if table.history else []
    window = Window.partitionBy(*within, *table.keys, *days).orderBy(*(F.col(name).desc_nulls_last() for name in order))
    return rows.withColumn(PLACE, F.row_number().over(window))
