"""Figures of computed tables: what is told of rows that are too low."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from lakehouse.contracts.rules import Threshold
from lakehouse.quality.figures import judge_figures

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.slow


def test_many_low_rows_are_told_by_twenty_with_all_errors_and_the_number_of_the_others(spark: SparkSession) -> None:
    rows = spark.range(32).selectExpr("CAST(id AS decimal(9,0)) AS share", "concat('row ', id) AS says")
    limits = Threshold(figure="share", warn_below=Decimal(30), error_below=Decimal(25), says="says")
    found = judge_figures(rows, [limits])
    assert [verdict.severity for verdict in found] == ["error"] * 25 + ["warn"]
    assert found[24].reason == "row 24 (share is 24, expected at least 25)"
    # 25 to 29 are below 30 as well.
    assert found[25].reason == "5 more rows with share below 30"
