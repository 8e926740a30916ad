"""The command that brings a domain back to an earlier state: restore."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from lakehouse.cli import options as o
from lakehouse.cli.decisions import Because, Who, check_because, decided_by
from lakehouse.cli.logs import RunLog, both
from lakehouse.cli.screen import Progress, command, console
from lakehouse.contracts.domains import load_domain
from lakehouse.contracts.environments import load_environment
from lakehouse.ledger.obstacles import explaining
from lakehouse.ledger.writer import claim
from lakehouse.steps.order import new_run_id
from lakehouse.steps.restore import Restored, restore, restore_preview
from lakehouse.steps.workspace import Workspace


def add_command(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(
        "restore",
        help="Bring silver, quarantine and gold back to what a run left. What arrived or was decided since is held "
        "until it is released.\n\n"
        'Example: lakehouse restore billing --to 20250131T020000Z-1a2b3c4d --because "wrong prices since"',
    )
    def _restore(
        domain: o.DomainName,
        to: Annotated[str, typer.Option("--to", metavar="RUN", help="Run id; 'lakehouse status' lists them.")],
        because: Because,
        who: Who = None,
        dry_run: o.DryRun = False,
        lake: o.LakePlace = None,
        env: o.EnvironmentName = None,
    ) -> None:
        why = check_because(because)
        work = Workspace(load_domain(domain), load_environment(env), o.lake_of(lake, env), "", new_run_id())
        if dry_run:
            _show(restore_preview(work, to), domain, work, "would go back to")
            console().print("Nothing was written (--dry-run).")
            return
        with RunLog(work.run_id, domain, "restore") as log, Progress() as progress:
            log.write_to(None)
            log.keep_in(work.lake, domain)
            log.started({"lake": work.lake.root, "to": to, "who": decided_by(who), "why": why})
            work.progress = both(log.line, progress.line)
            with (
                explaining(work.lake.domain(domain)),
                claim(work.lake, domain, work.run_id, progress.line, work.environment.lease_seconds),
            ):
                found = restore(work, to, decided_by(who), why)
            log.ended({"held": found.held, "notes": found.notes})
        _show(found, domain, work, "went back to")


def _show(found: Restored, domain: str, work: Workspace, what: str) -> None:
    out = console()
    table = Table(title=f"{domain}: tables that {what} run {found.to}", title_justify="left", title_style="bold")
    table.add_column("table", overflow="fold")
    table.add_column("version", justify="right")
    table.add_column("back to", justify="right")
    for name, (version, target) in found.tables.items():
        table.add_row(name, str(version), "empty" if target is None else str(target))
    if found.tables:
        out.print(table)
    for note in found.notes:
        out.print(f"  [yellow]note[/] {escape(note)}", soft_wrap=True)
    for delivery_id in found.held:
        out.print(f"  [yellow]held[/] {escape(delivery_id)}", soft_wrap=True)
    if found.held:
        out.print(
            f'Next: {command()} release {domain} --all-held --lake {work.lake.root} --because "..."', soft_wrap=True
        )
