"""Products within their territory."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from lakehouse.domains.retail.gold.product_performance import product_performance
from tests.domains.retail.rows import frame

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TOTALS = "territory string, product_code string, total_sales decimal(28,2), sale_lines bigint, units_sold bigint"
COLUMNS = (
    "territory", "product_code", "product_line", "total_revenue", "total_quantity", "order_count", "avg_price",
    "revenue_rank", "best_revenue", "revenue_diff_from_best",
)  # fmt: skip


def test_products_are_ranked_by_gross_sales_and_equals_by_code(spark: SparkSession) -> None:
    totals = frame(
        spark,
        f"{TOTALS}, sale_orders bigint",
        ("NA", "S10_2", "200", 3, 7, 2),
        ("NA", "S10_1", "120.01", 2, 6, 1),
        ("NA", "S10_1", "79.99", 1, 1, 1),
        ("NA", "S18_9", "0.01", 1, 3, 1),
        ("NA", "S18_8", "0", 0, 0, 0),
        ("EMEA", "S18_9", "30", 1, 2, 1),
    )
    kinds = frame(spark, "product_code string, product_line string", ("S10_1", "Cars"), ("S18_9", "Ships"))
    price, best = Decimal("28.5714"), Decimal(200)
    assert {tuple(row) for row in product_performance(totals, kinds).select(*COLUMNS).collect()} == {
        ("NA", "S10_1", "Cars", best, 7, 2, price, 1, best, Decimal(0)),
        ("NA", "S10_2", None, best, 7, 2, price, 2, best, Decimal(0)),
        ("NA", "S18_9", "Ships", Decimal("0.01"), 3, 1, Decimal("0.0033"), 3, best, Decimal("199.99")),
        ("EMEA", "S18_9", "Ships", Decimal(30), 2, 1, Decimal(15), 1, Decimal(30), Decimal(0)),
    }
