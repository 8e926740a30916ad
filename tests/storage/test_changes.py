"""What changed in a table since a version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lakehouse.storage.changes import changed_values
from lakehouse.storage.commits import append, overwrite
from lakehouse.storage.tables import Shape, ensure_table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.slow


def test_a_feed_that_begins_with_other_columns_is_not_available(spark: SparkSession, tmp_path: Path) -> None:
    path = str(tmp_path / "t")
    columns = {"day": ("int", ""), "size": ("int", "")}
    shape = Shape(path, "shop_silver.lines", "", columns, change_feed=True)
    ensure_table(shape)
    for day in (1, 2):
        append(spark.sql(f"SELECT {day} AS day, 10 AS size"), path)
    assert changed_values(spark, path, "day", 1, 2) == {"2"}
    fewer = Shape(path, "shop_silver.lines", "", {"day": ("int", "")}, change_feed=True)
    overwrite(spark.sql("SELECT 3 AS day"), fewer)
    assert changed_values(spark, path, "day", 1, 3) is None


def test_a_feed_over_other_partitions_is_not_available(spark: SparkSession, tmp_path: Path) -> None:
    path = str(tmp_path / "t")
    columns = {"day": ("int", ""), "size": ("int", "")}
    by_size = Shape(path, "shop_silver.lines", "", columns, ("size",), change_feed=True)
    ensure_table(by_size)
    append(spark.sql("SELECT 1 AS day, 10 AS size"), path, ("size",))
    overwrite(spark.sql("SELECT 2 AS day, 10 AS size"), Shape(path, by_size.name, "", columns, ("day",), (), True))
    # Day 1 is gone: whoever has it must hear of it.
    assert changed_values(spark, path, "day", 1, 2) is None
    append(spark.sql("SELECT 3 AS day, 10 AS size"), path, ("day",))
    assert changed_values(spark, path, "day", 2, 3) == {"3"}
