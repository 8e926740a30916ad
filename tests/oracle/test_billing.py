"""The oracle itself, against a landing zone of a few rows whose tables were worked out by hand."""

from __future__ import annotations

import gzip
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from tests.oracle.billing import ISO_4217, compute

HEADER = (
    "timestamp,resource_id,user_id,credit_usage,region,service_tier,operation_type,success,resource_type,"
    "invoice_id,currency\n"
)
DAY_1 = "usage/year=2025/month=01/day=01/"
DAY_2 = "usage/year=2025/month=01/day=02/"
JAN_1, JAN_2 = date(2025, 1, 1), date(2025, 1, 2)


def write(landing: Path, name: str, data: bytes) -> None:
    path = landing / "billing" / name.removeprefix("usage/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    landing = tmp_path_factory.mktemp("landing")
    first = (
        "2025-01-01T10:00:00Z,r1,u1,-1.5,NA,free,run,true,vm,i1,USD\n"
        '2025-01-01T11:00:00+02:00,r2,u1,-2.00000001,eu,free,"a, ""b""\nc",no,vm,i1,USD\n'
        "2025-01-01T12:00,r1,u2,-3,,premium,run,Y,gpu,i2,USD\n"
        "2025-01-01 12:00:00.25,r1,u2,-4.1000000000,eu,premium,run,F,gpu,i2,JPY\n"
        # The same key as the first row: the later record wins.
        "2025-01-01T10:00:00.000+00:00,r1,u1,-1.25,NA,free,run,true,vm,i1,USD\n"
    )
    write(landing, DAY_1 + "a.csv", (HEADER + first).encode())
    # Bad rows only in a delivery of their own would refuse it: 1 of 20 is exactly the share that is allowed.
    good = "".join(f"2025-01-02T00:{n:02d}:00Z,r3,u3,-1,us,standard,run,1,vm,i1,EUR\n" for n in range(18))
    second = good.replace("r3,u3,-1,us", "us;u3;-1;r3").replace(",", ";")
    # One late row for a key of the day before, which wins over both; one row that breaks three rules.
    late = "2025-01-01T10:00:00Z;NA;u1;-0.5;r1;free;run;true;vm;i1;USD\n"
    bad = "2025-01-02T01:00:00Z;us;;-1;r3;gold;run;1;vm;i1;usd\n"
    header = "ts;region;user;credits;resource_id;tier;operation_type;success;resource_type;invoice_id;currency\n"
    text = (header + second + late + bad).replace("\n", "\r")
    write(landing, DAY_2 + "b.csv.gz", gzip.compress(b"\xef\xbb\xbf" + text.encode()))
    refused = (
        "12:30,r1,u1,-1.123456789,NA,free,run,maybe,vm,i1,USD\n"
        "2025-01-02T10:00:00Z,r1,u1,1e3,NA,free,run,,vm,i1,XXQ\n"
        "2025-01-02T10:00:00Z,r1,u1,0.00,NA,,run,yes,vm,,\n"
        "2025-01-02T10:00:00Z,r1,u1,12,NA,free,run,yes,vm,i1,USD\n"
        "2025-01-02T10:00:00Z,r1,u1\n"
        "2025-01-02T10:00:00Z,r1,u1,-1234567890123,NA,free,run,yes,vm,i1,USD\n"
        "2025-01-02T10:00:00Z,r1,u1,-123456789012.00000001,NA,free,run,yes,vm,i1,USD\n"
        ",,u1,,NA,free,run,yes,vm,i1,USD\n"
    )
    write(landing, DAY_2 + "c.csv", (HEADER + refused).encode())
    write(landing, DAY_2 + "d.csv", b"")
    write(landing, DAY_2 + "e.csv", b"\x89PNG\r\n\x1a\n\x00\x00")
    write(landing, DAY_2 + "f.csv.gz", gzip.compress((HEADER + first).encode())[:100])
    write(landing, DAY_2 + "g.csv", first.encode())
    return compute(landing)


def test_deliveries_are_judged_one_by_one(database: duckdb.DuckDBPyConnection) -> None:
    query = "select delivery_id, delivery_date, state, records, quarantined from deliveries order by 1"
    assert database.sql(query).fetchall() == [
        (DAY_1 + "a.csv", JAN_1, "accepted", 5, 0),
        (DAY_2 + "b.csv.gz", JAN_2, "accepted", 20, 1),
        (DAY_2 + "c.csv", JAN_2, "refused", 8, 7),
        (DAY_2 + "d.csv", JAN_2, "unreadable", 0, 0),
        (DAY_2 + "e.csv", JAN_2, "unreadable", 0, 0),
        (DAY_2 + "f.csv.gz", JAN_2, "unreadable", 0, 0),
        (DAY_2 + "g.csv", JAN_2, "unreadable", 0, 0),
    ]


def test_the_reason_of_each_unaccepted_delivery_is_told(database: duckdb.DuckDBPyConnection) -> None:
    query = "select right(delivery_id, 8), reason from deliveries where reason is not null order by 1"
    assert database.sql(query).fetchall() == [
        ("02/c.csv", "7 of 8 records break a rule"),
        ("02/d.csv", "zero bytes"),
        ("02/e.csv", "not text"),
        ("02/g.csv", "no usable header"),
        (
            "f.csv.gz",
            "broken gzip: Compressed file ended before the end-of-stream marker was reached",
        ),
    ]


def test_raw_keeps_values_as_delivered(database: duckdb.DuckDBPyConnection) -> None:
    query = f"""select record_number, "timestamp", credit_usage, region, operation_type, malformed
        from raw where delivery_id = '{DAY_1}a.csv' and record_number in (2, 3) order by 1"""
    assert database.sql(query).fetchall() == [
        (2, "2025-01-01T11:00:00+02:00", "-2.00000001", "eu", 'a, "b"\nc', False),
        (3, "2025-01-01T12:00", "-3", None, "run", False),
    ]


def test_each_bad_row_has_all_its_rules(database: duckdb.DuckDBPyConnection) -> None:
    query = "select right(delivery_id, 8), record_number, rules from quarantine_usage order by 1, 2"
    assert database.sql(query).fetchall() == [
        ("02/c.csv", 1, ["credit_usage_excess_scale", "success_unreadable", "usage_timestamp_unreadable"]),
        ("02/c.csv", 2, ["credit_usage_unreadable", "currency_is_iso_4217", "success_required"]),
        (
            "02/c.csv",
            3,
            [
                "credit_usage_is_not_zero",
                "currency_required",
                "invoice_id_required",
                "service_tier_required",
            ],
        ),
        ("02/c.csv", 4, ["credit_usage_is_a_debit"]),
        ("02/c.csv", 5, ["record_malformed"]),
        ("02/c.csv", 6, ["credit_usage_unreadable"]),
        ("02/c.csv", 8, ["credit_usage_required", "resource_id_required", "usage_timestamp_required"]),
        ("b.csv.gz", 20, ["currency_is_iso_4217", "service_tier_is_known", "user_id_required"]),
    ]


def test_silver_has_the_latest_version_of_each_key(database: duckdb.DuckDBPyConnection) -> None:
    query = """select usage_timestamp, usage_date, resource_id, user_id, credit_usage, region, success,
        right(delivery_id, 8), record_number from silver_usage where user_id <> 'u3' order by 1, 2, 5"""
    assert database.sql(query).fetchall() == [
        (datetime(2025, 1, 1, 9), JAN_1, "r2", "u1", Decimal("-2.00000001"), "eu", False, "01/a.csv", 2),
        (datetime(2025, 1, 1, 10), JAN_1, "r1", "u1", Decimal("-0.50000000"), "NA", True, "b.csv.gz", 19),
        (datetime(2025, 1, 1, 12), JAN_1, "r1", "u2", Decimal("-3.00000000"), None, True, "01/a.csv", 3),
        (
            datetime(2025, 1, 1, 12, 0, 0, 250000),
            JAN_1,
            "r1",
            "u2",
            Decimal("-4.10000000"),
            "eu",
            False,
            "01/a.csv",
            4,
        ),
    ]
    assert database.sql("select count(*) from silver_usage where user_id = 'u3'").fetchall() == [(18,)]


def test_losers_of_a_key_are_outranked(database: duckdb.DuckDBPyConnection) -> None:
    query = "select delivery_id, record_number, credit_usage from outranked_usage order by 1, 2"
    assert database.sql(query).fetchall() == [
        (DAY_1 + "a.csv", 1, Decimal("-1.50000000")),
        (DAY_1 + "a.csv", 5, Decimal("-1.25000000")),
    ]


NINE, TEN, NOON = (datetime(2025, 1, 1, hour) for hour in (9, 10, 12))
AFTER_NOON = datetime(2025, 1, 1, 12, 0, 0, 250000)
MIDNIGHT, LAST = datetime(2025, 1, 2), datetime(2025, 1, 2, 0, 17)


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        (
            "daily_usage",
            [
                (JAN_1, "JPY", Decimal("4.1"), 1, 0, Decimal(0), 1, 1),
                (JAN_1, "USD", Decimal("5.50000001"), 3, 2, Decimal("0.666667"), 2, 2),
                (JAN_2, "EUR", Decimal(18), 18, 18, Decimal(1), 1, 1),
            ],
        ),
        (
            "daily_user_usage",
            [
                (JAN_1, JAN_1, "JPY", "u2", Decimal("4.1"), 1, 0, 1, AFTER_NOON, AFTER_NOON),
                (JAN_1, JAN_1, "USD", "u1", Decimal("2.50000001"), 2, 1, 2, NINE, TEN),
                (JAN_1, JAN_1, "USD", "u2", Decimal(3), 1, 1, 1, NOON, NOON),
                (JAN_2, JAN_1, "EUR", "u3", Decimal(18), 18, 18, 1, MIDNIGHT, LAST),
            ],
        ),
        (
            "daily_service_usage",
            [
                (JAN_1, "JPY", "premium", "gpu", "run", Decimal("4.1"), 1, 0, Decimal(0)),
                (JAN_1, "USD", "free", "vm", 'a, "b"\nc', Decimal("2.00000001"), 1, 0, Decimal(0)),
                (JAN_1, "USD", "free", "vm", "run", Decimal("0.5"), 1, 1, Decimal(1)),
                (JAN_1, "USD", "premium", "gpu", "run", Decimal(3), 1, 1, Decimal(1)),
                (JAN_2, "EUR", "standard", "vm", "run", Decimal(18), 18, 18, Decimal(1)),
            ],
        ),
        (
            "daily_region_usage",
            [
                (JAN_1, "JPY", "eu", Decimal("4.1"), 1, Decimal(0), 1),
                (JAN_1, "USD", "NA", Decimal("0.5"), 1, Decimal(1), 1),
                (JAN_1, "USD", "eu", Decimal("2.00000001"), 1, Decimal(0), 1),
                (JAN_1, "USD", None, Decimal(3), 1, Decimal(1), 1),
                (JAN_2, "EUR", "us", Decimal(18), 18, Decimal(1), 1),
            ],
        ),
        (
            "daily_invoice_usage",
            [
                (JAN_1, "JPY", "i2", Decimal("4.1"), 1, AFTER_NOON, AFTER_NOON),
                (JAN_1, "USD", "i1", Decimal("2.50000001"), 2, NINE, TEN),
                (JAN_1, "USD", "i2", Decimal(3), 1, NOON, NOON),
                (JAN_2, "EUR", "i1", Decimal(18), 18, MIDNIGHT, LAST),
            ],
        ),
        (
            "monthly_user_usage",
            [
                (JAN_1, "EUR", "u3", Decimal(18), 18, 18, 1, MIDNIGHT, LAST),
                (JAN_1, "JPY", "u2", Decimal("4.1"), 1, 0, 1, AFTER_NOON, AFTER_NOON),
                (JAN_1, "USD", "u1", Decimal("2.50000001"), 2, 1, 1, NINE, TEN),
                (JAN_1, "USD", "u2", Decimal(3), 1, 1, 1, NOON, NOON),
            ],
        ),
        (
            "user_totals",
            [
                ("EUR", "u3", Decimal(18), 18, 1, MIDNIGHT, LAST, 1),
                ("JPY", "u2", Decimal("4.1"), 1, 1, AFTER_NOON, AFTER_NOON, 1),
                ("USD", "u1", Decimal("2.50000001"), 2, 1, NINE, TEN, 2),
                ("USD", "u2", Decimal(3), 1, 1, NOON, NOON, 1),
            ],
        ),
        (
            "region_totals",
            [
                ("EUR", "us", Decimal(18), 18, 1),
                ("JPY", "eu", Decimal("4.1"), 1, 1),
                ("USD", "NA", Decimal("0.5"), 1, 3),
                ("USD", "eu", Decimal("2.00000001"), 1, 2),
                ("USD", None, Decimal(3), 1, 1),
            ],
        ),
        (
            "invoice_totals",
            [
                ("EUR", "i1", Decimal(18), 18, MIDNIGHT, LAST),
                ("JPY", "i2", Decimal("4.1"), 1, AFTER_NOON, AFTER_NOON),
                ("USD", "i1", Decimal("2.50000001"), 2, NINE, TEN),
                ("USD", "i2", Decimal(3), 1, NOON, NOON),
            ],
        ),
    ],
)
def test_gold(database: duckdb.DuckDBPyConnection, table: str, rows: list[tuple[object, ...]]) -> None:
    assert database.sql(f"select * from {table} order by all nulls last").fetchall() == rows


