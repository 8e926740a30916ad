"""Sales and refunds of a block of orders, per period."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from lakehouse.domains.retail.gold.block_period_totals import block_period_totals
from tests.domains.retail.rows import FACTS, frame, line

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

DATES = (
    "calendar_date date, fiscal_year int, fiscal_quarter int, fiscal_month_number int, fiscal_week_of_year int, "
    "weekday_name string"
)
NO_FEE = Decimal("0.0000")


@pytest.fixture(scope="module")
def totals(spark: SparkSession) -> DataFrame:
    lines = frame(
        spark,
        FACTS,
        # One order on two days, in two calendar years, and one fiscal and one ISO week.
        line(9999, "100", number=1, day="2012-12-31", quantity=1),
        line(9999, "50.50", number=2, day="2013-01-01", quantity=2),
        line(9998, "-9.99", day="2013-01-01", quantity=16),
        line(9997, "0", day="2013-01-01", quantity=32),
        line(10000, "7", number=1, day="2013-01-01", quantity=4),
        # Not in the fiscal calendar.
        line(10002, "1000", day="2003-01-06", quantity=64),
    )
    dates = frame(spark, DATES, ("2012-12-31", 2012, 4, 12, 49, "Mon"), ("2013-01-01", 2012, 4, 12, 49, "Tue"))
    return block_period_totals(lines, dates).cache()


def figures(totals: DataFrame, block: int, kind: str) -> dict[tuple[str, str, str], tuple[object, ...]]:
    rows = totals.where(f"order_block = {block} AND transaction_type = '{kind}'").collect()
    return {tuple(row)[2:5]: tuple(row)[5:] for row in rows}


def test_an_order_counts_once_in_each_of_its_periods(totals: DataFrame) -> None:
    of_both_days, of_the_first = (Decimal("150.50"), 2, 1, 3, NO_FEE), (Decimal(100), 1, 1, 1, NO_FEE)
    of_the_second = (Decimal("50.50"), 1, 1, 2, NO_FEE)
    assert figures(totals, 0, "SALE") == {
        ("calendar", "week", "2013-W01"): of_both_days,
        ("calendar", "month", "2012-12"): of_the_first,
        ("calendar", "quarter", "2012-Q4"): of_the_first,
        ("calendar", "year", "2012"): of_the_first,
        ("calendar", "month", "2013-01"): of_the_second,
        ("calendar", "quarter", "2013-Q1"): of_the_second,
        ("calendar", "year", "2013"): of_the_second,
        ("fiscal", "week", "2012-W49"): of_both_days,
        ("fiscal", "month", "2012-12"): of_both_days,
        ("fiscal", "quarter", "2012-Q4"): of_both_days,
        ("fiscal", "year", "2012"): of_both_days,
    }


def test_refunds_stand_apart_and_zeros_nowhere(totals: DataFrame) -> None:
    found = figures(totals, 0, "REFUND")
    assert set(found.values()) == {(Decimal("9.99"), 1, 1, 16, Decimal("0.9990"))}
    assert set(found) == {
        ("calendar", "week", "2013-W01"), ("calendar", "month", "2013-01"), ("calendar", "quarter", "2013-Q1"),
        ("calendar", "year", "2013"), ("fiscal", "week", "2012-W49"), ("fiscal", "month", "2012-12"),
        ("fiscal", "quarter", "2012-Q4"), ("fiscal", "year", "2012"),
    }  # fmt: skip
    assert {row[0] for row in totals.select("transaction_type").distinct().collect()} == {"SALE", "REFUND"}


def test_a_line_outside_the_fiscal_calendar_has_no_fiscal_period(totals: DataFrame) -> None:
    found = figures(totals, 1, "SALE")
    old = {key: value for key, value in found.items() if value[0] == Decimal(1000)}
    assert set(old) == {
        ("calendar", "week", "2003-W02"), ("calendar", "month", "2003-01"), ("calendar", "quarter", "2003-Q1"),
        ("calendar", "year", "2003"),
    }  # fmt: skip
    assert {value for key, value in found.items() if key not in old} == {(Decimal(7), 1, 1, 4, NO_FEE)}
    assert len(found) == 4 + 8
