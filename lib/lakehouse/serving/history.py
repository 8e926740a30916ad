"""The versions of a table: when each was made, by which run, and what it changed. Read from the table's log alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from lakehouse.contracts.lakes import Lake
from lakehouse.ledger.book import Ledger
from lakehouse.ledger.entries import unreadable
from lakehouse.serving.tables import LakeTable, find_table

_ASIDE = ("outranked", "quarantine")
"""Layers whose versions the ledger keeps with the silver table that they belong to."""

# Spark and delta-rs name the same figure differently, and each operation has names of its own.
_WRITTEN = ("numtargetrowsinserted", "numaddedrows", "numoutputrows")
_UPDATED = ("numtargetrowsupdated", "numupdatedrows")
_DELETED = ("numtargetrowsdeleted", "numdeletedrows")
_ADDED_FILES = (
    "numtargetfilesadded", "numaddedfiles", "numfilesadded", "numrestoredfiles", "numrestoredfile", "numfiles",
)  # fmt: skip
_REMOVED_FILES = (
    "numtargetfilesremoved", "numremovedfiles", "numfilesremoved", "numremovedfile", "numdeletedfiles",
)  # fmt: skip


@dataclass(frozen=True)
class TableVersion:
    """One commit of a table. A figure is None where the log does not tell it."""

    version: int
    time: datetime
    """UTC."""
    operation: str
    run_id: str | None
    """None for commits that no run made, or that do not say which."""
    rows_written: int | None
    rows_updated: int | None
    rows_deleted: int | None
    files_added: int | None
    files_removed: int | None


@dataclass(frozen=True)
class History:
    """The versions of one table, newest first."""

    table: str
    """``billing.silver.usage``, with outranked, quarantine and ledger as layers too."""
    path: str
    versions: tuple[TableVersion, ...]


def table_history(lake: Lake, name: str, limit: int) -> History:
    """The newest versions of a table, which is named by its id or by its name in SQL.

    Raises ConfigurationError with the nearest name for a table that the lake does not hold, TableError for one whose
    log cannot be read.
    """
    table = find_table(lake, name)
    runs = _recorded_runs(lake, table)
    return History(table.id, table.path, tuple(_version(commit, runs) for commit in _commits(table.path, limit)))


def _commits(path: str, limit: int) -> list[dict[str, Any]]:
    try:
        return DeltaTable(path).history(limit)
    except DeltaError as error:
        raise unreadable(path, error) from error


def _recorded_runs(lake: Lake, table: LakeTable) -> dict[int, str]:
    """Which run left which version behind, as the ledger tells: not every commit carries its run."""
    if table.layer == "ledger":
        return {}
    aside = table.layer in _ASIDE
    owner = f"{table.domain}.silver.{table.name}" if aside else table.id
    found: dict[int, str] = {}
    for row in Ledger(lake, table.domain).rows("publications"):
        if row["table_id"] == owner:
            version = (row["input_versions"] or {}).get(table.layer) if aside else row["version"]
            # A later run that changed nothing here names the same version: the first one made it.
            if version is not None:
                found.setdefault(version, row["run_id"])
    return found


def _version(commit: Mapping[str, Any], runs: Mapping[int, str]) -> TableVersion:
    metrics = commit.get("operationMetrics") or {}
    figures = {name.replace("_", "").lower(): value for name, value in metrics.items()}
    return TableVersion(
        version=commit["version"],
        time=datetime.fromtimestamp(commit["timestamp"] / 1000, timezone.utc),
        operation=commit.get("operation", ""),
        run_id=commit.get("userMetadata") or runs.get(commit["version"]),
        rows_written=_figure(figures, _WRITTEN),
        rows_updated=_figure(figures, _UPDATED),
        rows_deleted=_figure(figures, _DELETED),
        files_added=_figure(figures, _ADDED_FILES),
        files_removed=_figure(figures, _REMOVED_FILES),
    )


def _figure(figures: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    return next((int(figures[name]) for name in names if name in figures), None)
