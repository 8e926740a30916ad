"""What a refinement starts from, what it replaces, and what it closes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lakehouse.contracts.tables import SilverTable
from lakehouse.ledger.deliveries import Delivery, Outcome, Register
from lakehouse.steps.staleness import gone_outcomes
from lakehouse.steps.workspace import Workspace


@dataclass(frozen=True)
class Preparation:
    """What a refinement of one table starts from."""

    pending: list[Delivery]
    gone: list[Outcome]
    """Outcomes of deliveries that count no more: retracted or held."""
    replaced: list[int]
    """Sequences whose present rows stop to count when the batch is accepted."""
    again: bool
    """Some deliveries were refined before."""
    rebuild: bool
    """The batch holds all that the table is to hold: it is made anew instead of merged."""


def prepare(work: Workspace, table: SilverTable, pending: list[Delivery], register: Register) -> Preparation:
    """Tell what a refinement of some deliveries replaces."""
    published = {
        delivery_id: outcome for (owner, delivery_id), outcome in register.published.items() if owner == table.id
    }
    gone = gone_outcomes(work, table, register)
    ids, gone_ids = {delivery.delivery_id for delivery in pending}, {outcome.delivery_id for outcome in gone}
    known = {delivery_id for owner, delivery_id in register.outcomes if owner == table.id}
    staying = {outcome.sequence for name, outcome in published.items() if name not in gone_ids}
    return Preparation(
        pending=pending,
        gone=gone,
        replaced=[outcome.sequence for name, outcome in published.items() if name in ids | gone_ids],
        again=bool(ids & known) or bool(gone),
        # All that readers see is judged again. A published content whose correction is refused has to stay, and is
        # not in the batch when only the correction is judged.
        rebuild=bool(pending) and staying <= {delivery.sequence for delivery in pending},
    )


def withdrawn_sequences(
    ready: Preparation, table: SilverTable, accepted: Sequence[Delivery], refused: Mapping[int, str], register: Register
) -> list[int]:
    """Sequences whose present rows have to go.

    Replaced by an accepted content, refused under the new contract, or of a delivery that counts no more.
    """
    gone_ids = {outcome.delivery_id for outcome in ready.gone}
    taken = {delivery.delivery_id for delivery in accepted}
    return sorted(
        outcome.sequence
        for (owner, delivery_id), outcome in register.published.items()
        if owner == table.id and (delivery_id in taken | gone_ids or outcome.sequence in refused)
    )


def closed_contents(
    ready: Preparation, table: SilverTable, accepted: Sequence[Delivery], refused: Mapping[int, str], register: Register
) -> list[int]:
    """Contents that nobody has to look at any more, superseded or withdrawn: their bad rows are history."""
    taken = {delivery.delivery_id: delivery.sequence for delivery in accepted}
    closed: set[int | None] = set()
    for delivery_id in {outcome.delivery_id for outcome in ready.gone} | {d.delivery_id for d in ready.pending}:
        outcome, seen = (found.get((table.id, delivery_id)) for found in (register.outcomes, register.published))
        known: set[int | None] = {one.sequence for one in (outcome, seen) if one}
        known |= {d.sequence for d in ready.pending if d.delivery_id == delivery_id}
        current = register.current.get(delivery_id)
        stays = {current.sequence} if current else set()
        if delivery_id in taken:
            stays.add(taken[delivery_id])
        elif current and seen and seen.sequence not in refused:
            stays.add(seen.sequence)
        closed |= known - stays
    return sorted(sequence for sequence in closed if sequence is not None)
