"""The lakehouse command."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from lakehouse.cli import (
    backfills,
    claims,
    decisions,
    histories,
    plans,
    proofs,
    reports,
    restores,
    runs,
    scheduling,
    statuses,
)
from lakehouse.cli import options as o
from lakehouse.cli.outputs import writing
from lakehouse.cli.quarantine import quarantine
from lakehouse.cli.screen import console, show_error, show_masked, show_rows
from lakehouse.errors import ExitCode, LakehouseError

app = typer.Typer(
    help="A lakehouse whose tables always equal a pure function of the accepted deliveries.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
runs.add_commands(app)
decisions.add_commands(app)
restores.add_command(app)
app.add_typer(quarantine, name="quarantine")
plans.add_command(app)
statuses.add_command(app)
histories.add_command(app)
reports.add_command(app)
backfills.add_command(app)
scheduling.add_command(app)
claims.add_command(app)
proofs.add_command(app)


@app.command(help="Check every contract, report and environment, the SQL in them included, without Spark.\n\n"
             "Example: lakehouse validate billing")  # fmt: skip
def validate(domains: Annotated[list[str] | None, typer.Argument(help="Domains (else all).")] = None) -> None:
    """Check contracts and environments."""
    from lakehouse.contracts.domains import domain_names
    from lakehouse.contracts.environments import (
        check_unset,
        environment_files,
        environment_variables,
        load_environment,
    )

    def check_environment(name: str) -> Iterator[str]:
        unset = [variable for variable, value in environment_variables(name).items() if value is None]
        if unset:
            check_unset(name)
            yield f"skipped environment {name}: needs {', '.join(unset)}"
        else:
            load_environment(name)
            yield f"ok     environment {name}"

    checks = [(_check_domain, name) for name in domains or domain_names()]
    checks += [(check_environment, name) for name in environment_files()]
    code = ExitCode.DONE
    for check, name in checks:
        try:
            for line in check(name):
                console().print(line, soft_wrap=True)
        except LakehouseError as error:
            code = ExitCode.WRONG_USAGE
            show_error(str(error))
    raise typer.Exit(int(code))


def _check_domain(name: str) -> Iterator[str]:
    from lakehouse.contracts.domains import load_domain
    from lakehouse.contracts.reports import load_report, report_file
    from lakehouse.contracts.sql import check_sql
    from lakehouse.serving.questions import check_report

    domain = load_domain(name)
    check_sql(domain)
    yield f"ok     domain {name}: {len(domain.tables)} tables"
    if report_file(name).is_file():
        report = load_report(name)
        check_report(domain, report)
        yield f"ok     report {name}: {len(report.sections)} sections"


@app.command(help="Ask a question of the lake in SQL (DuckDB), or open a prompt.\n\n"
             'Example: lakehouse sql "select * from billing_gold.daily_usage limit 5"')  # fmt: skip
def sql(
    statement: Annotated[str | None, typer.Argument(help="One statement; a prompt opens without it.")] = None,
    lake: o.LakePlace = None,
    env: o.EnvironmentName = None,
    unmasked: Annotated[
        bool, typer.Option("--unmasked", help="Show personal data as it is; else it is masked.")
    ] = False,
) -> None:
    """Answer one statement, or many at a prompt."""
    from lakehouse.serving.asking import check_question
    from lakehouse.serving.masks import NO_MASKS, masks
    from lakehouse.serving.sql import QueryError, open_lake, query, view_names
    from lakehouse.serving.tables import lake_tables

    place = o.lake_of(lake, env)
    tables = lake_tables(place)
    shown = NO_MASKS if unmasked else masks(tables)
    show_masked(shown.notes, "--unmasked shows them.")
    connection = open_lake(place, shown, tables)
    if statement is not None:
        check_question(connection, statement)
        show_rows(*query(connection, statement))
        return
    out = console()
    out.print("Tables: " + ", ".join(view_names(connection)), soft_wrap=True)
    out.print("One statement a line; an empty line or Ctrl-D ends.")
    while line := _next_line():
        try:
            check_question(connection, line)
            show_rows(*query(connection, line))
        except QueryError as error:
            show_error(str(error))


def _next_line() -> str:
    try:
        return input("sql> ").strip()
    except (EOFError, KeyboardInterrupt):
        return ""


@app.command(help="Generate sample deliveries with every kind of dirt, and the truth about them beside.\n\n"
             "Example: lakehouse sample billing --out data/landing --days 7 --rows-per-day 2000 --seed 7")  # fmt: skip
def sample(
    domain: o.DomainName,
    out: Annotated[Path, typer.Option("--out", help="Landing zone to write into.")],
    days: Annotated[int, typer.Option("--days", help="Days of deliveries.")] = 7,
    rows_per_day: Annotated[
        int | None,
        typer.Option("--rows-per-day", help="Records a day, about. Unless given: 2000 in billing, 400 in retail."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same bytes.")] = 7,
    start: Annotated[str, typer.Option("--start", metavar="YYYY-MM-DD", help="First day.")] = "2025-01-01",
    bad_days: Annotated[int, typer.Option("--bad-days", help="Deliveries so bad that a gate refuses them.")] = 0,
) -> None:
    """Write a landing zone."""
    from lakehouse.samples import generator
    from lakehouse.samples.truth import truth_path

    first = o.parse_day("--start", start)
    generate = generator(domain)
    with writing("--out", out):
        truth = generate(out, days=days, rows_per_day=rows_per_day, seed=seed, start=first, bad_days=bad_days)
    screen = console()
    screen.print(f"{len(truth.deliveries)} deliveries with {truth.records:,} records in {out}/{domain}", soft_wrap=True)
    screen.print(f"What was put in: {truth_path(out, domain)}", soft_wrap=True)


@app.command(help="Make what EMR, Databricks and other clusters need: wheel, jobs, conf, Python environment, jars.\n\n"
             "Example: lakehouse package --out dist")  # fmt: skip
def package(
    out: Annotated[Path, typer.Option("--out", help="Folder to make the package in.")] = Path("dist"),
    arch: Annotated[str, typer.Option("--arch", help="Processors of the cluster: x86_64 or arm64.")] = "x86_64",
    python: Annotated[str, typer.Option("--python", help="Version of Python on the cluster.")] = "3.11",
    interpreter: Annotated[
        str | None, typer.Option("--interpreter", help="Where that Python is (else /usr/bin/python<version>).")
    ] = None,
) -> None:
    """Make a package."""
    from lakehouse.cli.package import Target, make_package

    made = make_package(out, Target(arch, python, interpreter or f"/usr/bin/python{python}"))
    console().print(f"{made}: what is in it, with checksums, stands in MANIFEST.json", soft_wrap=True)


def main(*command: str) -> None:
    """Run the command line, or one of its commands with the process's arguments.

    Errors that are explained to the user end it with their exit code.
    """
    # py4j tells the root logger of a driver that has died, which would print all frames beside what is said of it here.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        app([*command, *sys.argv[1:]], prog_name="lakehouse")
    except LakehouseError as error:
        show_error(str(error))
        sys.exit(int(error.exit_code))
