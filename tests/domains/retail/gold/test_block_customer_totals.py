"""Sales and refunds of a block of orders, per customer."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from lakehouse.domains.retail.gold.block_customer_totals import block_customer_totals
from tests.domains.retail.rows import FACTS, frame, line

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_who_bought_on_the_last_day_stands_for_the_customer(spark: SparkSession) -> None:
    lines = frame(
        spark,
        FACTS,
        line(1, "6000", number=1, customer="A", buyer="k9", day="2004-01-01"),
        line(1, "-4000", number=2, customer="A", buyer="k1", day="2004-02-01"),
        line(2, "0", number=2, customer="A", buyer="k2", day="2004-02-01"),
        line(10000, "5", customer="A", buyer="k0"),
        line(3, "7", customer="B", buyer="k5"),
    )
    columns = (
        "order_block", "customer_name", "customer_key", "total_sales", "total_refunds", "sale_lines", "refund_lines",
        "order_count",
    )  # fmt: skip
    found = block_customer_totals(lines)
    assert {tuple(row) for row in found.select(*columns).collect()} == {
        (0, "A", "k2", Decimal(6000), Decimal(4000), 1, 1, 2),
        (1, "A", "k0", Decimal(5), Decimal(0), 1, 0, 1),
        (0, "B", "k5", Decimal(7), Decimal(0), 1, 0, 1),
    }
    assert {str(row[0]) for row in found.select("last_order_date").collect()} == {"2004-02-01", "2004-11-03"}
