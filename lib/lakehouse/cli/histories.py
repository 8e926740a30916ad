"""The command that tells how a table came to be as it is: history."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from lakehouse.cli import options as o
from lakehouse.cli.screen import console
from lakehouse.serving.history import History, TableVersion, table_history


def add_command(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="history",
        help="List the versions of a table, newest first: when, what, by which run, and how many rows and files.\n\n"
        "Example: lakehouse history billing.silver.usage --limit 5",
    )(_history)


def _history(
    table: Annotated[
        str, typer.Argument(metavar="TABLE", help="billing.silver.usage, or its name in SQL: billing_quarantine.usage.")
    ],
    lake: o.LakePlace = None,
    env: o.EnvironmentName = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="So many versions at most.")] = 20,
    as_json: o.AsJson = False,
) -> None:
    """Show the versions."""
    found = table_history(o.lake_of(lake, env), table, limit)
    if as_json:
        typer.echo(json.dumps(as_object(found), indent=2))
    else:
        _show(found)


def as_object(found: History) -> dict[str, Any]:
    """The history as plain data."""
    versions = [{**asdict(one), "time": one.time.isoformat(timespec="milliseconds")} for one in found.versions]
    return {"table": found.table, "path": found.path, "versions": versions}


def _show(found: History) -> None:
    out = console()
    out.print(f"[bold]{escape(found.table)}[/]  {escape(found.path)}", soft_wrap=True)
    # At 80 columns the long ids and all figures have to stay whole.
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("no.", justify="right", no_wrap=True)
    table.add_column("when (UTC)", no_wrap=True)
    for name in ("operation", "rows", "files"):
        table.add_column(name, overflow="fold")
    table.add_column("run", no_wrap=True)
    for one in found.versions:
        when = f"{one.time:%Y-%m-%d %H:%M}"
        table.add_row(str(one.version), when, escape(one.operation), _rows(one), _files(one), escape(one.run_id or ""))
    out.print(table)


def _rows(one: TableVersion) -> str:
    signs = (("+", one.rows_written), ("~", one.rows_updated), ("-", one.rows_deleted))
    return " ".join(f"{sign}{count:,}" for sign, count in signs if count)


def _files(one: TableVersion) -> str:
    signs = (("+", one.files_added), ("-", one.files_removed))
    return " ".join(f"{sign}{count:,}" for sign, count in signs if count)
