"""What a run read and wrote: Spark's task metrics from its event log, and Delta's commits from the tables' logs."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

Counts = dict[str, int]

_TASK = {
    "bytes_read": ("Input Metrics", "Bytes Read"),
    "rows_read": ("Input Metrics", "Records Read"),
    "bytes_written": ("Output Metrics", "Bytes Written"),
    "rows_written": ("Output Metrics", "Records Written"),
    "shuffled_bytes": ("Shuffle Write Metrics", "Shuffle Bytes Written"),
}
_ENDS = (
    ("SparkListenerTaskEnd", "Task Info", "Finish Time"),
    ("SparkListenerStageCompleted", "Stage Info", "Completion Time"),
)
COUNTERS = (*_TASK, "tasks", "files_added", "files_removed", "bytes_added", "bytes_removed", "commits")
"""The names of all counters."""


def task_counts(events: Iterable[str]) -> Counts:
    """Bytes and rows of all tasks of an event log, whose lines are JSON; also `tasks` and `task_cpu_ms`."""
    found: Counter[str] = Counter(dict.fromkeys((*_TASK, "tasks", "task_cpu_ms"), 0))
    for event in _events(events, "SparkListenerTaskEnd"):
        metrics = event.get("Task Metrics") or {}
        found["tasks"] += 1
        found["task_cpu_ms"] += metrics.get("Executor CPU Time", 0) // 1_000_000
        for name, (group, field) in _TASK.items():
            found[name] += metrics.get(group, {}).get(field, 0)
    return dict(found)


def stage_times(events: Iterable[str]) -> list[tuple[str, float]]:
    """Call site and CPU seconds of the stages of an event log, added up by call site, dearest first."""
    lines = list(events)
    used: defaultdict[int, float] = defaultdict(float)
    for event in _events(lines, "SparkListenerTaskEnd"):
        used[event["Stage ID"]] += (event.get("Task Metrics") or {}).get("Executor CPU Time", 0) / 1e9
    sites: defaultdict[str, float] = defaultdict(float)
    for event in _events(lines, "SparkListenerStageCompleted"):
        info = event["Stage Info"]
        sites[info["Stage Name"]] += used.get(info["Stage ID"], 0.0)
    return sorted(sites.items(), key=lambda pair: -pair[1])


def _events(lines: Iterable[str], kind: str) -> Iterator[dict[str, Any]]:
    for line in lines:
        if f'"{kind}"' in line:
            event = json.loads(line)
            if event["Event"] == kind:
                yield event


def between(lines: Iterable[str], began: int, ended: int) -> Iterator[str]:
    """The ends of tasks and stages that are between two moments, in milliseconds since 1970."""
    for line in lines:
        for kind, group, field in _ENDS:
            if f'"{kind}"' in line:
                event = json.loads(line)
                if event["Event"] == kind and began <= event[group].get(field, 0) <= ended:
                    yield line


def event_lines(folder: Path) -> list[str]:
    """The lines of the event logs in a folder, also of a driver that did not close its own."""
    return [line for path in sorted(folder.iterdir()) for line in path.read_text("utf-8").splitlines()]


def table_logs(root: Path) -> list[Path]:
    """The `_delta_log` folders below a folder."""
    return sorted(root.rglob("_delta_log"))


def versions(root: Path) -> dict[Path, int]:
    """The newest version of each table below a folder."""
    return {log: max(map(_version, _commits(log)), default=-1) for log in table_logs(root)}


def commit_counts(root: Path, before: Mapping[Path, int]) -> Counts:
    """Files and bytes that commits after some versions added and removed, in all tables below a folder.

    Of the ledger's tables only the commits are counted, as `ledger_commits`.
    """
    found: Counter[str] = Counter(
        dict.fromkeys(("files_added", "files_removed", "bytes_added", "bytes_removed", "commits", "ledger_commits"), 0)
    )
    for log in table_logs(root):
        new = [path for path in _commits(log) if _version(path) > before.get(log, -1)]
        if "ledger" in log.parts:
            found["ledger_commits"] += len(new)
            continue
        found["commits"] += len(new)
        for path in new:
            found.update(commit_changes(path.read_text("utf-8").splitlines()))
    return dict(found)


def commit_changes(lines: Iterable[str]) -> Counts:
    """Files and bytes that one commit, a list of JSON lines, adds and removes."""
    found: Counter[str] = Counter()
    for line in lines:
        action = json.loads(line)
        for kind, word in (("add", "added"), ("remove", "removed")):
            if kind in action:
                found[f"files_{word}"] += 1
                found[f"bytes_{word}"] += action[kind].get("size") or 0
    return dict(found)


def operations(root: Path, before: Mapping[Path, int]) -> list[dict[str, Any]]:
    """Delta's own account of the commits after some versions: table, operation and its metrics."""
    found = []
    for log in table_logs(root):
        for path in _commits(log):
            if _version(path) <= before.get(log, -1) or "ledger" in log.parts:
                continue
            for line in path.read_text("utf-8").splitlines():
                commit = json.loads(line).get("commitInfo")
                if commit:
                    metrics = {name: _number(value) for name, value in commit.get("operationMetrics", {}).items()}
                    table = "/".join(log.parent.relative_to(root).parts)
                    found.append({"table": table, "operation": commit["operation"], "metrics": metrics})
    return found


def table_sizes(root: Path) -> dict[str, dict[str, int]]:
    """Files, bytes and log size of each table below a folder; files that no longer count are not counted."""
    from deltalake import DeltaTable

    found = {}
    for log in table_logs(root):
        actions = DeltaTable(str(log.parent)).get_add_actions(flatten=True)
        entries = [path.stat().st_size for path in log.rglob("*") if path.is_file()]
        found["/".join(log.parent.relative_to(root).parts)] = {
            "files": actions.num_rows,
            "bytes": sum(int(size) for size in actions.column("size_bytes").to_pylist()),
            "log_files": len(entries),
            "log_bytes": sum(entries),
        }
    return found


def _commits(log: Path) -> list[Path]:
    return sorted(path for path in log.glob("*.json") if path.stem.isdigit())


def _version(commit: Path) -> int:
    return int(commit.stem)


def _number(value: str) -> int | str:
    return int(value) if value.lstrip("-").isdigit() else value
