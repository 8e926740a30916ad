"""Retail on the trial deliveries, whose answers are known (shared/data/README.md); all else against the oracle.

The files carry no licence: they lie beside this checkout, and without them there is nothing to test here.
"""

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
from tests.e2e.retail_lake import TABLES, Compared, lakehouse
from tests.oracle import retail as oracle

if TYPE_CHECKING:
    import duckdb
    from pyspark.sql import SparkSession

TRIAL = Path(__file__).parents[3] / "shared" / "data" / "retail-landing"

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.skipif(not TRIAL.is_dir(), reason=f"the trial deliveries are not in {TRIAL}"),
]

TRANSACTIONS = "transactions/de_shop_transactions_20230821.csv"
GB = "customers/de_shop_customers_20230619.csv"


@dataclass(frozen=True)
class Trial:
    """The trial deliveries, the lake made of them, and what the run said."""

    landing: Path
    lake: Path
    said: str
    result: dict[str, Any]
    shop: oracle.Shop


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory, spark: SparkSession) -> Trial:
    root = tmp_path_factory.mktemp("trial")
    landing = root / "landing"
    for folder, names in (("transactions", "*transactions*"), ("customers", "*customers*"), ("calendar", "*dates*")):
        (landing / "retail" / folder).mkdir(parents=True)
        for path in TRIAL.glob(names):
            shutil.copy(path, landing / "retail" / folder)
    code, said = lakehouse(
        "run", "retail", "--landing", str(landing), "--lake", str(root / "lake"), "--result", str(root / "result.json")
    )
    assert code == 0, said
    result = json.loads((root / "result.json").read_text())
    return Trial(landing, root / "lake", said, result, oracle.read_shop(landing))


@pytest.fixture(scope="module")
def lake(trial: Trial) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_lake(Lake.at(str(trial.lake)), NO_MASKS) as connection:
        yield connection


def ask(lake: duckdb.DuckDBPyConnection, statement: str) -> list[tuple[Any, ...]]:
    return lake.execute(statement).fetchall()


FACTS = "FROM retail_silver.fact_transactions"
CUSTOMERS = "FROM retail_silver.dim_customer"
PERIODS = "retail_gold.sales_by_period JOIN retail_gold.refunds_by_period USING (calendar, period_type, period)"


