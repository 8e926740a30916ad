"""The calendar is taken as conformed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse.domains.retail.silver.dim_date import dim_date
from tests.domains.retail.rows import frame

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_nothing_is_added_or_lost(spark: SparkSession) -> None:
    days = frame(spark, "calendar_date date, fiscal_year int", ("2013-02-02", 2012), ("2013-02-03", 2013))
    found = dim_date(days)
    assert [(str(row[0]), row[1]) for row in found.collect()] == [("2013-02-02", 2012), ("2013-02-03", 2013)]
    assert found.columns == ["calendar_date", "fiscal_year"]
