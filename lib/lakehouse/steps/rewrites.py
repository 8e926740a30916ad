"""What the next run is going to rewrite anyway, told from the ledger and the tables' logs: no Spark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lakehouse.contracts.names import TableId
from lakehouse.contracts.tables import SilverTable
from lakehouse.ledger.deliveries import Register
from lakehouse.steps.recording import side
from lakehouse.steps.staleness import stale_tables
from lakehouse.steps.upkeep import Waits
from lakehouse.steps.workspace import Workspace


def rewrites(work: Workspace) -> Mapping[str, Waits]:
    """By table, those beside the silver ones included; tables that stay as they are are left out."""
    register = work.ledger.deliveries()
    found: dict[str, Waits] = {}
    touched: set[TableId] = set()
    for table in work.domain.silver():
        replaced = _replaced(table, register, work.fingerprint(table.id))
        if replaced is not None:
            touched.add(table.id)
            names = (str(table.id), side(table.id, "outranked"), side(table.id, "quarantine"))
            found |= dict.fromkeys(names, Waits(sequences=replaced))
    # What a full refresh in this very run asked for is done by now.
    stale = {table.id for table in stale_tables(replace(work, full_refresh=False))}
    for computed in work.domain.gold():
        if computed.id in stale or touched & {source.owner for source in computed.inputs.values()}:
            touched.add(computed.id)
            found[str(computed.id)] = Waits(table="input that has changed")
    return found


def _replaced(table: SilverTable, register: Register, fingerprint: str) -> frozenset[int] | None:
    """Contents whose rows go, or are judged again, with the next refinement; None when there will be none."""
    pending = register.pending(table.id, table.bronze, fingerprint)
    gone = register.gone(table.id, table.bronze)
    if not pending and not gone:
        return None
    known = (found.get((table.id, d.delivery_id)) for d in pending for found in (register.outcomes, register.published))
    return frozenset(outcome.sequence for outcome in [*known, *gone] if outcome)
