"""Texts that a spreadsheet shows and never computes, and the same texts back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.spreadsheets import as_meant, as_shown


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        # Nothing to fear.
        ("", ""),
        ("plain", "plain"),
        ("a=b", "a=b"),
        ("user@example.com", "user@example.com"),
        ("-1.5", "-1.5"),
        ("+3", "+3"),
        ("-1,500.25", "-1,500.25"),
        ("0", "0"),
        ("12.50", "12.50"),
        ("it's", "it's"),
        ("'quoted'", "'quoted'"),
        ("a;b", "a;b"),
        ("5;-6,5", "5;-6,5"),
        # Formulas, plain, wide and small, behind blanks.
        ("=1+1", "'=1+1"),
        ("+1+1", "'+1+1"),
        ("-1+1", "'-1+1"),
        ("--1", "'--1"),
        ("@SUM(A1:A9)", "'@SUM(A1:A9)"),
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("|calc", "'|calc"),
        ("%0A=1", "'%0A=1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("\uff0b1+1", "'\uff0b1+1"),
        ("\uff0d1+1", "'\uff0d1+1"),
        ("\uff20SUM(A1)", "'\uff20SUM(A1)"),
        ("\ufe661", "'\ufe661"),
        (" =1+1", "' =1+1"),
        ("\u00a0=1+1", "'\u00a0=1+1"),
        ("\ufeff=1+1", "'\ufeff=1+1"),
        # Tabs and line ends, which some programs take off first, or for delimiters.
        ("\t=1+1", "'\t'=1+1"),
        ("\r=1+1", "'\r'=1+1"),
        ("\n=1+1", "'\n'=1+1"),
        ("\tx", "'\tx"),
        ("x;=1+1", "x;'=1+1"),
        ("x\t@SUM(A1)", "x\t'@SUM(A1)"),
        ("x\n=1+1", "x\n'=1+1"),
        ("a;;=1", "a;;'=1"),
        # Numbers that would lose digits.
        ("1234567890123456", "'1234567890123456"),
        ("-0.1234567890123456", "'-0.1234567890123456"),
        ("12345678901234e5", "'12345678901234e5"),
        ("9f86d081884c7d65", "9f86d081884c7d65"),
        ("007", "'007"),
        # What was delivered with an apostrophe comes back with it.
        ("'=1+1", "''=1+1"),
        ("''=1+1", "'''=1+1"),
        ("'\tx", "''\tx"),
        ("'007", "''007"),
    ],
)
def test_a_text_and_its_cell(text: str, cell: str) -> None:
    assert as_shown(text) == cell
    assert as_meant(cell) == text


@given(st.text("=+-@|% '\t\r\n;,.e017a\uff1d\ufeff", max_size=12))
def test_every_text_comes_back(text: str) -> None:
    cell = as_shown(text)
    assert as_meant(cell) == text
    assert not cell.startswith(("=", "@", "\t", "\r", "\n", "\uff1d"))
    assert "\n=" not in cell and ";=" not in cell and "\t@" not in cell


def test_an_apostrophe_that_people_put_before_a_number_is_theirs() -> None:
    assert as_meant("'-5") == "-5"
    assert as_meant("'x") == "'x"
