"""Lines of orders: what the transform adds, and what the contract derives."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from lakehouse.contracts.domains import load_domain
from lakehouse.contracts.names import TableId
from lakehouse.contracts.tables import SilverTable
from lakehouse.domains.retail.silver.fact_transactions import fact_transactions
from lakehouse.quality.conform import UNCONFORMED, derive
from tests.domains.retail.rows import frame

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

COLUMNS = (
    "order_number bigint, order_date date, product_code string, customer_name string, contact_first_name string, "
    "contact_last_name string, quantity int, price_each decimal(18,4), total_amount decimal(18,2), phone string, "
    "phone_null_marker string"
)


def test_keys_come_from_names_and_code(spark: SparkSession) -> None:
    row = (10107, "2003-02-24", "S10_1678", "Land of Toys Inc.", "Kwai", "Yu", 30, None, "-1993", "1", "1")
    (found,) = fact_transactions(frame(spark, COLUMNS, row)).select("customer_key", "product_key").collect()
    assert tuple(found) == (
        hashlib.sha256("kwai\u001fyu\u001fland of toys inc.".encode()).hexdigest(),
        hashlib.sha256(b"S10_1678").hexdigest(),
    )


def test_what_follows_from_amount_price_and_number(spark: SparkSession) -> None:
    contract = load_domain("retail").tables[TableId.parse("retail.silver.fact_transactions")]
    assert isinstance(contract, SilverTable)
    same = ("2003-02-24", "S10_1678", "Land of Toys Inc.", "Kwai", "Yu")
    lines = frame(
        spark,
        COLUMNS,
        (9999, *same, 30, None, "-1993.05", None, None),
        (10000, *same, 3, None, "5000", None, None),
        (10001, *same, 3, "1700", "4999.99", None, None),
        (20000, *same, 8, None, "0", None, None),
        (20001, *same, 1, None, "-5000.00", None, None),
    )
    found = derive(lines.withColumn(UNCONFORMED, F.lit(False)), contract).orderBy("order_number")
    columns = ("order_block", "unit_price", "transaction_type", "restocking_fee", "net_amount", "is_large_order")
    assert [tuple(row) for row in found.select(*columns).collect()] == [
        (0, Decimal("66.4350"), "REFUND", Decimal("199.3050"), Decimal("-1793.7450"), False),
        (1, Decimal("1666.6667"), "SALE", Decimal(0), Decimal(5000), True),
        (1, Decimal(1700), "SALE", Decimal(0), Decimal("4999.99"), False),
        (2, Decimal(0), "ZERO", Decimal(0), Decimal(0), False),
        (2, Decimal(5000), "REFUND", Decimal(500), Decimal(-4500), True),
    ]
    assert {str(row[0]) for row in found.select("order_month").collect()} == {"2003-02-01"}
