"""Tables as bags of rows, read without Spark, and compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

Tables = Mapping[str, Counter[tuple[Any, ...]]]
"""Rows by folder of the table below the domain's."""

BAD = ("open", "discarded")
"""Statuses of rows that are kept out."""

UNLIKE = {
    "delivery_sequence", "quarantine_id", "run_id", "quarantined_at", "closed_run_id", "closed_at",
}  # fmt: skip
"""Columns that differ between lakes that took the same contents in other runs."""


def rows_of(path: Path) -> list[dict[str, Any]]:
    """All rows of a table, read through delta-rs; none when it was never made."""
    try:
        frame = DeltaTable(str(path)).scan().read_all()
    except TableNotFoundError:
        return []
    columns = [frame.column(name).to_pylist() for name in frame.column_names]
    return [dict(zip(frame.column_names, values, strict=True)) for values in zip(*columns, strict=True)]


def alike(rows: list[dict[str, Any]]) -> Counter[tuple[Any, ...]]:
    """Rows without what differs from run to run, and without what is history."""
    return Counter(
        tuple(repr(value) for name, value in sorted(row.items()) if name not in UNLIKE)
        for row in rows
        if row.get("status", "open") in BAD
    )


def compare(found: Tables, expected: Tables) -> None:
    """Whether tables hold the same rows; the difference stands in the message."""
    for path, rows in expected.items():
        too_much, missing = found[path] - rows, rows - found[path]
        assert (too_much, missing) == (Counter(), Counter()), f"{path}: too much, and missing"
