"""What a block of orders says of each product."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse.domains.retail.silver.product_sightings import product_sightings
from tests.domains.retail.rows import FACTS, frame, line

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_the_latest_line_that_names_the_kind_of_product_counts(spark: SparkSession) -> None:
    lines = frame(
        spark,
        FACTS,
        line(10001, "5", day="2004-03-01", product_line="Cars"),
        line(10002, "5", day="2004-05-01", product_line="Vintage Cars"),
        line(10003, "-5", day="2004-05-01", product_line="Trucks"),
        line(10004, "5", day="2004-07-01"),
        line(20000, "5", day="2004-02-01"),
    )
    columns = ("order_block", "product_code", "product_line", "product_line_date", "first_seen", "last_seen")
    assert {tuple(map(str, row)) for row in product_sightings(lines).select(*columns).collect()} == {
        ("1", "S10_1678", "Vintage Cars", "2004-05-01", "2004-03-01", "2004-07-01"),
        ("2", "S10_1678", "None", "None", "2004-02-01", "2004-02-01"),
    }
