"""Maintain: rearrange the files of those partitions that need it, and remove what no reader needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from delta.tables import DeltaTable as SparkTable
from deltalake import DeltaTable

from lakehouse.ledger.commits import committing
from lakehouse.steps.summary import RunSummary
from lakehouse.steps.upkeep import MB, Compaction, planned, scattered_ledger, vacuums
from lakehouse.steps.workspace import Workspace
from lakehouse.storage.tables import value_condition


def maintain(work: Workspace, summary: RunSummary) -> None:
    """Compact, sort and vacuum what needs it, and bring the ledger's small files together."""
    for compaction in planned(work):
        work.progress(f"{compaction.table}: compacting {compaction.files} small files")
        _compact(work, compaction)
        after = len(DeltaTable(compaction.path).file_uris())
        sorted_by = f", sorted by {', '.join(compaction.zorder_by)}" if compaction.zorder_by else ""
        summary.notes.append(
            f"{compaction.table}: {compaction.files} small files ({compaction.size / MB:.1f} MB) in "
            f"{len(compaction.partitions)} partitions compacted{sorted_by}; the table has {after} files now"
        )
    for vacuum in vacuums(work):
        with committing(vacuum.path, "vacuum"):
            DeltaTable(vacuum.path).vacuum(retention_hours=vacuum.hours, dry_run=False)
        summary.notes.append(f"{vacuum.table}: {vacuum.files} files older than {vacuum.hours // 24} days removed")
    if scattered_ledger(work):
        work.ledger.compact()


def _compact(work: Workspace, compaction: Compaction) -> None:
    optimize = SparkTable.forPath(work.spark, compaction.path).optimize()
    if compaction.partitions[0]:
        optimize = optimize.where(_condition(compaction.partitions))
    with committing(compaction.path, "optimize"):
        if compaction.zorder_by:
            optimize.executeZOrderBy(*compaction.zorder_by)
        else:
            optimize.executeCompaction()


def _condition(partitions: Sequence[Mapping[str, str | None]]) -> str:
    names = list(partitions[0])
    if len(names) == 1:
        return value_condition(names[0], [partition[names[0]] for partition in partitions])
    each = (" AND ".join(value_condition(name, [value]) for name, value in part.items()) for part in partitions)
    return " OR ".join(f"({condition})" for condition in each)
