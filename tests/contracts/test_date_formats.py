"""Formats of dates and times: what leaves something open is refused, with what is missing."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from lakehouse.contracts.columns import Column


def column(form: str, kind: str = "timestamp") -> Column:
    return Column(type=kind, description="x", formats=(form,))


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ("", "it names no year (y)."),
        ("[]", "it names no year (y)."),
        ("dd.MM", "it names no year (y)."),
        ("HH:mm", "it names no year (y)."),
        ("dd/mm/yyyy", "it names no month (M)."),
        ("yyyy[-MM-dd]", "it names no month (M) outside of [...]."),
        ("[yyyy-MM-dd][dd/MM]", "it names no year (y)."),
        ("[yyyy-MM-dd][ HH:mm]", "it names no year (y)."),
        ("[yyyy-MM-dd] HH:mm", "it names no year (y) outside of [...]."),
        ("'at '[yyyy-MM-dd][dd/MM/yyyy]", "it names no year (y) outside of [...]."),
        ("[yyyy-MM-dd][dd/MM/yyyy hh:mm]", "it names an hour of twelve (h or K) without am or pm (a)."),
        ("yyyy-MM-dd[ hh:mm][ a]", "it names an hour of twelve (h or K) without am or pm (a)."),
        ("yyyy-MM-dd[ hh:mm[ a]]", "it names an hour of twelve (h or K) without am or pm (a)."),
        ("MM/yyyy", "it names no day (d)."),
        ("yyyy-MM-dd hh:mm", "it names an hour of twelve (h or K) without am or pm (a)."),
        ("yyyy-MM-dd hh:mm[ a]", "it names an hour of twelve (h or K) without am or pm (a)."),
        ("yyyy-MM-dd a", "it names am or pm (a) without an hour (h)."),
        ("yyyy-MM-dd mm", "it names minutes (m) without an hour (H)."),
        ("yyyy-MM-dd[ HH]:mm", "it names minutes (m) without an hour (H)."),
        ("yyyy-MM-dd HH:ss", "it names seconds (s) without minutes (m)."),
        ("yyyy-MM-dd HH:mm:SS", "it names a fraction (S) without seconds (s)."),
        ("dd/MM/YYYY", "it holds 'YYYY'."),
        ("yyyy-MM-DD", "it holds 'DD', the day of the year, beside a month (M) or day (d)."),
        ("yyyy-DDDD", "it holds 'DDDD'."),
        ("DDD", "it names no year (y)."),
        ("yyyy-MM-ddd", "it holds 'ddd'."),
        ("yyyy-MM-ddTHH:mm", "it holds 'T'."),
        ("yyyy-MM-dd V", "it holds 'V'."),
        ("%d/%m/%Y", "it holds 'Y'."),
        ("hello", "it holds 'e'."),
        ("ISO8601", "it holds 'I'. Did you mean 'iso8601'?"),
        ("yyyy-MM-dd'", "it holds a ' that stands alone."),
        ("yyyy-MM-dd [HH", "it holds a [ that stands alone."),
        ("yyyy-MM-dd]", "it holds a ] that stands alone."),
        ("yyyy-MM-dd {HH}", "it holds a { that stands alone."),
    ],
)
def test_a_format_that_leaves_something_open_is_refused(form: str, problem: str) -> None:
    with pytest.raises(ValidationError) as caught:
        column(form)
    text = caught.value.errors()[0]["msg"]
    assert text.startswith(f"'{form}' is not a format that can be read: {problem} Allowed: iso8601, or a pattern with ")


@pytest.mark.parametrize(
    "form",
    [
        "iso8601", "M/d/yyyy H:mm", "yyyyMMdd", "dd.MM.yy", "d 'de' MMMM yyyy", "yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
        "M/d/yyyy h:mm a", "yyyy-MM-dd[ HH:mm[:ss]]", "d-LLL-yyyy", "yyyy-MM-dd 'o''clock'",
        "[yyyy-MM-dd][dd/MM/yyyy]", "[yyyy-MM-dd HH:mm:ss][dd/MM/yyyy[ HH:mm]]", "[[yyyyMMdd][yyyyDDD]]", "yyyyDDD",
        "yyyy-DDD HH:mm", "yyyy-MM-dd[ hh:mm a]", "yyyy-MM-dd[ hh[:mm] a]", "yyyy-MM-dd HH:mm[:ss][.SSS][XXX]",
    ],
)  # fmt: skip
def test_a_format_that_says_everything_is_taken(form: str) -> None:
    assert column(form).formats == (form,)


def test_of_a_date_the_half_of_the_day_may_be_left_out() -> None:
    assert column("M/d/yyyy hh:mm:ss", "date").formats == ("M/d/yyyy hh:mm:ss",)
    for form, problem in (
        ("dd/mm/yyyy", "it names no month"),
        ("yyyy-MM-dd mm", "it names minutes"),
        # Beside an offset, the half of the day says which day it is in UTC.
        ("yyyy-MM-dd hh:mm XXX", "it names an hour of twelve"),
    ):
        with pytest.raises(ValidationError, match=problem):
            column(form, "date")
