"""How many lines of a delivery find what they refer to."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from lakehouse.domains.retail.gold.data_coverage import data_coverage
from tests.domains.retail.rows import frame

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_every_delivery_says_what_it_finds(spark: SparkSession) -> None:
    delivered = frame(
        spark,
        "delivery_id string, order_date date, customer_key string, line_count bigint, phone_null_markers bigint",
        ("first.csv", "2004-11-03", "k1", 2, 1),
        ("first.csv", "2003-01-06", "k2", 1, 0),
        ("second.csv", "2003-01-06", "k9", 2823, 371),
    )
    # A customer with two versions is one customer.
    customers = frame(spark, "customer_key string", ("k1",), ("k1",), ("k3",))
    dates = frame(spark, "calendar_date date", ("2004-11-03",))
    people = frame(
        spark,
        "delivery_id string, phone_null_marker string, phone_2_null_marker string",
        ("people.csv", "#ERROR!", None),
        ("people.csv", "#ERROR!", "#ERROR!"),
        ("people.csv", None, None),
    )
    columns = (
        "table_name", "delivery_id", "measure", "subject", "rows_checked", "rows_matched", "match_share", "statement",
    )  # fmt: skip
    found = {tuple(row) for row in data_coverage(delivered, customers, dates, people).select(*columns).collect()}
    two_thirds, third, marked = Decimal("0.666667"), Decimal("0.333333"), Decimal("0.131420")
    rows = {
        ("first.csv", "reference", "dim_customer", 3, 2, two_thirds, "2 of 3 lines match dim_customer"),
        ("first.csv", "calendar", "dim_date", 3, 2, two_thirds, "2 of 3 lines lie in the fiscal calendar"),
        ("first.csv", "null_marker", "phone", 3, 1, third, "1 of 3 lines have a null marker for phone"),
        ("second.csv", "reference", "dim_customer", 2823, 0, Decimal(0), "0 of 2,823 lines match dim_customer"),
        ("second.csv", "calendar", "dim_date", 2823, 0, Decimal(0), "0 of 2,823 lines lie in the fiscal calendar"),
        ("second.csv", "null_marker", "phone", 2823, 371, marked, "371 of 2,823 lines have a null marker for phone"),
    }
    of_people = {
        ("people.csv", "null_marker", "phone", 3, 2, two_thirds, "2 of 3 customers have a null marker for phone"),
        ("people.csv", "null_marker", "phone_2", 3, 1, third, "1 of 3 customers have a null marker for phone_2"),
    }
    lines = {("fact_transactions", *row) for row in rows}
    assert found == lines | {("dim_customer", *row) for row in of_people}
