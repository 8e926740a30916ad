"""Which products a block of orders has for a customer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse.domains.retail.gold.block_customer_products import block_customer_products
from tests.domains.retail.rows import FACTS, frame, line

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_a_pair_stands_once_in_a_block(spark: SparkSession) -> None:
    lines = frame(
        spark,
        FACTS,
        line(1, "1", customer="A", product="P_1"),
        line(2, "-1", customer="A", product="P_1"),
        line(2, "1", number=2, customer="A", product="P_2"),
        line(3, "1", customer="B", product="P_1"),
        line(10000, "1", customer="A", product="P_1"),
    )
    assert {tuple(row) for row in block_customer_products(lines).collect()} == {
        (0, "A", "P_1", 2), (0, "A", "P_2", 1), (0, "B", "P_1", 1), (1, "A", "P_1", 1),
    }  # fmt: skip