def test_money_and_rates_are_exact_decimals(database: duckdb.DuckDBPyConnection) -> None:
    query = "select distinct typeof(credits_used), typeof(success_rate), typeof(success_count) from daily_usage"
    assert database.sql(query).fetchall() == [("DECIMAL(38,8)", "DECIMAL(9,6)", "BIGINT")]


def test_equal_consumers_are_ranked_by_name(tmp_path: Path) -> None:
    rows = "".join(f"2025-01-01T00:00:00Z,r1,{user},-1,eu,free,run,1,vm,i1,USD\n" for user in ("b", "c", "a"))
    write(tmp_path, DAY_1 + "a.csv", (HEADER + rows).encode())
    ranks = compute(tmp_path).sql("select user_id, usage_rank from user_totals order by 2").fetchall()
    assert ranks == [("a", 1), ("b", 2), ("c", 3)]


def test_the_later_path_of_a_day_and_the_later_record_of_a_file_win(tmp_path: Path) -> None:
    def row(resource: str, credit: str) -> str:
        return f"2025-01-01T00:00:00Z,{resource},u1,{credit},eu,free,run,1,vm,i1,USD\n"

    write(tmp_path, DAY_1 + "b.csv", (HEADER + row("r1", "-1") + row("r2", "-2")).encode())
    write(tmp_path, DAY_1 + "a.csv", (HEADER + row("r1", "-3") + row("r3", "-4") + row("r3", "-5")).encode())
    winners = "select resource_id, right(delivery_id, 5), record_number from silver_usage order by 1"
    assert compute(tmp_path).sql(winners).fetchall() == [
        ("r1", "b.csv", 1),
        ("r2", "b.csv", 2),
        ("r3", "a.csv", 3),
    ]


