"""What runs read and wrote, from logs as Spark and Delta write them."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.counters import by_call_site, commit_counts, operations, stage_counts, versions

STAGES = [
    {
        "id": number, "name": name, "bytes_read": read, "rows_read": read // 50, "bytes_written": written,
        "rows_written": written // 10, "shuffled_bytes": 5, "tasks": 2, "task_cpu_ms": cpu,
    }
    for number, name, read, written, cpu in (
        (3, "execute at two", 1000, 0, 1250), (2, "execute at one", 500, 0, 3500), (1, "execute at two", 0, 700, 1000),
    )
]  # fmt: skip
OPERATION = '{"commitInfo":{"timestamp":1,"operation":"%s","operationMetrics":{"numOutputRows":"%d","txnId":"a1"}}}'
ADD = '{"add":{"path":"%s","partitionValues":{},"size":%d,"modificationTime":1,"dataChange":true}}'
REMOVE = '{"remove":{"path":"%s","deletionTimestamp":1,"dataChange":true,"size":%d}}'


def commit(root: Path, table: str, version: int, *lines: str) -> None:
    log = root / table / "_delta_log"
    log.mkdir(parents=True, exist_ok=True)
    (log / f"{version:020d}.json").write_text("\n".join(lines) + "\n")


def test_the_counts_of_stages_add_up() -> None:
    assert stage_counts(STAGES) == {
        "bytes_read": 1500, "rows_read": 30, "bytes_written": 700, "rows_written": 70, "shuffled_bytes": 15,
        "tasks": 6, "task_cpu_ms": 5750,
    }  # fmt: skip


def test_a_run_without_spark_reads_nothing() -> None:
    assert stage_counts([])["bytes_read"] == 0


def test_figures_of_stages_are_told_by_call_site_greatest_first() -> None:
    assert by_call_site(STAGES, "task_cpu_ms") == [("execute at one", 3500), ("execute at two", 2250)]
    assert by_call_site(STAGES, "bytes_read") == [("execute at two", 1000), ("execute at one", 500)]


def test_only_new_commits_count_and_those_of_the_ledger_apart(tmp_path: Path) -> None:
    commit(tmp_path, "b/silver/usage", 0, OPERATION % ("WRITE", 5), ADD % ("a", 10))
    before = versions(tmp_path)
    commit(tmp_path, "b/silver/usage", 1, OPERATION % ("MERGE", 3), ADD % ("b", 7), ADD % ("c", 1), REMOVE % ("a", 10))
    commit(tmp_path, "b/gold/daily", 0, OPERATION % ("WRITE", 2), ADD % ("d", 4))
    commit(tmp_path, "b/ledger/runs", 0, ADD % ("e", 99))
    assert commit_counts(tmp_path, before) == {
        "files_added": 3, "files_removed": 1, "bytes_added": 12, "bytes_removed": 10, "commits": 2,
        "ledger_commits": 1,
    }  # fmt: skip


def test_operations_tell_what_delta_counted(tmp_path: Path) -> None:
    commit(tmp_path, "b/silver/usage", 0, OPERATION % ("WRITE", 5), ADD % ("a", 10))
    commit(tmp_path, "b/silver/usage", 1, OPERATION % ("MERGE", 3))
    found = operations(tmp_path, {tmp_path / "b/silver/usage/_delta_log": 0})
    assert json.loads(json.dumps(found)) == [
        {"table": "b/silver/usage", "operation": "MERGE", "metrics": {"numOutputRows": 3, "txnId": "a1"}}
    ]
