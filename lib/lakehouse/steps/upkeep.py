"""What the files of a table need, decided from their statistics: pure functions, no Spark."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from lakehouse.contracts.rules import Maintenance, Upkeep
from lakehouse.ledger.data_files import Commit, DataFile, Partition
from lakehouse.steps.layout import files_overlapping, packed, sorted_read

MB = 1 << 20

_SMALL_FILES = 4
"""A partition with at least this many small files is compacted, when it then has at most half as many."""

_SORT_FACTOR, _SORT_FILES = 2, 2
"""A partition is sorted when a lookup reads so many times the files that it would read then, and so many more."""

_COMMITS, _OFTEN = 3, 2
_RECENTLY = timedelta(days=7)
"""A partition of which two of the last three commits replaced half or more will be replaced again, if the newest of
them is not older than a week."""


@dataclass(frozen=True)
class Rules:
    """What a contract says about the files of a table. Sizes in bytes."""

    small: int
    target: int
    sorted_by: tuple[str, ...] = ()
    newly_sorted: bool = False
    """Whether some of these columns have just come: what was there before was not sorted by them."""

    @classmethod
    def of(cls, upkeep: Upkeep) -> Rules:
        """The rules of a contract."""
        sorted_by = upkeep.zorder_by if isinstance(upkeep, Maintenance) else ()
        return cls(upkeep.compact_below_mb * MB, upkeep.target_file_mb * MB, sorted_by)


@dataclass(frozen=True)
class Waits:
    """What the next run is going to rewrite of a table."""

    table: str | None = None
    """Why all of it is; None when it is not."""
    sequences: frozenset[int] = frozenset()
    """Contents of deliveries whose rows are going to be replaced."""


@dataclass(frozen=True)
class Part:
    """What is done about one partition, and why."""

    partition: Partition
    action: Literal["compact", "sort", "leave"]
    why: str
    files: int
    """Files that are read and written anew; all files of a partition that is left alone."""
    size: int
    """Their bytes."""
    after: int
    """Files that come of them."""
    read: float = 0
    """Files that a lookup of a column that the table is sorted by reads now, what no order could spare not counted."""
    sorted_read: float = 0
    """The same after sorting."""


def decide(
    files: Sequence[DataFile], rules: Rules, commits: Iterable[Commit], waits: Callable[[], Waits], now: datetime
) -> list[Part]:
    """What to do about each partition of a table.

    ``commits`` are those of the table, newest first; they and ``waits`` are asked for only when the statistics call for
    something.
    """
    placed: dict[Partition, list[DataFile]] = defaultdict(list)
    for file in files:
        placed[file.partition].append(file)
    parts = [judged(partition, mine, rules) for partition, mine in placed.items()]
    chosen = [part for part in parts if part.action != "leave"]
    if not chosen:
        return parts
    ahead = waits()
    names = {file.name for part in chosen for file in placed[part.partition]} if rules.sorted_by else set()
    log = _look_back(commits, names, rules)
    reasons = {part.partition: _reason_to_wait(part, placed[part.partition], ahead, log, now) for part in chosen}
    return [_left(part, placed[part.partition], reasons.get(part.partition)) for part in parts]


def judged(partition: Partition, files: Sequence[DataFile], rules: Rules) -> Part:
    """What the statistics of a partition's files call for."""
    size, after = sum(file.size for file in files), 0
    leave = Part(partition, "leave", "single files", len(files), size, len(files))
    if len(files) < 2:
        return leave
    small = [file for file in files if file.size < rules.small]
    together = packed([file.size for file in small], rules.target)
    compacted = len(small) >= _SMALL_FILES and 2 * together <= len(small)
    if rules.sorted_by:
        # So many files does Delta cut a sorted partition into.
        after = max(1, size // rules.target)
        read, best = _read(files, rules), sorted_read(len(rules.sorted_by), after)
        # What compaction would tear out of its order is sorted at once, not by the next maintenance.
        worst = max(read, _read(_mixed(files, small, together), rules)) if compacted else read
        if after > 1 and worst >= _SORT_FACTOR * best and worst - best >= _SORT_FILES:
            return Part(partition, "sort", "", len(files), size, after, read, best)
    if compacted:
        return Part(partition, "compact", "", len(small), sum(file.size for file in small), together)
    if after > 1:
        return replace(leave, why="files whose ranges hardly overlap")
    if len(small) < _SMALL_FILES:
        return replace(leave, why=f"fewer than {_SMALL_FILES} small files")
    return replace(leave, why="small files that would not become half as many")


def _read(files: Sequence[DataFile], rules: Rules) -> float:
    """Files that a lookup reads, on average over the columns that the table is sorted by."""
    return sum(files_overlapping(files, name) for name in rules.sorted_by) / len(rules.sorted_by)


def _mixed(files: Sequence[DataFile], small: Sequence[DataFile], together: int) -> list[DataFile]:
    """The files as they may be after compaction, which goes by size alone: each new one can hold any of the values."""
    ranges = {}
    for name in {name for file in small for name in file.ranges}:
        known = [found for file in small if (found := file.ranges.get(name))]
        ranges[name] = (min(low for low, _ in known), max(high for _, high in known)) if known else None
    merged = replace(small[0], rows=sum(file.rows for file in small) // together, ranges=ranges)
    large = len(files) - len(small)
    return [*sorted(files, key=lambda file: -file.size)[:large], *[merged] * together]


@dataclass(frozen=True)
class _Log:
    """What the newest commits of a table did."""

    changes: tuple[Commit, ...]
    """Those that changed rows, newest first, a few."""
    ordered: frozenset[str]
    """Names of files that an OPTIMIZE by the same columns wrote."""
    settled: frozenset[str]
    """Names of files that the log tells no more of: while it did, they were judged as they are now."""


def _look_back(commits: Iterable[Commit], names: set[str], rules: Rules) -> _Log:
    changes: list[Commit] = []
    ordered: set[str] = set()
    unknown, oldest, new = set(names), 0, rules.newly_sorted
    for commit in commits:
        if commit.changes_rows and len(changes) < _COMMITS:
            changes.append(commit)
        elif rules.sorted_by and commit.sorted_by == rules.sorted_by:
            ordered |= commit.added
        unknown -= commit.added
        oldest, new = commit.version, new or commit.new_ranges
        if len(changes) == _COMMITS and not unknown:
            break
    # Only maintenance cuts the log, and only after a look at all that it tells of.
    return _Log(tuple(changes), frozenset(ordered), frozenset(unknown if oldest and not new else ()))


def _reason_to_wait(part: Part, files: Sequence[DataFile], waits: Waits, log: _Log, now: datetime) -> str | None:
    if waits.table:
        return waits.table
    if any(_between(sequence, file) for file in files for sequence in waits.sequences):
        return "rows that pending deliveries replace"
    # Whatever sizes an order has left: to bring small files together would undo it, and have it done again.
    if all(file.name in log.ordered for file in files):
        return "sorted before and unchanged since"
    if all(file.name in log.ordered or file.name in log.settled for file in files):
        return "unchanged for longer than the log tells"
    size = sum(file.size for file in files)
    replaced = [commit for commit in log.changes if 2 * commit.removed.get(part.partition, 0) >= size]
    if len(replaced) >= _OFTEN and now - log.changes[0].time <= _RECENTLY:
        return "replaced by most runs"
    return None


def _between(sequence: int, file: DataFile) -> bool:
    found = file.ranges.get("delivery_sequence")
    return found is not None and bool(found[0] <= sequence <= found[1])


def _left(part: Part, files: Sequence[DataFile], why: str | None) -> Part:
    if why is None:
        return part
    return Part(part.partition, "leave", why, len(files), sum(file.size for file in files), len(files))


def reasons(parts: Sequence[Part], rules: Rules) -> list[str]:
    """The decisions about a table's partitions in words, a line for each kind."""
    found = []
    mine = [part for part in parts if part.action == "sort"]
    if mine:
        read, best = (sum(values) / len(mine) for values in zip(*((p.read, p.sorted_read) for p in mine), strict=True))
        found.append(
            f"sort {_count(mine)} by {', '.join(rules.sorted_by)}: a lookup in one reads {read:.1f} of "
            f"{_mean([part.files for part in mine])} files, in order about {best:.1f} of "
            f"{_mean([part.after for part in mine])}"
        )
    mine = [part for part in parts if part.action == "compact"]
    if mine:
        after = sum(part.after for part in mine)
        found.append(f"compact {_count(mine)}: {sum(part.files for part in mine)} small files become {after}")
    left = Counter(part.why for part in parts if part.action == "leave")
    if left:
        found.append("left alone: " + ", ".join(f"{count} with {why}" for why, count in left.items()))
    return found


def _count(parts: Sequence[Part]) -> str:
    return "1 partition" if len(parts) == 1 else f"{len(parts)} partitions"


def _mean(numbers: Sequence[int]) -> str:
    return f"{sum(numbers) / len(numbers):.1f}".removesuffix(".0")


def as_json(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """The decisions as plain data, partitions summarised: one entry per action and reason."""
    groups: dict[tuple[str, str], list[Part]] = defaultdict(list)
    for part in parts:
        groups[part.action, part.why].append(part)
    return [_group(action, why, mine) for (action, why), mine in groups.items()]


def _group(action: str, why: str, parts: Sequence[Part]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "action": action,
        "partitions": len(parts),
        "files": sum(part.files for part in parts),
        "bytes": sum(part.size for part in parts),
        "files_after": sum(part.after for part in parts),
    }
    facts: Mapping[str, Any] = {"why": why} if action == "leave" else {}
    if action == "sort":
        facts = {
            "lookup_reads": round(sum(part.read for part in parts) / len(parts), 2),
            "lookup_reads_after": round(sum(part.sorted_read for part in parts) / len(parts), 2),
        }
    return {**found, **facts}
