"""The keys that tables share."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from lakehouse.domains.retail.keys import customer_key, product_family, product_key
from tests.domains.retail.rows import frame

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_case_and_spaces_do_not_count_and_parts_stay_apart(spark: SparkSession) -> None:
    people = frame(
        spark,
        "f string, l string, c string",
        ("Ann", "Lee", "Toys  Ltd"),
        (" ANN ", "lee", "toys ltd "),
        ("Ann Lee", None, "Toys Ltd"),
        ("Ann", "Lee Toys", "Ltd"),
        (None, None, None),
        ("", " ", None),
    )
    keys = [row[0] for row in people.select(customer_key("f", "l", "c")).collect()]
    assert keys[0] == keys[1] == hashlib.sha256("ann\u001flee\u001ftoys ltd".encode()).hexdigest()
    assert len(set(keys[1:4])) == 3
    assert keys[4:] == [None, None]


def test_a_product_s_key_and_family(spark: SparkSession) -> None:
    codes = frame(spark, "code string", ("S700_2824",), ("A_B_1",), ("PLAIN",))
    found = [tuple(row) for row in codes.select(product_family("code"), product_key("code")).collect()]
    assert found == [
        ("S700", hashlib.sha256(b"S700_2824").hexdigest()),
        ("A", hashlib.sha256(b"A_B_1").hexdigest()),
        ("PLAIN", hashlib.sha256(b"PLAIN").hexdigest()),
    ]
