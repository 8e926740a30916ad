"""What is out of date, found from the ledger and the tables' logs alone: no Spark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lakehouse.contracts.names import TableId
from lakehouse.contracts.tables import GoldTable, SilverTable
from lakehouse.ledger.book import Publication, changed_since, is_behind, table_version
from lakehouse.ledger.deliveries import Delivery, Outcome, Register
from lakehouse.steps.workspace import Workspace


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
    return is_lost(work, made)


def is_lost(work: Workspace, made: Publication) -> bool:
    """Whether a table that was made is gone, or an older copy of it lies in its place."""
    return made.version is not None and is_behind(work.lake.table(made.table), made.version)


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
