"""What is out of date, found from the ledger and the tables' logs alone: no Spark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from lakehouse.contracts.names import TableId
from lakehouse.contracts.tables import GoldTable, SilverTable
from lakehouse.errors import TableError
from lakehouse.ledger.book import Publication, changed_since, table_version
from lakehouse.ledger.deliveries import Delivery, Outcome, Register
from lakehouse.steps.recording import side, table_paths
from lakehouse.steps.workspace import Workspace


def check_tables(work: Workspace, steps: Sequence[str]) -> None:
    """Raise TableError for tables that are gone, or in whose place an older copy lies.

    A run would go on with what is left of them, and take it for all. Computed tables are no concern: they are made
    anew. So are silver tables by a run with ``--full-refresh`` that refines, or that does not look at them.
    """
    paths = table_paths(work)
    lost = {name: said for name, (version, run_id) in _left(work).items()
            if (said := _lost(name, paths[name], version, run_id))}  # fmt: skip
    if {str(table.id) for table in work.domain.bronze()} & lost.keys():
        then = "or move the whole lake aside and load it anew"
    elif not lost or (work.full_refresh and ("refine" in steps or [*steps] == ["ingest"])):
        return
    else:
        then = "or run with --full-refresh, which makes silver and gold anew from bronze"
    folders = ", ".join(paths[name] for name in lost)
    raise TableError(f"{'; '.join(lost.values())}. Nothing was changed. Restore {folders} from a backup, {then}.")


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
        row = ended.get(str(table.id))
        beside = (row["input_versions"] or {}) if row else {}
        noted = {side(table.id, kind): beside.get(kind) for kind in ("outranked", "quarantine")}
        noted[str(table.id)] = row["version"] if row else None
        found |= {name: (version, row["run_id"]) for name, version in noted.items() if row and version is not None}
    return found


def _lost(name: str, path: str, version: int, run_id: str) -> str | None:
    now = table_version(path)
    if now is not None and now >= version:
        return None
    return f"{name} {'is gone' if now is None else f'has version {now}'}; the run {run_id} left it at version {version}"


def stale_tables(work: Workspace) -> list[GoldTable]:
    """Computed tables whose inputs or contract changed since they were made, or that are lost; found without Spark.

    An input that was never delivered counts as an empty table. What has no other inputs is not made. What a gate
    refused is made again when something changed since.
    """
    attempts, publications = work.ledger.made()
    stale: dict[TableId, GoldTable] = {}
    waits: set[TableId] = set()
    for table in work.domain.gold():
        inputs = [table_id for table_id in table.inputs.values() if table_id not in stale]
        absent = [table_id for table_id in inputs if not is_made(work, table_id, publications)]
        # One that a gate refused when it was first made is not empty, nor is one that is gone from the disk.
        if any(table_id.owner in attempts or table_id in waits for table_id in absent):
            waits.add(table.id)
            continue
        if len(absent) == len(table.inputs):
            continue
        made = attempts.get(table.id)
        if is_anew(work, table, made) or len(inputs) < len(table.inputs) or inputs_moved(work, inputs, made):
            stale[table.id] = table
    return list(stale.values())


def is_anew(work: Workspace, table: GoldTable, made: Publication | None) -> bool:
    """Whether all of a computed table is to be made: its contract changed, or it is gone or older than it was."""
    if work.full_refresh or made is None or made.fingerprint != work.fingerprint(table.id):
        return True
    version = table_version(work.lake.table(table.id))
    return made.version is not None and (version is None or version < made.version)


def is_made(work: Workspace, table_id: TableId, publications: Mapping[TableId, Publication]) -> bool:
    """Whether a table is there; a computed one that a crash left empty before its first rows is not."""
    if isinstance(work.domain.tables[table_id.owner], GoldTable):
        made = publications.get(table_id.owner)
        if made is None or made.version is None:
            return False
    return table_version(work.lake.table(table_id)) is not None


def inputs_moved(work: Workspace, inputs: Iterable[TableId], made: Publication | None) -> bool:
    """Whether rows of any of these inputs changed since a table was made from them."""
    return made is None or any(_moved(work, table_id, made.input_versions.get(str(table_id))) for table_id in inputs)


def _moved(work: Workspace, table_id: TableId, version: int | None) -> bool:
    path = work.lake.table(table_id)
    return table_version(path) is not None if version is None else changed_since(path, version)


def pending_deliveries(work: Workspace, table: SilverTable, register: Register) -> list[Delivery]:
    """Deliveries within the run's days that a silver table has not taken in under its present contract."""
    if work.full_refresh:
        current = [d for d in register.current.values() if d.table == table.bronze]
        found = [*current, *(seen for d in current if (seen := register.predecessor(table.id, d)))]
        return sorted(found, key=lambda delivery: delivery.sequence or 0)
    pending = register.pending(table.id, table.bronze, work.fingerprint(table.id))
    return [delivery for delivery in pending if work.concerns(delivery.delivery_id, delivery.delivery_date)]


def gone_outcomes(work: Workspace, table: SilverTable, register: Register) -> list[Outcome]:
    """What a silver table still says of deliveries within the run's days that count no more."""
    found = register.gone(table.id, table.bronze)
    if work.full_refresh:
        return found
    days = {outcome.sequence: register.contents[outcome.sequence].delivery_date for outcome in found}
    return [outcome for outcome in found if work.concerns(outcome.delivery_id, days[outcome.sequence])]
