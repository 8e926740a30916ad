"""The names of periods, around New Year and outside the fiscal calendar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pyspark.sql import functions as F

from lakehouse.domains.retail.periods import calendar_periods, fiscal_periods
from tests.domains.retail.rows import frame

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.mark.parametrize(
    ("day", "week", "month", "quarter", "year"),
    [
        ("2004-12-31", "2004-W53", "2004-12", "2004-Q4", "2004"),
        ("2005-01-01", "2004-W53", "2005-01", "2005-Q1", "2005"),
        ("2005-01-02", "2004-W53", "2005-01", "2005-Q1", "2005"),
        ("2005-01-03", "2005-W01", "2005-01", "2005-Q1", "2005"),
        ("2003-12-28", "2003-W52", "2003-12", "2003-Q4", "2003"),
        ("2003-12-29", "2004-W01", "2003-12", "2003-Q4", "2003"),
        ("2004-09-30", "2004-W40", "2004-09", "2004-Q3", "2004"),
    ],
)
def test_a_day_lies_in_a_week_of_iso_s_year(
    spark: SparkSession, day: str, week: str, month: str, quarter: str, year: str
) -> None:
    days = frame(spark, "day date", (day,)).select(F.inline(F.array(*calendar_periods("day"))))
    assert [tuple(row) for row in days.collect()] == [
        ("calendar", "week", week),
        ("calendar", "month", month),
        ("calendar", "quarter", quarter),
        ("calendar", "year", year),
    ]


def test_fiscal_periods_are_those_of_the_calendar_and_null_outside(spark: SparkSession) -> None:
    columns = "fiscal_year int, fiscal_week_of_year int, fiscal_month_number int, fiscal_quarter int"
    days = frame(spark, columns, (2012, 53, 12, 4), (2013, 1, 1, 1), (None, None, None, None))
    found = [tuple(row) for row in days.select(F.inline(F.array(*fiscal_periods()))).collect()]
    assert [period for _, _, period in found] == [
        "2012-W53", "2012-12", "2012-Q4", "2012",
        "2013-W01", "2013-01", "2013-Q1", "2013",
        None, None, None, None,
    ]  # fmt: skip
    assert {(calendar, kind) for calendar, kind, _ in found} == {
        ("fiscal", "week"), ("fiscal", "month"), ("fiscal", "quarter"), ("fiscal", "year"),
    }  # fmt: skip
