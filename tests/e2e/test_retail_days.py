"""Retail from day to day: what is corrected, late, or known only afterwards gives the figures of a single load."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lakehouse.contracts.lakes import Lake
from lakehouse.serving.masks import NO_MASKS
from lakehouse.serving.sql import open_lake
from tests.e2e.retail_deliveries import DELIVERIES, deliver
from tests.e2e.retail_lake import TABLES, Compared, lakehouse
from tests.faults.crashes import CrashError, crashing
from tests.oracle import retail as oracle

if TYPE_CHECKING:
    import duckdb
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@dataclass(frozen=True)
class Shop:
    """The lake after three runs, what each of them said as its result, and the deliveries."""

    lake: Path
    landing: Path
    runs: list[dict[str, Any]]

    def versions(self, run: int) -> dict[str, tuple[int, str]]:
        """Table -> its version after a run, and what was done to it."""
        return {one["table"].removeprefix("retail."): (one["version"], one["note"]) for one in self.runs[run]["tables"]}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, spark: SparkSession) -> Shop:
    root = tmp_path_factory.mktemp("days")
    found = Shop(root / "lake", root / "landing", [])
    for delivered in DELIVERIES:
        deliver(found.landing, delivered)
        result = root / "result.json"
        code, said = lakehouse(
            "run", "retail", "--landing", str(found.landing), "--lake", str(found.lake), "--result", str(result)
        )
        assert code == 0, said
        found.runs.append(json.loads(result.read_text()))
    return found


@pytest.fixture(scope="module")
def lake(shop: Shop) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_lake(Lake.at(str(shop.lake)), NO_MASKS) as connection:
        yield connection


@pytest.mark.parametrize("compared", TABLES, ids=lambda one: one.table)
def test_every_table_equals_the_independent_computation(
    shop: Shop, lake: duckdb.DuckDBPyConnection, compared: Compared
) -> None:
    assert compared.found(lake) == compared.expected(oracle.read_shop(shop.landing))


def test_only_blocks_and_months_that_changed_are_computed_again(shop: Shop) -> None:
    done = {name: note for name, (_, note) in shop.versions(1).items()}
    # Orders 9998 and 9999 lie in block 0, order 20001 in block 2; 10000 in block 1 did not change.
    of_blocks = {
        "gold.block_customer_products", "gold.block_customer_totals", "gold.block_period_totals",
        "gold.block_product_totals", "gold.delivered_lines", "silver.product_sightings",
    }  # fmt: skip
    # November and January; December did not change.
    of_months = {"gold.monthly_summary", "gold.daily_insights"}
    assert {name for name, note in done.items() if note == "2 periods recomputed"} == of_blocks | of_months


def test_a_customer_who_is_known_later_is_found_without_touching_the_lines(
    shop: Shop, lake: duckdb.DuckDBPyConnection
) -> None:
    before, after = shop.versions(1), shop.versions(2)
    assert {name for name in after if after[name][0] != before.get(name, (None, ""))[0]} == {
        "bronze.customers", "silver.dim_customer", "gold.data_coverage", "gold.customer_segments", "gold.top_customers",
    }  # fmt: skip
    told = [one["reason"] for one in shop.runs[0]["verdicts"] if one["reason"]]
    assert any(reason.startswith("0 of 6 lines match dim_customer") for reason in told), told
    statements = lake.execute("SELECT statement FROM retail_gold.data_coverage WHERE measure = 'reference'").fetchall()
    assert {row[0] for row in statements} == {"2 of 5 lines match dim_customer", "2 of 3 lines match dim_customer"}
    top = "SELECT customer_name, email, phone, total_spent FROM retail_gold.top_customers ORDER BY spending_rank"
    assert lake.execute(top).fetchall() == [
        ("Toys", "ann@toys.example", "111", Decimal("6260.50")),
        ("Boards", None, None, Decimal("169.99")),
    ]


def test_null_markers_are_counted_in_every_row_of_customers_that_open_no_version_too(
    lake: duckdb.DuckDBPyConnection,
) -> None:
    told = lake.execute(
        "SELECT delivery_id, statement FROM retail_gold.data_coverage "
        "WHERE table_name = 'dim_customer' AND subject = 'phone_2' ORDER BY delivery_id"
    ).fetchall()
    assert told == [
        ("customers/shop_customers_gb_20250102.csv", "1 of 1 customers have a null marker for phone_2"),
        ("customers/shop_customers_gb_20250201.csv", "3 of 19 customers have a null marker for phone_2"),
    ]
    # Ed is in both files; a marker opens no version.
    versions = "SELECT version, phone_2, phone_2_null_marker FROM retail_silver.dim_customer WHERE last_name = 'No 0'"
    assert lake.execute(versions).fetchall() == [(1, None, "#ERROR!")]


def test_who_has_no_e_mail_address_is_in_quarantine(lake: duckdb.DuckDBPyConnection) -> None:
    found = lake.execute(
        "SELECT record_number, reasons[1].rule, reasons[1].value FROM retail_quarantine.dim_customer"
    ).fetchall()
    assert found == [(20, "email_is_an_address", "di at nothing")]


HELD = (
    "after:append outranked/dim_customer",
    "before:replace silver/product_sightings",
    "after:overwrite silver/dim_product",
    "before:overwrite gold/customer_segments",
)
"""Where attempts at a release end: a history lies beside and is not published, and between computed tables."""


def test_histories_and_computed_tables_go_back_and_forth_whatever_cuts_them_off(shop: Shop, tmp_path: Path) -> None:
    lake, first_day = tmp_path / "lake", tmp_path / "landing"
    shutil.copytree(shop.lake, lake)
    deliver(first_day, DELIVERIES[0])
    then, now = oracle.read_shop(first_day), oracle.read_shop(shop.landing)
    back = ("restore", "retail", "--to", shop.runs[0]["run_id"], "--because", "wrong prices", "--lake", str(lake))
    with crashing("after:restore silver/dim_customer"), pytest.raises(CrashError):
        lakehouse(*back)
    run = ("run", "retail", "--landing", str(shop.landing), "--lake", str(lake))
    code, said = lakehouse(*run)
    assert (code, f"finished the interrupted restore to {shop.runs[0]['run_id']}" in said) == (0, True), said
    assert differing(lake, then) == []
    # What is held stays where it is.
    code, said = lakehouse(*run)
    assert (code, "nothing new" in said.lower()) == (0, True), said
    assert differing(lake, then) == []

    release = ("release", "retail", "--all-held", "--because", "prices were right", "--lake", str(lake))
    for point in HELD:
        with crashing(point), pytest.raises(CrashError):
            lakehouse(*release)
    code, said = lakehouse(*release)
    assert code == 0, said
    assert differing(lake, now) == []


def differing(place: Path, expected: oracle.Shop) -> list[str]:
    """Names of the tables that are not what the deliveries make them."""
    with open_lake(Lake.at(str(place)), NO_MASKS) as lake:
        return [one.table for one in TABLES if one.found(lake) != one.expected(expected)]
