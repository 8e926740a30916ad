"""The billing samples: what is in the files is what the truth says, and it is the same every time."""

from __future__ import annotations

import csv
import gzip
import json
from datetime import date
from pathlib import Path

import duckdb
import pytest

from lakehouse.samples import DOMAINS, SampleError, Truth, generator
from lakehouse.samples.billing import generate
from tests.oracle.billing import compute

HEADER = (
    "timestamp,resource_id,user_id,credit_usage,region,service_tier,operation_type,success,resource_type,"
    "invoice_id,currency"
)
DAY_1, DAY_3 = "year=2025/month=01/day=01", "year=2025/month=01/day=03"
FILE_KINDS = {
    "bom": 1,
    "cr_only": 1,
    "crlf": 1,
    "extra_columns": 1,
    "gzip": 1,
    "no_header": 1,
    "not_csv": 1,
    "renamed_header": 1,
    "semicolon": 1,
    "several_files": 4,
    "shuffled_columns": 1,
    "truncated_gzip": 1,
    "zero_bytes": 1,
}
RULES_OF_KIND = {
    "missing_timestamp": ["usage_timestamp_required"],
    "missing_resource_id": ["resource_id_required"],
    "missing_user_id": ["user_id_required"],
    "missing_invoice_id": ["invoice_id_required"],
    "malformed_timestamp": ["usage_timestamp_unreadable"],
    "missing_credit": ["credit_usage_required"],
    "malformed_credit": ["credit_usage_unreadable"],
    "oversized_credit": ["credit_usage_unreadable"],
    "excess_scale": ["credit_usage_excess_scale"],
    "zero_credit": ["credit_usage_is_not_zero"],
    "positive_credit": ["credit_usage_is_a_debit"],
    "missing_tier": ["service_tier_required"],
    "unknown_tier": ["service_tier_is_known"],
    "missing_currency": ["currency_required"],
    "bad_currency": ["currency_is_iso_4217"],
    "missing_success": ["success_required"],
    "unreadable_success": ["success_unreadable"],
    "too_few_columns": ["record_malformed"],
    "too_many_columns": ["record_malformed"],
    "three_rules": ["user_id_required", "service_tier_is_known", "currency_is_iso_4217"],
}
GOOD_KINDS = {
    "late",
    "very_late",
    "duplicate_in_file",
    "duplicate_between_files",
    "duplicate_across_days",
    "missing_optional",
    "padded_scale",
}


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    out = tmp_path_factory.mktemp("week") / "landing"
    return out, generate(out, days=7, rows_per_day=300, seed=7)


@pytest.fixture(scope="module")
def found(week: tuple[Path, Truth]) -> duckdb.DuckDBPyConnection:
    return compute(week[0])


