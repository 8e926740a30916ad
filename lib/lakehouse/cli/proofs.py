"""The command that proves a lake: verify."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from lakehouse.cli.screen import Progress, console
from lakehouse.contracts.domains import load_domain
from lakehouse.contracts.environments import load_environment
from lakehouse.contracts.lakes import Lake
from lakehouse.errors import ConfigurationError, ExitCode
from lakehouse.ledger.book import Ledger
from lakehouse.steps.order import new_run_id
from lakehouse.steps.workspace import Workspace


def verify_domain(name: str, lake: Lake, environment: str | None) -> int:
    """Verify a domain, show what was found, and return the exit code: 1 when there is a difference."""
    settings, domain = load_environment(environment), load_domain(name)
    if not Ledger(lake, name).deliveries().current:
        raise ConfigurationError(
            f"There are no deliveries of '{name}' in the lake {lake.root}. "
            f"Run 'lakehouse run {name} --lake {lake.root}' first, or name another folder with --lake."
        )
    with Progress() as progress:
        from lakehouse.steps.verify import verify

        work = Workspace(domain, settings, lake, "", new_run_id(), progress=progress.line, reads_only=True)
        proof = verify(work)
    out = console()
    table = Table(title=f"{name}: recomputed from bronze", title_justify="left", title_style="bold")
    for column in ("table", "rows", "missing", "unexpected", "different"):
        table.add_column(column, justify="left" if column == "table" else "right")
    for found in proof.differences:
        counts = [str(found.counts.get(kind, 0)) for kind in ("missing", "unexpected", "different")]
        table.add_row(found.table, f"{found.rows:,}", *counts, style="red" if found.total else None)
    out.print(table)
    for found in proof.differences:
        for example in found.examples:
            out.print(f"  [red]{escape(found.table)}[/] {escape(example)}", soft_wrap=True)
        if found.total > len(found.examples):
            out.print(f"  ... and {found.total - len(found.examples)} more in {found.table}")
    for lost in proof.lost:
        out.print(f"  [red]not conserved[/] {escape(lost)}", soft_wrap=True)
    for note in proof.notes:
        out.print(f"  [yellow]note[/] {escape(note)}", soft_wrap=True)
    if proof.holds:
        out.print(
            f"Every table equals its recomputation; the rows of all {proof.deliveries} accepted deliveries are kept."
        )
        return int(ExitCode.DONE)
    out.print("[bold red]The lake is not what its deliveries make it.[/]")
    return int(ExitCode.FAILED)
