"""What is out of date, found from the ledger and the tables' logs alone: no Spark."""

from __future__ import annotations

from lakehouse.contracts.names import TableId
from lakehouse.contracts.tables import GoldTable, SilverTable
from lakehouse.ledger.book import Publication, changed_since, table_version
from lakehouse.ledger.deliveries import Delivery, Outcome, Register
from lakehouse.steps.workspace import Workspace


def stale_tables(work: Workspace) -> list[GoldTable]:
    """Computed tables whose inputs or contract changed since they were made, found without Spark.

    An input that was never delivered counts as an empty table. What has no other inputs is not made.
    """
    publications = work.ledger.publications()
    stale: dict[TableId, GoldTable] = {}
    for table in work.domain.gold():
        published = publications.get(table.id)
        inputs = [table_id for table_id in table.inputs.values() if table_id not in stale]
        absent = [table_id for table_id in inputs if table_version(work.lake.table(table_id)) is None]
        # One that the ledger knows and that is gone is not empty: what was made from it stays as it is.
        if len(absent) == len(table.inputs) or any(table_id.owner in publications for table_id in absent):
            continue
        anew = work.full_refresh or published is None or published.fingerprint != work.fingerprint(table.id)
        if anew or len(inputs) < len(table.inputs) or any(_moved(work, i, published) for i in inputs):
            stale[table.id] = table
    return list(stale.values())


def _moved(work: Workspace, table_id: TableId, published: Publication | None) -> bool:
    path = work.lake.table(table_id)
    version = published.input_versions.get(str(table_id)) if published else None
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
    found = register.gone(table.id)
    if work.full_refresh:
        return found
    days = {outcome.sequence: register.contents[outcome.sequence].delivery_date for outcome in found}
    return [outcome for outcome in found if work.concerns(outcome.delivery_id, days[outcome.sequence])]
