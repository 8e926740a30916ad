"""Ledger tables: their columns, and reading and appending rows through delta-rs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

from arro3.core import Array, DataType, Table
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError, TableNotFoundError

from lakehouse.errors import TableError
from lakehouse.ledger.commits import committing, named

Row = dict[str, Any]

TABLES: Mapping[str, Mapping[str, str]] = {
    "deliveries": {
        "entry": "bigint", "table_id": "string", "delivery_id": "string", "delivery_sequence": "bigint",
        "delivery_date": "date", "state": "string", "reason": "string", "path": "string", "size": "bigint",
        "modified": "string", "content_hash": "string", "fingerprint": "string", "rows_in": "bigint",
        "rows_accepted": "bigint", "rows_quarantined": "bigint", "rows_outranked": "bigint",
        "details": "json", "run_id": "string", "recorded_at": "timestamp",
    },
    "runs": {
        "entry": "bigint", "run_id": "string", "state": "string", "command": "string", "arguments": "json",
        "exit_code": "bigint", "reason": "string", "host": "string", "process": "bigint", "summary": "json",
        "recorded_at": "timestamp",
    },
    "verdicts": {
        "entry": "bigint", "run_id": "string", "table_id": "string", "delivery_id": "string",
        "delivery_sequence": "bigint", "gate": "string", "rule": "string", "severity": "string",
        "passed": "string", "reason": "string", "recorded_at": "timestamp",
    },
    "metrics": {
        "entry": "bigint", "run_id": "string", "table_id": "string", "delivery_id": "string",
        "delivery_date": "date", "name": "string", "value": "bigint", "recorded_at": "timestamp",
    },
    "decisions": {
        "entry": "bigint", "run_id": "string", "kind": "string", "table_id": "string", "delivery_id": "string",
        "delivery_sequence": "bigint", "record_number": "bigint", "quarantine_id": "string", "column": "string",
        "value": "string", "who": "string", "why": "string", "details": "json", "recorded_at": "timestamp",
    },
    "publications": {
        "entry": "bigint", "run_id": "string", "step": "string", "table_id": "string", "version": "bigint",
        "input_versions": "json", "fingerprint": "string", "rows": "bigint", "recorded_at": "timestamp",
    },
}  # fmt: skip
"""Every ledger table's columns. ``entry`` numbers the rows of a table in the order in which they were recorded."""

_DAMAGED = "Kernel error"
"""How delta-rs begins to tell of a log that it cannot make sense of."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def read(folder: str, table: str) -> list[Row]:
    """All rows of a ledger table in the order of their recording; none when it was never written.

    Raises TableError when its files cannot be read.
    """
    with _explained(folder):
        opened = _opened(folder)
        if opened is None:
            return []
        frame = opened.scan().read_all()
        columns = {name: frame.column(name).to_pylist() for name in frame.column_names}
    kinds = TABLES[table]
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    for row in rows:
        for name, kind in kinds.items():
            if kind == "json" and row.get(name) is not None:
                row[name] = json.loads(row[name])
    return sorted(rows, key=lambda row: int(row["entry"]))


@contextmanager
def _explained(folder: str) -> Iterator[None]:
    """Turn what goes wrong with a ledger table's files into a TableError."""
    try:
        yield
    except Exception as error:  # a data file that is gone comes as a bare Exception
        raise TableError(
            f"The ledger table {folder} cannot be read: {in_short(error)}. Nothing was changed. {_then(folder)}"
        ) from error


def _then(place: str) -> str:
    if "://" in place:
        return "See that the address is right and that this process has credentials for it: nothing need be damaged."
    return "Restore the folder from a backup, or move the whole lake aside and load it anew."


def in_short(error: Exception) -> str:
    """What went wrong with a table, in one line: delta-rs adds its own stack."""
    return next(iter(str(error).splitlines()), type(error).__name__).rstrip(". ")


def open_table(path: str) -> DeltaTable | None:
    """A Delta table, or None when there is none. Raises TableError when its log is damaged."""
    try:
        return _open(path)
    except DeltaError as error:
        if not str(error).startswith(_DAMAGED):
            raise
        raise unreadable(path, error) from error