@pytest.mark.parametrize(
    ("question", "answers"),
    [
        (f"SELECT transaction_type, count(*) {FACTS} GROUP BY ALL", {("SALE", 1383), ("REFUND", 1439), ("ZERO", 1)}),
        (f"SELECT order_number, line_number {FACTS} WHERE transaction_type = 'ZERO'", {(10151, 2)}),
        (f"SELECT transaction_type, sum(quantity) {FACTS} WHERE total_amount <> 0 GROUP BY ALL",
         {("SALE", 48468), ("REFUND", 50556)}),
        (f"SELECT sum(total_amount), sum(restocking_fee), max(abs(total_amount)) {FACTS}",
         {(Decimal(-37562), Decimal("143302.90"), Decimal(2000))}),
        (f"SELECT transaction_type, sum(total_amount), sum(net_amount) {FACTS} WHERE total_amount <> 0 GROUP BY ALL",
         {("SALE", Decimal(1395467), Decimal(1395467)), ("REFUND", Decimal(-1433029), Decimal("-1289726.10"))}),
        (f"SELECT count(*) {FACTS} WHERE is_large_order", {(0,)}),
        (f"SELECT count(DISTINCT order_number), count(DISTINCT customer_name), count(DISTINCT customer_key), "
         f"count(DISTINCT product_code), count(DISTINCT country), count(DISTINCT territory) {FACTS}",
         {(307, 92, 92, 109, 19, 4)}),
        (f"SELECT min(order_date)::text, max(order_date)::text {FACTS}", {("2003-01-06", "2005-05-31")}),
        (f"SELECT count(*) FILTER (territory = 'NA'), count(*) FILTER (phone IS NULL), "
         f"count(*) FILTER (phone_null_marker = '#ERROR!'), count(*) FILTER (phone_null_marker IS NOT NULL), "
         f"count(*) FILTER (address_line_2 IS NULL), count(*) FILTER (state IS NULL), "
         f"count(*) FILTER (postal_code IS NULL) {FACTS}",
         {(1074, 371, 371, 371, 2521, 1486, 76)}),
        (f"SELECT period, total_sales, total_refunds FROM {PERIODS} "
         "WHERE calendar = 'calendar' AND period_type = 'year'",
         {("2003", Decimal(510010), Decimal(512994)), ("2004", Decimal(655681), Decimal(668730)),
          ("2005", Decimal(229776), Decimal(251305))}),
        (f"SELECT period, total_sales, total_refunds FROM {PERIODS} WHERE period IN ('2003-Q4', '2005-Q1')",
         {("2003-Q4", Decimal(258709), Decimal(279229)), ("2005-Q1", Decimal(143703), Decimal(163713))}),
        ("SELECT territory, sum(total_sales), sum(total_refunds) FROM retail_gold.block_product_totals GROUP BY ALL",
         {("EMEA", Decimal(673936), Decimal(742687)), ("NA", Decimal(550078), Decimal(522684)),
          ("APAC", Decimal(110172), Decimal(102361)), ("Japan", Decimal(61281), Decimal(65297))}),
        ("SELECT territory, sum(total_revenue) FROM retail_gold.product_performance GROUP BY ALL",
         {("EMEA", Decimal(673936)), ("NA", Decimal(550078)), ("APAC", Decimal(110172)), ("Japan", Decimal(61281))}),
        ("SELECT sum(total_sales), sum(total_refunds), sum(items_sold), sum(items_refunded), "
         "sum(total_restocking_fees) FROM retail_gold.monthly_summary",
         {(Decimal(1395467), Decimal(1433029), 48468, 50556, Decimal("143302.90"))}),
        ("SELECT sum(net_sales), sum(refunds_paid_out), sum(zero_lines) FROM retail_gold.daily_insights",
         {(Decimal(-37562), Decimal("1289726.10"), 1)}),
        ("SELECT customer_segment, count(*) FROM retail_gold.customer_segments GROUP BY ALL",
         {("High", 56), ("Low", 35), ("RefundsOnly", 1)}),
        ("SELECT measure, rows_checked, rows_matched, match_share, statement FROM retail_gold.data_coverage "
         "WHERE table_name = 'fact_transactions'",
         {("reference", 2823, 0, Decimal(0), "0 of 2,823 lines match dim_customer"),
          ("calendar", 2823, 0, Decimal(0), "0 of 2,823 lines lie in the fiscal calendar"),
          ("null_marker", 2823, 371, Decimal("0.131420"), "371 of 2,823 lines have a null marker for phone")}),
        ("SELECT count(*), count(postal_code), count(DISTINCT customer_key), count(DISTINCT email) "
         "FROM retail_silver.dim_customer WHERE is_current AND version = 1",
         {(2000, 2000, 2000, 1999)}),
        ("SELECT country, country_source, valid_from::text, count(*), count(state), count(county), "
         "count(*) FILTER (postal_code LIKE '0%') FROM retail_silver.dim_customer GROUP BY ALL",
         {("GB", "file name", "2023-06-19", 500, 500, 0, 0), ("CA", "file name", "2023-09-01", 500, 500, 0, 0),
          ("US", "file name", "2024-06-14", 500, 500, 500, 78), ("AU", "file name", "2024-07-01", 500, 500, 0, 7)}),
        ("SELECT count(*), min(calendar_date)::text, max(calendar_date)::text FROM retail_silver.dim_date",
         {(6944, "2010-01-31", "2029-02-03")}),
        ("SELECT fiscal_year FROM retail_silver.dim_date GROUP BY ALL HAVING count(DISTINCT fiscal_week_of_year) = 53",
         {(2012,), (2017,), (2023,), (2028,)}),
        ("SELECT count(*) FROM retail_quarantine.fact_transactions", {(0,)}),
        ("SELECT count(*) FROM retail_outranked.fact_transactions", {(0,)}),
        ("SELECT count(*) FROM retail_gold.sales_by_period WHERE calendar = 'fiscal'", {(0,)}),
    ],
)  # fmt: skip
def test_the_known_answers(lake: duckdb.DuckDBPyConnection, question: str, answers: set[tuple[Any, ...]]) -> None:
    assert set(ask(lake, question)) == answers


@pytest.mark.parametrize("compared", TABLES, ids=lambda one: one.table)
def test_every_table_equals_the_independent_computation(
    trial: Trial, lake: duckdb.DuckDBPyConnection, compared: Compared
) -> None:
    assert compared.found(lake) == compared.expected(trial.shop)


