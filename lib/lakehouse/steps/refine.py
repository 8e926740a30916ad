"""Refine: bronze to silver - conform, judge, quarantine, and publish the winners of each key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lakehouse.contracts.tables import SilverTable
from lakehouse.errors import ConservationError
from lakehouse.ledger.book import changed_since, restore_version, table_version
from lakehouse.ledger.deliveries import Delivery, Outcome, Register, outcome_row
from lakehouse.quality.quarantine import broken_rules, close_superseded
from lakehouse.steps.publication import Refinement, fates
from lakehouse.steps.staleness import pending_deliveries
from lakehouse.steps.summary import DeliverySummary, RunSummary, TableSummary
from lakehouse.steps.workspace import Workspace


def refine(work: Workspace, summary: RunSummary) -> None:
    """Bring every silver table up to date with the deliveries in bronze."""
    register = work.ledger.deliveries()
    for table in work.domain.silver():
        pending = pending_deliveries(work, table, register)
        if pending:
            _refine_table(work, table, pending, register, summary)


@dataclass(frozen=True)
class _Plan:
    """What a refinement of one table starts from."""

    pending: list[Delivery]
    replaced: list[int]
    """Sequences whose present rows stop to count when the batch is accepted."""
    again: bool
    """Some deliveries were refined before, or a crash may have left rows of them."""
    rebuild: bool
    """The batch holds all that the table holds: it is made anew instead of merged."""


def _plan(work: Workspace, table: SilverTable, pending: list[Delivery], register: Register) -> _Plan:
    published = {
        delivery_id: outcome for (owner, delivery_id), outcome in register.published.items() if owner == table.id
    }
    ids = {delivery.delivery_id for delivery in pending}
    known = {delivery_id for owner, delivery_id in register.outcomes if owner == table.id}
    interrupted = _roll_back(work, table)
    return _Plan(
        pending=pending,
        replaced=[outcome.sequence for delivery_id, outcome in published.items() if delivery_id in ids],
        again=interrupted or bool(ids & known),
        rebuild=not interrupted and set(published) <= ids and not _superseded(published.values(), pending),
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


def _refine_table(
    work: Workspace, table: SilverTable, pending: list[Delivery], register: Register, summary: RunSummary
) -> None:
    refinement = Refinement.start(work, table)
    plan = _plan(work, table, pending, register)
    if not (plan.rebuild or work.full_refresh):
        refinement.ensure_tables()
    else:
        refinement.ensure_tables(evolve=False)
    work.progress(f"{table.id}: judging {len(pending)} deliveries")
    with refinement.collisions(pending, plan.replaced, plan.again, plan.rebuild) as suspects:
        verdicts = refinement.judge(pending, suspects)
        accepted, refused = fates(table, pending, verdicts)
        work.progress(f"{table.id}: writing quarantine")
        refinement.quarantine(pending, suspects, known=not plan.again)
        work.progress(f"{table.id}: publishing {len(accepted)} deliveries")
        withdrawn = _withdrawn(table, accepted, refused, register)
        before = refinement.publish(accepted, withdrawn, suspects, plan.rebuild)
        close_superseded(
            work.spark, refinement.quarantine_path, _superseded_contents(table, pending, accepted, register)
        )
    rules = broken_rules(work.spark, refinement.quarantine_path, [d.sequence or 0 for d in pending])
    counts = refinement.counts()
    outcomes = [
        _outcome(work, table, delivery, delivery in accepted, rules, counts, refused.get(delivery.delivery_id))
        for delivery in pending
    ]
    _check_conservation(table, outcomes, before, counts, withdrawn)
    refinement.record(outcomes, verdicts, rules, pending)
    work.ledger.record("deliveries", [outcome_row(o, d, work.run_id) for o, d in zip(outcomes, pending, strict=True)])
    refinement.record_publication()
    for outcome in outcomes:
        broken = {rule: count for rule, count in rules[outcome.sequence].items() if rule}
        summary.deliveries.append(
            DeliverySummary(
                str(table.id), outcome.delivery_id, outcome.state, outcome.reason, outcome.rows_in,
                outcome.rows_accepted, outcome.rows_quarantined, outcome.rows_outranked, broken,
            )
        )  # fmt: skip
    summary.verdicts += refinement.verdict_rows(verdicts, pending)
    summary.tables.append(TableSummary(str(table.id), table_version(work.lake.table(table.id))))


def _withdrawn(
    table: SilverTable, accepted: Sequence[Delivery], refused: dict[str, str], register: Register
) -> list[int]:
    """Sequences whose present rows have to go: replaced by an accepted content, or refused under the new contract."""
    gone = []
    taken = {delivery.delivery_id: delivery for delivery in accepted}
    for (owner, delivery_id), outcome in register.published.items():
        if owner != table.id:
            continue
        newest = register.current[delivery_id].sequence
        if delivery_id in taken or (delivery_id in refused and newest == outcome.sequence):
            gone.append(outcome.sequence)
    return sorted(gone)


def _superseded_contents(
    table: SilverTable, pending: Sequence[Delivery], accepted: Sequence[Delivery], register: Register
) -> list[int]:
    """Older contents of the pending deliveries that readers do not see any more: their bad rows are history."""
    found = []
    for delivery in pending:
        key = (table.id, delivery.delivery_id)
        seen = register.published.get(key)
        for outcome in (register.outcomes.get(key), seen):
            stays = outcome == seen and delivery not in accepted
            if outcome and outcome.sequence != delivery.sequence and not stays:
                found.append(outcome.sequence)
    return sorted(set(found))


def _outcome(
    work: Workspace,
    table: SilverTable,
    delivery: Delivery,
    accepted: bool,
    rules: dict[int, dict[str, int]],
    counts: dict[int, tuple[int, int]],
    reason: str | None,
) -> Outcome:
    sequence = delivery.sequence or 0
    published, outranked = counts.get(sequence, (0, 0)) if accepted else (0, 0)
    return Outcome(
        table=table.id,
        delivery_id=delivery.delivery_id,
        sequence=sequence,
        state="accepted" if accepted else "refused",
        fingerprint=work.fingerprint(table.id),
        reason=reason,
        rows_in=delivery.rows or 0,
        rows_accepted=published,
        rows_quarantined=rules[sequence].get("", 0),
        rows_outranked=outranked,
    )


def _check_conservation(
    table: SilverTable,
    outcomes: Sequence[Outcome],
    before: dict[int, tuple[int, int]] | None,
    counts: dict[int, tuple[int, int]],
    withdrawn: Sequence[int],
) -> None:
    """Every row of an accepted delivery is in exactly one place, and the rows of no other delivery were lost.

    Raises ConservationError naming the delivery and the counts; the ledger then keeps the delivery pending.
    """
    for outcome in outcomes:
        found = outcome.rows_accepted + outcome.rows_outranked + outcome.rows_quarantined
        if outcome.state == "accepted" and found != outcome.rows_in:
            raise ConservationError(
                f"{table.id}: of the {outcome.rows_in} rows of {outcome.delivery_id}, {outcome.rows_accepted} are "
                f"published, {outcome.rows_outranked} outranked and {outcome.rows_quarantined} quarantined."
            )
    mine = {outcome.sequence for outcome in outcomes} | set(withdrawn)
    for sequence, (published, outranked) in (before or {}).items():
        now = counts.get(sequence, (0, 0))
        if sequence not in mine and sum(now) != published + outranked:
            raise ConservationError(
                f"{table.id}: delivery sequence {sequence} had {published + outranked} rows in the touched "
                f"partitions before this run and has {sum(now)} now."
            )
