"""Sales and refunds per product family."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from lakehouse.domains.retail.gold.product_family_sales import product_family_sales
from tests.domains.retail.rows import frame

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_products_and_blocks_of_a_family_add_up(spark: SparkSession) -> None:
    columns = (
        "product_code string, total_sales decimal(28,2), total_refunds decimal(28,2), line_count bigint, "
        "sale_lines bigint, refund_lines bigint, units_sold bigint, units_refunded bigint"
    )
    totals = frame(
        spark,
        columns,
        ("S10_1", "120.10", "500", 4, 2, 1, 6, 9),
        ("S10_1", "80", "0", 1, 1, 0, 1, 0),
        ("S10_2", "0.05", "1", 2, 1, 1, 2, 4),
        ("S18_1", "0", "3", 2, 0, 1, 0, 8),
    )
    names = ("product_family", "total_sales", "line_count", "units_sold", "total_refunds", "sale_lines", "refund_lines")
    found = product_family_sales(totals)
    assert {tuple(row) for row in found.select(*names, "units_refunded").collect()} == {
        ("S10", Decimal("200.15"), 7, 9, Decimal(501), 4, 2, 13),
        ("S18", Decimal(0), 2, 0, Decimal(3), 0, 1, 8),
    }
