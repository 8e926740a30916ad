"""Refine: bronze to silver - conform, judge, quarantine, and publish the winners of each key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lakehouse.contracts.tables import SilverTable
from lakehouse.errors import ConservationError
from lakehouse.ledger.book import table_version
from lakehouse.ledger.deliveries import Delivery, Outcome, Register, outcome_row
from lakehouse.quality.quarantine import broken_rules, close_superseded, replayed_rows
from lakehouse.steps.preparation import closed_contents, prepare, withdrawn_sequences
from lakehouse.steps.publication import Placed, Refinement, fates
from lakehouse.steps.recovery import undo
from lakehouse.steps.staleness import gone_outcomes, pending_deliveries
from lakehouse.steps.summary import DeliverySummary, RunSummary, TableSummary
from lakehouse.steps.volumes import volume_verdicts
from lakehouse.steps.workspace import Workspace


def refine(work: Workspace, summary: RunSummary) -> None:
    """Bring every silver table up to date with the deliveries in bronze."""
    register = work.ledger.deliveries()
    for table in work.domain.silver():
        pending = pending_deliveries(work, table, register)
        if pending or gone_outcomes(work, table, register):
            _ = work.judging_spark  # before anything is written
            try:
                _refine_table(work, table, pending, register, summary)
            except ConservationError:
                undo(work, table)  # readers do not keep what does not add up
                raise


def _refine_table(
    work: Workspace, table: SilverTable, pending: list[Delivery], register: Register, summary: RunSummary
) -> None:
    refinement = Refinement.start(work, table)
    ready = prepare(work, table, pending, register)
    refinement.ensure_tables(evolve=not ready.rebuild)
    refinement.begin()
    work.progress(f"{table.id}: judging {len(pending)} deliveries")
    with refinement.collisions(pending, ready.replaced, ready.again, ready.rebuild) as suspects:
        verdicts = [*refinement.judge(pending, suspects), *volume_verdicts(table, pending, register)]
        accepted, refused = fates(table, pending, verdicts, register.decisions.accepted())
        work.progress(f"{table.id}: writing quarantine")
        refinement.quarantine(pending, suspects, known=not ready.again)
        work.progress(f"{table.id}: publishing {len(accepted)} deliveries")
        withdrawn = withdrawn_sequences(ready, table, accepted, refused, register)
        before = refinement.publish(accepted, withdrawn, suspects, ready.rebuild)
        closed = closed_contents(ready, table, accepted, refused, register)
        close_superseded(work.spark, refinement.quarantine_path, closed, work.run_id)
    judged = [delivery.sequence or 0 for delivery in pending]
    moved = replayed_rows(refinement.quarantine_path, judged, work.run_id) if ready.again else 0
    summary.notes += [f"{table.id}: {moved} quarantined rows replayed"] if moved else []
    rules = broken_rules(refinement.quarantine_path, judged)
    counts = refinement.counts()
    outcomes = [
        replace(
            _outcome(work, table, delivery, delivery in accepted, rules, counts, refused.get(delivery.sequence or 0)),
            decision=register.decisions.mark(table.id, delivery.sequence),
        )
        for delivery in pending
        if delivery in accepted or delivery.sequence in refused
    ]
    _check_conservation(table, outcomes, before, counts, withdrawn, _visible(table, outcomes, withdrawn, register))
    refinement.record(outcomes, verdicts, rules, pending)
    gone = [_withdrawal(work, table, outcome, register) for outcome in ready.gone]
    # A content that goes, of a delivery that stays with another one: what became of that one is the newest entry.
    rows = [outcome_row(o, register.contents[o.sequence], work.run_id) for o in [*gone, *outcomes]]
    work.ledger.record("deliveries", rows)
    refinement.complete()
    _summarise(work, table, [*outcomes, *gone], rules, summary)
    summary.verdicts += refinement.verdict_rows(verdicts, pending)


def _withdrawal(work: Workspace, table: SilverTable, outcome: Outcome, register: Register) -> Outcome:
    return Outcome(
        table.id, outcome.delivery_id, outcome.sequence, "withdrawn", work.fingerprint(table.id),
        register.why_gone(outcome, table.bronze), outcome.rows_in, 0, 0, 0,
    )  # fmt: skip


def _summarise(
    work: Workspace,
    table: SilverTable,
    outcomes: Sequence[Outcome],
    rules: dict[int, dict[str, int]],
    summary: RunSummary,
) -> None:
    for outcome in outcomes:
        broken = {rule: count for rule, count in rules.get(outcome.sequence, {}).items() if rule}
        summary.deliveries.append(DeliverySummary.of(outcome, broken))
    summary.tables.append(TableSummary(str(table.id), table_version(work.lake.table(table.id))))


def _outcome(
    work: Workspace,
    table: SilverTable,
    delivery: Delivery,
    accepted: bool,
    rules: dict[int, dict[str, int]],
    counts: dict[int, Placed],
    reason: str | None,
) -> Outcome:
    sequence = delivery.sequence or 0
    placed = counts.get(sequence, Placed()) if accepted else Placed()
    return Outcome(
        table=table.id,
        delivery_id=delivery.delivery_id,
        sequence=sequence,
        state="accepted" if accepted else "refused",
        fingerprint=work.fingerprint(table.id),
        reason=reason,
        rows_in=delivery.rows or 0,
        rows_accepted=placed.published,
        rows_quarantined=rules[sequence].get("", 0),
        rows_outranked=placed.outranked,
        rows_unchanged=placed.unchanged,
    )


def _check_conservation(
    table: SilverTable,
    outcomes: Sequence[Outcome],
    before: dict[int, Placed] | None,
    counts: dict[int, Placed],
    withdrawn: Sequence[int],
    visible: set[int],
) -> None:
    """Every row of an accepted delivery is in exactly one place, and no other delivery lost rows or has any there.

    Raises ConservationError naming the delivery and the counts; the ledger then keeps the delivery pending.
    """
    for outcome in outcomes:
        good = Placed(outcome.rows_accepted, outcome.rows_outranked, outcome.rows_unchanged)
        if outcome.state == "accepted" and good.all + outcome.rows_quarantined != outcome.rows_in:
            unchanged = f"{good.unchanged} unchanged, " if good.unchanged else ""
            raise ConservationError(
                f"{table.id}: of the {outcome.rows_in} rows of {outcome.delivery_id}, {good.published} are published, "
                f"{unchanged}{good.outranked} outranked and {outcome.rows_quarantined} quarantined."
            )
    mine = {outcome.sequence for outcome in outcomes} | set(withdrawn)
    for sequence, earlier in (before or {}).items():
        now = counts.get(sequence, Placed())
        if sequence not in mine and now.all != earlier.all:
            raise ConservationError(
                f"{table.id}: delivery sequence {sequence} had {earlier.all} rows in the touched "
                f"partitions before this run and has {now.all} now."
            )
    strangers = [sequence for sequence, found in counts.items() if found.all and sequence not in visible]
    if strangers:
        raise ConservationError(
            f"{table.id}: the touched partitions hold rows of the delivery sequences "
            f"{', '.join(map(str, sorted(strangers)))}, which are not accepted."
        )


def _visible(table: SilverTable, outcomes: Sequence[Outcome], withdrawn: Sequence[int], register: Register) -> set[int]:
    """Sequences whose rows readers see once this refinement is recorded."""
    before = {outcome.sequence for (owner, _), outcome in register.published.items() if owner == table.id}
    return (before - set(withdrawn)) | {outcome.sequence for outcome in outcomes if outcome.state == "accepted"}
