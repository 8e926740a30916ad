"""Products, from what blocks of orders say of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse.domains.retail.silver.dim_product import dim_product
from tests.domains.retail.rows import frame

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_a_later_block_overrules_an_earlier_one_only_when_it_names_a_kind(spark: SparkSession) -> None:
    columns = (
        "order_block bigint, product_code string, product_line string, product_line_date date, first_seen date, "
        "last_seen date"
    )
    sightings = frame(
        spark,
        columns,
        (1, "A_1", "Lamps", "2004-01-01", "2004-01-01", "2004-01-01"),
        (2, "A_1", None, None, "2004-02-01", "2004-02-01"),
        (1, "B_1", "Lamps", "2004-01-01", "2004-01-01", "2004-01-01"),
        (2, "B_1", "Tools", "2004-02-01", "2003-02-01", "2004-03-01"),
        (1, "C", None, None, "2004-01-01", "2004-01-01"),
    )
    found = dim_product(sightings).collect()
    assert {tuple(map(str, row))[1:] for row in found} == {
        ("A_1", "A", "Lamps", "2004-01-01", "2004-02-01"),
        ("B_1", "B", "Tools", "2003-02-01", "2004-03-01"),
        ("C", "C", "None", "2004-01-01", "2004-01-01"),
    }
    assert {len(row["product_key"]) for row in found} == {64}