def test_a_share_just_above_five_percent_refuses(tmp_path: Path) -> None:
    good = "".join(f"2025-01-01T00:00:{n:02d}Z,r1,u1,-1,eu,free,run,1,vm,i1,USD\n" for n in range(18))
    bad = "2025-01-01T01:00:00Z,r1,u1,0,eu,free,run,1,vm,i1,USD\n"
    write(tmp_path, DAY_1 + "a.csv", (HEADER + good + bad).encode())
    database = compute(tmp_path)
    assert database.sql("select state, records, quarantined from deliveries").fetchall() == [("refused", 19, 1)]
    assert database.sql("select count(*) from silver_usage").fetchall() == [(0,)]


def test_a_header_without_records_is_refused(tmp_path: Path) -> None:
    write(tmp_path, DAY_1 + "a.csv", HEADER.encode())
    states = compute(tmp_path).sql("select state, reason, records from deliveries").fetchall()
    assert states == [("refused", "no records", 0)]


def test_currencies_are_those_of_the_standard() -> None:
    assert len(ISO_4217) == len(set(ISO_4217)) == 178
    assert {"USD", "EUR", "JPY", "XXX", "XTS", "ZWG", "CHE"} <= set(ISO_4217)
    assert not {"XXQ", "usd", "DEM", "HRK"} & set(ISO_4217)
