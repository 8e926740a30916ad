"""What earlier attempts at the same command had refused: a run that was killed could tell nobody."""

from __future__ import annotations

from lakehouse.contracts.names import TableId
from lakehouse.ledger.attempts import earlier_attempts, tries_again
from lakehouse.ledger.book import REFUSED
from lakehouse.steps.summary import DeliverySummary, RunSummary
from lakehouse.steps.workspace import Workspace

_VERDICT = ("table_id", "delivery_id", "delivery_sequence", "gate", "rule", "severity", "passed", "reason")


def tell_again(work: Workspace, summary: RunSummary) -> None:
    """Add what earlier attempts refused and what is still refused, so that this one ends as they would have ended."""
    if tries_again(work.run_id):
        _tell_deliveries(work, summary)
        _tell_tables(work, summary)


def _tell_deliveries(work: Workspace, summary: RunSummary) -> None:
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
    summary.notes += [_note(outcome.delivery_id) for outcome in again.values()]


def _tell_tables(work: Workspace, summary: RunSummary) -> None:
    newest = {row["table_id"]: row for row in work.ledger.rows("publications")}
    before = earlier_attempts(work.run_id, {row["run_id"] for row in newest.values()})
    told = {text.split(" ", 1)[0] for text in summary.refused_tables}
    again = {
        table: row
        for table, row in newest.items()
        if row["step"] == REFUSED and row["run_id"] in before and table not in told
    }
    reasons = work.ledger.refusals() if again else {}
    for table, row in again.items():
        summary.refuse_table(table, row["version"], reasons[TableId.parse(table)])
        summary.notes.append(_note(table))
    summary.verdicts += [
        {name: row[name] for name in _VERDICT}
        for row in (work.ledger.rows("verdicts") if again else [])
        if row["table_id"] in again and row["run_id"] == again[row["table_id"]]["run_id"]
    ]


def _note(what: str) -> str:
    return f"{what} was refused by an earlier attempt at this run"
