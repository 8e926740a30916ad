"""What a refinement starts from: what is pending, what counts no more, and what a crash left behind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lakehouse.contracts.tables import SilverTable
from lakehouse.ledger.book import changed_since, restore_version, table_version
from lakehouse.ledger.deliveries import Delivery, Outcome, Register
from lakehouse.steps.staleness import gone_outcomes
from lakehouse.steps.workspace import Workspace


@dataclass(frozen=True)
class Preparation:
    """What a refinement of one table starts from."""

    pending: list[Delivery]
    gone: list[Outcome]
    """Outcomes of deliveries that count no more: retracted, held, or the same content as another."""
    replaced: list[int]
    """Sequences whose present rows stop to count when the batch is accepted."""
    again: bool
    """Some deliveries were refined before, or a crash may have left rows of them."""
    rebuild: bool
    """The batch holds all that the table is to hold: it is made anew instead of merged."""


def prepare(work: Workspace, table: SilverTable, pending: list[Delivery], register: Register) -> Preparation:
    """Undo what a crash cut in two, and tell what the refinement replaces."""
    published = {
        delivery_id: outcome for (owner, delivery_id), outcome in register.published.items() if owner == table.id
    }
    gone = gone_outcomes(work, table, register)
    ids, gone_ids = {delivery.delivery_id for delivery in pending}, {outcome.delivery_id for outcome in gone}
    known = {delivery_id for owner, delivery_id in register.outcomes if owner == table.id}
    interrupted = _roll_back(work, table)
    return Preparation(
        pending=pending,
        gone=gone,
        replaced=[outcome.sequence for name, outcome in published.items() if name in ids | gone_ids],
        again=interrupted or bool(ids & known) or bool(gone),
        rebuild=bool(pending)
        and not interrupted
        and set(published) <= ids | gone_ids
        and not _superseded([published[name] for name in published if name in ids], pending),
    )


def _superseded(published: Iterable[Outcome], pending: Sequence[Delivery]) -> bool:
    """Whether a correction is among the pending: if it is refused, the older content has to stay."""
    current = {delivery.delivery_id: delivery.sequence for delivery in pending}
    return any(current[outcome.delivery_id] != outcome.sequence for outcome in published)


def _roll_back(work: Workspace, table: SilverTable) -> bool:
    """Undo a publication that a crash cut in two; True when the last run left any trace.

    The outranked rows are written first and the published ones last. When only the first happened, the outranked
    table goes back to the version that belongs to the published one.
    """
    path, aside = work.lake.table(table.id), work.lake.outranked(table.id)
    if table_version(path) is None:
        return False
    recorded = work.ledger.publications().get(table.id)
    version = recorded.version if recorded else 0
    aside_version = recorded.input_versions.get("outranked", 0) if recorded else 0
    moved = changed_since(path, version)
    aside_moved = table_version(aside) is not None and changed_since(aside, aside_version)
    if aside_moved and not moved:
        work.progress(f"{table.id}: undoing half of an interrupted publication")
        restore_version(aside, aside_version)
    quarantine = work.lake.quarantine(table.id)
    quarantine_version = recorded.input_versions.get("quarantine", 0) if recorded else 0
    bad_moved = table_version(quarantine) is not None and changed_since(quarantine, quarantine_version)
    return moved or aside_moved or bad_moved


def withdrawn_sequences(
    ready: Preparation, table: SilverTable, accepted: Sequence[Delivery], refused: dict[str, str], register: Register
) -> list[int]:
    """Sequences whose present rows have to go.

    Replaced by an accepted content, refused under the new contract, or of a delivery that counts no more.
    """
    gone_ids = {outcome.delivery_id for outcome in ready.gone}
    taken = {delivery.delivery_id: delivery for delivery in accepted}
    gone = []
    for (owner, delivery_id), outcome in register.published.items():
        if owner != table.id:
            continue
        newest = register.current[delivery_id].sequence if delivery_id in register.current else None
        again = delivery_id in refused and newest == outcome.sequence
        if delivery_id in taken or delivery_id in gone_ids or again:
            gone.append(outcome.sequence)
    return sorted(gone)


def closed_contents(
    ready: Preparation, table: SilverTable, accepted: Sequence[Delivery], register: Register
) -> list[int]:
    """Contents that readers do not see any more, older or withdrawn: their bad rows are history."""
    found = [outcome.sequence for outcome in ready.gone]
    for delivery in ready.pending:
        key = (table.id, delivery.delivery_id)
        seen = register.published.get(key)
        for outcome in (register.outcomes.get(key), seen):
            stays = outcome == seen and delivery not in accepted
            if outcome and outcome.sequence != delivery.sequence and not stays:
                found.append(outcome.sequence)
    return sorted(set(found))
