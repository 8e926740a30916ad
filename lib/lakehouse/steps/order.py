"""The one place that knows the order of the steps: ingest, refine, aggregate, maintain."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from secrets import token_hex

from lakehouse.contracts.sql import check_sql
from lakehouse.errors import ExitCode, LakehouseError
from lakehouse.landing.listing import missing_days
from lakehouse.landing.news import News, look
from lakehouse.ledger.book import row_count, table_version
from lakehouse.ledger.decisions import decision_rows
from lakehouse.ledger.deliveries import Register
from lakehouse.ledger.obstacles import explaining
from lakehouse.ledger.writer import claim
from lakehouse.steps.attempts import tell_again
from lakehouse.steps.decisions import Decide
from lakehouse.steps.ingest import finish_interrupted, ingest
from lakehouse.steps.lost import check_lake, note_lost
from lakehouse.steps.maintain import maintain
from lakehouse.steps.maintenance import MaintenancePlan, planned
from lakehouse.steps.plans import plan
from lakehouse.steps.recording import record_run
from lakehouse.steps.recovery import recover
from lakehouse.steps.restore import resume_restore
from lakehouse.steps.staleness import gone_outcomes, pending_deliveries, stale_tables
from lakehouse.steps.summary import RunSummary, TableSummary
from lakehouse.steps.workspace import Workspace

_OUT = {"unreadable", "unconfirmed"}
"""States of deliveries that could not be taken."""

STEPS = ("ingest", "refine", "aggregate", "maintain")


def new_run_id() -> str:
    """A run's identity: its start in UTC, and four random bytes."""
    return f"{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}-{token_hex(4)}"


def run_steps(
    work: Workspace,
    steps: Sequence[str],
    strict: bool,
    on_step: Callable[[str], None],
    decide: Decide | None = None,
) -> RunSummary:
    """Do some of the steps, in their order, as the only writer of the domain; first record what people decide.

    Nothing is written, and no JVM is started, when the ledger and the listing show that there is nothing to do.
    Raises WriterBusyError when another process writes the domain, and whatever a step raises.
    """
    chosen = [step for step in STEPS if step in steps]
    summary = RunSummary(work.run_id, work.domain.name, work.lake.root, work.landing, chosen)
    with (
        explaining(work.lake.domain(work.domain.name)),
        claim(work.lake, work.domain.name, work.run_id, work.progress, work.environment.lease_seconds),
    ):
        note_lost(work, check_lake(work, chosen))
        finished = finish_interrupted(work)
        undone = recover(work)
        if undone:
            work.only = None  # the rows that this command asks for are chosen from tables that have changed by this
        summary.notes += undone
        resumed = resume_restore(work)
        summary.notes += resumed.notes if resumed else []
        if decide is not None:
            ruling = decide(work)
            work.ledger.record("decisions", decision_rows(ruling.decisions, work.run_id))
            summary.notes += ruling.notes
        register = work.ledger.deliveries()
        news = _look(work, chosen, register, summary)
        if not finished and _nothing_to_do(work, chosen, register, news) and _in_order(work, chosen, summary):
            summary.nothing_new = True
        else:
            _do(work, chosen, news, summary, on_step)
        _conclude(work, news, summary, strict)
        if not summary.nothing_new:
            record_run(work, "finished", summary)
    return summary


def _look(work: Workspace, steps: Sequence[str], register: Register, summary: RunSummary) -> News:
    if "ingest" not in steps:
        return News()
    news = look(work.domain, work.landing, register, work.days)
    if work.days.first and work.days.last:
        landed = ((file.table, file.delivery_date) for file in news.landed)
        missing = missing_days(work.domain.bronze(), landed, work.days.first, work.days.last)
        summary.missing_days = [str(day) for day in missing]
    summary.strangers = list(news.strangers)
    return news


def _nothing_to_do(work: Workspace, steps: Sequence[str], register: Register, news: News) -> bool:
    anew = work.full_refresh and not {"refine", "aggregate"}.isdisjoint(steps)
    if anew or news.candidates:
        return False
    if "refine" in steps:
        for table in work.domain.silver():
            if pending_deliveries(work, table, register) or gone_outcomes(work, table, register):
                return False
    return not ("aggregate" in steps and stale_tables(work))


def _in_order(work: Workspace, steps: Sequence[str], summary: RunSummary) -> bool:
    """Whether the files need nothing; the summary says what was found."""
    plan = planned(work) if "maintain" in steps else MaintenancePlan()
    summary.maintenance = plan.as_json()
    summary.notes += _no_tables(work, steps, plan)
    return plan.nothing


def _no_tables(work: Workspace, steps: Sequence[str], plan: MaintenancePlan) -> list[str]:
    """What is said when maintenance finds no table at all: the place may be misspelt."""
    if [*steps] != ["maintain"] or plan.tables:
        return []
    return [f"the lake {work.lake.root} holds no table of {work.domain.name}"]


