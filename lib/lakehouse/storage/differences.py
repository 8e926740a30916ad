"""Differences between what a table should hold and what it holds, by key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.storagelevel import StorageLevel

_KIND = "difference_kind"


@dataclass(frozen=True)
class Differences:
    """What is wrong with a table."""

    table: str
    rows: int
    """Rows that it should hold."""
    counts: dict[str, int]
    """missing, unexpected and different rows."""
    examples: tuple[str, ...]
    """Some of them, by key."""

    @property
    def total(self) -> int:
        """All rows that are wrong."""
        return sum(self.counts.values())


def compare(table: str, expected: DataFrame, found: DataFrame, keys: Sequence[str], shown: int) -> Differences:
    """Compare two frames with the same columns row by row; null equals null, also in keys."""
    columns = expected.columns
    left, right = expected.alias("e"), found.select(columns).withColumn("present", F.lit(True)).alias("f")
    left = left.withColumn("wanted", F.lit(True)).alias("e")
    same = reduce(lambda a, b: a & b, (F.col(f"e.{key}").eqNullSafe(F.col(f"f.{key}")) for key in keys))
    others = [name for name in columns if name not in keys]
    unequal = [F.when(~F.col(f"e.{n}").eqNullSafe(F.col(f"f.{n}")), F.lit(n)) for n in others]
    changed = F.concat_ws(", ", *unequal) if unequal else F.lit("")
    joined = left.join(right, same, "full_outer").select(
        *(F.coalesce(F.col(f"e.{key}"), F.col(f"f.{key}")).alias(key) for key in keys),
        F.when(F.col("f.present").isNull(), "missing")
        .when(F.col("e.wanted").isNull(), "unexpected")
        .when(changed != "", "different")
        .alias(_KIND),
        changed.alias("changed"),
    )
    wrong = joined.where(F.col(_KIND).isNotNull()).persist(StorageLevel.MEMORY_AND_DISK)
    counts = {row[_KIND]: row["count"] for row in wrong.groupBy(_KIND).count().collect()}
    examples = []
    if counts:
        for row in wrong.orderBy(_KIND, *keys).limit(shown).collect():
            key = ", ".join(f"{name}={row[name]}" for name in keys)
            detail = f" in {row['changed']}" if row[_KIND] == "different" else ""
            examples.append(f"{row[_KIND]}{detail}: {key}")
    wrong.unpersist()
    return Differences(table, expected.count(), counts, tuple(examples))
