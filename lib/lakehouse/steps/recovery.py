"""Refinements that a crash cut in two: undone before anything else is done.

A refinement writes up to three tables - quarantine, outranked, silver - and then the ledger. Before the first commit
it notes the versions that it starts from. Whoever claims the domain next finds the note without an end, and brings the
tables back to those versions; the deliveries are still pending then, and are refined as if nothing had happened.
"""

from __future__ import annotations

from lakehouse.contracts.tables import SilverTable
from lakehouse.ledger.book import is_behind, restore_version, same_files, table_version
from lakehouse.ledger.entries import Row
from lakehouse.steps.workspace import Workspace


def begin(work: Workspace, table: SilverTable, bronze_version: int | None) -> None:
    """Note which versions a refinement starts from."""
    versions = {name: table_version(path) for name, path in _sides(work, table).items()}
    _record(work, table, "refining", {**versions, str(table.bronze): bronze_version}, work.fingerprint(table.id))


def complete(work: Workspace, table: SilverTable, bronze_version: int | None) -> None:
    """Note that a refinement has ended, and which versions belong together now."""
    versions = {name: table_version(path) for name, path in _sides(work, table).items()}
    _record(work, table, "refine", {**versions, str(table.bronze): bronze_version}, work.fingerprint(table.id))


def recover(work: Workspace) -> list[str]:
    """Undo refinements that did not end; returns what was done, in words."""
    begun: dict[str, Row] = {}
    for row in work.ledger.rows("publications"):
        if row["step"] == "refining":
            begun[row["table_id"]] = row
        else:
            begun.pop(row["table_id"], None)
    return [_recover(work, t, begun[str(t.id)]) for t in work.domain.silver() if str(t.id) in begun]


def _recover(work: Workspace, table: SilverTable, begun: Row) -> str:
    bronze = begun["input_versions"].get(str(table.bronze))
    told = (row for row in work.ledger.rows("deliveries") if row["run_id"] == begun["run_id"])
    if any(row["table_id"] == str(table.id) for row in told):
        # The ledger has the outcomes, and they are written last: only this note is missing.
        versions = {name: table_version(path) for name, path in _sides(work, table).items()}
        _record(work, table, "refine", {**versions, str(table.bronze): bronze}, begun["fingerprint"])
        return f"{table.id}: the interrupted run {begun['run_id']} had ended its work"
    undo(work, table, begun)
    return f"{table.id}: what the interrupted run {begun['run_id']} had begun is undone"


def undo(work: Workspace, table: SilverTable, begun: Row | None = None) -> None:
    """Bring a table and those beside it back to the versions that the newest refinement began with."""
    if begun is None:
        mine = [row for row in work.ledger.rows("publications") if row["table_id"] == str(table.id)]
        begun = mine[-1]
        if begun["step"] != "refining":
            return
    for name, path in _sides(work, table).items():
        version = begun["version"] if name == "silver" else begun["input_versions"].get(name)
        # One that is lost since, or replaced by an older copy, is about to be made anew.
        if version is not None and not is_behind(path, version) and not same_files(path, version):
            work.progress(f"{table.id}: undoing what an interrupted run wrote ({name})")
            restore_version(path, version)
    versions = {name: table_version(path) for name, path in _sides(work, table).items()}
    bronze = begun["input_versions"].get(str(table.bronze))
    _record(work, table, "undone", {**versions, str(table.bronze): bronze}, begun["fingerprint"])


def _sides(work: Workspace, table: SilverTable) -> dict[str, str]:
    return {
        "silver": work.lake.table(table.id),
        "outranked": work.lake.outranked(table.id),
        "quarantine": work.lake.quarantine(table.id),
    }


def _record(work: Workspace, table: SilverTable, step: str, versions: dict[str, int | None], fingerprint: str) -> None:
    entry = {
        "run_id": work.run_id,
        "step": step,
        "table_id": str(table.id),
        "version": versions.pop("silver"),
        "input_versions": versions,
        "fingerprint": fingerprint,
    }
    work.ledger.record("publications", [entry])
