"""Retail's lake beside the independent computation: which tables hold the same, and how to ask them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lakehouse.cli import main
from lakehouse.contracts.lakes import Lake
from lakehouse.serving.masks import NO_MASKS
from lakehouse.serving.sql import open_lake, query
from tests.oracle import retail as oracle

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Compared:
    """A table, the columns that name its rows, the columns that are compared, and what they must hold."""

    table: str
    keys: str
    figures: str
    expected: Callable[[oracle.Shop], Mapping[Any, tuple[Any, ...]]]

    def found(self, lake: duckdb.DuckDBPyConnection) -> dict[Any, tuple[Any, ...]]:
        """The table's rows: key, alone or as a tuple, to figures."""
        width = len(self.keys.split(", "))
        rows = lake.execute(f"SELECT {self.keys}, {self.figures} FROM {self.table}").fetchall()
        found = {row[0] if width == 1 else row[:width]: row[width:] for row in rows}
        assert len(found) == len(rows)
        return found


_PERIOD = "calendar, period_type, period"
TABLES = (
    Compared(
        "retail_gold.monthly_summary",
        "year_number, month_number",
        "total_sales, total_refunds, items_sold, items_refunded, total_restocking_fees, unique_customers",
        lambda shop: oracle.monthly_summary(shop.lines),
    ),
    Compared(
        "retail_gold.sales_by_period",
        _PERIOD,
        "total_sales, line_count, order_count, units, restocking_fees",
        lambda shop: oracle.by_period(shop, "SALE"),
    ),
    Compared(
        "retail_gold.refunds_by_period",
        _PERIOD,
        "total_refunds, line_count, order_count, units, restocking_fees",
        lambda shop: oracle.by_period(shop, "REFUND"),
    ),
    Compared(
        "retail_gold.product_family_sales",
        "product_family",
        "total_sales, line_count, units_sold, total_refunds",
        lambda shop: oracle.product_family_sales(shop.lines),
    ),
    Compared(
        "retail_gold.product_performance",
        "territory, product_code",
        "total_revenue, total_quantity, order_count, avg_price, revenue_rank, best_revenue, revenue_diff_from_best",
        lambda shop: oracle.product_performance(shop.lines),
    ),
    Compared(
        "retail_gold.customer_segments",
        "customer_name",
        "total_spent, order_count, avg_order_value, last_order_date, unique_products, customer_segment",
        lambda shop: oracle.customer_segments(shop.lines),
    ),
    Compared(
        "retail_gold.top_customers",
        "spending_rank",
        "customer_name, total_spent, order_count, customer_segment",
        lambda shop: dict(enumerate(oracle.top_customers(shop.lines), start=1)),
    ),
    Compared(
        "retail_gold.daily_insights",
        "order_date",
        "total_sales, total_refunds, restocking_fees, sale_lines, refund_lines, zero_lines, units_sold, "
        "units_refunded, large_lines, order_count",
        lambda shop: oracle.daily_insights(shop.lines),
    ),
    Compared(
        "retail_gold.data_coverage",
        "delivery_id, measure, subject",
        "rows_checked, rows_matched",
        oracle.data_coverage,
    ),
    Compared(
        "retail_silver.dim_product",
        "product_code",
        "product_family, product_line, first_seen, last_seen",
        lambda shop: oracle.dim_product(shop.lines),
    ),
    Compared(
        "retail_silver.dim_customer",
        "customer_key, valid_from",
        "valid_to, version, first_name, last_name, company_name, address, city, state, county, postal_code, country, "
        "email, phone, phone_2, web",
        oracle.dim_customer,
    ),
    Compared(
        "retail_silver.fact_transactions",
        "order_number, line_number",
        "order_date, product_code, customer_key, quantity, total_amount, restocking_fee, transaction_type, delivery_id",
        lambda shop: {
            (one.order, one.number): (
                one.day, one.product, one.customer_key, one.quantity, one.amount, one.fee, one.kind, one.delivery,
            )
            for one in shop.lines
        },
    ),
)  # fmt: skip


def lakehouse(*arguments: str) -> tuple[int, str]:
    """Run a command in this process, in the session that all tests share; its exit code and what it said."""
    said = StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(said):
        patch.setattr("sys.argv", ["lakehouse", *arguments])
        patch.setenv("COLUMNS", "200")
        patch.setenv("NO_COLOR", "1")
        try:
            main()
        except SystemExit as end:
            return int(end.code or 0), said.getvalue()
    return 0, said.getvalue()


def rows_of(lake: Path, sql: str) -> list[tuple[Any, ...]]:
    """The answer to a question about a lake, nothing masked."""
    with open_lake(Lake.at(str(lake)), NO_MASKS) as connection:
        return query(connection, sql)[1]
