"""The state that a run left: which versions belonged together, and which of them are there no more. No Spark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lakehouse.contracts.tables import GoldTable
from lakehouse.errors import ConfigurationError, nearest
from lakehouse.ledger.book import table_version
from lakehouse.steps.recording import noted_versions, table_paths
from lakehouse.steps.workspace import Workspace


@dataclass(frozen=True)
class Moment:
    """Versions of tables and entries of the ledger that belong together."""

    run_id: str
    versions: Mapping[str, int]
    """Of the tables that were there, also of those that had no contract just then."""
    positions: Mapping[str, int]
    lost: frozenset[str]
    """Tables that were lost since: their versions, if they have any, have started again and hold something else."""

    def target(self, name: str) -> int | None:
        """The version that a table goes back to; None when it was not there then, or what it was is lost."""
        return None if name in self.lost else self.versions.get(name)

    def makes_anew(self, table: GoldTable) -> bool:
        """Whether all of a computed table is to be made: it, or what it is made from, was lost."""
        return not self.lost.isdisjoint({str(table.id), *map(str, table.inputs.values())})


def find_moment(work: Workspace, run_id: str) -> Moment:
    """The state that a run left; raises ConfigurationError when it left none that can be gone back to."""
    ended = {row["run_id"]: row for row in work.ledger.rows("runs") if row["state"] == "finished"}
    if run_id not in ended:
        known = list(ended)
        example = f" Newest: {', '.join(known[-3:])}." if known else ""
        raise ConfigurationError(
            f"--to: the ledger of '{work.domain.name}' knows no finished run '{run_id}'."
            f"{nearest(run_id, known)}{example} 'lakehouse status {work.domain.name}' lists them."
        )
    details: Mapping[str, Any] = ended[run_id]["summary"] or {}
    if "entries" not in details:
        raise ConfigurationError(
            f"--to: the run '{run_id}' was recorded before restoring was possible; name a later one."
        )
    return moment_of(work, run_id, details["versions"], details["entries"])


def moment_of(work: Workspace, run_id: str, noted: Mapping[str, int], positions: Mapping[str, int]) -> Moment:
    """The same from what was noted of a run: versions of the tables that had a contract then, and entries."""
    versions: dict[str, int | None] = {}
    for published in work.ledger.publications_at(positions).values():
        versions |= noted_versions(str(published.table), published.version, published.input_versions)
    there = {name: version for name, version in (versions | dict(noted)).items() if version is not None}
    return Moment(run_id, there, positions, _lost(work, there, positions.get("publications", 0)))


def _lost(work: Workspace, versions: Mapping[str, int], entry: int) -> frozenset[str]:
    """Tables that have had lower versions since an entry, or none: as long as a table is the same, they only grow.

    What is made anew, or goes on from an older copy, may have reached the same number again.
    """
    since = [(name, table_version(path)) for name, path in table_paths(work).items()]
    for row in work.ledger.rows("publications"):
        if row["entry"] > entry:
            since += noted_versions(row["table_id"], row["version"], row["input_versions"]).items()
    return frozenset(
        name for name, version in since if name in versions and (version is None or version < versions[name])
    )
