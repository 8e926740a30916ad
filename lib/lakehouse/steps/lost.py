"""Tables that are gone from the disk, or in whose place an older copy lies: never taken for whole. No Spark."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from lakehouse.errors import TableError
from lakehouse.ledger.book import (
    LOST,
    NEVER_MADE,
    Publication,
    check_logs,
    is_behind,
    publication_row,
    table_version,
)
from lakehouse.ledger.entries import Row
from lakehouse.steps.recording import noted_versions, side, table_paths
from lakehouse.steps.staleness import is_lost
from lakehouse.steps.workspace import Workspace


def check_lake(work: Workspace, steps: Sequence[str]) -> set[str]:
    """Raise TableError when the ledger, a log or a table is not whole; returns tables that are lost and may be.

    Every command that writes begins with this: it would go on from what is left, and no later one could tell.
    """
    work.ledger.check_format()
    check_logs(table_paths(work))
    work.ledger.check_whole([table.id for table in work.domain.bronze()])
    return check_tables(work, steps)


def check_tables(work: Workspace, steps: Sequence[str]) -> set[str]:
    """Raise TableError for tables that are gone, or in whose place an older copy lies; returns those that may be.

    A run would go on with what is left of them, and take it for all. Computed tables are no concern: they are made
    anew. So are silver tables by a run with ``--full-refresh`` that refines, or that does not look at them.
    """
    paths = table_paths(work)
    lost = {name: left for name, left in _left(work).items() if is_behind(paths[name], left[0])}
    if {str(table.id) for table in work.domain.bronze()} & lost.keys():
        then = "or move the whole lake aside and load it anew"
    elif not lost or (work.full_refresh and ("refine" in steps or [*steps] == ["ingest"])):
        return set(lost)
    else:
        then = "or run with --full-refresh, which makes silver and gold anew from bronze"
    told = "; ".join(_told(name, paths[name], *left) for name, left in lost.items())
    folders = ", ".join(paths[name] for name in lost)
    raise TableError(f"{told}. Nothing was changed. Restore {folders} from a backup, {then}.")


def note_lost(work: Workspace, names: Collection[str]) -> None:
    """Record that computed tables are to be made as a whole: those that are lost, and those made from lost ones.

    ``names`` are the other tables that are lost. The versions of what is made anew count from the start again, so that
    nobody could tell from them what has changed.
    """
    published = work.ledger.publications()
    lost = {
        table.id
        for table in work.domain.silver()
        if {str(table.id), side(table.id, "outranked"), side(table.id, "quarantine")}.intersection(names)
    }
    rows: list[Row] = []
    for table in work.domain.gold():  # inputs come first
        made = published.get(table.id)
        gone = made is not None and is_lost(work, made)
        if made is None or (made.fingerprint == NEVER_MADE and not gone):
            continue
        if gone or lost & {source.owner for source in table.inputs.values()}:
            lost.add(table.id)
            now = Publication(table.id, table_version(work.lake.table(table.id)), {}, NEVER_MADE, None)
            rows.append(publication_row(now, LOST, work.run_id))
    work.ledger.record("publications", rows)


def _left(work: Workspace) -> dict[str, tuple[int, str]]:
    """At which version each table was left, at least, by name, and by which run; computed ones are left out.

    Bronze only grows: the highest version that any run has noted. Of silver and what lies beside it, the newest
    refinement or restore that has ended: what fails, or is undone, makes nothing whole that was lost before.
    """
    found: dict[str, tuple[int, str]] = {}
    bronze = [str(table.id) for table in work.domain.bronze()]
    for run in work.ledger.rows("runs"):
        versions = (run["summary"] or {}).get("versions", {})
        for name in bronze:
            if versions.get(name, -1) > found.get(name, (-1, ""))[0]:
                found[name] = versions[name], run["run_id"]
    ended = {row["table_id"]: row for row in work.ledger.rows("publications") if row["step"] in {"refine", "restore"}}
    for table in work.domain.silver():
        if row := ended.get(str(table.id)):
            noted = noted_versions(row["table_id"], row["version"], row["input_versions"])
            found |= {name: (version, row["run_id"]) for name, version in noted.items() if version is not None}
    return found


def _told(name: str, path: str, version: int, run_id: str) -> str:
    now = table_version(path)
    return f"{name} {'is gone' if now is None else f'has version {now}'}; the run {run_id} left it at version {version}"
