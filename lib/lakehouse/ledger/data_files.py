"""The data files of a Delta table as its log describes them: sizes, partitions, ranges of values, and commits."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

from lakehouse.ledger.book import NO_DATA_OPERATIONS

RANGES = "delta.dataSkippingStatsColumns"
"""Property with the columns of whose values the log keeps ranges."""

Partition = tuple[tuple[str, str | None], ...]
"""Partition columns, by name, with their values as text; empty for a table that is not partitioned."""

Range = tuple[Any, Any] | None
"""The lowest and the highest value of a column in a file; None when it holds nothing but nulls."""


@dataclass(frozen=True)
class DataFile:
    """A data file of a table's newest version."""

    name: str
    """Without the folders of its partition; unique in the table."""
    partition: Partition
    size: int
    """Bytes."""
    rows: int
    ranges: Mapping[str, Range] = field(default_factory=dict)
    """By column; columns whose range the log does not tell are left out."""


@dataclass(frozen=True)
class Commit:
    """What one commit did to the files of a table."""

    version: int
    time: datetime
    """UTC."""
    changes_rows: bool
    sorted_by: tuple[str, ...]
    """Columns by which an OPTIMIZE put the rows in order; empty for all other commits."""
    added: frozenset[str]
    """Names of files."""
    removed: Mapping[Partition, int]
    """Bytes of the files that were taken out, by partition."""
    new_ranges: bool = False
    """Whether it set the columns whose ranges the log keeps."""


def data_files(table: DeltaTable, columns: Collection[str] = ()) -> list[DataFile]:
    """The files of a table with the ranges of some columns."""
    actions = table.get_add_actions(flatten=True)
    present = set(actions.schema.names)
    partition_by = [name for name in table.metadata().partition_columns if f"partition.{name}" in present]

    def values(name: str) -> list[Any]:
        return list(actions.column(name).to_pylist())

    sizes, paths = values("size_bytes"), values("path")
    rows = values("num_records") if "num_records" in present else [None] * len(sizes)
    texts = [[_text(value) for value in values(f"partition.{name}")] for name in partition_by]
    ranges = {name: _ranges(name, present, values, rows) for name in columns}
    return [
        DataFile(
            path.rsplit("/", 1)[-1],
            tuple(sorted(zip(partition_by, (column[number] for column in texts), strict=True))),
            int(sizes[number]),
            int(rows[number] or 0),
            {name: found[number] for name, found in ranges.items() if found[number] != ()},
        )
        for number, path in enumerate(paths)
    ]


def _ranges(name: str, present: set[str], values: Any, rows: Sequence[int | None]) -> list[Any]:
    """Per file the column's range; () where the log does not tell it."""
    if f"min.{name}" not in present or f"max.{name}" not in present:
        return [()] * len(rows)
    nulls = values(f"null_count.{name}") if f"null_count.{name}" in present else [None] * len(rows)
    return [
        (low, high) if low is not None and high is not None else None if empty is not None and empty == count else ()
        for low, high, empty, count in zip(values(f"min.{name}"), values(f"max.{name}"), nulls, rows, strict=True)
    ]


def _text(value: object) -> str | None:
    """A partition value as the log spells it, which is also how a condition takes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return str(value.replace(tzinfo=None))
    return None if value is None else str(value)


def newest_commits(path: str, version: int) -> Iterator[Commit]:
    """What the commits from a version downwards did, newest first."""
    yield from (_commit(number, actions) for number, actions in logged(path, version))


def logged(path: str, version: int) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """What commits say, from a version downwards, as far as the log still holds them; each is read when asked for.

    Of a table in an object store nothing: none is maintained yet.
    """
    while True:
        try:
            lines = Path(path, "_delta_log", f"{version:020}.json").read_text("utf-8").splitlines()
        except FileNotFoundError:  # Who only looks holds no claim: a writer may be cleaning up meanwhile.
            return
        yield version, [json.loads(line) for line in lines]
        version -= 1


def _commit(version: int, actions: Iterable[Mapping[str, Any]]) -> Commit:
    info: Mapping[str, Any] = {}
    added, removed = set(), dict[Partition, int]()
    for action in actions:
        info = action.get("commitInfo", info)
        if "add" in action:
            added.add(action["add"]["path"].rsplit("/", 1)[-1])
        elif "remove" in action:
            gone = action["remove"]
            place = tuple(sorted((gone.get("partitionValues") or {}).items()))
            removed[place] = removed.get(place, 0) + (gone.get("size") or 0)
    operation, parameters = info.get("operation", ""), info.get("operationParameters") or {}
    columns = json.loads(parameters.get("zOrderBy") or "[]") if operation == "OPTIMIZE" else []
    return Commit(
        version,
        datetime.fromtimestamp((info.get("timestamp") or 0) / 1000, timezone.utc),
        operation not in NO_DATA_OPERATIONS,
        tuple(columns),
        frozenset(added),
        removed,
        RANGES in str(parameters.get("properties")),
    )
