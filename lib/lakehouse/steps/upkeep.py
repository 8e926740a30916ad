"""What the files of a domain's tables need, decided from their logs alone: no Spark."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from deltalake import DeltaTable

from lakehouse.contracts.rules import Maintenance
from lakehouse.ledger.book import table_version
from lakehouse.ledger.entries import TABLES
from lakehouse.steps.recording import side
from lakehouse.steps.workspace import Workspace

MB = 1 << 20
_SMALL_FILES = 4
"""A partition with at least this many small files is compacted."""
_LEDGER_FILES = 50
"""A ledger table with at least this many files is compacted."""


@dataclass(frozen=True)
class Vacuum:
    """Files of a table that no version within its retention needs any more."""

    table: str
    path: str
    files: int
    hours: int


@dataclass(frozen=True)
class Compaction:
    """A table's partitions that are to be compacted."""

    table: str
    path: str
    partitions: tuple[Mapping[str, str | None], ...]
    zorder_by: tuple[str, ...]
    files: int
    size: int


def planned(work: Workspace) -> list[Compaction]:
    """What maintenance would do, from file statistics alone."""
    found = []
    for table_id, path, maintenance in _tables(work):
        if table_version(path) is None:
            continue
        table = DeltaTable(path)
        compaction = _compaction(table_id, path, table, maintenance)
        if compaction:
            found.append(compaction)
    return found


def _tables(work: Workspace) -> list[tuple[str, str, Maintenance]]:
    found = [(str(i), work.lake.table(i), t.maintain) for i, t in work.domain.tables.items()]
    for table in work.domain.silver():
        plain = Maintenance(compact_below_mb=table.maintain.compact_below_mb, keep_days=table.maintain.keep_days)
        found.append((side(table.id, "outranked"), work.lake.outranked(table.id), plain))
        found.append((side(table.id, "quarantine"), work.lake.quarantine(table.id), plain))
    return found


def _compaction(table_id: str, path: str, table: DeltaTable, maintenance: Maintenance) -> Compaction | None:
    actions = table.get_add_actions(flatten=False)
    partition_by = list(table.metadata().partition_columns)
    sizes = [int(size) for size in actions.column("size_bytes").to_pylist()]
    partitions = list(actions.column("partition").to_pylist()) if partition_by else [{} for _ in sizes]
    small: dict[tuple[tuple[str, object], ...], list[int]] = defaultdict(list)
    for size, partition in zip(sizes, partitions, strict=True):
        if size < maintenance.compact_below_mb * MB:
            small[tuple(sorted(partition.items()))].append(size)
    chosen = {key: files for key, files in small.items() if len(files) >= _SMALL_FILES}
    if not chosen:
        return None
    zorder = tuple(name for name in maintenance.zorder_by if name not in partition_by)
    return Compaction(
        table_id,
        path,
        tuple({name: None if value is None else str(value) for name, value in key} for key in chosen),
        zorder,
        sum(len(files) for files in chosen.values()),
        sum(sum(files) for files in chosen.values()),
    )


def vacuums(work: Workspace) -> list[Vacuum]:
    """Tables with files that only versions beyond the retention of their contract need."""
    found = []
    for table_id, path, maintenance in _tables(work):
        if table_version(path) is None:
            continue
        table = DeltaTable(path)
        hours = 24 * maintenance.keep_days
        oldest = datetime.fromtimestamp(table.history()[-1]["timestamp"] / 1000, timezone.utc)
        # A table younger than its retention has nothing to remove; its folder need not be listed.
        if datetime.now(timezone.utc) - oldest > timedelta(hours=hours):
            files = len(table.vacuum(retention_hours=hours, dry_run=True))
            found += [Vacuum(table_id, path, files, hours)] if files else []
    return found


def scattered_ledger(work: Workspace) -> bool:
    """Whether a ledger table lies in so many files that reading it slows down."""
    paths = [work.lake.ledger(work.domain.name, table) for table in TABLES]
    return any(table_version(path) is not None and len(DeltaTable(path).file_uris()) >= _LEDGER_FILES for path in paths)
