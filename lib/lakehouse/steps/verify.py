"""Verify: compute silver, outranked, quarantine and gold again from bronze and compare them with the lake.

The computation is the plain one - one window over all rows of the keys, whole periods - and shares with the daily
steps only how a row is conformed and judged, how a key is settled, and the transforms. Of a part of the deliveries
it compares the keys that their rows have, with all other rows of these keys, and the periods that these rows touch.
"""

from __future__ import annotations

from contextlib import ExitStack

from lakehouse.contracts.names import TableId
from lakehouse.errors import TableError
from lakehouse.ledger.book import missing_files
from lakehouse.steps.choice import Choice, choose
from lakehouse.steps.proof import Picture, Proof, Verification
from lakehouse.steps.recording import table_paths
from lakehouse.steps.shapes import made_shape
from lakehouse.steps.snapshot import Snapshot, is_newer, take_snapshot
from lakehouse.steps.staleness import gone_outcomes, pending_deliveries
from lakehouse.steps.verify_bronze import count_rows
from lakehouse.steps.verify_gold import verify_gold
from lakehouse.steps.verify_landing import verify_landing
from lakehouse.steps.verify_silver import verify_silver
from lakehouse.steps.workspace import Workspace
from lakehouse.storage.tables import empty_rows


def verify(work: Workspace, choice: Choice | None = None, shown: int = 20) -> Proof:
    """Compare the tables of a domain with their recomputation from bronze, and bronze with the landing files.

    Nothing is written. The landing zone is left out when the workspace names none. Raises ConfigurationError when the
    choice holds no delivery, TableError when files of a table are gone.
    """
    snapshot = take_snapshot(work)
    chosen = choose(snapshot.register, choice or Choice())
    _check_files(work, snapshot)
    proof = Proof(chosen)
    with ExitStack() as kept:
        verification = Verification(work, snapshot, chosen, proof, shown, kept)
        counts = count_rows(verification)
        if work.landing:
            proof.landing = verify_landing(verification, counts)
        pictures: dict[TableId, Picture] = {}
        for table in work.domain.silver():
            published = any(owner == table.id for owner, _ in snapshot.register.published)
            if not published and not verification.exists(work.lake.table(table.id)):
                verification.leave_out(table.id, "it has not been made yet")
                for name in (table.id, table.id.beside):
                    none = empty_rows(work.spark, made_shape(work.domain, name, work.lake).columns)
                    pictures[name] = Picture(none, none)
                continue
            pictures |= verify_silver(verification, table, counts)
        verify_gold(verification, pictures)
    proof.notes += _notes(work, snapshot)
    return proof


def _check_files(work: Workspace, snapshot: Snapshot) -> None:
    paths = table_paths(work)
    for table in work.domain.bronze():
        held = any(delivery.table == table.id for delivery in snapshot.register.contents.values())
        if held and snapshot.versions[paths[str(table.id)]] is None:
            raise TableError(f"{table.id} is gone: there is no table at {paths[str(table.id)]}, but the ledger knows "
                             "deliveries in it. Restore the folder from a backup.")  # fmt: skip
    versions = {name: snapshot.versions[path] for name, path in paths.items()}
    problems = {n: missing_files(paths[n], version) for n, version in versions.items() if version is not None}
    told = "; ".join(f"{name} version {versions[name]}: {problem}" for name, problem in problems.items() if problem)
    if told:
        raise TableError(f"Tables of '{work.domain.name}' cannot be read: {told}. Restore their files from a backup.")


def _notes(work: Workspace, snapshot: Snapshot) -> list[str]:
    """What a reader of the differences has to know."""
    notes = []
    if snapshot.writer:
        notes.append(f"run {snapshot.writer} is writing: what is told here is the state before it began")
    elif is_newer(work, snapshot):
        notes.append("a run wrote to this lake meanwhile: what is told here is the state before it")
    if snapshot.cut_off:
        notes.append(f"run {snapshot.cut_off} was cut off while it refined: the next run undoes what it had begun")
    for table in work.domain.silver():
        register = snapshot.register
        waiting = len(pending_deliveries(work, table, register)) + len(gone_outcomes(work, table, register))
        if waiting:
            notes.append(f"{waiting} deliveries are pending for {table.id} and not part of it yet")
    return notes
