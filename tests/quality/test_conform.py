"""Conform and row rules on single records, whose outcome can be told by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from chispa import assert_df_equality

from lakehouse.contracts import columns as contract_columns
from lakehouse.contracts.columns import BRONZE_COLUMNS, DELIVERY_COLUMNS
from lakehouse.contracts.domains import load_domain
from lakehouse.quality.conform import UNCONFORMED, conform, derive
from lakehouse.quality.rules import judge, reasons

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.slow

DOMAIN = load_domain("billing")
TABLE = DOMAIN.silver()[0]
BRONZE = DOMAIN.bronze_of(TABLE)
GOOD = {
    "timestamp": "2025-01-31T23:59:59.123456Z",
    "resource_id": "r1",
    "user_id": "0042",
    "credit_usage": "-1.50",
    "region": "eu-west-1",
    "service_tier": "standard",
    "operation_type": "read",
    "success": "TRUE",
    "resource_type": "vm",
    "invoice_id": "i1",
    "currency": "USD",
}


def bronze(spark: SparkSession, records: list[dict[str, Any]]) -> DataFrame:
    """Records as bronze rows of one delivery: texts, and the address."""
    columns = dict.fromkeys(BRONZE.columns, "string")
    columns |= {name: kind for name, (kind, _) in {**DELIVERY_COLUMNS, **BRONZE_COLUMNS}.items()}
    schema = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    address = {"delivery_id": "usage/a.csv", "delivery_date": "2025-01-31", "delivery_sequence": 1}
    rows = [{**address, "record_number": number, **record} for number, record in enumerate(records, start=1)]
    parsed = spark.range(1).selectExpr(f"inline(from_json('{json.dumps(rows)}', 'array<struct<{schema}>>'))")
    return parsed.select(*columns)


def judged(spark: SparkSession, *changes: dict[str, Any]) -> DataFrame:
    rows = bronze(spark, [{**GOOD, **change} for change in changes])
    return judge(derive(conform(rows, TABLE, BRONZE), TABLE), TABLE)


def broken(spark: SparkSession, *changes: dict[str, Any]) -> list[list[tuple[str, str | None]]]:
    """(rule, offending value) of every broken rule, per record."""
    rows = judged(spark, *changes).orderBy("record_number").select("quarantined", reasons(TABLE, BRONZE).alias("why"))
    found = [(row["quarantined"], [(why["rule"], why["value"]) for why in row["why"]]) for row in rows.collect()]
    assert all(quarantined == bool(why) for quarantined, why in found)
    return [why for _, why in found]


def test_a_good_record_has_the_contracts_types(spark: SparkSession) -> None:
    found = judged(spark, {}).select(*TABLE.columns, "quarantined")
    expected = spark.sql(
        "select timestamp'2025-01-31 23:59:59.123456' as usage_timestamp, date'2025-01-31' as usage_date, "
        "'r1' as resource_id, '0042' as user_id, cast('-1.5' as decimal(20,8)) as credit_usage, "
        "'eu-west-1' as region, 'standard' as service_tier, 'read' as operation_type, true as success, "
        "'vm' as resource_type, 'i1' as invoice_id, 'USD' as currency, false as quarantined"
    )
    assert_df_equality(found, expected, ignore_nullable=True)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2025-03-30T01:30:00+02:00", "2025-03-29 23:30:00"),
        ("2025-03-30T01:30:00-0330", "2025-03-30 05:00:00"),
        ("2025-03-30 01:30", "2025-03-30 01:30:00"),
        ("2024-02-29T00:00:00.5Z", "2024-02-29 00:00:00.5"),
    ],
)
def test_times_of_iso_8601_are_read_as_utc(text: str, value: str, spark: SparkSession) -> None:
    found = judged(spark, {"timestamp": text}).selectExpr("cast(usage_timestamp as string) as t").collect()
    assert [row["t"] for row in found] == [value]


@pytest.mark.parametrize(
    ("form", "text", "value"),
    [
        ("G y L d K a m s SSSSSSSSS VV", "AD 2025 1 31 0 PM 5 9 120000000 Europe/Paris", "2025-01-31 11:05:09.12"),
        ("yyyyMMddkkmm", "202501312359", "2025-01-31 23:59:00"),
        ("GGGG yyyyyy MMMM d, h:m a z", "Anno Domini 002025 January 31, 12:30 AM UTC", "2025-01-31 00:30:00"),
        ("yy LLL dd HH:mm:ss,S O", "25 Jan 31 23:59:01,5 GMT+1", "2025-01-31 22:59:01.5"),
        ("yyyy-MM-dd['T'HH:mm[ OOOO][zzzz]]", "2025-01-31T10:30 GMT+01:00", "2025-01-31 09:30:00"),
        ("yyyy-MM-dd['T'HH:mm[ OOOO][zzzz]]", "2025-01-31", "2025-01-31 00:00:00"),
        ("yyyy-MM-dd HH:mmXXXXX", "2025-01-31 10:30+01:00:00", "2025-01-31 09:30:00"),
        ("yyyy-MM-dd HH:mmxxxxx", "2025-01-31 10:30+01:00:00", "2025-01-31 09:30:00"),
        ("yyyy-MM-dd HH:mmZZZZZ", "2025-01-31 10:30+01:00", "2025-01-31 09:30:00"),
        ("yyyy-MM-dd hh:mm a", "2025-01-31 13:30 PM", None),
        ("yyyyDDD", "2024366", "2024-12-31 00:00:00"),
        ("[yyyy-MM-dd HH:mm:ss][dd/MM/yyyy HH:mm]", "02/01/2025 10:30", "2025-01-02 10:30:00"),
        ("[yyyy-MM-dd HH:mm:ss][dd/MM/yyyy HH:mm]", "2025-01-02 10:30:09", "2025-01-02 10:30:09"),
        ("yyyy-MM-dd", "2025-02-29", None),
    ],
)
def test_each_letter_that_a_format_may_hold_is_read(
    form: str, text: str, value: str | None, spark: SparkSession
) -> None:
    declared = {"type": "timestamp", "description": "x", "from": "timestamp", "formats": [form]}
    stamp = contract_columns.Column.model_validate(declared)
    table = TABLE.model_copy(update={"columns": {**TABLE.columns, "usage_timestamp": stamp}})
    rows = conform(bronze(spark, [{**GOOD, "timestamp": text}]), table, BRONZE)
    assert [row["t"] for row in rows.selectExpr("cast(usage_timestamp as string) as t").collect()] == [value]


def test_what_cannot_be_read_exactly_is_a_reason_and_never_a_guess(spark: SparkSession) -> None:
    assert broken(
        spark,
        {"timestamp": "12:30"},
        {"timestamp": "2025-02-29T00:00:00Z"},
        {"timestamp": "2025-01-31T00:00:00.1234567Z"},
        {"timestamp": "31.01.2025"},
        {"credit_usage": "-1e3"},
        {"credit_usage": "-1,5"},
        {"credit_usage": "-0.123456789"},
        {"credit_usage": "-0.123456780"},
        {"credit_usage": "-1234567890123"},
        {"success": "maybe"},
    ) == [
        [("usage_timestamp_unreadable", "12:30")],
        [("usage_timestamp_unreadable", "2025-02-29T00:00:00Z")],
        [("usage_timestamp_unreadable", "2025-01-31T00:00:00.1234567Z")],
        [("usage_timestamp_unreadable", "31.01.2025")],
        [("credit_usage_unreadable", "-1e3")],
        [("credit_usage_unreadable", "-1,5")],
        [("credit_usage_excess_scale", "-0.123456789")],
        [],
        [("credit_usage_unreadable", "-1234567890123")],
        [("success_unreadable", "maybe")],
    ]


def test_every_broken_rule_is_named(spark: SparkSession) -> None:
    assert broken(
        spark,
        {"credit_usage": "0"},
        {"credit_usage": "0.0000001", "region": None},
        {"credit_usage": "2.5", "service_tier": "gold", "currency": "usd"},
        {"user_id": "", "invoice_id": None},
        {"malformed_record": "a,b", "user_id": None, "credit_usage": "x"},
    ) == [
        [("credit_usage_is_not_zero", "0.00000000")],
        [("credit_usage_is_a_debit", "0.00000010")],
        [("credit_usage_is_a_debit", "2.50000000"), ("service_tier_is_known", "gold"), ("currency_is_iso_4217", "usd")],
        [("user_id_required", None), ("invoice_id_required", None)],
        [("record_malformed", "a,b")],
    ]


def test_a_warning_quarantines_nothing(spark: SparkSession) -> None:
    assert broken(spark, {"timestamp": "2024-12-01T00:00:00Z"}) == [[]]


@pytest.mark.parametrize(
    ("kind", "sql", "credit", "value"),
    [
        ("decimal(6,2)", "credit_usage * 1000", "-12.5", "-12500"),
        # A plain cast would make -1294967296 of it.
        ("int", "CAST(credit_usage AS BIGINT) * -1000000000", "-3", "3000000000"),
        ("int", "concat('no ', credit_usage)", "-3", "no -3"),
    ],
)
def test_a_derived_value_that_its_type_does_not_hold_is_a_reason(
    spark: SparkSession, kind: str, sql: str, credit: str, value: str
) -> None:
    derived = contract_columns.Column(type=kind, description="x", derived=sql, required=True)
    table = TABLE.model_copy(update={"columns": {**TABLE.columns, "scaled": derived}})
    rows = judge(derive(conform(bronze(spark, [{**GOOD, "credit_usage": credit}]), table, BRONZE), table), table)
    (row,) = rows.select("scaled", "quarantined", reasons(table, BRONZE).alias("why")).collect()
    (why,) = row["why"]
    assert (row["scaled"], row["quarantined"]) == (None, True)
    assert (why["rule"], why["column"]) == ("scaled_out_of_range", "scaled")
    assert why["value"].startswith(value)  # then zeros, as many as the expression's type has
    assert why["message"] == f"derived as a value that {kind} does not hold"


def test_the_null_marker_that_stood_in_a_column_is_kept_in_another(spark: SparkSession) -> None:
    region = contract_columns.Column(type="string", description="x", null_values=("n/a", "#ERROR!"))
    marker = contract_columns.Column(type="string", description="x", null_marker_of="region")
    table = TABLE.model_copy(update={"columns": {**TABLE.columns, "region": region, "region_marker": marker}})
    texts = ({"region": "#ERROR!"}, {"region": "eu"}, {"region": ""}, {"region": None})
    rows = conform(bronze(spark, [{**GOOD, **one} for one in texts]), table, BRONZE).orderBy("record_number")
    found = rows.select("region", "region_marker", UNCONFORMED).collect()
    assert [tuple(row) for row in found] == [
        (None, "#ERROR!", False), ("eu", None, False), (None, None, False), (None, None, False),
    ]  # fmt: skip
