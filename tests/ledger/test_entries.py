"""Ledger tables on disk."""

from __future__ import annotations

import json
from datetime import date, datetime, timezone
from pathlib import Path

import duckdb
import pytest
from deltalake import DeltaTable
from duckdb_extensions import import_extension

from lakehouse.errors import TableError
from lakehouse.ledger.entries import append, compact, open_table, read


def test_a_table_that_was_never_written_is_empty(tmp_path: Path) -> None:
    assert read(str(tmp_path / "runs"), "runs") == []
    compact(str(tmp_path / "runs"), "run-1")
    append(str(tmp_path / "runs"), "runs", [])
    assert list(tmp_path.iterdir()) == []


def test_entries_come_back_as_they_were(tmp_path: Path) -> None:
    folder = str(tmp_path / "deliveries")
    before = datetime.now(timezone.utc)
    append(
        folder,
        "deliveries",
        [
            {
                "table_id": "shop.bronze.orders",
                "delivery_date": date(1969, 12, 31),
                "delivery_sequence": 2**40,
                "details": {"header": ["a", "ü\n"], "delimiter": None, "n": {"deep": 1}},
                "reason": 'it\'s "so"',
            },
            {"delivery_date": date(2025, 2, 28), "details": {}},
        ],
    )
    first, second = read(folder, "deliveries")
    assert first["delivery_date"] == date(1969, 12, 31)
    assert first["delivery_sequence"] == 1_099_511_627_776
    assert first["details"] == {"header": ["a", "ü\n"], "delimiter": None, "n": {"deep": 1}}
    assert first["reason"] == 'it\'s "so"'
    assert (second["delivery_date"], second["details"], second["table_id"]) == (date(2025, 2, 28), {}, None)
    assert (first["entry"], second["entry"]) == (1, 2)
    assert before <= first["recorded_at"] <= datetime.now(timezone.utc)
    assert first["recorded_at"] == second["recorded_at"]


def test_a_table_of_nothing_but_absent_values_is_read_by_everyone(tmp_path: Path) -> None:
    folder = str(tmp_path / "metrics")
    append(folder, "metrics", [{}])
    (row,) = read(folder, "metrics")
    assert {name: value for name, value in row.items() if value is not None} == {
        "entry": 1,
        "recorded_at": row["recorded_at"],
    }
    connection = duckdb.connect()
    import_extension("delta", con=connection)
    connection.execute("LOAD delta")
    types = connection.execute(f"DESCRIBE SELECT * FROM delta_scan('{folder}')").fetchall()
    assert {name: kind for name, kind, *_ in types} == {
        "entry": "BIGINT", "run_id": "VARCHAR", "table_id": "VARCHAR", "delivery_id": "VARCHAR",
        "delivery_date": "DATE", "name": "VARCHAR", "value": "BIGINT", "recorded_at": "TIMESTAMP WITH TIME ZONE",
    }  # fmt: skip


def test_entry_numbers_go_on_over_appends_files_and_compaction(tmp_path: Path) -> None:
    folder = str(tmp_path / "runs")
    for number in range(12):
        append(folder, "runs", [{"run_id": f"{number}a"}, {"run_id": f"{number}b"}])
    compact(folder, "run-1")
    assert len(DeltaTable(folder).file_uris()) == 1
    append(folder, "runs", [{"run_id": "last"}])
    rows = read(folder, "runs")
    assert [row["entry"] for row in rows] == list(range(1, 26))
    assert [row["run_id"] for row in rows][:3] == ["0a", "0b", "1a"]
    assert rows[-1]["run_id"] == "last"


def test_a_column_that_the_table_does_not_have(tmp_path: Path) -> None:
    with pytest.raises(TableError) as caught:
        append(str(tmp_path / "runs"), "runs", [{"run": "x", "zone": 1}])
    assert str(caught.value) == "The ledger table runs has no column run, zone."
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["log", "data"])
def test_a_damaged_table_is_explained(damage: str, tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    append(str(folder), "runs", [{"run_id": "one"}])
    if damage == "log":
        (folder / "_delta_log" / "00000000000000000000.json").write_text("{not json")
    else:
        next(folder.glob("*.parquet")).unlink()
    with pytest.raises(TableError) as caught:
        read(str(folder), "runs")
    text = str(caught.value)
    assert text.startswith(f"The ledger table {folder} cannot be read: ")
    assert text.endswith(
        ". Nothing was changed. Restore the folder from a backup, or move the whole lake aside and load it anew."
    )
    assert "\n" not in text


def test_nobody_is_told_to_move_a_lake_that_cannot_be_reached(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    append(str(folder), "runs", [{"run_id": "one"}])
    (folder / "_delta_log" / "00000000000000000000.json").write_text("{not json")
    advice = "See that the address is right and that this process has credentials for it: nothing need be damaged."
    with pytest.raises(TableError) as caught:
        read(f"file://{folder}", "runs")
    assert str(caught.value).startswith(f"The ledger table file://{folder} cannot be read: ")
    assert str(caught.value).endswith(f". Nothing was changed. {advice}")
    with pytest.raises(TableError) as caught:
        open_table(f"file://{folder}")
    assert str(caught.value).endswith(f". {advice}")


def test_nothing_is_appended_to_a_damaged_table(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    append(str(folder), "runs", [{"run_id": "one"}])
    log = folder / "_delta_log" / "00000000000000000000.json"
    log.write_text("{not json")
    with pytest.raises(TableError):
        append(str(folder), "runs", [{"run_id": "two"}])
    assert [path.name for path in (folder / "_delta_log").iterdir()] == ["00000000000000000000.json"]


def test_json_is_text_that_others_can_read(tmp_path: Path) -> None:
    folder = str(tmp_path / "runs")
    append(folder, "runs", [{"summary": {"b": date(2025, 1, 31), "a": 1}}])
    (text,) = DeltaTable(folder).scan().read_all().column("summary").to_pylist()
    assert json.loads(text) == {"a": 1, "b": "2025-01-31"}
