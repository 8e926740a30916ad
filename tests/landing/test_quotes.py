"""Quoted values that are never closed, told from inch marks."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.landing.quotes import QuoteScan


def open_record(text: str, size: int = 1 << 20, delimiter: str = ",") -> int | None:
    scan = QuoteScan(delimiter)
    for start in range(0, len(text), size):
        scan.feed(text[start : start + size])
    return scan.open_record()


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("text", "record"),
    [
        ("", None),
        ("a,b\n1,2\n", None),
        ('a,b\n"1",2\n', None),
        ('a,b\n"1\n1",2\n', None),
        ('a,b\n"1""1",2\n', None),
        ('a,b\n"",2\n', None),
        ('a,b\n"""",2\n', None),
        ('a,b\n5",2\n', None),
        ('a,b\n"5"" pipe",2\n', None),
        ('a,b\n"5"x",2\n', None),
        ('a,b\n1,"2', 1),
        ('a,b\n1,2\n"1,2\n1,2\n', 2),
        ('a,b\r\n\r\n1,2\r\n1,"2\r\n1,2\r\n', 2),
        ('a,b\r1,2\r1,2\r"x\r', 3),
        ('a,b\n"1\n1",2\n1,"2\n', 2),
        ('a,b\n"1""', 1),
        ('a,b\n"1"""', None),
        ('a,b\n1,"', 1),
        ('a,"b\n1,2\n', 0),
        ('"a,b\n1,2\n', 0),
        ('\ufeff"a,b\n1,2\n', 0),
        ('a,b\n5",2\n1,"2\n1,"2"\n', None),
        ('a,b\n5",2\n1,2\n1,"2\n', 3),
    ],
)
def test_the_record_whose_quoted_value_is_open(text: str, record: int | None, size: int) -> None:
    assert open_record(text, size) == record


def test_a_quote_after_another_delimiter_opens_nothing() -> None:
    assert open_record('a;b\n1,"2;3\n', delimiter=";") is None
    assert open_record('a;b\n1;"2,3\n', delimiter=";") == 1


@given(st.text('ab,"\n\r', max_size=30), st.integers(1, 7))
def test_it_reads_as_the_csv_module_does(text: str, size: int) -> None:
    # Where a quoted value is open, another line is taken for the rest of it.
    rows = list(csv.reader(io.StringIO(text + "\r\nlast,row\r\n", newline="")))
    assert (open_record(text, size) is not None) == (rows[-1] != ["last", "row"])


def test_memory_stays_small_behind_an_open_quote() -> None:
    scan = QuoteScan(",")
    scan.feed('a,b\n"1\n')
    for _ in range(50):
        scan.feed('""' * 1000)
        scan.feed("1,2\n" * 1000)
    assert sum(len(value) for value in vars(scan).values() if isinstance(value, str)) < 10
    assert scan.open_record() == 1
