"""What is asked of a quarantine table."""

from __future__ import annotations

from pathlib import Path

import pytest
from arro3.core import Array, DataType, Table
from deltalake import DeltaTable, write_deltalake

from lakehouse.errors import TableError
from lakehouse.quality.quarantine import replayed_rows


def lie(path: Path, sequence: int, *closings: tuple[str, str | None]) -> None:
    """Write a file with bad rows of one delivery, each with its status and the run that closed it."""
    statuses, runs = zip(*closings, strict=True)
    frame = Table.from_pydict(
        {
            "delivery_sequence": Array([sequence] * len(closings), type=DataType.int64()),
            "status": Array(list(statuses), type=DataType.string()),
            "closed_run_id": Array(list(runs), type=DataType.string()),
        }
    )
    write_deltalake(str(path), frame, mode="append")


def test_rows_that_a_run_replayed_are_counted_from_the_files_of_its_deliveries(tmp_path: Path) -> None:
    lie(tmp_path, 1, ("replayed", "now"))
    (of_others,) = DeltaTable(str(tmp_path)).file_uris()
    lie(tmp_path, 2, ("replayed", "now"), ("replayed", "before"), ("superseded", "now"), ("open", None))
    lie(tmp_path, 3, ("replayed", "now"), ("discarded", "now"))
    # One that is not there cannot be read.
    Path(of_others).unlink()
    assert replayed_rows(str(tmp_path), [2, 3], "now") == 2
    assert replayed_rows(str(tmp_path), [2], "now") == 1
    assert replayed_rows(str(tmp_path), [], "now") == 0
    with pytest.raises(TableError, match="cannot be read"):
        replayed_rows(str(tmp_path), [1], "now")
