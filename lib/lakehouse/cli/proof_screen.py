"""What people see of a proof: what was compared, every kind of difference, and what was left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lakehouse.cli.screen import console

if TYPE_CHECKING:
    from lakehouse.steps.choice import Chosen
    from lakehouse.steps.proof import LandingProof, Proof

_KINDS = ("missing", "unexpected", "different")
_NAMED = 10
"""Deliveries and files that are named; the others are counted."""


def show_proof(domain: str, proof: Proof) -> None:
    """Show what was compared, and what is wrong."""
    out = console()
    _show_chosen(out, domain, proof.chosen)
    _show_tables(out, proof)
    for lost in proof.lost:
        out.print(f"  [red]not conserved[/] {escape(lost)}", soft_wrap=True)
    for left_out in proof.not_compared:
        out.print(f"  [yellow]not compared[/] {escape(left_out)}", soft_wrap=True)
    if proof.landing:
        _show_landing(out, proof.landing)
    for note in proof.notes:
        out.print(f"  [yellow]note[/] {escape(note)}", soft_wrap=True)
    _show_end(out, proof)


def _show_chosen(out: Console, domain: str, chosen: Chosen) -> None:
    if chosen.everything:
        out.print(f"[bold]{domain}[/]: all {chosen.total} deliveries, computed again from bronze")
        return
    limits = [f"{word} {day}" for word, day in (("from", chosen.days.first), ("to", chosen.days.last)) if day]
    out.print(
        f"[bold]{domain}[/]: {len(chosen.ids)} of {chosen.total} deliveries"
        + (f" {' '.join(limits)}" if limits else "")
        + (f", drawn by the seed {chosen.seed}" if chosen.seed is not None else "")
        + ", computed again from bronze"
    )
    if chosen.seed is not None:
        for name in sorted(chosen.ids):
            out.print(f"  {escape(name)}", soft_wrap=True)
        out.print(f"  The same ones again: --sample {len(chosen.ids)} --seed {chosen.seed}")


def _show_tables(out: Console, proof: Proof) -> None:
    table = Table()
    for column in ("table", "compared", "rows", *_KINDS):
        table.add_column(column, justify="left" if column in {"table", "compared"} else "right")
    for found in proof.differences:
        counts = [f"{found.counts.get(kind, 0):,}" for kind in _KINDS]
        table.add_row(found.table, found.compared, f"{found.rows:,}", *counts, style="red" if found.total else None)
    out.print(table)
    for found in proof.differences:
        for example in found.examples:
            out.print(f"  [red]{escape(found.table)}[/] {escape(str(example))}", soft_wrap=True)
        if found.total > len(found.examples):
            out.print(f"  ... and {found.total - len(found.examples):,} more in {found.table}; --limit shows more")


def _show_landing(out: Console, landing: LandingProof) -> None:
    out.print(
        f"Landing zone: {landing.files:,} files that were taken hold {landing.records:,} records; the files of "
        f"{landing.gone:,} deliveries are not there any more."
    )
    for name in landing.not_taken[:_NAMED]:
        out.print(f"  [yellow]not taken yet[/] {escape(name)}", soft_wrap=True)
    if len(landing.not_taken) > _NAMED:
        out.print(f"  ... and {len(landing.not_taken) - _NAMED:,} more that are not taken yet")


def _show_end(out: Console, proof: Proof) -> None:
    if not proof.holds:
        out.print("[bold red]The lake is not what its deliveries make it.[/]")
        return
    what = "Every table equals its recomputation" if proof.chosen.everything else "What was compared is as it should be"
    out.print(f"{what}; the rows of all {proof.deliveries} accepted deliveries are kept.", soft_wrap=True)
