"""Maintain: rearrange the files of those partitions that need it, and remove what nobody needs any more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lakehouse.ledger.data_files import Partition, data_files
from lakehouse.ledger.entries import open_table
from lakehouse.ledger.retention import remove_unneeded, set_properties, tidy_log
from lakehouse.steps import ledger_upkeep
from lakehouse.steps.layout import Figures, figures
from lakehouse.steps.maintenance import MaintenancePlan, TablePlan, layout_json, planned
from lakehouse.steps.summary import RunSummary
from lakehouse.steps.superseded import drop
from lakehouse.steps.upkeep import MB, Part
from lakehouse.steps.workspace import Workspace
from lakehouse.storage.values import Values


def maintain(work: Workspace, summary: RunSummary) -> None:
    """Do what the tables and the ledger of a domain need; the summary gets the plan, and what came of it."""
    plan = planned(work, writes=True)
    dropped = [table for table in plan.tables if table.superseded]
    for table in dropped:
        assert table.superseded is not None
        work.progress(f"{table.table}: {table.superseded.work()}")
        drop(work, table.superseded)
    if dropped:
        plan = _after_dropping(work, plan)
    summary.maintenance = plan.as_json()
    told = {entry["table"]: entry for entry in summary.maintenance}
    for table in plan.tables:
        _carry_out(work, table)
        if table.work():
            after = _figures(table)
            told[table.table] |= {"after": layout_json(after), "note": _note(table, after)}
    for ledger in plan.ledger:
        note = f"{ledger.table}: {'; '.join(ledger.work())}"
        work.progress(note)
        ledger_upkeep.carry_out(ledger, work.run_id)
        told[ledger.table]["note"] = note
    summary.notes += [entry["note"] for entry in summary.maintenance if entry["note"]]


def _after_dropping(work: Workspace, before: MaintenancePlan) -> MaintenancePlan:
    """The plan for the files as they are now; what was dropped, and what the tables were before, stays in it."""
    known = {table.table: table for table in before.tables}
    now = planned(work, writes=True)
    tables = (
        replace(table, superseded=known[table.table].superseded, figures=known[table.table].figures)
        for table in now.tables
    )
    return replace(now, tables=tuple(tables))


def _carry_out(work: Workspace, table: TablePlan) -> None:
    if table.properties:
        set_properties(table.path, table.properties, work.run_id)
    for action in ("sort", "compact"):
        chosen = table.chosen(action)
        if chosen:
            _optimize(work, table, chosen, table.rules.sorted_by if action == "sort" else ())
    if table.unneeded:
        work.progress(f"{table.table}: removing {table.unneeded} files")
        remove_unneeded(table.path, table.keep_days, work.run_id)
    if table.work():
        tidy_log(table.path, table.keep_days, made_from=table.made_from)


def _optimize(work: Workspace, table: TablePlan, parts: Sequence[Part], sorted_by: Sequence[str]) -> None:
    # This imports Spark, which takes a second: not for a run that only removes files.
    from lakehouse.storage.commits import optimize
    from lakehouse.storage.tables import column_kinds

    doing = f"sorting by {', '.join(sorted_by)}" if sorted_by else "compacting"
    work.progress(f"{table.table}: {doing} {sum(part.files for part in parts)} files")
    condition = _condition([part.partition for part in parts], column_kinds(table.path))
    optimize(work.spark, table.path, condition, sorted_by, (table.rules.small, table.rules.target))


def _condition(partitions: Sequence[Partition], kinds: Mapping[str, str]) -> str:
    """A predicate that picks some partitions; empty for a table that has none."""
    names = [name for name, _ in partitions[0]]
    if len(names) == 1:
        return Values.of(names[0], kinds[names[0]], (partition[0][1] for partition in partitions)).sql()
    each = (" AND ".join(Values.of(n, kinds[n], [text]).sql() for n, text in part) for part in partitions if part)
    return " OR ".join(f"({condition})" for condition in each)


def _figures(table: TablePlan) -> Figures:
    opened = open_table(table.path)
    assert opened is not None
    return figures(data_files(opened, table.rules.sorted_by), table.rules.small, table.rules.sorted_by)


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _note(table: TablePlan, after: Figures) -> str:
    """What was done to a table, for the end of a run."""
    before, found = table.figures, []
    if before.files != after.files or any(part.action != "leave" for part in table.parts):
        sizes = [f"{_files(one.files)} ({one.size / MB:.1f} MB)" for one in (before, after)]
        found.append(" became ".join(sizes))
    for old, new in zip(before.lookups, after.lookups, strict=False):
        if round(old.read, 1) != round(new.read, 1):
            found.append(f"a lookup of {old.column} reads {new.read:.1f} files instead of {old.read:.1f}")
    return f"{table.table}: {'; '.join([*table.work(), *found])}"
