"""Refunds per period."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from lakehouse.domains.retail.gold.refunds_by_period import refunds_by_period
from tests.domains.retail.rows import frame

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_blocks_add_up_and_the_other_type_is_left_out(spark: SparkSession) -> None:
    columns = (
        "order_block bigint, transaction_type string, calendar string, period_type string, period string, "
        "total_amount decimal(28,2), line_count bigint, order_count bigint, units bigint, "
        "restocking_fees decimal(28,4)"
    )
    totals = frame(
        spark,
        columns,
        (0, "REFUND", "calendar", "week", "2004-W53", "10.01", 2, 1, 5, "1.001"),
        (1, "REFUND", "calendar", "week", "2004-W53", "0.04", 3, 2, 7, "0.004"),
        (0, "REFUND", "fiscal", "week", "2004-W53", "10.01", 2, 1, 5, "1.001"),
        (0, "SALE", "calendar", "week", "2004-W53", "99", 9, 9, 9, "9"),
    )
    found = refunds_by_period(totals)
    assert found.columns == [
        "calendar", "period_type", "period", "total_refunds", "line_count", "order_count", "units", "restocking_fees",
    ]  # fmt: skip
    assert {tuple(row) for row in found.collect()} == {
        ("calendar", "week", "2004-W53", Decimal("10.05"), 5, 3, 12, Decimal("1.0050")),
        ("fiscal", "week", "2004-W53", Decimal("10.01"), 2, 1, 5, Decimal("1.0010")),
    }
