"""What a Delta table keeps of its past: files of older versions, entries and checkpoints of its log. No Spark."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from deltalake import DeltaTable

from lakehouse.ledger.commits import committing, named

_KEPT_FILES = "delta.deletedFileRetentionDuration"
_KEPT_LOG = "delta.logRetentionDuration"
_CLEANED = "delta.enableExpiredLogCleanup"
_RANGES = "delta.dataSkippingStatsColumns"

_SLACK = timedelta(days=7)
"""Files go within so many days after nothing needs them any more: tidying up daily would only fill the log."""

_COMMITS = 30
"""A log with so many commits after its last checkpoint gets one; each reader has to read them one by one."""

_EXPIRED = 30
"""So many files of log entries beyond the retention are removed: fewer would not be worth it."""

_ENTRY = re.compile(r"\.?(\d{20})\.")


@dataclass(frozen=True)
class LogState:
    """What the log of a table consists of."""

    unread: int
    """Commits after the last checkpoint."""
    expired: int
    """Files of entries that no version within the retention needs."""
    coming: int = 0
    """Commits that this run is still going to make."""

    @property
    def needs_checkpoint(self) -> bool:
        """Whether readers would be spared a lot of small files."""
        return self.unread + self.coming >= _COMMITS

    @property
    def needs_cleaning(self) -> bool:
        """Whether there is enough to remove."""
        return self.expired >= _EXPIRED

    def work(self, keep_days: int) -> list[str]:
        """What is to be done, in words."""
        found = []
        if self.needs_checkpoint:
            found.append(f"write a checkpoint: {self.unread} commits since the last one")
        if self.needs_cleaning:
            found.append(f"remove {self.expired} log entries older than {keep_days} days")
        return found


def retention_properties(keep_days: int) -> dict[str, str]:
    """Properties of a table that can be read as it was for so many days.

    Without them Delta forgets after a week which files older versions consist of. It also removes log entries by their
    own age: of a table that seldom changes even the one that was its newest until a moment ago. Hence maintenance alone
    removes them.
    """
    return {_KEPT_FILES: f"interval {keep_days} days", _KEPT_LOG: f"interval {keep_days} days", _CLEANED: "false"}


def missing_properties(present: Mapping[str, Any], keep_days: int, sorted_by: Iterable[str]) -> dict[str, str]:
    """Properties that a table should have and has not: retention, and ranges of the columns that it is sorted by."""
    kept = [name for name in str(present.get(_RANGES) or "").split(",") if name]
    columns = [*kept, *(name for name in sorted_by if name not in kept)]
    wanted = retention_properties(keep_days) | ({_RANGES: ",".join(columns)} if columns != kept else {})
    return {name: value for name, value in wanted.items() if present.get(name) != value}


def unneeded_files(table: DeltaTable, keep_days: int, now: datetime) -> int:
    """How many files no version of the last days needs; 0 while they are few days beyond that.

    Files that belong to no version, and those of the change feed, count by their own age.
    """
    created = table.metadata().created_time
    # A table younger than its retention has nothing to remove; its folder need not be listed.
    if created and now.timestamp() - created / 1000 < (timedelta(days=keep_days) + _SLACK).total_seconds():
        return 0
    if not _listed(table, keep_days + _SLACK.days) or _kept_since(table, now - timedelta(days=keep_days)):
        return 0
    return _listed(table, keep_days)


def _listed(table: DeltaTable, days: int) -> int:
    """Files that VACUUM would remove; it also names those that it has removed already, until they are forgotten."""
    found = table.vacuum(retention_hours=24 * days, dry_run=True, full=True)
    root = table.table_uri
    if "://" in root and not root.startswith("file://"):
        return len(found)
    folder = Path(unquote(urlsplit(root).path))
    return sum(1 for name in found if (folder / name).exists() or (folder / unquote(name)).exists())


def _kept_since(table: DeltaTable, moment: datetime) -> bool:
    """Whether the retention was set after a moment.

    What was removed before then may be forgotten already, though the new retention still covers it.
    """
    return any(
        commit["timestamp"] >= moment.timestamp() * 1000
        and _KEPT_FILES in str((commit.get("operationParameters") or {}).get("properties"))
        for commit in table.history()
    )


def remove_unneeded(path: str, keep_days: int, run_id: str) -> None:
    """Remove the files that no version of the last days needs."""
    with committing(path, "vacuum"):
        DeltaTable(path).vacuum(
            retention_hours=24 * keep_days, dry_run=False, full=True, commit_properties=named(run_id)
        )


def set_properties(path: str, properties: Mapping[str, str], run_id: str) -> None:
    """Set properties of a table, in one commit."""
    with committing(path, "alter"):
        DeltaTable(path).alter.set_table_properties(dict(properties), commit_properties=named(run_id))


def log_state(path: str, version: int, keep_days: int, now: datetime, coming: int = 0) -> LogState:
    """What the log of a table on a disk consists of; nothing is known of one in an object store."""
    if "://" in path:
        return LogState(0, 0)
    unread = version - _checkpoint(path)
    # What a checkpoint that is about to be written makes superfluous counts already.
    planned = (version,) if unread + coming >= _COMMITS else ()
    return LogState(unread, len(_expired(path, keep_days, now, planned)), coming)


def _checkpoint(path: str) -> int:
    """The version of the last checkpoint; -1 when there is none."""
    pointer = Path(path, "_delta_log", "_last_checkpoint")
    return int(json.loads(pointer.read_text("utf-8"))["version"]) if pointer.is_file() else -1


def _expired(path: str, keep_days: int, now: datetime, checkpoints: Collection[int] = ()) -> list[Path]:
    """Files of a log that no version within the retention builds on, oldest first.

    ``checkpoints`` are versions that there will be one of, besides those that are there.

    The first such version is the newest one that is older: it was the table's until the next one came. All that is
    needed of it is the newest checkpoint that is not newer, and what follows.
    """
    found = ((int(match[1]), file) for file in Path(path, "_delta_log").iterdir() if (match := _ENTRY.match(file.name)))
    entries = sorted(found)
    oldest = (now - timedelta(days=keep_days)).timestamp()
    first = max((n for n, file in entries if file.suffix == ".json" and file.stat().st_mtime < oldest), default=-1)
    written = [*checkpoints, *(number for number, file in entries if ".checkpoint" in file.name)]
    needed = max((number for number in written if number <= first), default=0)
    return [file for number, file in entries if number < needed]


def tidy_log(path: str, keep_days: int, coming: int = 0) -> None:
    """Do what the log of a table on a disk needs, the commits included that maintenance itself has just made."""
    now, version = datetime.now(timezone.utc), DeltaTable(path).version()
    state = log_state(path, version, keep_days, now, coming)
    if state.needs_checkpoint:
        write_checkpoint(path)
    if state.needs_cleaning:
        clean_log(path, keep_days, now)


def write_checkpoint(path: str) -> None:
    """Write a table's newest version into its log as a whole."""
    with committing(path, "checkpoint"):
        DeltaTable(path).create_checkpoint()


def clean_log(path: str, keep_days: int, now: datetime) -> None:
    """Remove the log entries that no version within the retention builds on."""
    with committing(path, "clean"):
        for file in _expired(path, keep_days, now):
            file.unlink(missing_ok=True)
