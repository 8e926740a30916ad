"""The retail samples: which files there are, the same bytes every time, and what may be asked for."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from inspect import signature
from pathlib import Path

import pytest

from lakehouse.samples import SampleError, Truth, generator
from lakehouse.samples.retail import generate
from tests.samples.retail_files import (
    RULES_OF_KIND,
    Record,
    content,
    days_in,
    figures,
    known_people,
    standing,
    transactions,
)

TRANSACTIONS = (
    "ORDERNUMBER,QUANTITYORDERED,ORDERLINENUMBER,TOTAL_AMOUNT,ORDERDATE,QTR_ID,MONTH_ID,YEAR_ID,PRODUCTCODE,"
    "PRODUCTLINE,CUSTOMERNAME,PHONE,ADDRESSLINE1,ADDRESSLINE2,CITY,STATE,POSTALCODE,COUNTRY,TERRITORY,"
    "CONTACTLASTNAME,CONTACTFIRSTNAME,DEALSIZE"
)
FILES = """calendar/shop_dates.csv
customers/shop_customers_au_20250101.csv
customers/shop_customers_au_20250102.csv
customers/shop_customers_au_20250106.csv
customers/shop_customers_ca_20250101.csv
customers/shop_customers_ca_20250105.csv
customers/shop_customers_gb_20250101.csv
customers/shop_customers_gb_20250104.csv
customers/shop_customers_gb_20250107.csv
customers/shop_customers_us_20250101.csv
customers/shop_customers_us_20250103.csv
customers/shop_customers_us_20250106.csv
transactions/shop_transactions_20250101.csv
transactions/shop_transactions_20250102.csv
transactions/shop_transactions_20250103.csv
transactions/shop_transactions_20250104.csv
transactions/shop_transactions_20250105.csv.gz
transactions/shop_transactions_20250106.csv
transactions/shop_transactions_20250106.csv.gz
transactions/shop_transactions_20250107.csv""".splitlines()
GOOD_KINDS = {
    "wrong_year_id", "error_phone", "mojibake_name", "missing_optional", "respelled_name", "duplicate_in_file",
    "late_correction", "late", "very_late", "outside_calendar", "shared_email",
}  # fmt: skip
FILE_KINDS = {
    "all_quoted": 10, "cr_only": 10, "gzip": 1, "header_au": 2, "header_ca": 2, "header_gb": 3, "header_us": 3,
    "no_final_line_end": 1, "no_product_line": 1, "out_of_order": 1, "price_and_status": 2, "shuffled_columns": 2,
    "truncated_gzip": 1, "zero_bytes": 1,
}  # fmt: skip


# --- Bytes


def test_the_same_seed_gives_the_same_bytes(retail_week: tuple[Path, Truth], tmp_path: Path) -> None:
    assert generate(tmp_path / "landing", days=7, seed=7) == retail_week[1]
    assert content(tmp_path / "landing" / "retail") == content(retail_week[0])
    truth = (retail_week[0].parents[1] / "landing.retail.truth.json").read_bytes()
    assert (tmp_path / "landing.retail.truth.json").read_bytes() == truth


def test_another_seed_gives_other_rows(retail_week: tuple[Path, Truth], tmp_path: Path) -> None:
    generate(tmp_path, days=1, seed=8)
    other, these = content(tmp_path / "retail"), content(retail_week[0])
    assert [path for path in FILES if path in other and other[path] == these[path]] == []


def test_a_longer_series_begins_with_the_shorter_one(retail_week: tuple[Path, Truth], tmp_path: Path) -> None:
    generate(tmp_path, days=15, seed=7)
    longer, these = content(tmp_path / "retail"), content(retail_week[0])
    assert {path: data for path, data in longer.items() if path in these} == these
    assert len(longer) == 20 + 8 + 6 + 2


def test_files_have_the_documented_names_headers_and_shapes(retail_week: tuple[Path, Truth]) -> None:
    files = content(retail_week[0])
    assert list(files) == FILES
    named = {path[13:].split(".")[0]: data for path, data in files.items()}
    assert named["shop_transactions_20250101"].startswith(f"{TRANSACTIONS}\n".encode())
    assert named["shop_transactions_20250101"].endswith(b"\n")
    assert named["shop_transactions_20250102"].startswith(f"{TRANSACTIONS},PRICEEACH,STATUS\n".encode())
    third, sixth = (files[FILES[n]].split(b"\n")[0].decode().split(",") for n in (14, 17))
    assert third != TRANSACTIONS.split(",") and sorted(third) == sorted(TRANSACTIONS.split(","))
    assert set(sixth) == {*TRANSACTIONS.split(","), "PRICEEACH", "STATUS"}
    assert named["shop_transactions_20250104"].startswith(TRANSACTIONS.replace("PRODUCTLINE,", "").encode())
    assert gzip.decompress(files[FILES[16]]).startswith(TRANSACTIONS.encode())
    assert not named["shop_transactions_20250107"].endswith(b"\n")
    with pytest.raises(EOFError):
        gzip.decompress(files[FILES[18]])
    assert files[FILES[2]] == b""


# --- Arguments


def test_every_kind_of_dirt_occurs_from_seven_days_of_a_hundred_rows(tmp_path: Path) -> None:
    for seed in range(5):
        truth = generate(tmp_path / str(seed), days=7, rows_per_day=100, seed=seed)
        assert set(truth.row_kinds) == set(RULES_OF_KIND) | GOOD_KINDS
        assert {kind: len(paths) for kind, paths in truth.file_kinds.items()} == FILE_KINDS
        assert max(d.bad_records / d.records for d in truth.deliveries if d.records) <= 0.04


def test_bad_days_are_refused_and_the_others_are_not(tmp_path: Path) -> None:
    truth = generate(tmp_path, days=9, rows_per_day=200, seed=3, bad_days=2)
    assert truth.states == {"accepted": 18, "refused": 2, "unreadable": 3}
    refused = [d for d in truth.deliveries if d.state == "refused"]
    assert [(d.path, d.records, d.bad_records, dict(d.figures)) for d in refused] == [
        ("transactions/shop_transactions_20250103.csv", 200, 20, {}),
        ("transactions/shop_transactions_20250107.csv", 200, 20, {}),
    ]
    assert {kind for d in refused for kind in d.row_kinds} - set(RULES_OF_KIND) == {
        "late", "very_late", "outside_calendar",
    }  # fmt: skip
    landing = tmp_path / "retail"
    records = transactions(landing)
    refused_paths = {d.path for d in refused}
    assert {path for path, share in _bad_shares(records).items() if share > 0.05} == refused_paths
    known = known_people(landing)
    accepted = [record for record in records if record.path not in refused_paths]
    found = figures(accepted, known, set(days_in(landing)))
    assert {d.path: dict(d.figures) for d in truth.deliveries if "lines" in d.figures} == found


def _bad_shares(records: list[Record]) -> dict[str, float]:
    size = Counter(record.path for record in records)
    bad = Counter(record.path for record in records if record.broken_rules)
    return {path: bad[path] / size[path] for path in size}


def test_customers_of_files_to_come_are_orphans_until_then(retail_week: tuple[Path, Truth], tmp_path: Path) -> None:
    truth = generate(tmp_path, days=1, seed=7)
    known = known_people(tmp_path / "retail")
    assert len(known) == 4 * 52
    found = figures(transactions(tmp_path / "retail"), known, set(days_in(tmp_path / "retail")))
    path = "transactions/shop_transactions_20250101.csv"
    (told,) = [delivered.figures for delivered in truth.deliveries if delivered.path == path]
    (later,) = [delivered.figures for delivered in retail_week[1].deliveries if delivered.path == path]
    assert told == found[path]
    assert (told["orphan_lines"], later["orphan_lines"]) == (69, 58)


def test_no_dirt_gives_plain_good_files(tmp_path: Path) -> None:
    truth = generate(tmp_path, days=8, rows_per_day=50, seed=1, dirt=0)
    landing = tmp_path / "retail"
    assert (truth.row_kinds, truth.broken_rules, truth.states) == ({}, {}, {"accepted": 1 + 10 + 8})
    assert set(truth.file_kinds) == {"header_gb", "header_ca", "header_us", "header_au", "cr_only", "all_quoted"}
    records = transactions(landing)
    assert [record.broken_rules for record in records] == [[]] * 400
    assert len(standing(records)) == 400 == truth.figures["lines"]
    assert {record.days_late for record in records} == {0}
    assert {",".join(record.values) for record in records} == {TRANSACTIONS}
    assert days_in(landing) == sorted(days_in(landing))


def test_a_landing_zone_with_files_is_left_alone(tmp_path: Path) -> None:
    generate(tmp_path / "landing", days=1, rows_per_day=20, seed=1)
    before = content(tmp_path)
    with pytest.raises(SampleError) as refusal:
        generate(tmp_path / "landing", days=2, rows_per_day=20, seed=2)
    assert str(refusal.value) == (
        f"{tmp_path / 'landing' / 'retail'} already has files, for example calendar/shop_dates.csv. "
        "Sample data is never mixed with what is there: choose another folder or empty this one"
    )
    assert content(tmp_path) == before


def test_domains_can_share_a_landing_zone(tmp_path: Path) -> None:
    for domain in ("billing", "retail"):
        generator(domain)(tmp_path / "landing", days=1, rows_per_day=20, seed=1)
    truths = {path.name: json.loads(path.read_text())["domain"] for path in tmp_path.glob("*.json")}
    assert truths == {"landing.billing.truth.json": "billing", "landing.retail.truth.json": "retail"}
    assert sorted(path.name for path in (tmp_path / "landing").iterdir()) == ["billing", "retail"]


def test_progress_is_told_after_each_day(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    generate(tmp_path, days=3, rows_per_day=20, seed=1, progress=lambda done, all_: told.append((done, all_)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_the_generator_of_retail_looks_like_that_of_billing() -> None:
    assert generator("retail") is generate
    assert signature(generate) == signature(generator("billing"))
