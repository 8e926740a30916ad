"""What each customer bought, and the segment."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from lakehouse.domains.retail.gold.customer_segments import customer_segments
from tests.domains.retail.rows import Value, frame

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

TOTALS = (
    "customer_name string, customer_key string, last_order_date date, total_sales decimal(28,2), "
    "total_refunds decimal(28,2), sale_lines bigint, refund_lines bigint, order_count bigint"
)


def segments(spark: SparkSession, *totals: tuple[Value, ...], medium_from: int = 10000) -> DataFrame:
    products = [(row[0], product) for row in totals for product in ("P_1", "P_2")]
    pairs = frame(spark, "customer_name string, product_code string", *products, ("A", "P_1"), ("A", "P_3"))
    # A customer with two versions is one customer.
    customers = frame(spark, "customer_key string", ("k1",), ("k1",), ("k8",))
    high, medium = Decimal(10000), Decimal(medium_from)
    return customer_segments(frame(spark, TOTALS, *totals), pairs, customers, high_from=high, medium_from=medium)


def test_figures_of_each_customer(spark: SparkSession) -> None:
    found = segments(
        spark,
        ("A", "k9", "2004-01-01", "6000.01", "0", 2, 0, 1),
        ("A", "k1", "2004-02-01", "4000", "7000", 1, 1, 2),
        ("B", "k2", "2004-01-01", "100", "0", 1, 0, 3),
    )
    columns = (
        "customer_name", "total_spent", "order_count", "avg_order_value", "unique_products", "customer_segment",
        "total_refunds", "customer_key", "customer_member",
    )  # fmt: skip
    assert [tuple(row) for row in found.select(*columns).orderBy("customer_name").collect()] == [
        ("A", Decimal("10000.01"), 3, Decimal("3333.34"), 3, "High", Decimal(7000), "k1", "k1"),
        ("B", Decimal(100), 3, Decimal("33.33"), 2, "Low", Decimal(0), "k2", "unknown"),
    ]
    days = {row[0]: str(row[1]) for row in found.select("customer_name", "last_order_date").collect()}
    assert days == {"A": "2004-02-01", "B": "2004-01-01"}


@pytest.mark.parametrize(
    ("sales", "sale_lines", "refund_lines", "medium_from", "segment"),
    [
        ("10000", 1, 0, 10000, "High"),
        ("9999.99", 1, 1, 10000, "Low"),
        ("9999.99", 1, 1, 5000, "Medium"),
        ("5000", 1, 1, 5000, "Medium"),
        ("4999.99", 1, 1, 5000, "Low"),
        ("0", 0, 3, 10000, "RefundsOnly"),
        ("0", 0, 0, 10000, "Low"),
    ],
)
def test_segments(
    spark: SparkSession, sales: str, sale_lines: int, refund_lines: int, medium_from: int, segment: str
) -> None:
    row = ("B", "k2", "2004-01-01", sales, "20000", sale_lines, refund_lines, 1)
    (found,) = segments(spark, row, medium_from=medium_from).where("customer_name = 'B'").collect()
    assert found["customer_segment"] == segment
