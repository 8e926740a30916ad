"""What the log of a table says of its files and commits."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable, QueryBuilder, write_deltalake

from lakehouse.ledger.data_files import Commit, DataFile, data_files, newest_commits
from lakehouse.ledger.retention import retention_properties, set_properties


def write(path: Path, rows: str, **options: Any) -> None:
    """Append the rows of a SQL VALUES list with the columns day, user_id, n; an empty text is null."""
    columns = "CAST(nullif(day, '') AS DATE) AS day, nullif(user_id, '') AS user_id, n"
    frame = QueryBuilder().execute(f"SELECT {columns} FROM (VALUES {rows}) AS t(day, user_id, n)").read_all()
    write_deltalake(str(path), frame, mode="append", **options)


def summary(files: list[DataFile]) -> list[Any]:
    return sorted(((file.partition, file.rows, dict(file.ranges)) for file in files), key=str)


def test_files_with_partitions_and_ranges(tmp_path: Path) -> None:
    path = tmp_path / "usage"
    write(path, "('2025-01-02', 'u3', 1), ('2025-01-02', 'u1', 5)", partition_by=["day"])
    write(path, "('', 'u2', 7)")
    write(path, "('2025-01-02', '', 9)")
    files = data_files(DeltaTable(str(path)), ("user_id", "n", "other"))
    assert summary(files) == [
        ((("day", "2025-01-02"),), 1, {"user_id": None, "n": (9, 9)}),
        ((("day", "2025-01-02"),), 2, {"user_id": ("u1", "u3"), "n": (1, 5)}),
        ((("day", None),), 1, {"user_id": ("u2", "u2"), "n": (7, 7)}),
    ]
    for file in files:
        (found,) = path.rglob(file.name)
        assert file.size == found.stat().st_size
    assert [file.ranges for file in data_files(DeltaTable(str(path)))] == [{}, {}, {}]


def test_columns_without_statistics_have_no_range(tmp_path: Path) -> None:
    path = tmp_path / "usage"
    write(path, "('2025-01-02', 'u3', 1)", configuration={"delta.dataSkippingStatsColumns": "n"})
    assert summary(data_files(DeltaTable(str(path)), ("user_id", "n"))) == [((), 1, {"n": (1, 1)})]
    bare = tmp_path / "bare"
    write(bare, "('2025-01-02', 'u3', 1)", configuration={"delta.dataSkippingNumIndexedCols": "0"})
    assert summary(data_files(DeltaTable(str(bare)), ("user_id", "n"))) == [((), 1, {})]


def test_an_empty_table_has_no_files(tmp_path: Path) -> None:
    path = tmp_path / "usage"
    write(path, "('2025-01-02', 'u3', 1)")
    DeltaTable(str(path)).delete()
    assert data_files(DeltaTable(str(path)), ("user_id",)) == []


def test_commits_newest_first(tmp_path: Path) -> None:
    log = tmp_path / "_delta_log"
    log.mkdir()
    before = datetime(2025, 1, 1, 12, tzinfo=timezone.utc)
    by = {"predicate": '["\'day IN (2025-01-02)"]', "zOrderBy": '["user_id","region"]'}
    commits: list[list[dict[str, Any]]] = [
        [{"metaData": {}}, {"commitInfo": {"timestamp": 1735732800000, "operation": "CREATE TABLE"}}],
        [
            {"commitInfo": {"timestamp": 1735732800000, "operation": "MERGE", "operationParameters": {}}},
            {"add": {"path": "day=2025-01-02/a%20b.parquet"}},
            {"remove": {"path": "day=2025-01-02/c.parquet", "partitionValues": {"day": "2025-01-02"}, "size": 5}},
            {"remove": {"path": "day=2025-01-02/d.parquet", "partitionValues": {"day": "2025-01-02"}, "size": 6}},
            {"remove": {"path": "e.parquet", "partitionValues": {"day": None}}},
        ],
        [
            {"commitInfo": {"timestamp": 1735732800000, "operation": "OPTIMIZE", "operationParameters": by}},
            {"add": {"path": "day=2025-01-02/f.parquet"}},
        ],
        [{"commitInfo": {"timestamp": 1735732800000, "operation": "OPTIMIZE", "operationParameters": None}}],
    ]
    for version, actions in enumerate(commits, start=7):
        text = "\n".join(json.dumps(action) for action in actions)
        (log / f"{version:020}.json").write_text(text + "\n", "utf-8")
    day = (("day", "2025-01-02"),)
    assert list(newest_commits(str(tmp_path), 10)) == [
        Commit(10, before, False, (), frozenset(), {}),
        Commit(9, before, False, ("user_id", "region"), frozenset({"f.parquet"}), {}),
        Commit(8, before, True, (), frozenset({"a%20b.parquet"}), {day: 11, (("day", None),): 0}),
        Commit(7, before, False, (), frozenset(), {}),
    ]
    assert list(newest_commits(str(tmp_path), 6)) == []
    assert list(newest_commits("s3://bucket/usage", 10)) == []


def test_commits_that_set_the_columns_of_the_ranges(tmp_path: Path) -> None:
    path = str(tmp_path / "usage")
    write(Path(path), "('2025-01-02', 'u1', 1)", configuration=retention_properties(30))
    set_properties(path, {"delta.dataSkippingStatsColumns": "user_id"}, "run-1")
    set_properties(path, {"delta.logRetentionDuration": "interval 60 days"}, "run-1")
    assert [commit.new_ranges for commit in newest_commits(path, 2)] == [False, True, False]


def test_commits_that_a_writer_removes_meanwhile_are_told_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "usage"
    for number in range(3):
        write(path, f"('2025-01-02', 'u1', {number})")
    found = newest_commits(str(path), 2)
    assert next(found).version == 2
    read = Path.read_text

    def too_late(file: Path, encoding: str) -> str:
        file.unlink()
        return read(file, encoding)

    monkeypatch.setattr(Path, "read_text", too_late)
    assert list(found) == []


def test_real_commits_name_the_files_of_the_table(tmp_path: Path) -> None:
    path = tmp_path / "usage"
    write(path, "('2025-01-02', 'u 3', 1), ('2025-01-03', 'u1', 5)", partition_by=["user_id", "day"])
    (file,) = (f for f in data_files(DeltaTable(str(path))) if ("user_id", "u 3") in f.partition)
    assert file.partition == (("day", "2025-01-02"), ("user_id", "u 3"))
    DeltaTable(str(path)).delete("n = 1")
    deleted, written = newest_commits(str(path), 1)
    assert file.name in written.added
    assert deleted.removed == {file.partition: file.size}
    assert (deleted.changes_rows, deleted.time.tzinfo) == (True, timezone.utc)
