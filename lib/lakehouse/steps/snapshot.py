"""A state of a domain whose ledger and tables belong together, also while a run is writing. No Spark.

While a run is at work, its tables are ahead of its ledger. What it has written so far is left out of both: the ledger
ends before its first entry, and each table before its first commit, which carries its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from deltalake import DeltaTable

from lakehouse.errors import TableError
from lakehouse.ledger.book import table_version
from lakehouse.ledger.deliveries import Register
from lakehouse.ledger.entries import Row
from lakehouse.ledger.holders import holder
from lakehouse.steps.recording import table_paths
from lakehouse.steps.workspace import Workspace

_TRIES = 5
_LEDGER = ("deliveries", "decisions", "publications")
_COMMITS = 100


@dataclass(frozen=True)
class Snapshot:
    """What the ledger said, and the version of every table, at one moment."""

    register: Register
    entries: tuple[Row, ...]
    """What the ledger said of deliveries."""
    versions: Mapping[str, int | None]
    """By folder; None for a table that was not there."""
    writer: str | None
    """The run that was at work, whose writes are not part of this."""
    cut_off: str | None
    """A run that ended in the middle of a refinement, and whose writes are part of this."""


@dataclass(frozen=True)
class _Look:
    writer: str | None
    positions: Mapping[str, int]


def take_snapshot(work: Workspace) -> Snapshot:
    """The newest state that no run is changing.

    Raises TableError when runs begin and end faster than the state can be read.
    """
    for _ in range(_TRIES):
        before = _look(work)
        versions = {path: _version(path, before.writer) for path in table_paths(work).values()}
        rows = [row for row in work.ledger.rows("deliveries") if row["entry"] <= before.positions["deliveries"]]
        register = work.ledger.deliveries_at(before.positions)
        begun = None if before.writer else _cut_off(work)
        if _look(work) == before:
            return Snapshot(register, tuple(rows), versions, before.writer, begun)
    raise TableError(
        f"The state of '{work.domain.name}' changed {_TRIES} times while it was read. "
        "Run the command again when the runs that write it have ended."
    )


def is_newer(work: Workspace, snapshot: Snapshot) -> bool:
    """Whether a run has recorded something since."""
    return work.ledger.deliveries() != snapshot.register


def _look(work: Workspace) -> _Look:
    """Who writes, and the newest ledger entries that are not its own."""
    found = holder(work.lake, work.domain.name)
    writer = found.run_id if found else None
    others = {
        name: max((row["entry"] for row in work.ledger.rows(name) if row["run_id"] != writer), default=0)
        for name in _LEDGER
    }
    return _Look(writer, others)


def _version(path: str, writer: str | None) -> int | None:
    """The version of a table before the first commit of a run; the newest when there is no run."""
    newest = table_version(path)
    if writer is None or newest is None:
        return newest
    limit = _COMMITS
    while True:
        commits = DeltaTable(path).history(limit)
        mine = [commit["version"] for commit in commits if commit.get("userMetadata") == writer]
        if len(commits) < limit or commits[-1]["version"] not in mine:
            break
        limit *= 10
    first = min(mine, default=newest + 1)
    return first - 1 if first else None


def _cut_off(work: Workspace) -> str | None:
    begun: dict[str, str] = {}
    for row in work.ledger.rows("publications"):
        if row["step"] == "refining":
            begun[row["table_id"]] = row["run_id"]
        else:
            begun.pop(row["table_id"], None)
    return next(iter(begun.values()), None)
