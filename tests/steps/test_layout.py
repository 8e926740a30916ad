"""How many files a search has to read, told from literal ranges of files."""

from __future__ import annotations

from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

import pytest

from lakehouse.ledger.data_files import DataFile, Range
from lakehouse.steps.layout import figures, files_overlapping, files_read, packed, sorted_read, values_between


def file(name: str, low: Any, high: Any, rows: int = 100, size: int = 10) -> DataFile:
    return DataFile(name, (), size, rows, {"user_id": (low, high)})


def files(*ranges: Range) -> list[DataFile]:
    return [DataFile(str(number), (), 10, 100, {"user_id": found}) for number, found in enumerate(ranges)]


def test_files_with_the_same_range_are_all_read() -> None:
    found = files(*[("u000", "u999")] * 8)
    assert (files_read(found, "user_id"), files_overlapping(found, "user_id")) == (8, 8)


def test_of_files_without_an_overlap_one_is_read() -> None:
    found = files(("u000", "u199"), ("u200", "u399"), ("u400", "u599"), ("u600", "u999"))
    assert (files_read(found, "user_id"), files_overlapping(found, "user_id")) == (1, 1)


def test_where_half_of_each_range_overlaps_one_and_a_half_files_are_read() -> None:
    # Looked up at 1, 3, 5, 7, 9 of 0 to 10 and 6, 8, 10, 12, 14 of 5 to 15: 5 to 10 are in both, so 6 of the 10 values
    # that were taken (5, 7, 9 and 6, 8, 10) are in two files and the others in one.
    found = files((0, 10), (5, 15))
    assert files_read(found, "user_id") == pytest.approx(1.6)
    # The 5 and the 10 are an end of a range: no order of the rows could spare a file there.
    assert files_overlapping(found, "user_id") == pytest.approx(1.4)


def test_values_weigh_as_much_as_their_file_has_rows() -> None:
    # 300 rows lie where both files are, 100 where one is.
    found = [file("small", 4, 6, rows=100), file("large", 20, 30, rows=300), file("over", 20, 30, rows=0)]
    assert files_read(found, "user_id") == pytest.approx((100 * 1 + 300 * 2 + 1 * 2) / 401)


def test_few_values_in_sorted_files_are_not_taken_for_disorder() -> None:
    # Four regions over eight files, in order: a search reads two or three files, and no order could make it less.
    found = files(*[(region, region) for region in "aabbccdd"])
    assert (files_read(found, "user_id"), files_overlapping(found, "user_id")) == (2, 1)
    touching = files(("a", "b"), ("b", "b"), ("b", "c"), ("c", "d"))
    assert files_overlapping(touching, "user_id") == 1
    mixed = files(*[("a", "d")] * 8)
    assert files_overlapping(mixed, "user_id") == 8


def test_a_file_without_statistics_is_always_read_and_one_of_nulls_never() -> None:
    unknown = DataFile("unknown", (), 10, 100, {})
    nulls = DataFile("nulls", (), 10, 100, {"user_id": None})
    found = [*files(("a", "b"), ("c", "d")), unknown, nulls]
    assert (files_read(found, "user_id"), files_overlapping(found, "user_id")) == (2, 2)
    assert files_read([unknown, unknown], "user_id") == 2
    assert files_read([nulls], "user_id") == 0


@pytest.mark.parametrize(
    ("low", "high", "values"),
    [
        (5, 5, [5]),
        (0, 100, [10, 30, 50, 70, 90]),
        (Decimal("-1.50"), Decimal("0.50"), [Decimal(n) for n in ("-1.3", "-0.9", "-0.5", "-0.1", "0.3")]),
        (
            date(2025, 1, 1),
            date(2025, 1, 31),
            [date(2025, 1, 4), date(2025, 1, 10), date(2025, 1, 16), date(2025, 1, 22), date(2025, 1, 28)],
        ),
        (False, True, [False, True]),
        (b"a", b"b", [b"a", b"b"]),
    ],
)
def test_values_between(low: Any, high: Any, values: list[Any]) -> None:
    assert values_between(low, high) == values


def test_times_between() -> None:
    first, last = (datetime(2025, 1, day, tzinfo=timezone.utc) for day in (1, 11))
    assert [f"{time:%d}" for time in values_between(first, last)] == ["02", "04", "06", "08", "10"]


@pytest.mark.parametrize(
    ("low", "high"), [("u000001", "u999999"), ("a", "abc"), ("", "zz"), ("é", "日本"), ("a\0", "b")]
)
def test_texts_between_lie_in_the_range_and_in_order(low: str, high: str) -> None:
    found = values_between(low, high)
    assert found == sorted(found)
    assert low <= found[0] <= found[-1] <= high
    assert len(set(found)) > 1


def test_texts_between_begin_with_what_the_ends_have_in_common() -> None:
    assert [text[:6] for text in values_between("user-0", "user-9")] == [
        "user-0", "user-2", "user-4", "user-6", "user-8",
    ]  # fmt: skip


def test_figures() -> None:
    found = [
        DataFile("a", (("day", "1"),), 5, 1, {"user_id": (1, 9)}),
        DataFile("b", (("day", "1"),), 20, 1, {"user_id": (1, 9)}),
        DataFile("c", (("day", None),), 7, 1, {"user_id": (20, 30)}),
    ]
    got = figures(found, 10, ("user_id",))
    assert (got.partitions, got.files, got.size, got.small) == (2, 3, 32, 2)
    assert [(one.column, round(one.read, 3), one.of) for one in got.lookups] == [("user_id", 1.667, 3)]
    assert figures([], 10, ("user_id",)).lookups == ()


@pytest.mark.parametrize(
    ("sizes", "bins"),
    [([], 0), ([100], 1), ([10, 10, 10], 1), ([60, 60, 60], 3), ([50, 50, 50, 50], 2), ([40, 30, 90, 10], 2)],
)
def test_files_are_packed_as_delta_does(sizes: list[int], bins: int) -> None:
    assert packed(sizes, 100) == bins


def test_a_lookup_in_sorted_files() -> None:
    assert [round(sorted_read(*case), 6) for case in ((1, 10), (2, 16), (3, 27))] == [1, 4, 9]
