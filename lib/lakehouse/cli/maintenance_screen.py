"""What people see of maintenance: a line per table with its files, what is done about them, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lakehouse.steps.summary import RunSummary

_MB = 1 << 20


def show_maintenance(out: Console, summary: RunSummary) -> None:
    """The plan for each table; of one that something was done to, the figures before and after."""
    title = f"{summary.domain}: what maintenance {'would do' if summary.dry_run else 'did'}, and why"
    # At 80 columns names and figures have to stay whole.
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("table", no_wrap=True)
    for name in ("parts", "files", "small", "MB"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("a lookup reads", overflow="fold")
    table.add_column("plan", overflow="fold")
    for entry in summary.maintenance:
        table.add_row(*_row(entry))
    out.print(f"[bold]{escape(title)}[/]")
    out.print(table)


def _row(entry: Mapping[str, Any]) -> tuple[str, ...]:
    before, after = entry["before"] or {}, entry["after"] or entry["before"] or {}
    figures = [_became(before.get(key), after.get(key)) for key in ("partitions", "files", "small_files")]
    sizes = [found.get("bytes") for found in (before, after)]
    megabytes = _became(*(None if size is None else f"{size / _MB:.1f}" for size in sizes))
    name = entry["table"].partition(".")[2]
    return name, *figures, megabytes, _lookups(before, after), escape("\n".join(entry["plan"]))


def _became(before: object, after: object) -> str:
    if before is None:
        return ""
    return str(before) if before == after else f"{before} -> {after}"


def _lookups(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    found = []
    for column, was in before.get("lookups", {}).items():
        now = after.get("lookups", {}).get(column, was)
        texts = [f"{one['files_read']:.1f} of {one['of']}" for one in (was, now)]
        found.append(f"{column} {_became(*texts)}")
    return "\n".join(found)


def others(summary: RunSummary) -> list[str]:
    """The notes that tell something else than the table."""
    told = {entry.get("note") for entry in summary.maintenance}
    return [note for note in summary.notes if note not in told and not note.startswith("maintain would ")]
