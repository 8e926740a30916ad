"""How the rows of a table are spread over its files, measured on the files' statistics alone."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from lakehouse.ledger.data_files import DataFile

_TENTHS = (1, 3, 5, 7, 9)
"""Where in a file's range values are looked up."""

_SAMPLED = 200
"""Files at most from whose ranges values are taken."""

_LETTERS, _ALPHABET = 4, 0x110000


@dataclass(frozen=True)
class Lookup:
    """How many files a search for one value of a column has to read, on average."""

    column: str
    read: float
    of: int


@dataclass(frozen=True)
class Figures:
    """What a table looks like on disk."""

    partitions: int
    files: int
    size: int
    """Bytes."""
    rows: int
    small: int
    """Files below the size from which on they are left alone."""
    lookups: tuple[Lookup, ...]
    """For each column that the table is sorted by."""


def figures(files: Sequence[DataFile], small: int, columns: Sequence[str]) -> Figures:
    """The figures of a table; ``small`` in bytes."""
    return Figures(
        len({file.partition for file in files}),
        len(files),
        sum(file.size for file in files),
        sum(file.rows for file in files),
        sum(1 for file in files if file.size < small),
        tuple(Lookup(name, files_read(files, name), len(files)) for name in columns if files),
    )


def files_read(files: Sequence[DataFile], column: str) -> float:
    """Files that a search for one value of a column reads: those whose range holds it, on average over values.

    The values are taken evenly from the ranges of the files, and weigh as much as the files have rows.
    """
    ranges = _Ranges(files, column)
    return _average(files, column, lambda value: ranges.holding(value) + ranges.unknown)


def files_overlapping(files: Sequence[DataFile], column: str) -> float:
    """The same, without what no order of the rows could spare: files that have the value as an end of their range.

    1 when no two ranges have more than an end in common.
    """
    ranges = _Ranges(files, column)
    return _average(files, column, lambda value: ranges.around(value) + ranges.unknown)


class _Ranges:
    """The ends of the files' ranges, in order."""

    def __init__(self, files: Sequence[DataFile], column: str) -> None:
        known = [found for file in files if (found := file.ranges.get(column))]
        wide = [(low, high) for low, high in known if low != high]
        self._lows, self._highs = sorted(low for low, _ in known), sorted(high for _, high in known)
        self._wide_lows, self._wide_highs = sorted(low for low, _ in wide), sorted(high for _, high in wide)
        self.unknown = sum(1 for file in files if column not in file.ranges)
        """Files that have to be read whatever is searched for."""

    def holding(self, value: Any) -> int:
        return bisect_right(self._lows, value) - bisect_left(self._highs, value)

    def around(self, value: Any) -> int:
        """Files that hold smaller and greater values; at least the one that the value is from."""
        return max(1, bisect_left(self._wide_lows, value) - bisect_right(self._wide_highs, value))


def _average(files: Sequence[DataFile], column: str, count: Any) -> float:
    known = [file for file in files if file.ranges.get(column)]
    step = max(1, len(known) // _SAMPLED)
    total = weight = 0.0
    for file in known[::step]:
        values = values_between(*(file.ranges[column] or ()))
        total += max(file.rows, 1) * sum(count(value) for value in values) / len(values)
        weight += max(file.rows, 1)
    if not weight:
        return float(sum(1 for file in files if column not in file.ranges))
    return total / weight


def values_between(low: Any, high: Any) -> list[Any]:
    """A few values of a range, evenly spread."""
    if low == high:
        return [low]
    match low:
        case bool():
            return [low, high]
        case datetime() | Decimal() | int() | float():
            return [low + (high - low) * tenth / 10 for tenth in _TENTHS]
        case date():
            return [low + timedelta(days=round((high - low).days * tenth / 10)) for tenth in _TENTHS]
        case str():
            return _texts_between(low, high)
        case _:
            return [low, high]


def _texts_between(low: str, high: str) -> list[str]:
    """Texts are numbers with a digit for each letter, after what they have in common."""
    same = next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))
    first, last = (_number(text[same : same + _LETTERS]) for text in (low, high))
    texts = [low[:same] + _letters(first + (last - first) * tenth // 10) for tenth in _TENTHS]
    return [min(max(text, low), high) for text in texts]


def _number(text: str) -> int:
    number = 0
    for letter in text.ljust(_LETTERS, "\0"):
        number = number * _ALPHABET + ord(letter)
    return number


def _letters(number: int) -> str:
    found = ""
    for _ in range(_LETTERS):
        number, letter = divmod(number, _ALPHABET)
        found = chr(letter) + found
    return found


def packed(sizes: Sequence[int], target: int) -> int:
    """Files that Delta's OPTIMIZE makes of some: smallest first, as many together as stay within the target.

    https://github.com/delta-io/delta/blob/v3.3.2/spark/src/main/scala/org/apache/spark/sql/delta/commands/OptimizeTableCommand.scala
    """
    bins, filled = 0, 0
    for size in sorted(sizes):
        if not bins or filled + size > target:
            bins, filled = bins + 1, 0
        filled += size
    return bins


def sorted_read(columns: int, files: int) -> float:
    """Files that a search for one value of one of several columns reads when the rows lie in Z-order.

    A Z-order over k columns cuts each of them into the k-th root of n parts.
    """
    return float(files ** ((columns - 1) / columns))
