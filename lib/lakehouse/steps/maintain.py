"""Maintain: rearrange the files of those partitions that need it, and remove what no reader needs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deltalake import DeltaTable

from lakehouse.contracts.names import TableId
from lakehouse.contracts.rules import Maintenance
from lakehouse.ledger.book import table_version
from lakehouse.steps.summary import RunSummary
from lakehouse.steps.workspace import Workspace

_MB = 1 << 20
_SMALL_FILES = 4
"""A partition with at least this many small files is compacted."""
_LEDGER_FILES = 50
"""A ledger table with at least this many files is compacted."""


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
        found.append((_side(table.id, "outranked"), work.lake.outranked(table.id), plain))
        found.append((_side(table.id, "quarantine"), work.lake.quarantine(table.id), plain))
    return found


def _side(table: TableId, kind: str) -> str:
    return f"{table.domain}.{kind}.{table.name}"


def _compaction(table_id: str, path: str, table: DeltaTable, maintenance: Maintenance) -> Compaction | None:
    actions = table.get_add_actions(flatten=False)
    partition_by = list(table.metadata().partition_columns)
    sizes = [int(size) for size in actions.column("size_bytes").to_pylist()]
    partitions = actions.column("partition").to_pylist() if partition_by else [{}] * len(sizes)
    small: dict[tuple[tuple[str, object], ...], list[int]] = defaultdict(list)
    for size, partition in zip(sizes, partitions, strict=True):
        if size < maintenance.compact_below_mb * _MB:
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


def maintain(work: Workspace, plan: Sequence[Compaction], summary: RunSummary) -> None:
    """Carry a plan out, and bring the ledger's small files together."""
    from delta.tables import DeltaTable as SparkTable

    for compaction in plan:
        work.progress(f"{compaction.table}: compacting {compaction.files} small files")
        optimize = SparkTable.forPath(work.spark, compaction.path).optimize()
        if compaction.partitions[0]:
            optimize = optimize.where(_condition(compaction.partitions))
        if compaction.zorder_by:
            optimize.executeZOrderBy(*compaction.zorder_by)
        else:
            optimize.executeCompaction()
        after = len(DeltaTable(compaction.path).file_uris())
        summary.notes.append(
            f"{compaction.table}: {compaction.files} small files ({compaction.size / _MB:.1f} MB) in "
            f"{len(compaction.partitions)} partitions compacted; the table has {after} files now"
        )
    if any(_many_files(work.lake.ledger(work.domain.name, table)) for table in ("deliveries", "verdicts", "metrics")):
        work.ledger.compact()


def _many_files(path: str) -> bool:
    return table_version(path) is not None and len(DeltaTable(path).file_uris()) >= _LEDGER_FILES


def _condition(partitions: Sequence[Mapping[str, str | None]]) -> str:
    names = list(partitions[0])
    if len(names) == 1:
        values = [partition[names[0]] for partition in partitions]
        present = ", ".join(f"'{value}'" for value in values if value is not None)
        parts = [f"{names[0]} IN ({present})"] if present else []
        return " OR ".join([*parts, f"{names[0]} IS NULL"] if None in values else parts)
    return " OR ".join(
        "("
        + " AND ".join(f"{n} IS NULL" if v is None else f"{n} = '{v}'" for n, v in partition.items())
        + ")"
        for partition in partitions
    )
