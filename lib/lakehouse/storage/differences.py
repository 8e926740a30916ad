"""Differences between what a table should hold and what it holds, by key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import Any

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

KINDS = ("missing", "unexpected", "different")

_KIND, _OFF = "difference_kind", "rows_off"
_WANTED, _PRESENT = "rows_wanted", "rows_present"
_HASHES = ("hash_one", "hash_two")
_WIDTH = 60
"""Characters of a value that are shown."""


@dataclass(frozen=True)
class Difference:
    """What is wrong with the rows of one key; values are as people read them."""

    kind: str
    """One of ``KINDS``."""
    key: Mapping[str, str]
    columns: Mapping[str, tuple[str, str]]
    """Of a row that is different: the columns, each with the expected and the found value."""
    rows: tuple[int, int]
    """How many rows of this key are expected, and found."""

    def __str__(self) -> str:
        key = ", ".join(f"{name}={value}" for name, value in self.key.items())
        detail = f" in {', '.join(self.columns)}" if self.columns else ""
        more = "; ".join(f"{name}: {e} expected, {f} found" for name, (e, f) in self.columns.items())
        if max(self.rows) > 1:
            more = f"{self.rows[0]} rows expected, {self.rows[1]} found"
        return f"{self.kind}{detail}: {key}" + (f" ({more})" if more else "")


@dataclass(frozen=True)
class Differences:
    """What is wrong with a table."""

    table: str
    rows: int
    """Rows that it should hold."""
    counts: Mapping[str, int]
    """missing, unexpected and different rows."""
    examples: tuple[Difference, ...]
    """Some of them, by key."""
    compared: str = "all"
    """Which part of the table was compared."""

    @property
    def total(self) -> int:
        """All rows that are wrong."""
        return sum(self.counts.values())


def compare(
    table: str, expected: DataFrame, found: DataFrame, keys: Sequence[str], shown: int, compared: str = "all"
) -> Differences:
    """Compare two frames row by row; null equals null, also in keys. At most ``shown`` differences are named.

    A column that the second frame lacks counts as empty there. Rows that are there twice are differences too.
    """
    found = alike(found, expected)
    judged = _judged(expected, found, keys)
    off = judged.groupBy(_KIND).agg(F.sum(_WANTED).alias("rows"), F.sum(_OFF).alias("off")).collect()
    counts = {row[_KIND]: row["off"] for row in off if row[_KIND] is not None}
    examples: tuple[Difference, ...] = ()
    if counts and shown:
        wrong = judged.where(F.col(_KIND).isNotNull()).orderBy(_KIND, *keys).limit(shown).collect()
        examples = _told(wrong, expected, found, keys)
    return Differences(table, sum(row["rows"] for row in off), counts, examples, compared)


def _judged(expected: DataFrame, found: DataFrame, keys: Sequence[str]) -> DataFrame:
    """One row per key: how many rows it has on either side, and what is wrong with them.

    Only keys and two hashes of the other columns, 128 bits, are shuffled: whole rows would cost several times as much.
    """
    sides = [_narrowed(expected, keys, _WANTED, 1), _narrowed(found, keys, _PRESENT, -1)]
    sums = [F.sum(name).alias(name) for name in (_WANTED, _PRESENT, *_HASHES)]
    more = F.col(_PRESENT) - F.col(_WANTED)
    same = F.lit(True)
    for name in _HASHES:
        same = same & (F.col(name) == 0)
    kind = F.when(more < 0, "missing").when(more > 0, "unexpected").when(~same, "different")
    summed = sides[0].unionByName(sides[1]).groupBy(*keys).agg(*sums)
    return summed.withColumns({_KIND: kind, _OFF: F.greatest(F.abs(more), F.lit(1))})


def _narrowed(rows: DataFrame, keys: Sequence[str], side: str, sign: int) -> DataFrame:
    others = [F.col(name) for name in rows.columns if name not in keys]
    # A hash passes over nulls: without their places a value could change its column unseen.
    content = [*others, *(column.isNull() for column in others)]
    hashes = [(F.xxhash64(F.lit(seed), *content) * sign).alias(name) for seed, name in enumerate(_HASHES)]
    counts = [F.lit(1 if name == side else 0).alias(name) for name in (_WANTED, _PRESENT)]
    return rows.select(*keys, *counts, *hashes)


def _told(wrong: Sequence[Row], expected: DataFrame, found: DataFrame, keys: Sequence[str]) -> tuple[Difference, ...]:
    """Differences with the values of their rows."""
    sides: list[dict[tuple[Any, ...], list[Row]]] = []
    for rows in (expected, found):
        sides.append({})
        for row in rows.where(reduce(or_, (_has_key(one, keys) for one in wrong))).collect():
            sides[-1].setdefault(_key(row, keys), []).append(row)
    return tuple(_difference(one, keys, *(side.get(_key(one, keys), []) for side in sides)) for one in wrong)


def _has_key(row: Row, keys: Sequence[str]) -> Column:
    return reduce(and_, (F.col(name).eqNullSafe(F.lit(row[name])) for name in keys))


def _key(row: Row, keys: Sequence[str]) -> tuple[Any, ...]:
    return tuple(row[name] for name in keys)


def alike(found: DataFrame, expected: DataFrame) -> DataFrame:
    """A frame in the columns and types of another; columns that it lacks are empty."""
    present = set(found.columns)
    columns = {name: F.col(name) if name in present else F.lit(None) for name in expected.columns}
    return found.select(*(column.cast(expected.schema[name].dataType).alias(name) for name, column in columns.items()))


def _difference(one: Row, keys: Sequence[str], wanted: Sequence[Row], present: Sequence[Row]) -> Difference:
    columns = {}
    if one[_KIND] == "different" and len(wanted) == len(present) == 1:
        pairs = zip(wanted[0].asDict().items(), present[0].asDict().values(), strict=True)
        columns = {name: _values(left, right) for (name, left), right in pairs if left != right}
    return Difference(one[_KIND], {key: _text(one[key]) for key in keys}, columns, (one[_WANTED], one[_PRESENT]))


def _values(expected: Any, found: Any) -> tuple[str, str]:
    if isinstance(expected, list) and isinstance(found, list):
        # Of long lists only what one of them has.
        return _text([one for one in expected if one not in found]), _text(
            [one for one in found if one not in expected]
        )
    return _text(expected), _text(found)


def _text(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, list):
        return ", ".join(map(_text, value)) or "nothing else"
    if isinstance(value, Row):
        return "=".join(_text(part) for part in value)
    text = str(value)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."
