"""Sales and refunds per month."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from lakehouse.domains.retail.gold.monthly_summary import monthly_summary
from tests.domains.retail.rows import FACTS, frame, line

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_refunds_are_positive_and_every_customer_of_the_month_counts(spark: SparkSession) -> None:
    lines = frame(
        spark,
        FACTS,
        line(1, "100.10", day="2004-11-01", quantity=3),
        line(2, "-40.05", day="2004-11-30", quantity=2, customer="Mini Wheels"),
        line(3, "0", day="2004-11-15", quantity=7, customer="Boards & Toys"),
        line(4, "-1", day="2004-12-01", quantity=1),
    )
    columns = (
        "year_number", "month_number", "total_sales", "total_refunds", "items_sold", "items_refunded",
        "total_restocking_fees", "unique_customers",
    )  # fmt: skip
    assert {tuple(row) for row in monthly_summary(lines).select(*columns).collect()} == {
        (2004, 11, Decimal("100.10"), Decimal("40.05"), 3, 2, Decimal("4.0050"), 3),
        (2004, 12, Decimal(0), Decimal(1), 0, 1, Decimal("0.1000"), 1),
    }
