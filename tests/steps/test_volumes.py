"""Deliveries with suspiciously few rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from lakehouse.contracts.domains import load_domain
from lakehouse.contracts.names import TableId
from lakehouse.contracts.rules import RowCountDrop
from lakehouse.contracts.tables import SilverTable
from lakehouse.ledger.deliveries import Delivery, Register, delivery_row, register
from lakehouse.steps.volumes import series, volume_verdicts

BRONZE = TableId.parse("billing.bronze.usage")


def taken(day: int, rows: int, sequence: int, name: str = "a.csv") -> Delivery:
    path = f"usage/year=2025/month=01/day={day:02}/{name}"
    return Delivery(
        BRONZE, path, date(2025, 1, day), sequence, "ingested", path, 1, "1", str(sequence), "f", rows, None, {}, "run",
    )  # fmt: skip


def known(*deliveries: Delivery) -> Register:
    return register([delivery_row(one) for one in deliveries])


@pytest.fixture
def table() -> SilverTable:
    (found,) = load_domain("billing").silver()
    return found.model_copy(update={"row_count_drop": RowCountDrop(warn=0.5, error=0.9)})


FEW = "399 rows, 60.1 % fewer than the 1,000 of its neighbours"
LESS = "499 rows, 50.1 % fewer than the 1,000 of its predecessor"


def failed(table: SilverTable, delivery: Delivery, *others: Delivery) -> list[tuple[str, str | None]]:
    verdicts = volume_verdicts(table, [delivery], known(*others, delivery))
    return [(verdict.severity, verdict.reason) for verdict in verdicts if not verdict.passed]


def test_a_correction_is_compared_with_what_it_replaces(table: SilverTable) -> None:
    before = taken(2, 1000, 1)
    assert failed(table, taken(2, 500, 2), before) == []
    assert failed(table, taken(2, 499, 2), before) == [
        ("warn", "499 rows, 50.1 % fewer than the 1,000 of its predecessor")
    ]
    assert failed(table, taken(2, 0, 2), before) == [
        ("warn", "0 rows, 100 % fewer than the 1,000 of its predecessor"),
        ("error", "0 rows, 100 % fewer than the 1,000 of its predecessor"),
    ]


def test_a_delivery_is_compared_with_its_neighbours_in_time(table: SilverTable) -> None:
    others = [taken(day, rows, day) for day, rows in ((2, 900), (3, 1000), (5, 1100))]
    assert failed(table, taken(4, 600, 9), *others) == []
    assert failed(table, taken(4, 400, 9), *others) == [
        ("warn", "400 rows, 60 % fewer than the 1,000 of its neighbours")
    ]
    # Two neighbours are too few to tell what is usual, and another series of files tells nothing.
    assert failed(table, taken(4, 1, 9), *others[:2]) == []
    assert failed(table, taken(4, 1, 9, "totals.csv"), *others) == []
    assert volume_verdicts(table.model_copy(update={"row_count_drop": None}), [taken(4, 1, 9)], known(*others)) == []


def test_only_the_nearest_neighbours_count(table: SilverTable) -> None:
    far = [taken(day, 100_000, day) for day in range(1, 10)]
    near = [taken(day, 1000, day) for day in range(20, 27)]
    assert failed(table, taken(27, 900, 50), *far, *near) == []


def test_a_series_is_a_path_without_its_numbers() -> None:
    assert series("usage/year=2025/month=01/day=02/part-0003.csv") == "usage/year=#/month=#/day=#/part-#.csv"


def test_what_the_ledger_keeps_apart_is_not_compared(table: SilverTable) -> None:
    others = [replace(taken(day, 1000, day), state="torn") for day in (2, 3, 5)]
    assert failed(table, taken(4, 1, 9), *others) == []
