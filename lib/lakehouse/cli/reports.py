"""The command that makes a page for people: report."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lakehouse.cli import options as o
from lakehouse.cli.outputs import check_output, whole_file
from lakehouse.cli.screen import console, show_masked
from lakehouse.contracts.domains import load_domain
from lakehouse.contracts.reports import load_report
from lakehouse.errors import ConfigurationError, ExitCode


def add_command(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="report",
        help="Write one HTML page of charts and figures, as conf/DOMAIN/report.yml says; it stands alone.\n\n"
        "Example: lakehouse report billing --out billing-report.html",
    )(_report)


def _report(
    domain: o.DomainName,
    out: Annotated[Path | None, typer.Option("--out", help="File to write (else DOMAIN-report.html).")] = None,
    lake: o.LakePlace = None,
    env: o.EnvironmentName = None,
) -> None:
    """Write the page."""
    from lakehouse.serving.report import check_installed, make_page, render

    check_installed()
    path = _checked(out or Path(f"{domain}-report.html"))
    page = make_page(o.lake_of(lake, env), load_domain(domain), load_report(domain), datetime.now(timezone.utc))
    html = render(page)
    with whole_file("--out", path) as aside:
        aside.write_text(html, "utf-8")
    show_masked(page.masked, "A contract that marks personal columns shows the others.")
    for part in page.parts:
        for note in part.notes:
            console(stderr=True).print(f"[yellow]{escape(part.title)}[/]  {escape(note)}", soft_wrap=True)
    console().print(f"{path}: {len(page.parts)} sections; open it in a browser", soft_wrap=True, markup=False)
    if any(part.failed for part in page.parts):
        raise typer.Exit(int(ExitCode.FAILED))


def _checked(path: Path) -> Path:
    check_output("--out", path)
    if path.is_dir():
        raise ConfigurationError(f"--out: '{path}' is a folder. Example: --out {path / 'report.html'}")
    return path
