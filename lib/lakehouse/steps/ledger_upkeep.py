"""What the tables of a domain's ledger need. Deliveries, decisions and publications are kept for ever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from deltalake import DeltaTable

from lakehouse.ledger.clocks import latest_times
from lakehouse.ledger.entries import TABLES, Row, compact, drop_before, open_table, read
from lakehouse.ledger.retention import LogState, log_state, remove_unneeded, tidy_log, unneeded_files
from lakehouse.steps.workspace import Workspace

_FILES = 50
"""A ledger table with at least this many files is compacted: each run reads it as a whole."""

_KEEP_DAYS = 7
"""Nothing goes back to an older version of the ledger; readers that are at work may."""

_LOG_DAYS = 30
"""For how long Delta keeps log entries of a table that says nothing about it."""

_PASSING = ("runs", "verdicts", "metrics")
"""Tables that tell of the past alone: nothing is decided by their old entries."""

_SLACK = timedelta(days=30)
"""Old entries go within so many days: each time the table's files are written anew."""


@dataclass(frozen=True)
class LedgerPlan:
    """What one ledger table needs."""

    table: str
    path: str
    scattered: int
    """Files that are to be brought together; 0 when they are few."""
    expired: int
    """Entries beyond their retention."""
    first_kept: int
    """The first entry that stays."""
    unneeded: int
    """Files that no version of the last days needs."""
    log: LogState
    keep_days: int | None

    def work(self) -> list[str]:
        """What is to be done, in words."""
        found = []
        if self.expired:
            found.append(f"drop {self.expired} entries older than {self.keep_days} days")
        if self.scattered:
            found.append(f"compact {self.scattered} files")
        if self.unneeded:
            found.append(f"remove {self.unneeded} files that no version of the last {_KEEP_DAYS} days needs")
        return found + self.log.work(_LOG_DAYS)


def planned_ledger(work: Workspace, now: datetime, coming: int) -> list[LedgerPlan]:
    """What each ledger table of a domain needs; tables that need nothing are left out.

    ``coming`` commits are added to each that this run is still going to make.
    """
    found = []
    keep_days = work.domain.facts.keep_ledger_days
    for name in TABLES:
        path = work.lake.ledger(work.domain.name, name)
        table = open_table(path)
        if table is None:
            continue
        files = len(table.file_uris())
        expired, first = (0, 0) if keep_days is None else _expired(table, name, path, keep_days, now)
        plan = LedgerPlan(
            f"{work.domain.name}.ledger.{name}", path, files if files + coming >= _FILES else 0, expired, first,
            unneeded_files(table, _KEEP_DAYS, now), log_state(path, table.version(), _LOG_DAYS, now, coming), keep_days,
        )  # fmt: skip
        found += [plan] if plan.work() else []
    return found


def _expired(table: DeltaTable, name: str, path: str, keep_days: int, now: datetime) -> tuple[int, int]:
    """How many entries are to go, and the first that stays."""
    cutoff = now - timedelta(days=keep_days)
    actions = table.get_add_actions(flatten=True)
    if name not in _PASSING or "min.recorded_at" not in actions.schema.names:
        return 0, 0
    times = [time for time in actions.column("min.recorded_at").to_pylist() if time is not None]
    if not times or min(times) >= cutoff - _SLACK:
        return 0, 0
    rows = dated(read(path, name), now)
    first = first_kept(rows, cutoff)
    return sum(1 for row in rows if row["entry"] < first), first


def dated(rows: Sequence[Row], now: datetime) -> list[Row]:
    """Entries with the latest time at which each can have been recorded: what clocks say of it may be wrong."""
    times = latest_times([row["recorded_at"].timestamp() for row in rows], now.timestamp())
    return [
        {**row, "recorded_at": datetime.fromtimestamp(time, timezone.utc)}
        for row, time in zip(rows, times, strict=True)
    ]


def first_kept(rows: Sequence[Row], cutoff: datetime) -> int:
    """The first entry that stays when those recorded before a moment go.

    Runs that were still at work then stay as a whole, and so does the last one that had finished: what it left was the
    newest until then, and can be gone back to. The newest entry stays: the next one is numbered after it.
    """
    late = {row["run_id"] for row in rows if row["recorded_at"] >= cutoff}
    ended = [row for row in rows if row["recorded_at"] < cutoff and row.get("state") == "finished"]
    late |= {row["run_id"] for row in ended[-1:]}
    kept: list[Any] = [row["entry"] for row in rows if row["run_id"] in late]
    return int(min([*kept, rows[-1]["entry"]]))


def carry_out(plan: LedgerPlan, run_id: str) -> None:
    """Do what a ledger table needs."""
    if plan.expired:
        drop_before(plan.path, plan.first_kept, run_id)
    if plan.scattered:
        compact(plan.path, run_id)
    if plan.unneeded:
        remove_unneeded(plan.path, _KEEP_DAYS, run_id)
    tidy_log(plan.path, _LOG_DAYS, plan.log.coming)
