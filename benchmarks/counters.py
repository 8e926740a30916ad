"""What a run read and wrote: Spark's task metrics by stage, and Delta's commits from the tables' logs."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

Counts = dict[str, int]

STAGE = ("bytes_read", "rows_read", "bytes_written", "rows_written", "shuffled_bytes", "tasks", "task_cpu_ms")
"""What is known of every stage."""
COUNTERS = (*STAGE[:-1], "files_added", "files_removed", "bytes_added", "bytes_removed", "commits")
"""The names of all counters."""


def stage_counts(stages: Iterable[Mapping[str, Any]]) -> Counts:
    """The counts of some stages together."""
    found = dict.fromkeys(STAGE, 0)
    for stage in stages:
        for name in STAGE:
            found[name] += stage[name]
    return found


def by_call_site(stages: Iterable[Mapping[str, Any]], figure: str) -> list[tuple[str, int]]:
    """Call sites of some stages and a figure of ``STAGE``, added up by call site, greatest first."""
    sites: defaultdict[str, int] = defaultdict(int)
    for stage in stages:
        sites[stage["name"]] += stage[figure]
    return sorted(sites.items(), key=lambda pair: -pair[1])


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
