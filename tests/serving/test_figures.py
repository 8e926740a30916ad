"""How values are written for people."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from lakehouse.contracts.reports import Figure
from lakehouse.serving.figures import exact, written


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (None, None, "–"),
        (True, None, "yes"),
        (1234567, None, "1,234,567"),
        (-5, 1, "-5.0"),
        (Decimal("1234.50000000"), None, "1,234.5"),
        (Decimal("0E-8"), None, "0"),
        (Decimal("1E+3"), None, "1,000"),
        (Decimal("99999999999999999999999999999.12345678"), None, "99,999,999,999,999,999,999,999,999,999.12345678"),
        (Decimal("0.125"), 2, "0.13"),
        (Decimal("-0.125"), 2, "-0.13"),
        (Decimal("2.5"), 0, "3"),
        (1.005, None, "1.01"),
        (float("nan"), None, "–"),
        (date(2025, 1, 31), None, "2025-01-31"),
        (datetime(2025, 1, 31, 23, 30, tzinfo=timezone(timedelta(hours=-5))), None, "2025-02-01 04:30"),
        ("NA", None, "NA"),
    ],
)
def test_a_value_is_written(value: Any, decimals: int | None, text: str) -> None:
    assert written(value, Figure(decimals=decimals)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1234.50000000"), "1234.50000000"),
        (Decimal("0E-8"), "0.00000000"),
        (2**70, "1180591620717411303424"),
        (0.1, "0.1"),
        (True, ""),
        ("1", ""),
        (None, ""),
    ],
)
def test_a_number_keeps_all_its_digits_for_programs(value: Any, text: str) -> None:
    assert exact(value) == text
