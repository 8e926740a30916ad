"""A 4-5-4 fiscal calendar, computed: quarters of 4, 5 and 4 weeks, weeks from Sunday to Saturday.

A fiscal year ends on the Saturday nearest to 31 January of the next calendar year. By this rule, which is that of
the National Retail Federation, every fifth or sixth year has 53 weeks (2012, 2017, 2023, 2028); its last month
then has 5 weeks in place of 4.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from random import Random

HEADER = (
    "CALENDAR_DATE",
    "WEEKDAY_NUMBER",
    "WEEKDAY_NAME",
    "FISCAL_WEEK_OF_MONTH",
    "FISCAL_WEEK_OF_YEAR",
    "FISCAL_MONTH_NUMBER",
    "FISCAL_MONTH_NAME",
    "FISCAL_FIRST_DAY_OF_WEEK",
    "FISCAL_LAST_DAY_OF_WEEK",
    "FISCAL_FIRST_DAY_OF_MONTH",
    "FISCAL_LAST_DAY_OF_MONTH",
    "FISCAL_DAY_OF_MONTH",
    "FISCAL_QUARTER",
    "FISCAL_YEAR",
    "FISCAL_YEAR_WEEK",
    "FISCAL_YEAR_MONTH",
    "FISCAL_YEAR_QUARTER",
    "CALENDAR_WEEK_OF_MONTH",
    "CALENDAR_WEEK_OF_YEAR",
    "CALENDAR_FIRST_DAY_OF_MONTH",
    "CALENDAR_LAST_DAY_OF_MONTH",
    "CALENDAR_FIRST_DAY_OF_YEAR",
    "CALENDAR_LAST_DAY_OF_YEAR",
    "WEEKEND",
)

Row = tuple[str, ...]
"""One day, as texts in the order of HEADER."""

_WEEKS = (4, 5, 4) * 4
_MONTHS = ("Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan")
_WEEKDAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
_BLOCKS = 8


def first_day(year: int) -> date:
    """The Sunday on which a fiscal year begins."""
    january_31 = date(year, 1, 31)
    since_saturday = (january_31.weekday() + 2) % 7
    last_saturday = january_31 - timedelta(days=since_saturday)
    return (last_saturday if since_saturday <= 3 else last_saturday + _WEEK) + _DAY


def last_day(year: int) -> date:
    """The Saturday on which a fiscal year ends."""
    return first_day(year + 1) - _DAY


def weeks(year: int) -> int:
    """How many weeks a fiscal year has: 52 or 53."""
    return (first_day(year + 1) - first_day(year)) // _WEEK


def fiscal_year(day: date) -> int:
    """The fiscal year that a day lies in."""
    return day.year if day >= first_day(day.year) else day.year - 1


def days_of(year: int) -> Iterator[Row]:
    """The rows of a fiscal year in order of date, with the columns of HEADER."""
    first_of_year = first_of_month = first_day(year)
    for number, (name, usual_weeks) in enumerate(zip(_MONTHS, _WEEKS, strict=True), 1):
        length = (usual_weeks + (weeks(year) - 52 if number == 12 else 0)) * 7
        for day_of_month in range(length):
            day = first_of_month + timedelta(days=day_of_month)
            week_of_year = (day - first_of_year) // _WEEK + 1
            yield (
                *_weekday(day),
                str(day_of_month // 7 + 1),
                str(week_of_year),
                str(number),
                name,
                *_bounds(first_of_month, length, day_of_month),
                *_keys(year, number, week_of_year),
                *_calendar(day),
            )
        first_of_month += timedelta(days=length)


def shuffled(rows: Sequence[Row], rng: Random) -> list[Row]:
    """The rows in a few blocks that are in order, but do not follow each other in order of date."""
    cuts = [0, *sorted(rng.sample(range(1, len(rows)), _BLOCKS - 1)), len(rows)]
    order = list(range(_BLOCKS))
    while order == sorted(order):
        rng.shuffle(order)
    return [row for block in order for row in rows[cuts[block] : cuts[block + 1]]]


def _weekday(day: date) -> tuple[str, ...]:
    number = day.isoweekday() % 7
    return day.isoformat(), str(number + 1), _WEEKDAYS[number]


def _bounds(first_of_month: date, length: int, day_of_month: int) -> tuple[str, ...]:
    """First and last day of the fiscal week, first and last day of the fiscal month, day of month."""
    first_of_week = first_of_month + day_of_month // 7 * _WEEK
    ends = (first_of_week, first_of_week + 6 * _DAY, first_of_month, first_of_month + (length - 1) * _DAY)
    return (*(day.isoformat() for day in ends), str(day_of_month + 1))


def _keys(year: int, month: int, week: int) -> tuple[str, ...]:
    """Quarter, year, year and week, year and month, year and quarter."""
    quarter = (month + 2) // 3
    return str(quarter), str(year), f"{year}{week:02d}", f"{year}{month:02d}", f"{year}{quarter}"


def _calendar(day: date) -> tuple[str, ...]:
    """Week of month (the first has 4 days) and ISO week, first and last day of month and year, weekend."""
    first_of_month = day.replace(day=1)
    last_of_month = (first_of_month + timedelta(days=31)).replace(day=1) - _DAY
    return (
        str((day.day + 2) // 7 + 1),
        str(day.isocalendar()[1]),
        first_of_month.isoformat(),
        last_of_month.isoformat(),
        f"{day.year}-01-01",
        f"{day.year}-12-31",
        "true" if day.isoweekday() >= 6 else "false",
    )