@pytest.fixture(scope="module")
def bad_week(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    out = tmp_path_factory.mktemp("bad") / "landing"
    return out, generate(out, days=9, rows_per_day=200, seed=3, bad_days=2)


def content(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def rows_found(database: duckdb.DuckDBPyConnection, query: str) -> list[tuple[object, ...]]:
    return database.sql(query).fetchall()


def one(database: duckdb.DuckDBPyConnection, query: str) -> object:
    return rows_found(database, query)[0][0]


def by_rule(database: duckdb.DuckDBPyConnection) -> dict[object, object]:
    query = "select rule, count(*) from (select unnest(rules) as rule from quarantine_usage) group by rule"
    return {row[0]: row[1] for row in rows_found(database, query)}


def test_the_same_seed_gives_the_same_bytes(week: tuple[Path, Truth], tmp_path: Path) -> None:
    again = tmp_path / "landing"
    truth = generate(again, days=7, rows_per_day=300, seed=7)
    assert content(again) == content(week[0])
    assert truth == week[1]
    told = "landing.billing.truth.json"
    assert (tmp_path / told).read_bytes() == (week[0].parent / told).read_bytes()


def test_another_seed_gives_other_rows(week: tuple[Path, Truth], tmp_path: Path) -> None:
    generate(tmp_path / "landing", days=1, rows_per_day=300, seed=8)
    path = f"billing/{DAY_1}/usage-1.csv"
    assert content(tmp_path / "landing")[path] != content(week[0])[path]


def test_a_longer_series_begins_with_the_shorter_one(week: tuple[Path, Truth], tmp_path: Path) -> None:
    generate(tmp_path / "landing", days=9, rows_per_day=300, seed=7)
    longer = content(tmp_path / "landing")
    assert {path: data for path, data in longer.items() if path in content(week[0])} == content(week[0])
    assert len(longer) > len(content(week[0]))


def test_files_have_the_documented_header_and_shapes(week: tuple[Path, Truth]) -> None:
    files = content(week[0])
    first_lines = {
        path: data.split(b"\n")[0].decode() for path, data in files.items() if b"day=03/usage-2" in path.encode()
    }
    assert files[f"billing/{DAY_1}/usage-1.csv"].decode().splitlines()[0] == HEADER
    assert sorted(first_lines[f"billing/{DAY_3}/usage-2.csv"].split(",")) == sorted(HEADER.split(","))
    assert first_lines[f"billing/{DAY_3}/usage-2.csv"] != HEADER
    january = "billing/year=2025/month=01/day="
    assert files[january + "02/usage-1.csv"].startswith(b"\xef\xbb\xbftimestamp,")
    assert files[january + "02/usage-2.csv"] == b""
    assert files[january + "03/usage-1.csv"].startswith(HEADER.encode() + b"\r\n")
    assert files[january + "04/usage-1.csv"].startswith(HEADER.replace(",", ";").encode() + b"\n")
    assert files[january + "04/usage-2.csv"].startswith(b"\x89PNG")
    assert gzip.decompress(files[january + "05/usage-1.csv.gz"]).startswith(HEADER.encode() + b"\n")
    assert files[january + "05/usage-2.csv"].startswith(HEADER.encode() + b",request_id,comment\n")
    with pytest.raises(EOFError):
        gzip.decompress(files[january + "05/usage-3.csv.gz"])
    assert files[january + "06/usage-1.csv"].startswith(HEADER.encode() + b"\r2025")
    assert b"\n" not in files[january + "06/usage-1.csv"]
    assert files[january + "07/usage-1.csv"].startswith(b"ts,resource_id,user,credits,region,tier,operation_type,")
    assert files[january + "07/usage-2.csv"].startswith(b"2025-01-07T00:")


def test_every_kind_of_dirt_occurs_from_seven_days_of_a_hundred_rows(tmp_path: Path) -> None:
    for seed in range(5):
        truth = generate(tmp_path / str(seed), days=7, rows_per_day=100, seed=seed)
        assert set(truth.row_kinds) == set(RULES_OF_KIND) | GOOD_KINDS
        assert {kind: len(paths) for kind, paths in truth.file_kinds.items()} == FILE_KINDS
        assert max(d.bad_records / d.records for d in truth.deliveries if d.records) <= 0.04


def test_truth_tells_what_an_independent_count_finds(
    week: tuple[Path, Truth], found: duckdb.DuckDBPyConnection
) -> None:
    truth = week[1]
    query = """select substr(delivery_id, 7), delivery_date, state, records, quarantined
        from deliveries order by delivery_id"""
    told = [
        # The records of a file without a header are told but cannot be counted.
        (d.path, d.delivery_date, d.state, 0 if d.state == "unreadable" else d.records, d.bad_records)
        for d in truth.deliveries
    ]
    assert rows_found(found, query) == told
    assert truth.states == {"accepted": 9, "unreadable": 4}
    assert truth.records == 2105
    assert one(found, "select count(*) from raw") == 2100


def test_broken_rules_follow_from_the_kinds_of_dirt(week: tuple[Path, Truth], found: duckdb.DuckDBPyConnection) -> None:
    kinds = week[1].row_kinds
    expected: dict[object, object] = {}
    for rule in sorted({rule for rules in RULES_OF_KIND.values() for rule in rules}):
        expected[rule] = sum(kinds[kind] for kind, rules in RULES_OF_KIND.items() if rule in rules)
    assert by_rule(found) == expected == week[1].broken_rules
    assert one(found, "select count(*) from quarantine_usage") == 27 == week[1].bad_records
    assert one(found, "select count(*) from quarantine_usage where len(rules) = 3") == kinds["three_rules"]


def test_every_duplicate_is_outranked_and_nothing_else(
    week: tuple[Path, Truth], found: duckdb.DuckDBPyConnection
) -> None:
    kinds = week[1].row_kinds
    pairs = """select count(*) from outranked_usage o
        join silver_usage s using (usage_timestamp, resource_id, user_id, invoice_id)
        where o.credit_usage <> s.credit_usage and """
    assert one(found, "select count(*) from outranked_usage") == 19
    assert (kinds["duplicate_between_files"], kinds["duplicate_across_days"]) == (2, 8)
    assert one(found, pairs + "o.delivery_id = s.delivery_id") == kinds["duplicate_in_file"] == 9
    # What two files of a day sent is sent once more the next day: the last one outranks both.
    assert one(found, pairs + "o.delivery_date < s.delivery_date") == 10


def test_late_rows_are_good_rows_of_earlier_days(week: tuple[Path, Truth], found: duckdb.DuckDBPyConnection) -> None:
    kinds = week[1].row_kinds
    lateness = "select count(*) from silver_usage where delivery_date - usage_date"
    # A row that is sent again the next day is a day late as well.
    assert one(found, f"{lateness} between 1 and 3") == kinds["late"] + kinds["duplicate_across_days"]
    assert one(found, f"{lateness} > 3") == kinds["very_late"] == 9
    assert one(found, f"{lateness} < 0") == 0


def test_good_rows_are_realistic(found: duckdb.DuckDBPyConnection) -> None:
    query = """select count(distinct region), count(distinct currency), count(distinct service_tier),
        count(*) filter (where region = 'NA') > 0, min(usage_date), max(usage_date) from silver_usage"""
    assert rows_found(found, query) == [(6, 3, 4, True, date(2024, 12, 28), date(2025, 1, 7))]
    texts = """select count(*) filter (where resource_type || operation_type like '%"%') > 0,
        count(*) filter (where resource_id || resource_type || operation_type like '%,%') > 0,
        count(*) filter (where operation_type like '%' || chr(10) || '%') > 0,
        count(*) filter (where user_id like '00%') > 0 from silver_usage"""
    assert rows_found(found, texts) == [(True, True, True, True)]
    stamps = """select count(*) filter (where "timestamp" like '%+02:00') > 0,
        count(*) filter (where regexp_full_match("timestamp", '.{19}')) > 0,
        count(*) filter (where regexp_full_match("timestamp", '.{19}[.]\\d{6}Z')) > 0 from raw"""
    assert rows_found(found, stamps) == [(True, True, True)]
    decimals = "select max(len(split_part(credit_usage, '.', 2))) from raw where credit_usage like '-%'"
    assert one(found, decimals) == 16


def test_bad_days_are_refused_and_the_others_are_not(bad_week: tuple[Path, Truth]) -> None:
    out, truth = bad_week
    assert truth.states == {"accepted": 9, "refused": 2, "unreadable": 4}
    refused = [(d.path, d.records, d.bad_records) for d in truth.deliveries if d.state == "refused"]
    assert refused == [
        (f"{DAY_3}/usage-1.csv", 100, 10),
        ("year=2025/month=01/day=07/usage-1.csv", 200, 20),
    ]
    database = compute(out)
    states = "select substr(delivery_id, 7), state from deliveries order by delivery_id"
    assert rows_found(database, states) == [(d.path, d.state) for d in truth.deliveries]
    assert by_rule(database) == truth.broken_rules
    duplicates = sum(count for kind, count in truth.row_kinds.items() if kind.startswith("duplicate"))
    assert one(database, "select count(*) from outranked_usage") == duplicates


def test_no_dirt_gives_plain_good_files(tmp_path: Path) -> None:
    out = tmp_path / "landing"
    truth = generate(out, days=8, rows_per_day=50, seed=1, dirt=0)
    assert (truth.row_kinds, truth.file_kinds, truth.states) == ({}, {}, {"accepted": 8})
    for path in sorted(out.rglob("*.csv")):
        with path.open(newline="", encoding="utf-8") as lines:
            assert [len(record) for record in csv.reader(lines)] == [11] * 51
    database = compute(out)
    assert one(database, "select count(*) from silver_usage") == 400
    assert one(database, "select count(*) from quarantine_usage") == 0


def test_keys_stay_unique_when_there_are_more_rows_than_seconds(tmp_path: Path) -> None:
    out = tmp_path / "landing"
    generate(out, days=1, rows_per_day=100_000, seed=1, dirt=0)
    database = compute(out)
    assert one(database, "select count(*) from silver_usage") == 100_000
    assert one(database, "select count(*) from outranked_usage") == 0


def test_the_truth_lies_beside_the_landing_zone(week: tuple[Path, Truth]) -> None:
    out, truth = week
    document = json.loads((out.parent / "landing.billing.truth.json").read_text(encoding="utf-8"))
    assert [path.name for path in out.iterdir()] == ["billing"]
    assert document["parameters"] == {
        "seed": 7,
        "days": 7,
        "rows_per_day": 300,
        "start": "2025-01-01",
        "dirt": 0.01,
        "bad_days": 0,
    }
    assert document["totals"]["files"] == 13
    assert document["totals"]["records"] == 2105
    assert document["totals"]["bad_records"] == 27
    assert document["totals"]["file_kinds"]["zero_bytes"] == {
        "count": 1,
        "paths": ["year=2025/month=01/day=02/usage-2.csv"],
    }
    assert [delivery["path"] for delivery in document["deliveries"]] == [d.path for d in truth.deliveries]
    assert document["deliveries"][3] == {
        "path": f"{DAY_3}/usage-1.csv",
        "delivery_date": "2025-01-03",
        "state": "accepted",
        "records": 150,
        "bad_records": 3,
        "file_kinds": ["crlf", "several_files"],
        "row_kinds": document["deliveries"][3]["row_kinds"],
        "broken_rules": document["deliveries"][3]["broken_rules"],
        "figures": {},
    }


def test_progress_is_told_after_each_day(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    generate(tmp_path / "l", days=3, rows_per_day=20, seed=1, progress=lambda done, all_: told.append((done, all_)))
    assert told == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"days": 0}, "days must be at least 1, found 0. Example: 7"),
        ({"rows_per_day": 19}, "rows per day must be at least 20, found 19. Example: 1000"),
        ({"dirt": 0.2}, "dirt is the share of bad rows, from 0 to 0.03, found 0.2. Example: 0.01"),
        ({"bad_days": 8}, "bad days must be from 0 to days (7), found 8. Example: 1"),
        ({"bad_days": -1}, "bad days must be from 0 to days (7), found -1. Example: 1"),
        (
            {"start": date(1949, 12, 31)},
            "the days must lie between 1950-01-01 and 2199-12-31, found 7 days from 1949-12-31 on. "
            "Example: 7 days from 2025-01-01 on",
        ),
        (
            {"start": date(2199, 12, 26)},
            "the days must lie between 1950-01-01 and 2199-12-31, found 7 days from 2199-12-26 on. "
            "Example: 7 days from 2025-01-01 on",
        ),
    ],
)
def test_arguments_out_of_range_are_refused(tmp_path: Path, arguments: dict[str, object], message: str) -> None:
    options = {"days": 7, "rows_per_day": 100, "seed": 1} | arguments
    with pytest.raises(SampleError) as refusal:
        generate(tmp_path / "landing", **options)  # type: ignore[arg-type]
    assert str(refusal.value) == message
    assert list(tmp_path.iterdir()) == []


def test_a_landing_zone_with_files_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "landing"
    generate(out, days=1, rows_per_day=20, seed=1)
    before = content(tmp_path)
    with pytest.raises(SampleError) as refusal:
        generate(out, days=2, rows_per_day=20, seed=2)
    assert str(refusal.value) == (
        f"{out / 'billing'} already has files, for example {DAY_1}/usage-1.csv. "
        "Sample data is never mixed with what is there: choose another folder or empty this one"
    )
    assert content(tmp_path) == before


def test_a_file_in_place_of_the_landing_zone_is_refused(tmp_path: Path) -> None:
    (tmp_path / "landing").write_text("")
    with pytest.raises(SampleError, match="cannot be a folder: there is a file of that name"):
        generate(tmp_path / "landing", days=1, rows_per_day=20, seed=1)


def test_domains_with_samples_are_known() -> None:
    assert DOMAINS == ("billing", "retail")
    assert generator("billing") is generate
    with pytest.raises(SampleError) as refusal:
        generator("biling")
    assert str(refusal.value) == "no sample data for domain 'biling'. Did you mean 'billing'? Known: billing, retail"