def unreadable(path: str, error: Exception) -> TableError:
    """What is said of a table that cannot be opened, whoever found that out."""
    return TableError(f"The log of the table {path} cannot be read: {in_short(error)[:300]}. {_then(path)}")


def _open(path: str) -> DeltaTable | None:
    try:
        return DeltaTable(path)
    except TableNotFoundError:
        return None


def _opened(folder: str) -> DeltaTable | None:
    opened = _open(folder)
    if opened is None:
        return None
    problem = empty_commit(folder)
    if problem:
        raise ValueError(problem)
    return opened


def empty_commit(folder: str) -> str | None:
    """What is wrong with a table's log when one of its commits is empty; not told of one in an object store.

    Readers take it for one that says nothing: what it added would be forgotten, and its files belong to no version.
    """
    for path in sorted(Path(folder, "_delta_log").glob("*.json")) if "://" not in folder else ():
        # Who only looks holds no claim: a writer may be cleaning up meanwhile.
        with suppress(FileNotFoundError):
            if path.stat().st_size == 0:
                return f"its commit {path.name} is empty; the machine went down before it had reached the disk"
    return None


def append(folder: str, table: str, rows: Sequence[Row]) -> None:
    """Add rows; ``entry`` and ``recorded_at`` are set here. Nothing is written for no rows."""
    if not rows:
        return
    first = newest_entry(folder) + 1
    now = datetime.now(timezone.utc)
    complete = [{**row, "entry": first + number, "recorded_at": now} for number, row in enumerate(rows)]
    kinds = TABLES[table]
    unknown = {name for row in complete for name in row} - set(kinds)
    if unknown:
        raise TableError(f"The ledger table {table} has no column {', '.join(sorted(unknown))}.")
    frame = Table.from_pydict({name: _array(kind, [row.get(name) for row in complete]) for name, kind in kinds.items()})
    with committing(folder, "append"):
        write_deltalake(folder, frame, mode="append", commit_properties=named(_only_run(rows)))


def _only_run(rows: Sequence[Row]) -> str | None:
    runs = {row.get("run_id") for row in rows}
    return runs.pop() if len(runs) == 1 else None


def compact(folder: str, run_id: str) -> None:
    """Bring the many small files of a ledger table together."""
    with committing(folder, "compact"), _explained(folder):
        opened = _opened(folder)
        if opened is not None:
            opened.optimize.compact(commit_properties=named(run_id))


def drop_before(folder: str, entry: int, run_id: str) -> None:
    """Remove the entries before one of them."""
    with committing(folder, "delete"), _explained(folder):
        opened = _opened(folder)
        if opened is not None:
            opened.delete(f"entry < {int(entry)}", commit_properties=named(run_id))


def newest_entry(folder: str) -> int:
    """The highest ``entry`` of a ledger table; 0 when it was never written."""
    with _explained(folder):
        return highest(_opened(folder), "entry")


def highest(table: DeltaTable | None, column: str) -> int:
    """The highest number in a column, told by the statistics of the files; 0 for no table and no rows."""
    if table is None:
        return 0
    files = table.get_add_actions(flatten=True)
    if f"max.{column}" not in files.schema.names:
        return 0
    return max((int(value) for value in files.column(f"max.{column}").to_pylist() if value is not None), default=0)


def _array(kind: str, values: Iterable[Any]) -> Any:
    match kind:
        case "bigint":
            return Array(list(values), type=DataType.int64())
        case "date":
            days = [None if value is None else (value - date(1970, 1, 1)).days for value in values]
            return Array(days, type=DataType.int32()).cast(DataType.date32())
        case "timestamp":
            micros = [None if v is None else round((v - _EPOCH).total_seconds() * 1_000_000) for v in values]
            return Array(micros, type=DataType.int64()).cast(DataType.timestamp("us", tz="UTC"))
        case "json":
            texts = [None if v is None else json.dumps(v, sort_keys=True, default=str) for v in values]
            return Array(texts, type=DataType.string())
        case _:
            return Array(list(values), type=DataType.string())
