"""What people see: progress while a run works, and a table when it has ended."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lakehouse.cli.maintenance_screen import others, show_maintenance
from lakehouse.steps.summary import DeliverySummary, RunSummary

_SHOWN = 10
"""Troubled deliveries that are listed by name; the others are counted."""


def console(stderr: bool = False) -> Console:
    """A console; as wide as its lines need when it is not a terminal."""
    found = Console(stderr=stderr, highlight=False, emoji=False)
    if not found.is_terminal and "COLUMNS" not in os.environ:
        found = Console(stderr=stderr, highlight=False, emoji=False, width=160)
    return found


class Progress:
    """Lines about the work: one that changes in a terminal, plain ones elsewhere."""

    def __init__(self) -> None:
        self._console = console(stderr=True)
        self._status = self._console.status("") if self._console.is_terminal else None
        self._step = ""

    def __enter__(self) -> Progress:
        if self._status:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status:
            self._status.stop()

    def step(self, name: str) -> None:
        """A step begins."""
        self._step = name

    def line(self, text: str) -> None:
        """Something is being done."""
        shown = f"{self._step}: {text}" if self._step else text
        if self._status:
            self._status.update(escape(shown))
        else:
            self._console.print(escape(shown), soft_wrap=True)


def show_run(summary: RunSummary) -> None:
    """The end of a run, for a person: deliveries, rows, tables, times, and what to do next."""
    out = console()
    upkeep = summary.steps == ["maintain"]
    if upkeep:
        show_maintenance(out, summary)
    if summary.dry_run:
        out.print(f"[bold]{summary.domain}[/]: nothing was written (--dry-run)")
    elif summary.nothing_new:
        what = f"nothing new in {escape(summary.landing)}" if "ingest" in summary.steps else "nothing to do"
        out.print(f"[bold]{summary.domain}[/]: {what}; nothing was written")
    else:
        if not upkeep:
            _show_deliveries(out, summary)
            _show_rows(out, summary)
            _show_tables(out, summary)
        times = "  ".join(f"{step} {seconds:.1f} s" for step, seconds in summary.seconds.items())
        out.print(f"[bold]Seconds[/]  {times}")
    for refused in summary.refused_tables:
        out.print(f"  [red]refused[/] {escape(refused)}", soft_wrap=True)
    for note in summary.notes if not upkeep else others(summary):
        out.print(escape(note), soft_wrap=True)
    _show_warnings(out, summary)
    if not summary.dry_run:
        out.print(f"[bold]Lake[/]     {escape(summary.lake)}  (run {summary.run_id})", soft_wrap=True)
    if not summary.dry_run and not summary.nothing_new and not upkeep:
        _show_next(out, summary)
    if summary.reason:
        out.print(f"[bold red]{escape(summary.reason)}[/]", soft_wrap=True)


def _show_deliveries(out: Console, summary: RunSummary) -> None:
    states = ("new", "corrected", "accepted", "refused", "withdrawn", "unreadable", "unconfirmed", "torn")
    quiet = {"withdrawn", "unconfirmed", "torn"}
    counted = {state: len(summary.taken(state)) for state in states}
    words = {"new": "taken", "corrected": "corrected", "torn": "changed while read"}
    shown = [f"{count} {words.get(state, state)}" for state, count in counted.items() if count or state not in quiet]
    out.print("[bold]Deliveries[/]  " + ", ".join(shown))
    for state in ("refused", "unreadable", "unconfirmed", "torn", "corrected", "withdrawn"):
        for delivery in summary.taken(state)[:_SHOWN]:
            color = "yellow" if state in {"corrected", "withdrawn"} else "red"
            out.print(f"  [{color}]{state}[/] {escape(_delivery(delivery))}", soft_wrap=True)
        if counted[state] > _SHOWN:
            out.print(f"  ... and {counted[state] - _SHOWN} more {state}; --result FILE lists them all")


def _delivery(delivery: DeliverySummary) -> str:
    return f"{delivery.delivery_id}" + (f": {delivery.reason}" if delivery.reason else "")


def _show_rows(out: Console, summary: RunSummary) -> None:
    judged = [d for d in summary.deliveries if d.state in {"accepted", "refused"}]
    if not judged:
        return
    for name in dict.fromkeys(delivery.table for delivery in judged):
        mine = [delivery for delivery in judged if delivery.table == name]
        table = Table(title=f"Rows of {len(mine)} deliveries in {name}", title_justify="left", title_style="bold")
        table.add_column("")
        table.add_column("rows", justify="right")
        table.add_row("in", _number(sum(d.rows_in for d in mine)))
        table.add_row("accepted", _number(sum(d.rows_accepted for d in mine)))
        table.add_row("outranked by another row of their key", _number(sum(d.rows_outranked for d in mine)))
        unchanged = sum(d.rows_unchanged for d in mine)
        if unchanged:
            table.add_row("unchanged: the version before still holds", _number(unchanged))
        table.add_row("quarantined", _number(sum(d.rows_quarantined for d in mine)))
        refused = sum(d.rows_in - d.rows_quarantined for d in mine if d.state == "refused")
        if refused:
            table.add_row("good, but in refused deliveries", _number(refused))
        rules: dict[str, int] = {}
        for delivery in mine:
            for rule, count in delivery.quarantined_by_rule.items():
                rules[rule] = rules.get(rule, 0) + count
        for rule, count in sorted(rules.items(), key=lambda item: (-item[1], item[0])):
            table.add_row(f"  {rule}", _number(count), style="dim")
        out.print(table)


def _show_tables(out: Console, summary: RunSummary) -> None:
    table = Table(title="Tables", title_justify="left", title_style="bold")
    table.add_column("table")
    table.add_column("rows", justify="right")
    table.add_column("version", justify="right")
    table.add_column("this run")
    for found in summary.tables:
        table.add_row(found.table, _number(found.rows), str(found.version), found.note)
    out.print(table)


def _show_warnings(out: Console, summary: RunSummary) -> None:
    warned = [v for v in summary.verdicts if v["passed"] == "no" and v["severity"] == "warn"]
    for verdict in warned[:_SHOWN]:
        name = verdict["delivery_id"] or verdict["table_id"]
        out.print(f"  [yellow]warning[/] {escape(name)}: {escape(verdict['reason'])}", soft_wrap=True)
    if len(warned) > _SHOWN:
        out.print(f"  ... and {len(warned) - _SHOWN} more warnings")
    if summary.missing_days:
        out.print(f"  [bold yellow]missing[/] no delivery for {', '.join(summary.missing_days)}", soft_wrap=True)
    for standing in summary.standing[:_SHOWN]:
        out.print(f"  [bold yellow]still out[/] {escape(standing)}", soft_wrap=True)
    if len(summary.standing) > _SHOWN:
        out.print(f"  ... and {len(summary.standing) - _SHOWN} more that are still out")
    if summary.strangers:
        shown = ", ".join(summary.strangers[:3]) + (" ..." if len(summary.strangers) > 3 else "")
        out.print(
            f"  [yellow]ignored[/] {len(summary.strangers)} files that fit no source's pattern: {escape(shown)}",
            soft_wrap=True,
        )


def _show_next(out: Console, summary: RunSummary) -> None:
    gold = next((t.table for t in summary.tables if ".gold." in t.table and t.rows), None)
    view = "_".join(gold.split(".")[:2]) + "." + gold.split(".")[2] if gold else f"{summary.domain}_ledger.runs"
    out.print("[bold]Try next[/]")
    call, lake = escape(shlex.quote(command())), escape(shlex.quote(summary.lake))
    out.print(f'  {call} sql --lake {lake} "select * from {view} limit 10"', soft_wrap=True)
    quarantine = f"{summary.domain}_quarantine"
    silver = next((t.table.split(".")[2] for t in summary.tables if ".silver." in t.table), "")
    out.print(
        f'  {call} sql --lake {lake} "select delivery_id, record_number, reasons from {quarantine}.{silver} limit 10"',
        soft_wrap=True,
    )
    out.print(f"  {call} verify {summary.domain} --lake {lake}", soft_wrap=True)


def command() -> str:
    """How this command is called from here: by its path when the shell would not find it."""
    called = Path(sys.argv[0])
    if shutil.which("lakehouse") or called.name != "lakehouse":
        return "lakehouse"
    near = os.path.relpath(called)
    return str(called.resolve()) if near.startswith("..") else near


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def show_rows(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """An answer as a table."""
    out = console()
    table = Table()
    for number, name in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[number], int | float) or row[number] is None for row in rows)
        table.add_column(escape(name), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*("" if value is None else escape(str(value)) for value in row))
    out.print(table)
    out.print(f"{len(rows)} rows")


def show_masked(notes: Sequence[str], remedy: str) -> None:
    """Which tables are masked as a whole, and what can be done about it, on the error stream."""
    for note in notes:
        console(stderr=True).print(f"[yellow]masked[/] {escape(note)} {remedy}", soft_wrap=True)


def show_error(message: str) -> None:
    """What went wrong, on the error stream."""
    console(stderr=True).print(f"[bold red]error[/] {escape(message)}", soft_wrap=True)
