"""The command that looks ahead: plan."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime, timedelta, timezone
from itertools import groupby
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lakehouse.cli import options as o
from lakehouse.cli.screen import console
from lakehouse.contracts.domains import load_domain
from lakehouse.contracts.environments import load_environment
from lakehouse.contracts.lakes import Lake
from lakehouse.contracts.places import absolute
from lakehouse.errors import ConfigurationError, ExitCode
from lakehouse.landing.days import span
from lakehouse.landing.listing import MissingDay
from lakehouse.landing.news import look
from lakehouse.orchestration.commands import backfill_script, dag_of
from lakehouse.steps.order import STEPS, new_run_id
from lakehouse.steps.plans import WORK, Plan, PlannedDelivery, plan
from lakehouse.steps.workspace import Workspace

_COLORS = {"missing": "yellow", "refused": "red", "unreadable": "red", "unconfirmed": "red", "present": "green"}
Ranges = list[tuple[date, date]]
"""Ranges of days, both ends included."""

_COLUMNS = ("day", "state", "files", "rows", "bytes", "what")
_NUMBERS = {"files", "rows", "bytes"}


def add_command(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="plan",
        help="Show which deliveries are there, missing, new, changed or refused, and what a run would do; no Spark.\n\n"
        "Example: lakehouse plan billing --from 2025-01-01 --to 2025-01-31",
    )(_plan)


def _plan(
    domain: o.DomainName,
    first: o.First = None,
    last: o.Last = None,
    lake: o.LakePlace = None,
    landing: o.LandingPlace = None,
    env: o.EnvironmentName = None,
    as_json: o.AsJson = False,
    as_backfill: Annotated[
        bool, typer.Option("--as-backfill", help="Print the Airflow commands that do the work days; nothing else.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 5 when days are missing or unreadable.")] = False,
) -> None:
    """Show the plan."""
    if as_json and as_backfill:
        raise ConfigurationError("--json and --as-backfill: both decide what is printed. Name one of them.")
    work = workspace(domain, first, last, lake, landing, env)
    found = look_ahead(work)
    incomplete = strict and bool(found.missing or found.unreadable)
    if as_json:
        typer.echo(json.dumps(as_object(work, found), indent=2))
    elif as_backfill:
        _show_backfill(domain, found)
    else:
        _show(work, found)
    raise typer.Exit(int(ExitCode.INCOMPLETE if incomplete else ExitCode.DONE))


def look_ahead(work: Workspace) -> Plan:
    """What a run of all steps would do."""
    return plan(work, STEPS, look(work.domain, work.landing, work.ledger.deliveries(), work.days))


def workspace(
    domain: str, first: str | None, last: str | None, lake: str | None, landing: str | None, env: str | None
) -> Workspace:
    """What a command that only looks works with; raises ConfigurationError for what is not there."""
    days = o.parse_days(first, last)
    environment = load_environment(env)
    facts = load_domain(domain)
    place = landing or environment.landing
    o.check_landing(place, domain)
    at = Lake.at(lake or environment.lake)
    work = Workspace(facts, environment, at, absolute(place), new_run_id(), days, reads_only=True)
    work.ledger.check_format()
    return work


# --- For people ---


def _show(work: Workspace, found: Plan) -> None:
    out = console()
    if found.first and found.last:
        out.print(
            f"[bold]{work.domain.name}[/]: a delivery is expected for every day from {found.first} to {found.last}"
        )
    else:
        out.print(f"[bold]{work.domain.name}[/]: no delivery lies in {escape(work.landing)}", soft_wrap=True)
    rows = list(_rows(found))
    if rows:
        _show_rows(out, rows)
    _show_work(out, work, found)


def _rows(found: Plan) -> Iterator[tuple[str, ...]]:
    """A row per day; days in a row that are all missing, or all present, share one when there are more than three."""
    by_day: dict[date | None, list[PlannedDelivery]] = {}
    for delivery in found.deliveries:
        by_day.setdefault(delivery.day, []).append(delivery)
    missing: dict[date | None, list[MissingDay]] = {}
    for one in found.missing:
        missing.setdefault(one.day, []).append(one)

    def one_word(day: date) -> str:
        """Missing or present, when that says all of a day."""
        states: set[str] = {delivery.state for delivery in by_day.get(day, [])}
        states |= {"missing"} if day in missing else set()
        return next(iter(states)) if states in ({"missing"}, {"present"}) else ""

    for state, group in groupby(found.days(), key=one_word):
        days = list(group)
        if state and len(days) > 3:
            together = [delivery for day in days for delivery in by_day.get(day, [])]
            yield _row(f"{days[0]} to {days[-1]}", together, (), f"{len(days)} days")
        else:
            yield from (_row(str(day), by_day.get(day, []), missing.get(day, ())) for day in days)
    if None in by_day:
        yield _row("no day", by_day[None], ())


def _row(
    day: str, deliveries: Sequence[PlannedDelivery], missing: Sequence[MissingDay], what: str = ""
) -> tuple[str, ...]:
    if not deliveries:
        return (day, "missing", "", "", "", what)
    states = Counter[str](delivery.state for delivery in deliveries) + Counter({"missing": len(missing)})
    state = next(iter(states)) if len(states) == 1 else ", ".join(f"{n} {s}" for s, n in sorted(states.items()))
    known = [delivery.rows for delivery in deliveries if delivery.rows is not None]
    more = "+" if len(known) < len(deliveries) else ""
    rows = f"{sum(known):,}{more}" if known else ""
    size = sum(delivery.size for delivery in deliveries)
    return (day, state, str(len(deliveries)), rows, f"{size:,}", what or _what(deliveries, missing))


def _what(deliveries: Sequence[PlannedDelivery], missing: Sequence[MissingDay]) -> str:
    told = [f"{delivery.delivery_id}: {delivery.reason}" for delivery in deliveries if delivery.reason]
    told += [f"nothing from {one.source}" for one in missing]
    more = f" ... and {len(told) - 1} more" if len(told) > 1 else ""
    return told[0] + more if told else ""


def _show_rows(out: Console, rows: Sequence[tuple[str, ...]]) -> None:
    if not out.is_terminal:
        widths = [max(len(cell) for cell in column) for column in zip(_COLUMNS, *rows, strict=True)]
        for row in [_COLUMNS, *rows]:
            cells = zip(_COLUMNS, row, widths, strict=True)
            line = "  ".join(cell.rjust(w) if name in _NUMBERS else cell.ljust(w) for name, cell, w in cells)
            out.print(escape(line.rstrip()), soft_wrap=True)
        return
    table = Table()
    for name in _COLUMNS:
        table.add_column(name, justify="right" if name in _NUMBERS else "left", overflow="fold")
    for row in rows:
        style = _COLORS.get(row[1], "cyan")
        table.add_row(row[0], f"[{style}]{escape(row[1])}[/]", *map(escape, row[2:]))
    out.print(table)


def _show_work(out: Console, work: Workspace, found: Plan) -> None:
    waiting = [delivery for delivery in found.deliveries if delivery.state in WORK and not delivery.reads]
    if found.reads:
        size = sum(delivery.size for delivery in found.reads)
        files = _count(found.reads, "file")
        out.print(f"A run would read {files} ({size:,} bytes) in {escape(work.landing)}", soft_wrap=True)
    if waiting:
        rows = sum(delivery.rows or 0 for delivery in waiting)
        out.print(f"A run would refine {len(waiting)} of the deliveries that are in bronze already ({rows:,} rows)")
    for step, action in found.actions():
        out.print(f"  {step:<9}  would {action}", soft_wrap=True)
    if not found.tables:
        out.print("Nothing needs work.")
    if found.missing:
        days = _count({one.day for one in found.missing}, "day")
        out.print(f"[yellow]missing[/]    {days}; they can only be delivered, not repaired")
    if found.strangers:
        out.print(f"[yellow]ignored[/]    {_count(found.strangers, 'file')} that fit no source's pattern")
    if found.orphans:
        names = escape(", ".join(found.orphans))
        out.print(f"[yellow]waiting[/]    {_count(found.orphans, 'manifest')} without a file: {names}", soft_wrap=True)
    ranges = found.work_ranges()
    if ranges:
        span = f"--from {ranges[0][0]} --to {ranges[-1][1]}"
        places = escape(f"--landing {shlex.quote(work.landing)} --lake {shlex.quote(work.lake.root)}")
        out.print(f"[bold]Try next[/]   lakehouse run {work.domain.name} {span} {places}", soft_wrap=True)


def _count(things: Collection[object], word: str) -> str:
    return f"{len(things)} {word}" + ("" if len(things) == 1 else "s")


# --- For programs ---


def as_object(work: Workspace, found: Plan) -> dict[str, Any]:
    """The plan as plain data."""
    waiting = [d for d in found.deliveries if d.state in WORK and not d.reads]
    return {
        "domain": work.domain.name,
        "lake": work.lake.root,
        "landing": work.landing,
        "from": _text(found.first),
        "to": _text(found.last),
        "days": [
            {"day": str(day), "deliveries": [_delivery(d) for d in found.deliveries if d.day == day]}
            for day in found.days()
        ],
        "undated": [_delivery(delivery) for delivery in found.deliveries if delivery.day is None],
        "missing_days": [str(day) for day in found.missing],
        "reads": {"files": len(found.reads), "bytes": sum(d.size for d in found.reads)},
        "refines": {"deliveries": len(waiting), "rows": sum(d.rows or 0 for d in waiting)},
        "touches": [
            {"table": t.table, "step": t.step, "deliveries": list(t.deliveries), "days": [str(day) for day in t.days]}
            for t in found.tables
        ],
        "backfills": [{"from": str(first), "to": str(last)} for first, last in over(found.work_ranges())[0]],
        "strangers": list(found.strangers),
        "orphans": list(found.orphans),
    }


def _text(day: date | None) -> str | None:
    return None if day is None else str(day)


def _delivery(delivery: PlannedDelivery) -> dict[str, Any]:
    return {
        "table": str(delivery.table),
        "delivery_id": delivery.delivery_id,
        "state": delivery.state,
        "bytes": delivery.size,
        "rows": delivery.rows,
        "reads": delivery.reads,
        "reason": delivery.reason,
    }


def _show_backfill(domain: str, found: Plan) -> None:
    """The commands on the output stream, so that a shell can do them; the rest on the error stream."""
    ranges, early = over(found.work_ranges())
    for line in backfill_script(dag_of(domain), ranges):
        typer.echo(line)
    show_early(early)
    aside = console(stderr=True)
    if found.missing:
        days = ", ".join(map(str, found.missing))
        aside.print(f"[yellow]missing[/]  not delivered, so there is nothing to repair: {days}", soft_wrap=True)
    show_undated(found)


def over(ranges: Ranges) -> tuple[Ranges, Ranges]:
    """The days of ranges that are over, and the others: Airflow has runs for the former alone."""
    today = _today()
    done = [(first, min(last, today - timedelta(days=1))) for first, last in ranges if first < today]
    return done, [(max(first, today), last) for first, last in ranges if last >= today]


def _today() -> date:
    return datetime.now(timezone.utc).date()


def show_early(ranges: Ranges) -> None:
    """Say on the error stream that days are left out because they are not over."""
    if ranges:
        days = ", ".join(span(*one) for one in ranges)
        told = f"[yellow]not over[/]  Airflow runs a day when it has ended (UTC), so this is left out: {days}"
        console(stderr=True).print(told, soft_wrap=True)


def show_undated(found: Plan) -> None:
    """Say on the error stream which deliveries wait that are of no day."""
    undated = [d.delivery_id for d in found.deliveries if d.day is None and d.state in WORK]
    if undated:
        names = escape(", ".join(undated))
        told = f"[yellow]no day[/]  every run takes these along: {names}"
        console(stderr=True).print(told, soft_wrap=True)
