"""The fiscal calendar of the retail samples, and what the trial files have in common with the samples: the rule."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from lakehouse.samples import Truth
from lakehouse.samples.retail_calendar import HEADER, days_of, weeks
from tests.samples.retail_files import (
    Record,
    customers,
    dates,
    days_in,
)

TRIAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "retail-landing"
with_trial_files = pytest.mark.skipif(not TRIAL.is_dir(), reason=f"the trial files are not at {TRIAL}")


# --- The fiscal calendar


def test_the_calendar_is_whole_and_not_in_order(retail_week: tuple[Path, Truth]) -> None:
    days = days_in(retail_week[0])
    assert sorted(days) == [date(2022, 1, 30) + timedelta(days=n) for n in range(6 * 364 + 7)]
    breaks = sum(later - earlier != timedelta(days=1) for earlier, later in pairwise(days))
    assert 1 <= breaks <= 7
    assert retail_week[1].figures["fiscal_years"] == 6 and retail_week[1].figures["fiscal_years_of_53_weeks"] == 1


@pytest.mark.parametrize(
    "row",
    [
        "2023-01-29,1,Sun,1,1,1,Feb,2023-01-29,2023-02-04,2023-01-29,2023-02-25,1,1,2023,202301,202301,20231,5,4,"
        "2023-01-01,2023-01-31,2023-01-01,2023-12-31,true",
        "2024-02-03,7,Sat,5,53,12,Jan,2024-01-28,2024-02-03,2023-12-31,2024-02-03,35,4,2023,202353,202312,20234,1,5,"
        "2024-02-01,2024-02-29,2024-01-01,2024-12-31,true",
        "2024-12-30,2,Mon,5,48,11,Dec,2024-12-29,2025-01-04,2024-12-01,2025-01-04,30,4,2024,202448,202411,20244,5,1,"
        "2024-12-01,2024-12-31,2024-01-01,2024-12-31,false",
    ],
)
def test_days_of_the_calendar(row: str, retail_week: tuple[Path, Truth]) -> None:
    lines = (retail_week[0] / "calendar" / "shop_dates.csv").read_text().splitlines()
    assert row in lines


def test_years_of_53_weeks_are_those_of_the_national_retail_federation() -> None:
    assert [year for year in range(1980, 2030) if weeks(year) == 53] == [
        1984, 1989, 1995, 2000, 2006, 2012, 2017, 2023, 2028,
    ]  # fmt: skip
    assert {weeks(year) for year in range(1950, 2200)} == {52, 53}


# --- The trial files


@with_trial_files
def test_the_rule_gives_the_calendar_of_the_trial_file() -> None:
    ours = [dict(zip(HEADER, row, strict=True)) for year in range(2010, 2029) for row in days_of(year)]
    assert len(ours) == 6944
    assert sorted(dates(TRIAL / "de_dates.csv"), key=lambda row: row["CALENDAR_DATE"]) == ours


@with_trial_files
def test_nobody_and_nothing_of_the_trial_files_is_in_the_sample(
    retail_week: tuple[Path, Truth], records: list[Record]
) -> None:
    taken: set[str] = set()
    for path in TRIAL.glob("de_shop_customers_*.csv"):
        for row in csv.DictReader(path.read_text("ascii").splitlines()):
            taken.update(
                row[column].lower() for column in ("first_name", "last_name", "company_name", "address", "city")
            )
            taken.update((row["email"].lower(), row["phone1"], row["phone2"], row["web"].lower()))
    columns = (
        "PRODUCTCODE", "CUSTOMERNAME", "PHONE", "ADDRESSLINE1", "ADDRESSLINE2", "CITY", "CONTACTLASTNAME",
        "CONTACTFIRSTNAME",
    )  # fmt: skip
    with next(TRIAL.glob("de_shop_transactions_*.csv")).open(newline="", encoding="utf-8") as lines:
        for line in csv.DictReader(lines):
            taken.update(line[column].lower() for column in columns)
    taken -= {"", "#error!"}
    ours = {record.values[column].strip().lower() for record in records if record.values for column in columns}
    for rows in customers(retail_week[0]).values():
        ours.update(
            value.lower()
            for row in rows
            for column, value in row.items()
            if column not in ("county", "province", "state")
        )
    assert ours & taken == set()
