"""Small frames of retail tables, from plain values."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

FACTS = (
    "order_number bigint, line_number int, order_block bigint, order_date date, order_month date, "
    "product_code string, product_line string, customer_name string, customer_key string, quantity int, "
    "total_amount decimal(18,2), transaction_type string, restocking_fee decimal(18,4), is_large_order boolean, "
    "territory string, phone_null_marker string, delivery_id string, delivery_date date"
)

Value = str | int | bool | Decimal | None


def frame(spark: SparkSession, columns: str, *rows: tuple[Value, ...]) -> DataFrame:
    """A frame of plain values, written as SQL: createDataFrame would start Python workers, which takes seconds."""
    pairs = [column.strip().split(" ", 1) for column in columns.split(", ")]
    casts = ", ".join(f"CAST(_{at} AS {kind}) AS {name}" for at, (name, kind) in enumerate(pairs))
    names = ", ".join(f"_{at}" for at in range(len(pairs)))
    # A row of nulls gives the columns their place when there is none.
    values = ", ".join(f"({', '.join(map(_literal, row))})" for row in rows) or f"({', '.join(['NULL'] * len(pairs))})"
    found = spark.sql(f"SELECT {casts} FROM VALUES {values} AS t({names})")
    return found if rows else found.limit(0)


def _literal(value: Value) -> str:
    if value is None:
        return "NULL"
    return "'" + value.replace("'", "\\'") + "'" if isinstance(value, str) else str(value)


def line(
    order: int,
    amount: str,
    *,
    number: int = 1,
    day: str = "2004-11-03",
    product: str = "S10_1678",
    product_line: str | None = None,
    customer: str = "Land of Toys",
    buyer: str = "k1",
    quantity: int = 10,
    territory: str | None = "NA",
    marker: str | None = None,
    delivery: str = "transactions/a_20041103.csv",
) -> tuple[Value, ...]:
    """A row of FACTS; type and fee follow from the amount, the block from the order."""
    value = Decimal(amount)
    kind = "SALE" if value > 0 else "REFUND" if value < 0 else "ZERO"
    fee = -value / 10 if value < 0 else Decimal(0)
    delivered = f"{delivery[-12:-8]}-{delivery[-8:-6]}-{delivery[-6:-4]}"
    return (
        order, number, order // 10000, day, f"{day[:7]}-01", product, product_line, customer, buyer, quantity,
        value, kind, fee, abs(value) >= 5000, territory, marker, delivery, delivered,
    )  # fmt: skip
