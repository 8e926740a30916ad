"""The status of domains for people, readable at 80 columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lakehouse.cli.screen import console
from lakehouse.contracts.lakes import Lake
from lakehouse.landing.days import span
from lakehouse.steps.attention import attention
from lakehouse.steps.order import STEPS
from lakehouse.steps.run_records import RunRecord
from lakehouse.steps.status import DomainStatus

_SHOWN = 10
"""Entries of a list that people are shown; --json has all."""

_FEW = 3
"""The same of what is good to know."""

_COLORS = {"up to date": "green", "behind": "yellow", "not made": "yellow", "finished": "green", "running": "cyan"}


def show_status(lake: Lake, found: Sequence[DomainStatus], days: int) -> None:
    """Print the status of domains, one after the other."""
    out = console()
    for number, status in enumerate(found):
        if number:
            out.print()
        _show_head(out, lake, status)
        _show_runs(out, status, days)
        _show_tables(out, status)
        _show_deliveries(out, status)
        _show_gates(out, status, days)
        _show_quarantine(out, status)
        _show_drift(out, status, days)
        _show_waiting(out, status)


def _show_head(out: Console, lake: Lake, status: DomainStatus) -> None:
    out.print(f"[bold]{status.domain}[/]  {escape(lake.root)}", soft_wrap=True)
    writer = status.writer
    if writer and writer.run_id:
        _line(out, f"being written by run {writer.run_id}", "cyan")
        _line(out, f"  process {writer.process} of {writer.user} on {writer.host}, since {writer.since}")
    elif writer:
        _line(out, "being written; by whom could not be read", "cyan")
    concerns = attention(status)
    for concern in concerns:
        _line(out, f"! {concern}", "yellow")
    if not concerns:
        _line(out, "nothing needs attention", "green")


def _show_runs(out: Console, status: DomainStatus, days: int) -> None:
    _title(out, f"Runs of the last {_count(days, 'day')}")
    if not status.runs:
        _line(out, "none")
        return
    table = _table("began (UTC)", "run", "steps", "seconds", "ended")
    for run in status.runs[:_SHOWN]:
        seconds = "" if run.seconds is None else f"{run.seconds:,.0f}"
        table.add_row("", _when(run.started_at), run.run_id, _steps(run), seconds, Text(_end(run), _color(run)))
    out.print(table)
    _more(out, len(status.runs), "runs")
    if status.runs[0].reason:
        _line(out, f"last run: {status.runs[0].reason}")
    if status.runs[0].log:
        _line(out, f"log: {status.runs[0].log}", whole=True)


def _steps(run: RunRecord) -> str:
    return "all" if run.steps == STEPS else ", ".join(run.steps)


def _end(run: RunRecord) -> str:
    if run.exit_code:
        return f"exit {run.exit_code}"
    return "done" if run.state == "finished" else run.state


def _color(run: RunRecord) -> str:
    return "red" if run.exit_code else _COLORS.get(run.state, "red")


def _show_tables(out: Console, status: DomainStatus) -> None:
    _title(out, "Tables")
    table = _table("table", "rows", "newest day", "published (UTC)", "age", "state")
    for one in status.tables:
        name = f"{one.table.layer}.{one.table.name}"
        rows = "" if one.rows is None else f"{one.rows:,}"
        when = _when(one.published_at) if one.published_at else ""
        table.add_row(
            "", name, rows, _day(one.newest_day), when, _age(one.age_seconds), Text(one.state, _COLORS[one.state])
        )
    out.print(table)


def _show_deliveries(out: Console, status: DomainStatus) -> None:
    shown = [f"{count:,} {state}" for state, count in status.deliveries.items() if count or state == "current"]
    _title(out, "Deliveries", ", ".join(shown))
    for one in status.troubled[:_SHOWN]:
        _line(out, f"{one.state} {one.delivery_id}: {one.reason}", lead=one.state)
    _more(out, len(status.troubled), "deliveries")
    for source in dict.fromkeys(gap.source for gap in status.gaps):
        gaps = [span(gap.first, gap.last) for gap in status.gaps if gap.source == source]
        more = f" and {len(gaps) - _SHOWN} more gaps" if len(gaps) > _SHOWN else ""
        _line(out, f"missing {source}: {', '.join(gaps[-_SHOWN:])}{more}", lead="missing")


def _show_gates(out: Console, status: DomainStatus, days: int) -> None:
    verdicts = status.verdicts
    if verdicts.failed:
        _title(out, f"Gates that did not pass in run {verdicts.run_id}")
        refused = [one for one in verdicts.failed if one.severity == "error"]
        warned = [one for one in verdicts.failed if one.severity == "warn"]
        for word, group, shown in (("refused", refused, _SHOWN), ("warning", warned, _FEW)):
            for one in group[:shown]:
                _line(out, f"{word} {one.delivery_id or one.table}: {one.reason}", lead=word)
            _more(out, len(group), "of these", shown)
    troubled = [gate for gate in verdicts.gates if gate.warned or gate.refused]
    passed = len(verdicts.gates) - len(troubled)
    if verdicts.gates:
        _title(out, f"Gates of the last {_count(days, 'day')}", f"{passed} of {len(verdicts.gates)} passed by all")
    if troubled:
        table = _table("gate", "passed", "warned", "refused")
        for gate in troubled:
            table.add_row("", escape(f"{gate.table}: {gate.rule}"), *_numbers(gate.passed, gate.warned, gate.refused))
        out.print(table)


def _show_quarantine(out: Console, status: DomainStatus) -> None:
    for one in status.quarantine:
        counted = ", ".join(f"{count:,} {state}" for state, count in one.rows.items() if count or state == "open")
        _title(out, f"Quarantine of {one.table}", counted)
        rules = [(rule, counts["open"]) for rule, counts in one.rules.items() if counts["open"]]
        if rules:
            table = _table("open rows by rule", "rows", "by delivery day", "rows")
            days = [(_day(day) or "no day", counts["open"]) for day, counts in one.days.items() if counts["open"]]
            for number in range(min(_SHOWN, max(len(rules), len(days)))):
                table.add_row("", *_cell(rules, number), *_cell(days, number))
            out.print(table)
            _more(out, len(rules), "rules")
            _more(out, len(days), "days")


def _cell(counted: Sequence[tuple[str, int]], number: int) -> tuple[str, str]:
    if number >= len(counted):
        return "", ""
    name, count = counted[number]
    return escape(name), f"{count:,}"


def _show_drift(out: Console, status: DomainStatus, days: int) -> None:
    drift = status.drift
    if not (drift.columns or drift.changes):
        return
    _title(out, f"Columns of the deliveries of the last {_count(days, 'day')}")
    for one in drift.columns[:_SHOWN]:
        what = {
            "unknown": "is not in the contract",
            "missing": "is missing",
            "retyped": "holds mostly values that cannot be read as its type",
        }.get(one.kind, f"is called '{one.delivered_as}'")
        when = f", {span(one.first_day, one.last_day)}" if one.first_day and one.last_day else ""
        deliveries = _count(one.deliveries, "delivery", "deliveries")
        _line(out, f"{one.kind} {one.source}: '{one.column}' {what} in {deliveries}{when}", lead=one.kind)
    _more(out, len(drift.columns), "columns")
    for change in drift.changes[:_FEW]:
        renamed = [f"{old} is now {new}" for old, new in change.renamed]
        parts = [*renamed, *(f"{name} is new" for name in change.added), *(f"{name} is gone" for name in change.gone)]
        _line(out, f"changed {change.delivery_id}: {', '.join(parts)}", lead="changed")
    _more(out, len(drift.changes), "changes", _FEW)


def _show_waiting(out: Console, status: DomainStatus) -> None:
    if not status.waiting:
        return
    _title(out, "Work for the next run")
    for one in status.waiting:
        why = f"{len(one.deliveries)} {one.why}" if one.deliveries else one.why
        _line(out, f"{one.table}: {why}")
    _line(out, f"lakehouse run {status.domain} --lake {status.lake}", whole=True)


# --- Parts ---


def _title(out: Console, name: str, rest: str = "") -> None:
    out.print()
    out.print(Text.assemble((name, "bold"), f"  {rest}" if rest else ""), soft_wrap=True)


def _line(out: Console, text: str, style: str = "", lead: str = "", whole: bool = False) -> None:
    """An indented line; ``whole`` ones are never wrapped, so that they can be copied."""
    shown = Text(text, style)
    if lead:
        shown.stylize("yellow", 0, len(lead))
    if whole or not out.is_terminal:
        out.print(Text("  ").append_text(shown), soft_wrap=True)
    else:
        out.print(Padding(shown, (0, 0, 0, 2)))


def _table(*names: str) -> Table:
    # Ids and figures have to stay whole at 80 columns.
    table = Table(box=None, padding=(0, 0, 0, 1), header_style="dim")
    table.add_column("", width=0)
    for name in names:
        numeric = name in {"rows", "seconds", "passed", "warned", "refused"}
        whole = name not in {"gate", "table", "open rows by rule", "ended", "steps"}
        table.add_column(name, justify="right" if numeric else "left", no_wrap=whole, overflow="fold")
    return table


def _more(out: Console, number: int, what: str, shown: int = _SHOWN) -> None:
    if number > shown:
        _line(out, f"... and {number - shown} more {what}; --json lists them all")


def _numbers(*values: int) -> Iterable[str]:
    return (f"{value:,}" for value in values)


def _count(number: int, one: str, several: str = "") -> str:
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def _day(day: date | None) -> str:
    return "" if day is None else str(day)


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def _age(seconds: float | None) -> str:
    if seconds is None:
        return ""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size:,.0f}{unit}"
    return f"{max(seconds, 0):.0f}s"
