"""The command that runs days through Airflow: backfill."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from lakehouse.cli import options as o
from lakehouse.cli.plans import look_ahead, over, show_early, show_undated, workspace
from lakehouse.cli.screen import Progress, console, show_error
from lakehouse.contracts.domains import load_domain
from lakehouse.errors import ExitCode
from lakehouse.landing.days import span
from lakehouse.orchestration.backfills import BackfillError, run_backfill
from lakehouse.orchestration.commands import dag_of
from lakehouse.orchestration.rest import Airflow, connect
from lakehouse.orchestration.server import Site


def add_command(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="backfill",
        help="Run days through the Airflow of this machine and wait for them: those from --from to --to, else those "
        "that need work (see lakehouse plan).\n\n"
        "Example: lakehouse backfill billing --from 2025-01-01 --to 2025-01-31",
    )(_backfill)


def _backfill(
    domain: o.DomainName,
    first: o.First = None,
    last: o.Last = None,
    env: o.EnvironmentName = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port of Airflow.")] = 8080,
    home: Annotated[Path, typer.Option("--home", envvar="AIRFLOW_HOME", help="Folder of Airflow.")] = Path(
        "data/airflow"
    ),
) -> None:
    """Create backfills, one after the other, and wait for their runs."""
    load_domain(domain)  # a misspelt name is told of first
    days = o.parse_days(first, last)
    if days.first and days.last:
        ranges, early = over([(days.first, days.last)])
    else:
        found = look_ahead(workspace(domain, first, last, None, None, env))
        ranges, early = over(found.work_ranges())
        show_undated(found)
    show_early(early)
    if not ranges:
        console().print(f"{domain}: no day that is over needs work" if early else f"{domain}: no day needs work")
        return
    server = connect(Site(home.resolve(), port))
    with Progress() as progress:
        codes = [_run(server, domain, range_, progress) for range_ in ranges]
    raise typer.Exit(max(codes))


def _run(server: Airflow, domain: str, days: tuple[date, date], progress: Progress) -> int:
    try:
        ending = run_backfill(server, dag_of(domain), *days, progress.line)
    except BackfillError as error:
        # Days do not need one another: the next range has its chance.
        show_error(str(error))
        return int(error.exit_code)
    console().print(f"{domain} {span(*days)}: {ending}", soft_wrap=True)
    return int(ExitCode.DONE)
