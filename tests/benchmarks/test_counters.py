"""What runs read and wrote, from logs as Spark and Delta write them."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.counters import between, commit_counts, event_lines, operations, stage_times, task_counts, versions

TASK = (
    '{"Event":"SparkListenerTaskEnd","Stage ID":%d,"Stage Attempt ID":0,"Task Type":"ResultTask","Task Metrics":'
    '{"Executor Run Time":90,"Executor CPU Time":%d,"Shuffle Write Metrics":{"Shuffle Bytes Written":%d,'
    '"Shuffle Records Written":1},"Input Metrics":{"Bytes Read":%d,"Records Read":%d},'
    '"Output Metrics":{"Bytes Written":%d,"Records Written":%d},"Updated Blocks":[]}}'
)
STAGE = (
    '{"Event":"SparkListenerStageCompleted","Stage Info":{"Stage ID":%d,"Stage Attempt ID":0,"Stage Name":"%s",'
    '"Number of Tasks":1,"RDD Info":[]}}'
)
EVENTS = [
    '{"Event":"SparkListenerLogStart","Spark Version":"3.5.7"}',
    TASK % (0, 2_000_000_000, 10, 1000, 20, 0, 0),
    TASK % (0, 1_500_000_000, 5, 500, 10, 0, 0),
    STAGE % (0, "execute at one"),
    TASK % (1, 250_000_000, 0, 0, 0, 700, 30),
    STAGE % (1, "execute at two"),
    '{"Event":"SparkListenerTaskEnd","Stage ID":2,"Task End Reason":{"Reason":"TaskKilled"}}',
    TASK % (3, 1_000_000_000, 0, 8, 1, 0, 0),
    STAGE % (3, "execute at two"),
]
OPERATION = '{"commitInfo":{"timestamp":1,"operation":"%s","operationMetrics":{"numOutputRows":"%d","txnId":"a1"}}}'
ADD = '{"add":{"path":"%s","partitionValues":{},"size":%d,"modificationTime":1,"dataChange":true}}'
REMOVE = '{"remove":{"path":"%s","deletionTimestamp":1,"dataChange":true,"size":%d}}'


def commit(root: Path, table: str, version: int, *lines: str) -> None:
    log = root / table / "_delta_log"
    log.mkdir(parents=True, exist_ok=True)
    (log / f"{version:020d}.json").write_text("\n".join(lines) + "\n")


def test_the_tasks_of_an_event_log_add_up() -> None:
    assert task_counts(EVENTS) == {
        "bytes_read": 1508, "rows_read": 31, "bytes_written": 700, "rows_written": 30, "shuffled_bytes": 15,
        "tasks": 5, "task_cpu_ms": 4750,
    }  # fmt: skip


def test_what_ended_in_a_run_of_a_session_is_told_by_its_moment() -> None:
    task = '{"Event":"SparkListenerTaskEnd","Stage ID":%d,"Task Info":{"Launch Time":1,"Finish Time":%d}}'
    stage = '{"Event":"SparkListenerStageCompleted","Stage Info":{"Stage ID":2,"Completion Time":%d}}'
    lines = [
        task % (1, 99),
        task % (2, 100),
        stage % 150,
        task % (3, 200),
        '{"Event":"SparkListenerJobEnd"}',
        stage % 201,
    ]
    assert list(between(lines, 100, 200)) == lines[1:4]


def test_no_event_log_is_nothing_read() -> None:
    assert task_counts([])["bytes_read"] == 0


def test_the_time_of_stages_is_told_by_call_site_dearest_first() -> None:
    assert stage_times(EVENTS) == [("execute at one", 3.5), ("execute at two", 1.25)]


def test_event_logs_are_read_in_all_states(tmp_path: Path) -> None:
    (tmp_path / "local-1").write_text("a\nb\n")
    (tmp_path / "local-2.inprogress").write_text("c\n")
    assert event_lines(tmp_path) == ["a", "b", "c"]


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
