"""Sales and refunds of a block of orders, per territory and product."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from lakehouse.domains.retail.gold.block_product_totals import block_product_totals
from tests.domains.retail.rows import FACTS, frame, line

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_blocks_and_territories_are_kept_apart_and_orders_count_once(spark: SparkSession) -> None:
    lines = frame(
        spark,
        FACTS,
        line(1, "100", number=1, product="S10_1", quantity=3),
        line(1, "20", number=2, product="S10_1", quantity=3),
        line(2, "-500", product="S10_1", quantity=9),
        line(3, "0", product="S10_1", quantity=5),
        line(10000, "80", product="S10_1", quantity=1),
        line(4, "40", product="S10_1", quantity=3, territory=None),
    )
    columns = (
        "order_block", "territory", "product_code", "total_sales", "total_refunds", "line_count", "sale_lines",
        "refund_lines", "units_sold", "units_refunded", "sale_orders",
    )  # fmt: skip
    assert {tuple(row) for row in block_product_totals(lines).select(*columns).collect()} == {
        (0, "NA", "S10_1", Decimal(120), Decimal(500), 4, 2, 1, 6, 9, 1),
        (1, "NA", "S10_1", Decimal(80), Decimal(0), 1, 1, 0, 1, 0, 1),
        (0, "unknown", "S10_1", Decimal(40), Decimal(0), 1, 1, 0, 3, 0, 1),
    }
