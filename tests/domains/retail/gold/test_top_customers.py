"""The customers with the greatest gross sales."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from lakehouse.domains.retail.gold.top_customers import top_customers
from tests.domains.retail.rows import frame

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_the_first_by_gross_sales_with_contacts_where_known(spark: SparkSession) -> None:
    segments = frame(
        spark,
        "customer_name string, customer_key string, customer_member string, total_spent decimal(28,2)",
        ("B", "k2", "unknown", "9999.99"),
        ("A", "k1", "k1", "10000"),
        ("E", "k5", "unknown", "9999.99"),
        ("D", "k4", "unknown", "0"),
    )
    customers = frame(
        spark,
        "customer_key string, email string, phone string, is_current boolean",
        ("k1", "old@a.example", "1", False),
        ("k1", "new@a.example", "2", True),
        ("k9", "other@a.example", "3", True),
    )
    columns = ("spending_rank", "customer_name", "email", "phone", "customer_member")
    first = ((1, "A", "new@a.example", "2", "k1"), (2, "B", None, None, "unknown"), (3, "E", None, None, "unknown"))
    for places, expected in ((2, first[:2]), (10, first)):
        found = top_customers(segments, customers, places=Decimal(places)).orderBy("spending_rank").select(*columns)
        assert tuple(tuple(row) for row in found.collect()) == expected
