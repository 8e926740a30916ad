"""What a Delta table keeps of its past: files of older versions, entries and checkpoints of its log. No Spark."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote, urlsplit

from deltalake import DeltaTable

from lakehouse.ledger.clocks import latest_times, misdated
from lakehouse.ledger.commits import committing, named
from lakehouse.ledger.data_files import RANGES, logged

_KEPT_FILES = "delta.deletedFileRetentionDuration"
_KEPT_LOG = "delta.logRetentionDuration"
_CLEANED = "delta.enableExpiredLogCleanup"

_SLACK = timedelta(days=7)
"""Files go within so many days after nothing needs them any more: tidying up daily would only fill the log."""

_COMMITS = 30
"""A log with so many commits after its last checkpoint gets one; each reader has to read them one by one."""

_EXPIRED = 30
"""So many files of log entries beyond the retention are removed: fewer would not be worth it."""

_ENTRY = re.compile(r"\.?(\d{20})\.")
_COMMIT = re.compile(r"\d{20}\.json")
_CHECKPOINT = re.compile(r"\d{20}\.checkpoint(?:\.(\d{10})\.(\d{10}))?\.parquet")
"""A whole one, or one part of many. What a writer that was stopped leaves behind has other letters before or after."""


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
            found.append(f"remove {self.expired} files of the log from before the last {keep_days} days")
        return found


def retention_properties(keep_days: int, local: bool = True) -> dict[str, str]:
    """Properties of a table that can be read as it was for so many days.

    Without them Delta forgets after a week which files older versions consist of. It also removes log entries by their
    own age: of a table that seldom changes even the one that was its newest until a moment ago. Hence maintenance alone
    removes them; not those of tables in an object store, whose log would grow for ever without Delta.
    """
    kept = {_KEPT_FILES: f"interval {keep_days} days", _KEPT_LOG: f"interval {keep_days} days"}
    return {**kept, _CLEANED: "false"} if local else kept


def missing_properties(
    present: Mapping[str, Any], keep_days: int, sorted_by: Iterable[str], local: bool = True
) -> dict[str, str]:
    """Properties that a table should have and has not: retention, and ranges of the columns that it is sorted by."""
    kept = [name for name in str(present.get(RANGES) or "").split(",") if name]
    columns = [*kept, *(name for name in sorted_by if name not in kept)]
    wanted = retention_properties(keep_days, local) | ({RANGES: ",".join(columns)} if columns != kept else {})
    return {name: value for name, value in wanted.items() if present.get(name) != value}


def unneeded_files(table: DeltaTable, keep_days: int, now: datetime) -> int:
    """How many files no version of the last days needs; 0 while they are few days beyond that.

    Files that belong to no version, and those of the change feed, count by their own age.
    """
    created = table.metadata().created_time
    # A table younger than its retention has nothing to remove; its folder need not be listed.
    if created and now.timestamp() - created / 1000 < (timedelta(days=keep_days) + _SLACK).total_seconds():
        return 0
    if not _listed(table, keep_days + _SLACK.days, now) or _unsure_since(table, now - timedelta(days=keep_days), now):
        return 0
    return _listed(table, keep_days, now)


def _listed(table: DeltaTable, days: int, now: datetime) -> int:
    """Files that VACUUM would remove; it also names those that it has removed already, until they are forgotten.

    Hadoop's check sums, which have names with a dot, are no reason: it names those of files that are needed, too. So it
    does files that were taken out, restored and taken out again lately: the first time counts, until a checkpoint.
    """
    listed = table.vacuum(retention_hours=24 * days, dry_run=True, full=True)
    found = {name for name in listed if not name.rsplit("/", 1)[-1].startswith(".")}
    root = table.table_uri
    if "://" in root and not root.startswith("file://"):
        return len(found)
    folder = Path(unquote(urlsplit(root).path))
    there = [name for name in found if (folder / name).exists() or (folder / unquote(name)).exists()]
    lately = _removed_since(str(folder), table.version(), now - timedelta(days=days)) if there else set()
    return sum(1 for name in there if name.rsplit("/", 1)[-1] not in lately)


def _removed_since(path: str, version: int, moment: datetime) -> set[str]:
    """Names of files that commits after the last checkpoint took out after a moment."""
    found, checkpoint = set(), _checkpoint(path)
    for number, actions in logged(path, version):
        if number <= checkpoint:
            break
        gone = (action["remove"] for action in actions if "remove" in action)
        found |= {one["path"] for one in gone if (one.get("deletionTimestamp") or 0) >= moment.timestamp() * 1000}
    return {name.rsplit("/", 1)[-1] for name in found}


def _unsure_since(table: DeltaTable, moment: datetime, now: datetime) -> bool:
    """Whether a commit after a moment set the retention, or was made while the clock stood wrong.

    What was removed before the retention was set may be forgotten already, though the new one still covers it. And
    what was removed while the clock stood at 1970 looks as if no version had needed it since.
    """
    commits = table.history()[::-1]
    stamps = [(commit.get("timestamp") or 0) / 1000 for commit in commits]
    return any(
        latest >= moment.timestamp()
        and (misdated(stamp, latest) or _KEPT_FILES in str((commit.get("operationParameters") or {}).get("properties")))
        for commit, stamp, latest in zip(commits, stamps, latest_times(stamps, now.timestamp()), strict=True)
    )


def remove_unneeded(path: str, keep_days: int, run_id: str) -> None:
    """Remove the files that no version of the last days needs."""
    # Without one, VACUUM takes a file that was taken out twice for gone since the first time: versions that a restore
    # made would lose it.
    write_checkpoint(path)
    with committing(path, "vacuum"):
        DeltaTable(path).vacuum(
            retention_hours=24 * keep_days, dry_run=False, full=True, commit_properties=named(run_id)
        )


def set_properties(path: str, properties: Mapping[str, str], run_id: str | None) -> None:
    """Set properties of a table, in one commit."""
    with committing(path, "alter"):
        DeltaTable(path).alter.set_table_properties(dict(properties), commit_properties=named(run_id))


def log_state(
    path: str, version: int, keep_days: int, now: datetime, coming: int = 0, made_from: int | None = None
) -> LogState:
    """What the log of a table on a disk consists of; nothing is known of one in an object store.

    ``made_from`` is the oldest version that another table was made from: what came after it has to stay known.
    """
    if "://" in path:
        return LogState(0, 0)
    unread = version - _checkpoint(path)
    # What a checkpoint that is about to be written makes superfluous counts already.
    planned = (version,) if unread + coming >= _COMMITS else ()
    return LogState(unread, len(_expired(path, keep_days, now, planned, made_from)), coming)


@dataclass(frozen=True)
class _Entries:
    """What lies in the log of a table."""

    files: tuple[tuple[int, Path], ...]
    """With the versions that they are about."""
    commits: tuple[tuple[int, float], ...]
    """Versions with the times of their files, oldest first."""
    checkpoints: Mapping[int, tuple[Path, ...]]
    """By version, complete ones alone: their files."""


def _entries(path: str) -> _Entries:
    files, commits = [], []
    parts: dict[tuple[int, int], dict[int, Path]] = {}
    for file in Path(path, "_delta_log").iterdir():
        entry, checkpoint = _ENTRY.match(file.name), _CHECKPOINT.fullmatch(file.name)
        if not entry:
            continue
        try:
            facts = file.stat()
        except FileNotFoundError:  # Who only looks holds no claim: a writer may be cleaning up meanwhile.
            continue
        files.append((int(entry[1]), file))
        if _COMMIT.fullmatch(file.name):
            commits.append((int(entry[1]), facts.st_mtime))
        elif checkpoint and facts.st_size:
            place = (int(entry[1]), int(checkpoint[2] or 1))
            parts.setdefault(place, {})[int(checkpoint[1] or 1)] = file
    whole = {version: tuple(found.values()) for (version, count), found in parts.items() if len(found) == count}
    return _Entries(tuple(sorted(files)), tuple(sorted(commits)), whole)


def _pointer(path: str) -> int | None:
    """The version of the checkpoint that readers start with; None when the log does not tell it."""
    try:
        return int(json.loads(Path(path, "_delta_log", "_last_checkpoint").read_text("utf-8"))["version"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):  # A power cut may have emptied it. It is only a hint.
        return None


def _checkpoint(path: str) -> int:
    """The version of the last checkpoint; -1 when there is none."""
    found = _pointer(path)
    return max(_entries(path).checkpoints, default=-1) if found is None else found


def _expired(
    path: str, keep_days: int, now: datetime, planned: Collection[int] = (), made_from: int | None = None
) -> list[Path]:
    """Files of a log that no version within the retention builds on, oldest first.

    ``planned`` are versions that there will be a checkpoint of, besides those that are there.

    The first such version is the newest one that is older: it was the table's until the next one came. All that is
    needed of it is the newest checkpoint that is not newer, and what follows. None go unless that is proved.
    """
    entries, oldest = _entries(path), (now - timedelta(days=keep_days)).timestamp()
    times = latest_times([time for _, time in entries.commits], now.timestamp())
    old = [version for (version, _), time in zip(entries.commits, times, strict=True) if time < oldest]
    first, pointer = max(old, default=-1), _pointer(path)
    # Readers fail when the checkpoint that they are pointed to is gone, whatever others there are.
    start = first if pointer is None or planned else min(first, pointer)
    # Of what came after it the log must tell: else the tables made from it would pass for made from something older.
    start = start if made_from is None else min(start, made_from)
    written = [number for number in (*planned, *entries.checkpoints) if number <= start]
    needed = max(written, default=0)
    found = [file for number, file in entries.files if number < needed]
    return found if found and (needed in planned or _suffices(entries, needed, first)) else []


def _suffices(entries: _Entries, checkpoint: int, version: int) -> bool:
    """Whether a version of a table opens when nothing before a checkpoint is left of the log."""
    commits = {number: file for number, file in entries.files if _COMMIT.fullmatch(file.name)}
    kept = [*entries.checkpoints[checkpoint], *(commits[n] for n in range(checkpoint, version + 1) if n in commits)]
    with TemporaryDirectory() as folder:
        try:
            Path(folder, "_delta_log").mkdir()
            for file in kept:
                shutil.copyfile(file, Path(folder, "_delta_log", file.name))
            DeltaTable(folder, version=version).file_uris()
        except Exception:  # What a damaged log raises has no type of its own; whatever it is, nothing may go then.
            return False
    return True


def tidy_log(path: str, keep_days: int, coming: int = 0, made_from: int | None = None) -> None:
    """Do what the log of a table on a disk needs, the commits included that maintenance itself has just made."""
    now, version = datetime.now(timezone.utc), DeltaTable(path).version()
    state = log_state(path, version, keep_days, now, coming, made_from)
    if state.needs_checkpoint:
        write_checkpoint(path)
    if state.needs_cleaning:
        clean_log(path, keep_days, now, made_from)


def write_checkpoint(path: str) -> None:
    """Write a table's newest version into its log as a whole."""
    with committing(path, "checkpoint"):
        DeltaTable(path).create_checkpoint()


def clean_log(path: str, keep_days: int, now: datetime, made_from: int | None = None) -> None:
    """Remove the log entries that no version within the retention builds on."""
    with committing(path, "clean"):
        for file in _expired(path, keep_days, now, (), made_from):
            file.unlink(missing_ok=True)
