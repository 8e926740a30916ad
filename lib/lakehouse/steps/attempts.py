"""What earlier attempts at the same command had refused: a run that was killed could tell nobody."""

from __future__ import annotations

from lakehouse.ledger.attempts import earlier_attempts, tries_again
from lakehouse.steps.summary import DeliverySummary, RunSummary
from lakehouse.steps.workspace import Workspace

_VERDICT = ("table_id", "delivery_id", "delivery_sequence", "gate", "rule", "severity", "passed", "reason")


def tell_again(work: Workspace, summary: RunSummary) -> None:
    """Add what earlier attempts refused and what is still refused, so that this one ends as they would have ended."""
    if not tries_again(work.run_id):
        return
    rows, register = work.ledger.rows("deliveries"), work.ledger.deliveries()
    before = earlier_attempts(work.run_id, {row["run_id"] for row in rows})
    judged = {
        (row["table_id"], row["delivery_sequence"])
        for row in rows
        if row["run_id"] in before and row["state"] == "refused"
    }
    told = {(one.table, one.delivery_id) for one in summary.deliveries if one.state == "refused"}
    standing = [outcome for table in work.domain.silver() for outcome in register.standing(table.id, "refused")]
    again = {
        (str(outcome.table), outcome.sequence): outcome
        for outcome in standing
        if (str(outcome.table), outcome.sequence) in judged and (str(outcome.table), outcome.delivery_id) not in told
    }
    summary.deliveries += map(DeliverySummary.of, again.values())
    summary.verdicts += [
        {name: row[name] for name in _VERDICT}
        for row in work.ledger.rows("verdicts")
        if row["run_id"] in before and (row["table_id"], row["delivery_sequence"]) in again
    ]
    summary.notes += [
        f"{outcome.delivery_id} was refused by an earlier attempt at this run" for outcome in again.values()
    ]
