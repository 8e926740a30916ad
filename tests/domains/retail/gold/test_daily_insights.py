"""What happened on a day."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from lakehouse.domains.retail.gold.daily_insights import daily_insights
from tests.domains.retail.rows import FACTS, frame, line

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_the_figures_of_a_day(spark: SparkSession) -> None:
    lines = frame(
        spark,
        FACTS,
        line(1, "6000", number=1, quantity=3),
        line(1, "-5000", number=2, quantity=2, product="S12_1"),
        line(2, "0", quantity=7, customer="Mini Wheels"),
        line(3, "1", day="2004-11-04"),
    )
    found = daily_insights(lines).where("order_date = '2004-11-03'")
    columns = (
        "total_sales", "total_refunds", "net_sales", "restocking_fees", "refunds_paid_out", "sale_lines",
        "refund_lines", "zero_lines", "units_sold", "units_refunded", "large_lines", "order_count",
        "unique_customers", "unique_products",
    )  # fmt: skip
    assert [tuple(row) for row in found.select(*columns).collect()] == [
        (Decimal(6000), Decimal(5000), Decimal(1000), Decimal(500), Decimal(4500), 1, 1, 1, 3, 2, 2, 2, 2, 2)
    ]
