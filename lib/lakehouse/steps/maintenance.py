"""What maintenance would do to a domain, decided from the tables' logs and the ledger: no Spark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import cache
from typing import Any

from deltalake import DeltaTable

from lakehouse.contracts.rules import Maintenance, Upkeep
from lakehouse.ledger.book import damaged
from lakehouse.ledger.data_files import RANGES, data_files, newest_commits
from lakehouse.ledger.deliveries import Register
from lakehouse.ledger.entries import open_table
from lakehouse.ledger.retention import (
    LogState,
    log_state,
    missing_properties,
    retention_properties,
    unneeded_files,
)
from lakehouse.steps.layout import Figures, figures
from lakehouse.steps.ledger_upkeep import LedgerPlan, planned_ledger
from lakehouse.steps.recording import side
from lakehouse.steps.rewrites import rewrites
from lakehouse.steps.superseded import Superseded, superseded
from lakehouse.steps.upkeep import Part, Rules, Waits, as_json, decide, reasons
from lakehouse.steps.workspace import Workspace

_OWN_ENTRIES = 2
"""Commits to a ledger table by a run that begins and ends."""


@dataclass(frozen=True)
class TablePlan:
    """What one table needs."""

    table: str
    path: str
    rules: Rules
    keep_days: int
    figures: Figures
    parts: tuple[Part, ...]
    """One per partition, those that are left alone included."""
    properties: Mapping[str, str]
    """Properties that are to be set."""
    unneeded: int
    """Files that no version within the retention needs."""
    log: LogState
    unsorted: str = ""
    """Why it is not sorted by some columns, though the contract says so."""
    superseded: Superseded | None = None
    made_from: int | None = None
    """The oldest version that another table was made from last."""

    def chosen(self, action: str) -> list[Part]:
        """The partitions that something is done about."""
        return [part for part in self.parts if part.action == action]

    def work(self) -> list[str]:
        """What is to be done, in words; nothing for a table that is left alone."""
        found = [self.superseded.work()] if self.superseded else []
        if self.properties:
            found.append("set " + ", ".join(f"{name} = {value}" for name, value in self.properties.items()))
        found += reasons([part for part in self.parts if part.action != "leave"], self.rules)
        if self.unneeded:
            found.append(f"remove {self.unneeded} files that no version of the last {self.keep_days} days needs")
        return found + self.log.work(self.keep_days)

    def left(self) -> list[str]:
        """What is left alone and why, in words."""
        return [*reasons(self.chosen("leave"), self.rules), *([self.unsorted] if self.unsorted else [])]

    def as_json(self) -> dict[str, Any]:
        """The plan as plain data, partitions summarised."""
        return {
            "table": self.table,
            "before": layout_json(self.figures),
            "after": None,
            "plan": [*self.work(), *self.left()],
            "partitions": as_json(self.parts),
            "note": "",
        }


@dataclass(frozen=True)
class MaintenancePlan:
    """What the tables of a domain and its ledger need."""

    tables: tuple[TablePlan, ...] = ()
    ledger: tuple[LedgerPlan, ...] = field(default=())
    """Ledger tables that something is done about."""

    def work(self) -> Iterator[tuple[str, str]]:
        """Each thing to be done, in words, with the table that it is done to."""
        yield from ((plan.table, what) for plan in self.tables for what in plan.work())
        yield from ((plan.table, what) for plan in self.ledger for what in plan.work())

    @property
    def nothing(self) -> bool:
        """Whether all is as it should be."""
        return next(self.work(), None) is None

    def as_json(self) -> list[dict[str, Any]]:
        """A dictionary per table."""
        nothing: dict[str, Any] = {"before": None, "after": None, "partitions": [], "note": ""}
        ledger = [{"table": plan.table, "plan": plan.work(), **nothing} for plan in self.ledger]
        return [*(plan.as_json() for plan in self.tables), *ledger]


def layout_json(found: Figures) -> dict[str, Any]:
    """What a table looks like on disk, as plain data."""
    return {
        "partitions": found.partitions,
        "files": found.files,
        "bytes": found.size,
        "small_files": found.small,
        "lookups": {one.column: {"files_read": round(one.read, 2), "of": one.of} for one in found.lookups},
    }


def planned(work: Workspace, writes: bool = False) -> MaintenancePlan:
    """What maintenance would do, from statistics alone.

    ``writes`` says that the run has something to do anyway. Its own entries in the ledger count then: they are not to
    be what the next run finds to do.
    """
    now = datetime.now(timezone.utc)

    @cache
    def ahead() -> Mapping[str, Waits]:
        return rewrites(work)

    plans = []
    made_from, state = _made_from(work), work.ledger.deliveries()
    for name, path, upkeep in _tables(work):
        table = open_table(path)
        if table is not None:
            used = made_from.get(name)
            plan = _planned(work, name, table, path, upkeep, lambda name=name: ahead().get(name, Waits()), now, used)
            plans.append(plan)
    _check_bronze(plans, state)
    tables = tuple(_with_superseded(work, plans, state, now))
    found = MaintenancePlan(tables, tuple(planned_ledger(work, now, _OWN_ENTRIES if writes else 0)))
    return found if writes or found.nothing else MaintenancePlan(tables, tuple(planned_ledger(work, now, _OWN_ENTRIES)))


def _made_from(work: Workspace) -> dict[str, int]:
    """By name, the oldest version of each table that another one was made from last.

    Tables that no contract names any more do not count: should one come back, what it was made from may have changed.
    """
    found: dict[str, int] = {}
    for table_id, made in work.ledger.attempts().items():
        for name, version in made.input_versions.items() if table_id in work.domain.tables else ():
            found[name] = min(version, found.get(name, version))
    return found


def _check_bronze(plans: Sequence[TablePlan], state: Register) -> None:
    """Raise TableError when a bronze table has fewer rows than were taken: what its log lost must not be removed."""
    taken = Counter[str]()
    for sequence, content in state.contents.items():
        taken[str(content.table)] += 0 if sequence in state.dropped else content.rows or 0
    for plan in plans:
        there, told = plan.figures.rows, taken[plan.table]
        if there < told:
            problem = f"it tells of {there} rows, and the ledger of {told} that were taken; commits are lost"
            raise damaged(plan.table, problem, plan.path)


def _tables(work: Workspace) -> list[tuple[str, str, Upkeep]]:
    found: list[tuple[str, str, Upkeep]] = [
        (str(table_id), work.lake.table(table_id), table.maintain) for table_id, table in work.domain.tables.items()
    ]
    for table in work.domain.silver():
        plain = Maintenance.model_validate(table.maintain.model_dump() | {"zorder_by": ()})
        found.append((side(table.id, "outranked"), work.lake.outranked(table.id), plain))
        found.append((side(table.id, "quarantine"), work.lake.quarantine(table.id), plain))
    return found


def _planned(
    work: Workspace,
    name: str,
    table: DeltaTable,
    path: str,
    upkeep: Upkeep,
    waits: Any,
    now: datetime,
    made_from: int | None,
) -> TablePlan:
    metadata, local = table.metadata(), work.lake.local
    rules, unsorted = _rules(upkeep, {field.name for field in table.schema().fields}, local)
    files = data_files(table, ("delivery_sequence", *rules.sorted_by))
    missing = missing_properties(metadata.configuration, upkeep.keep_days, rules.sorted_by, local)
    rules = replace(rules, newly_sorted=RANGES in missing)
    return TablePlan(
        name,
        path,
        rules,
        upkeep.keep_days,
        figures(files, rules.small, rules.sorted_by),
        tuple(decide(files, rules, newest_commits(path, table.version()), waits, now)),
        missing,
        # Where the retention is new, what was removed before may be forgotten already.
        0 if missing.keys() & retention_properties(0).keys() else unneeded_files(table, upkeep.keep_days, now),
        log_state(path, table.version(), upkeep.keep_days, now, made_from=made_from),
        unsorted,
        made_from=made_from,
    )


def _rules(upkeep: Upkeep, present: Collection[str], local: bool) -> tuple[Rules, str]:
    """What a contract says about the files of a table, as far as it can be done; and what cannot, in words."""
    rules = Rules.of(upkeep)
    if not local and rules.sorted_by:
        why = "what was sorted before is not known of a table in an object store"
        return replace(rules, sorted_by=()), f"not sorted by {', '.join(rules.sorted_by)}: {why}"
    # A new column of the contract comes with the next content; a gate may keep that out for long.
    absent = [column for column in rules.sorted_by if column not in present]
    rules = replace(rules, sorted_by=tuple(column for column in rules.sorted_by if column in present))
    return rules, f"not sorted by {', '.join(absent)}: the table has no such column yet" if absent else ""


def _with_superseded(work: Workspace, plans: Sequence[TablePlan], state: Register, now: datetime) -> list[TablePlan]:
    bronze = {str(table.id): table for table in work.domain.bronze()}
    return [
        replace(plan, superseded=superseded(work, bronze[plan.table], state, now)) if plan.table in bronze else plan
        for plan in plans
    ]
