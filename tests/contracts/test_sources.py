"""Which paths are deliveries, and of which day."""

from __future__ import annotations

from datetime import date

import pytest

from lakehouse.contracts.sources import CsvSource, MatchedPath

DAYS = "year={year}/month={month}/day={day}/*.csv"


def source(files: str) -> CsvSource:
    return CsvSource.model_validate({"kind": "csv", "folder": "billing", "files": files})


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
