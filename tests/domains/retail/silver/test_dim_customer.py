"""Customers: their key, and what is state and what county."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse.domains.retail.silver.dim_customer import dim_customer
from tests.domains.retail.rows import frame

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_a_county_alone_is_the_state_and_stays_a_county_beside_one(spark: SparkSession) -> None:
    columns = "first_name string, last_name string, company_name string, state string, county string"
    people = frame(
        spark,
        columns,
        ("Evan", "Zigomalas", "Cap Gemini America", None, "Kent"),
        ("James", "Butt", "Benton", "LA", "Orleans"),
        ("Kendra", "Loud", "Deloitte", "NB", None),
        ("No", "Place", "Nowhere", None, None),
    )
    found = dim_customer(people).select("last_name", "state", "county").collect()
    assert [tuple(row) for row in found] == [
        ("Zigomalas", "Kent", None),
        ("Butt", "LA", "Orleans"),
        ("Loud", "NB", None),
        ("Place", None, None),
    ]


def test_two_people_of_one_company_are_two_customers(spark: SparkSession) -> None:
    columns = "first_name string, last_name string, company_name string, state string, county string"
    same = ("Mail Boxes Etc", None, None)
    keys = dim_customer(frame(spark, columns, ("A", "B", *same), ("A", "C", *same), ("a ", "B", *same)))
    found = [row[0] for row in keys.select("customer_key").collect()]
    assert found[0] == found[2] != found[1]
