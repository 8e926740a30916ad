"""Which paths are deliveries, and of which day."""

from __future__ import annotations

from datetime import date

import pytest

from lakehouse.contracts.sources import CsvSource, MatchedPath

DAYS = "year={year}/month={month}/day={day}/*.csv"
DAY = "year=2025/month=01/day=31"


def source(files: str, folder: str = "billing") -> CsvSource:
    return CsvSource.model_validate({"kind": "csv", "folder": folder, "files": files})


@pytest.mark.parametrize(
    ("path", "day"),
    [
        ("year=2025/month=01/day=31/a.csv", date(2025, 1, 31)),
        ("year=2025/month=1/day=3/a.csv", date(2025, 1, 3)),
        ("year=2025/month=01/day=31/a.csv.gz", date(2025, 1, 31)),
        ("year=2024/month=02/day=29/leap.csv", date(2024, 2, 29)),
        ("year=2025/month=01/day=31/a [1].b.csv", date(2025, 1, 31)),
    ],
)
def test_a_path_names_its_day(path: str, day: date) -> None:
    assert source(DAYS).match(path) == MatchedPath(day)


@pytest.mark.parametrize(
    "path",
    [
        "year=2025/month=13/day=01/a.csv",
        "year=2025/month=00/day=01/a.csv",
        "year=2025/month=02/day=29/a.csv",
        "year=2025/month=01/day=01/a.txt",
        "year=2025/month=01/day=01/a.csv.zip",
        "year=2025/month=01/day=01/deep/a.csv",
        "year=2025/month=01/a.csv",
        "year=25/month=01/day=01/a.csv",
        "x/year=2025/month=01/day=01/a.csv",
        "year=٢٠٢٥/month=01/day=01/a.csv",
    ],
)
def test_other_paths_are_no_deliveries(path: str) -> None:
    assert source(DAYS).match(path) is None


@pytest.mark.parametrize(
    ("files", "path", "day"),
    [
        ("usage_{date}.csv", "usage_2025-01-31.csv", date(2025, 1, 31)),
        ("usage_{date}.csv", "usage_20250131.csv.gz", date(2025, 1, 31)),
        ("*.csv", "a.csv", None),
        ("*/*.csv", "any/a.csv", None),
        ("*.csv.gz", "a.csv.gz", None),
        ("{year}/{year}-{month}-{day}.csv", "2025/2025-01-31.csv", date(2025, 1, 31)),
        ("a+b(1).csv", "a+b(1).csv", None),
    ],
)
def test_other_patterns(files: str, path: str, day: date | None) -> None:
    assert source(files).match(path) == MatchedPath(day)


@pytest.mark.parametrize(
    ("files", "path"),
    [
        ("usage_{date}.csv", "usage_2025-0131.csv"),
        ("usage_{date}.csv", "usage_2025-02-30.csv"),
        ("*.csv", "folder/a.csv"),
        ("*.csv.gz", "a.csv"),
        ("{year}/{year}-{month}-{day}.csv", "2024/2025-01-31.csv"),
        ("a.csv", "aXcsv"),
    ],
)
def test_what_other_patterns_do_not_take(files: str, path: str) -> None:
    assert source(files).match(path) is None


@pytest.mark.parametrize(
    ("one", "other", "paths"),
    [
        (("erp", "*.csv"), ("erp/", "prices_{date}.csv"), ("prices_20250131.csv", "prices_20250131.csv")),
        (("erp", DAYS), ("erp/year=2025", "*/*/a.csv"), (f"{DAY}/a.csv", "month=01/day=31/a.csv")),
        (("erp", "*.csv.gz"), ("erp", "a.csv"), ("a.csv.gz", "a.csv.gz")),
        ((".", "*/*.csv"), ("erp", "*.csv"), ("erp/a.csv", "a.csv")),
        (("erp", "a*c.csv"), ("erp", "ab*.csv"), ("abc.csv", "abc.csv")),
        (("erp", "x{date}*"), ("erp", "x2025-*-{date}"), ("x2025-01-31-2025-02-01", "x2025-01-31-2025-02-01")),
    ],
)
def test_sources_whose_patterns_meet_share_files(
    one: tuple[str, str], other: tuple[str, str], paths: tuple[str, str]
) -> None:
    first, second = (source(files, folder) for folder, files in (one, other))
    assert first.match(paths[0]) and second.match(paths[1]), "the same file, below each folder"
    assert first.shares_files(second) and second.shares_files(first)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("billing", "prices_{date}.csv"), ("billing", DAYS)),
        (("erp", "orders_{date}.csv"), ("erp", "customers_{date}.csv")),
        (("erp", "orders_{date}.csv"), ("erp", "orders_open_{date}.csv")),
        (("erp", "*_orders.csv"), ("erp", "*_customers.csv")),
        (("erp", "{date}/orders.csv"), ("erp", "{date}/customers.csv")),
        (("erp", "*.csv"), ("erp/in", "*.csv")),
        (("erp", "*.csv"), ("erp", "*.txt")),
        (("erp", "a*.csv"), ("erp", "a")),
        (("erp", "*.csv"), ("sap", "*.csv")),
    ],
)
def test_sources_whose_patterns_cannot_meet_share_a_folder(one: tuple[str, str], other: tuple[str, str]) -> None:
    first, second = (source(files, folder) for folder, files in (one, other))
    assert not first.shares_files(second) and not second.shares_files(first)
