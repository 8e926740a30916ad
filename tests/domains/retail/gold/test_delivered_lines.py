"""Lines of a delivery, per day and customer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse.domains.retail.gold.delivered_lines import delivered_lines
from tests.domains.retail.rows import FACTS, frame, line

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_lines_and_null_markers_are_counted(spark: SparkSession) -> None:
    first, second = "transactions/a_20040101.csv", "transactions/b_20040102.csv"
    lines = frame(
        spark,
        FACTS,
        line(1, "1", delivery=first, buyer="k1", marker="#ERROR!"),
        line(2, "1", delivery=first, buyer="k1"),
        line(3, "1", delivery=first, buyer="k2", day="2003-01-06"),
        line(10000, "1", delivery=second, buyer="k1"),
    )
    assert {tuple(map(str, row)) for row in delivered_lines(lines).collect()} == {
        ("0", first, "2004-11-03", "k1", "2", "1"),
        ("0", first, "2003-01-06", "k2", "1", "0"),
        ("1", second, "2004-11-03", "k1", "1", "0"),
    }