@pytest.mark.parametrize(
    ("question", "answers"),
    [
        ("SELECT count(*) FROM retail_gold.monthly_summary", {(29,)}),
        ("SELECT count(*) FROM retail_gold.product_family_sales", {(8,)}),
        ("SELECT territory, revenue_rank, product_code FROM retail_gold.product_performance WHERE revenue_rank <= 2",
         {("EMEA", 1, "S18_4522"), ("EMEA", 2, "S18_3232"), ("NA", 1, "S12_4473"), ("NA", 2, "S12_2823"),
          ("APAC", 1, "S24_1937"), ("APAC", 2, "S18_4409"), ("Japan", 1, "S18_4027"), ("Japan", 2, "S12_3891")}),
        ("SELECT customer_name FROM retail_gold.customer_segments WHERE customer_segment = 'RefundsOnly'",
         {("Boards & Toys Co.",)}),
        ("SELECT spending_rank, customer_name, total_spent FROM retail_gold.top_customers WHERE spending_rank <= 2",
         {(1, "Euro Shopping Channel", Decimal(131216)), (2, "Mini Gifts Distributors Ltd.", Decimal(96701))}),
        # Nobody of them is in a customer file.
        ("SELECT DISTINCT email, phone, customer_member FROM retail_gold.top_customers", {(None, None, "unknown")}),
        # Of the days around a New Year only 2 January 2004 has sales.
        ("SELECT period FROM retail_gold.sales_by_period WHERE period SIMILAR TO '....-W(01|52|53)'",
         {("2004-W01",), ("2005-W01",)}),
    ],
)  # fmt: skip
def test_what_stands_out(lake: duckdb.DuckDBPyConnection, question: str, answers: set[tuple[Any, ...]]) -> None:
    assert set(ask(lake, question)) == answers


def test_customers_are_as_delivered(trial: Trial, lake: duckdb.DuckDBPyConnection) -> None:
    people = ask(
        lake, "SELECT delivery_id, email, postal_code, first_name, company_name FROM retail_silver.dim_customer"
    )
    spellings = ("postal", "zip", "post")
    assert set(people) == {
        (
            row["delivery"], row["email"], next(row[name] for name in spellings if name in row), row["first_name"],
            row["company_name"],
        )
        for row in trial.shop.customers
    }  # fmt: skip


def test_the_run_says_what_does_not_match(trial: Trial) -> None:
    told = [verdict for verdict in trial.result["verdicts"] if verdict["passed"] == "no"]
    assert {(verdict["table_id"], verdict["severity"], verdict["reason"].split(" (")[0]) for verdict in told} == {
        ("retail.gold.data_coverage", "warn", "0 of 2,823 lines match dim_customer"),
        ("retail.gold.data_coverage", "warn", "0 of 2,823 lines lie in the fiscal calendar"),
    }
    assert "0 of 2,823 lines match dim_customer" in trial.said
    assert "0 of 2,823 lines lie in the fiscal calendar" in trial.said
    judged = [one for one in trial.result["deliveries"] if ".silver." in one["table"]]
    assert [(one["state"], one["rows_quarantined"]) for one in judged] == [("accepted", 0)] * 6


def test_status_shows_how_the_customer_files_drift(trial: Trial) -> None:
    code, said = lakehouse("status", "retail", "--lake", str(trial.lake), "--json")
    assert code == 0, said
    (found,) = json.loads(said)["domains"]
    renamed = {
        (one["column"], one["delivered_as"], one["deliveries"])
        for one in found["drift"]["columns"]
        if (one["source"], one["kind"]) == ("customers", "renamed")
    }
    assert renamed == {
        ("postal_code", "postal", 2), ("postal_code", "zip", 1), ("postal_code", "post", 1), ("state", "province", 1),
    }  # fmt: skip


def test_a_second_run_has_nothing_to_do(trial: Trial) -> None:
    code, said = lakehouse("run", "retail", "--landing", str(trial.landing), "--lake", str(trial.lake))
    assert (code, "retail: nothing new in" in said) == (0, True), said


@pytest.mark.soak
def test_the_lake_equals_its_recomputation(trial: Trial) -> None:
    code, said = lakehouse("verify", "retail", "--lake", str(trial.lake))
    assert (code, "Every table equals its recomputation" in said) == (0, True), said