def _do(work: Workspace, steps: Sequence[str], news: News, summary: RunSummary, on_step: Callable[[str], None]) -> None:
    check_sql(work.domain)
    record_run(work, "started", summary)
    actions = _actions(work, news, summary)
    try:
        for step in steps:
            on_step(step)
            began = time.monotonic()
            actions[step]()
            summary.seconds[step] = round(time.monotonic() - began, 1)
    except Exception as error:
        summary.exit_code = int(getattr(error, "exit_code", ExitCode.FAILED))
        summary.reason = str(error)[:500] or type(error).__name__
        _record_failure(work, summary)
        raise
    finally:
        work.close()
    _complete_tables(work, summary)


def _record_failure(work: Workspace, summary: RunSummary) -> None:
    try:
        record_run(work, "failed", summary)
    except LakehouseError as error:
        # What made the run fail is told, not that the same stands in the way of its record.
        work.progress(f"the ledger does not know that this run has failed: {error}")


def _actions(work: Workspace, news: News, summary: RunSummary) -> dict[str, Callable[[], None]]:
    return {
        "ingest": lambda: ingest(work, news, summary),
        "refine": lambda: _refine(work, summary),
        "aggregate": lambda: _aggregate(work, summary),
        "maintain": lambda: maintain(work, summary),
    }


# These import Spark, which takes a second: not before it is clear that there is something to do.


def _refine(work: Workspace, summary: RunSummary) -> None:
    from lakehouse.steps.refine import refine

    refine(work, summary)


def _aggregate(work: Workspace, summary: RunSummary) -> None:
    from lakehouse.steps.aggregate import aggregate

    aggregate(work, summary)


def _complete_tables(work: Workspace, summary: RunSummary) -> None:
    """Version and rows of every table as the run leaves them; the rows come from the tables' logs."""
    notes = {table.table: table.note for table in summary.tables}
    summary.tables = []
    for table_id in work.domain.tables:
        path = work.lake.table(table_id)
        version = table_version(path)
        if version is not None:
            summary.tables.append(TableSummary(str(table_id), version, row_count(path), notes.get(str(table_id), "")))


def _conclude(work: Workspace, news: News, summary: RunSummary, strict: bool) -> None:
    if {"refine", "aggregate"} & set(summary.steps):
        tell_again(work, summary)
    register = work.ledger.deliveries()
    refused = [d for d in summary.deliveries if d.state == "refused"]
    unreadable = [d for d in summary.deliveries if d.state in _OUT]
    told = {text.split(" ", 1)[0] for text in summary.refused_tables}
    summary.standing = _standing(work, register, told | {d.delivery_id for d in [*refused, *unreadable]})
    summary.standing += [f"{name} unconfirmed: no file that it lists has landed" for name in news.orphans]
    if refused or summary.refused_tables:
        summary.exit_code = int(ExitCode.GATE_REFUSED)
        what = [f"{len(refused)} deliveries"] if refused else []
        what += [f"{len(summary.refused_tables)} gold tables"] if summary.refused_tables else []
        summary.reason = f"gates refused {' and '.join(what)}; the others are published"
    elif strict and (summary.missing_days or unreadable or _unreadable(work, register)):
        summary.exit_code = int(ExitCode.INCOMPLETE)
        summary.reason = "deliveries are unreadable or missing (--strict)"


def _unreadable(work: Workspace, register: Register) -> list[str]:
    return [
        delivery.delivery_id
        for delivery in register.latest.values()
        if delivery.state in _OUT and work.days.holds(delivery.delivery_date)
    ]


def _standing(work: Workspace, register: Register, now: set[str]) -> list[str]:
    found = []
    for table in work.domain.silver():
        for outcome in register.standing(table.id, "refused"):
            if outcome.delivery_id not in now:
                found.append(f"{outcome.delivery_id} refused for {table.id}: {outcome.reason}")
    for name, reason in work.ledger.refusals().items():
        if str(name) not in now:
            found.append(f"{name} refused: {reason}")
    for delivery in register.latest.values():
        if delivery.state in _OUT and delivery.delivery_id not in now:
            found.append(f"{delivery.delivery_id} {delivery.state}: {delivery.reason}")
    return sorted(found)


def dry_run(work: Workspace, steps: Sequence[str]) -> RunSummary:
    """What a run would read and touch; writes nothing and starts no JVM."""
    chosen = [step for step in STEPS if step in steps]
    summary = RunSummary(work.run_id, work.domain.name, work.lake.root, work.landing, chosen, dry_run=True)
    check_lake(work, chosen)
    register = work.ledger.deliveries()
    news = _look(work, chosen, register, summary)
    found = plan(work, chosen, news)
    summary.notes = found.notes(chosen) + _no_tables(work, chosen, found.maintenance)
    summary.maintenance = found.maintenance.as_json()
    summary.nothing_new = _nothing_to_do(work, chosen, register, news) and found.maintenance.nothing
    return summary
