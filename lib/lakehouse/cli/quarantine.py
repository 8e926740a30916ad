"""The quarantine as a workplace: list, show, export, replay, discard."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from lakehouse.cli import options as o
from lakehouse.cli import results
from lakehouse.cli.decisions import STEPS, Because, Who, check_because, decided_by
from lakehouse.cli.outputs import check_output, whole_file
from lakehouse.cli.runs import Request, carry_out
from lakehouse.cli.screen import Progress, console
from lakehouse.contracts.domains import load_domain
from lakehouse.contracts.environments import load_environment
from lakehouse.contracts.lakes import Lake
from lakehouse.errors import ConfigurationError, ExitCode, nearest
from lakehouse.ledger.book import Ledger
from lakehouse.ledger.decisions import Decision
from lakehouse.serving import quarantine as serving
from lakehouse.serving.quarantine import EXPORTED, STATUSES, QuarantinedRow, Selection
from lakehouse.steps.decisions import Decide, discard, patch
from lakehouse.steps.order import new_run_id
from lakehouse.steps.patch_files import read_patches
from lakehouse.steps.patches import RowAddress, patched_before, resolve
from lakehouse.steps.workspace import Workspace

quarantine = typer.Typer(
    help="Rows that broke a rule: look at them, repair and replay them, or discard them.\n\n"
    "Example: lakehouse quarantine list billing",
    no_args_is_help=True,
)

Rule = Annotated[str | None, typer.Option("--rule", help="Rows that broke this rule.")]
Delivered = Annotated[str | None, typer.Option("--delivery", help="Rows of this delivery.")]
Status = Annotated[str, typer.Option("--status", help="open, replayed, discarded, superseded or all.")]
Ids = Annotated[list[str] | None, typer.Option("--id", help="Rows with this quarantine id; may be repeated.")]
_SHOWN = 20


def _selection(
    rule: str | None, delivery: str | None, first: str | None, last: str | None, status: str, ids: list[str] | None
) -> Selection:
    days = o.parse_days(first, last)
    if status not in {*STATUSES, "all"}:
        raise ConfigurationError(
            f"--status: '{status}' is not a status.{nearest(status, STATUSES)} Allowed: {', '.join(STATUSES)}, all."
        )
    return Selection(rule, delivery, days.first, days.last, None if status == "all" else status, tuple(ids or ()))


def _check_ids(lake: Lake, domain: str, ids: Sequence[str] | None) -> None:
    """Raise ConfigurationError for ids that no quarantined row has: a misspelt one would look like work done."""
    if ids:
        known = {row.quarantine_id for row in serving.quarantined_rows(lake, domain, Selection(ids=tuple(ids)))[0]}
        unknown = [one for one in dict.fromkeys(ids) if one not in known]
        if unknown:
            raise ConfigurationError(
                f"--id: no row in quarantine of '{domain}' is {', '.join(unknown)}. "
                f"'lakehouse quarantine show {domain}' shows the ids."
            )


@quarantine.command("list", help="Count quarantined rows by table, rule, day and status.\n\n"
                    "Example: lakehouse quarantine list billing --from 2025-01-01 --status all")  # fmt: skip
def list_rows(
    domain: o.DomainName,
    rule: Rule = None,
    delivery: Delivered = None,
    first: o.First = None,
    last: o.Last = None,
    status: Status = "open",
    lake: o.LakePlace = None,
    env: o.EnvironmentName = None,
) -> None:
    """Count rows."""
    load_domain(domain)
    chosen, place = _selection(rule, delivery, first, last, status, None), o.lake_of(lake, env)
    counted = serving.counts(place, domain, chosen)
    table = Table(title=f"{domain}: quarantined rows ({status})", title_justify="left", title_style="bold")
    for column in ("table", "rule", "day", "status"):
        table.add_column(column, overflow="fold")
    table.add_column("rows", justify="right")
    for name, broken, day, found, rows in counted:
        table.add_row(name, broken, str(day or ""), found, f"{rows:,}")
    out = console()
    out.print(table)
    _, total = serving.quarantined_rows(place, domain, chosen, limit=0)
    told = "1 row" if total == 1 else f"{total:,} rows"
    out.print(f"{told}; one that broke several rules stands under each.")
    if rule and not counted:
        others = sorted({line[1] for line in serving.counts(place, domain, replace(chosen, rule=None))})
        if others:
            out.print(f"Rules with rows here: {', '.join(others)}.{nearest(rule, others)}", soft_wrap=True)


@quarantine.command("show", help="Show quarantined rows as they were delivered, and what is wrong with them.\n\n"
                    "Example: lakehouse quarantine show billing --rule credit_usage_is_a_debit --limit 5")  # fmt: skip
def show(
    domain: o.DomainName,
    ids: Ids = None,
    rule: Rule = None,
    delivery: Delivered = None,
    first: o.First = None,
    last: o.Last = None,
    status: Status = "open",
    limit: Annotated[int, typer.Option("--limit", min=1, help="Rows at most.")] = _SHOWN,
    lake: o.LakePlace = None,
    env: o.EnvironmentName = None,
) -> None:
    """Show rows."""
    load_domain(domain)
    _check_ids(o.lake_of(lake, env), domain, ids)
    chosen = _selection(rule, delivery, first, last, "all" if ids else status, ids)
    rows, total = serving.quarantined_rows(o.lake_of(lake, env), domain, chosen, limit)
    out = console()
    for row in rows:
        out.print(
            f"[bold]{row.quarantine_id}[/]  {row.status}  {row.table}  {escape(row.delivery_id)} "
            f"record {row.record_number}",
            soft_wrap=True,
        )
        for reason in row.reasons:
            value = "" if reason.value is None else f" = {json.dumps(reason.value, ensure_ascii=False)}"
            where = f" {reason.column}{value}" if reason.column else value
            out.print(f"  [red]{escape(reason.rule)}[/]{escape(where)}: {escape(reason.message)}", soft_wrap=True)
        out.print(f"  {json.dumps(row.payload, ensure_ascii=False)}", soft_wrap=True, markup=False, style="dim")
    out.print(f"{len(rows)} of {total:,} rows")


@quarantine.command("export", help="Write quarantined rows to a CSV or JSON file, one line per broken rule. Fill in "
                    "value, who and why, and the file is a patch file for replay.\n\n"
                    "Example: lakehouse quarantine export billing --out rows.csv --rule user_id_required")  # fmt: skip
def export(
    domain: o.DomainName,
    out: Annotated[Path, typer.Option("--out", help="File to write; its name ends in .csv or .json.")],
    ids: Ids = None,
    rule: Rule = None,
    delivery: Delivered = None,
    first: o.First = None,
    last: o.Last = None,
    status: Status = "open",
    lake: o.LakePlace = None,
    env: o.EnvironmentName = None,
) -> None:
    """Export rows."""
    load_domain(domain)
    chosen = _selection(rule, delivery, first, last, "all" if ids else status, ids)
    check_output("--out", out)
    _check_ids(o.lake_of(lake, env), domain, ids)
    serving.check_ending(out)
    rows, _ = serving.quarantined_rows(o.lake_of(lake, env), domain, chosen)
    with whole_file("--out", out) as aside:
        lines = serving.export(rows, aside)
    console().print(f"{out}: {len(rows):,} rows, {lines:,} lines", soft_wrap=True)


@quarantine.command("replay", help="Judge the deliveries of quarantined rows again: after a contract changed, or with "
                    "a patch file (quarantine_id, column, value, who, why).\n\n"
                    "Example: lakehouse quarantine replay billing --patch fixed.csv --dry-run")  # fmt: skip
def replay(
    domain: o.DomainName,
    patch_file: Annotated[Path | None, typer.Option("--patch", help="CSV or JSON file with corrected values.")] = None,
    ids: Ids = None,
    rule: Rule = None,
    delivery: Delivered = None,
    first: o.First = None,
    last: o.Last = None,
    status: Status = "open",
    dry_run: o.DryRun = False,
    lake: o.LakePlace = None,
    env: o.EnvironmentName = None,
    result: o.ResultFile = None,
    run_id: o.RunId = None,
) -> None:
    """Replay rows."""
    place, contracts = o.lake_of(lake, env), load_domain(domain)
    decide: Decide | None = None
    decided: Sequence[Decision] = ()
    with results.kept(place, domain, STEPS, run_id, result) as kept:
        chosen = _selection(rule, delivery, first, last, status, ids)
        _check_ids(place, domain, ids)
        if patch_file:
            patches = read_patches(patch_file, ignored=EXPORTED)
            everything = Selection(ids=tuple({one.quarantine_id for one in patches}))
            known = [_address(row) for row in serving.quarantined_rows(place, domain, everything)[0]]
            patched = resolve(patches, patched_before(known, Ledger(place, domain).decisions()), contracts)
            rows, decided, decide = list(patched.rows), patched.decisions, patch(patched)
        else:
            rows = [_address(row) for row in serving.quarantined_rows(place, domain, chosen)[0]]
        if dry_run:
            work = Workspace(contracts, load_environment(env), place, "", new_run_id(), reads_only=True)
            kept |= {"dry_run": True, "notes": _show_preview(work, rows, list(decided))}
            kept["exit_code"] = int(ExitCode.DONE)
            return
    only = frozenset(row.delivery_id for row in rows)
    carry_out(
        Request(
            domain, STEPS, None, None, lake, None, env, False, False, False, result, run_id, decide=decide, only=only
        )
    )


def _address(row: QuarantinedRow) -> RowAddress:
    shown = frozenset((reason.column, reason.value or "") for reason in row.reasons)
    return RowAddress(
        row.table, row.quarantine_id, row.delivery_id, row.sequence, row.record_number, row.status, row.payload, shown
    )


def _show_preview(work: Workspace, rows: list[RowAddress], decided: list[Decision]) -> list[str]:
    """What a replay would do, on the screen and in lines."""
    from lakehouse.steps.replay import preview

    out = console()
    if not rows:
        out.print(nothing := "No row is selected; nothing would be replayed.")
        return [nothing]
    with Progress() as progress:
        work.progress = progress.line
        found = preview(work, rows, decided)
    told = f"{len(found.passing):,} of {len(rows):,} rows would pass; {found.staying:,} would stay in quarantine"
    out.print(told)
    table = Table(title="Rules that would still be broken", title_justify="left", title_style="bold")
    for column in ("table", "rule"):
        table.add_column(column)
    table.add_column("rows", justify="right")
    for (name, broken), count in sorted(found.broken.items(), key=str):
        table.add_row(str(name), broken, f"{count:,}")
    if found.broken:
        out.print(table)
    out.print("Nothing was written (--dry-run).")
    still = [
        f"{name}: {broken} is still broken by {count:,}"
        for (name, broken), count in sorted(found.broken.items(), key=str)
    ]
    return [told, *still]


@quarantine.command("discard", help="Leave quarantined rows out for good, with a reason.\n\n"
                    "Example: lakehouse quarantine discard billing --id 9f86d081884c7d65 --because test")  # fmt: skip
def discard_rows(
    domain: o.DomainName,
    because: Because,
    ids: Ids = None,
    rule: Rule = None,
    delivery: Delivered = None,
    first: o.First = None,
    last: o.Last = None,
    who: Who = None,
    lake: o.LakePlace = None,
    env: o.EnvironmentName = None,
    result: o.ResultFile = None,
) -> None:
    """Discard rows."""
    load_domain(domain)
    why, place = check_because(because), o.lake_of(lake, env)
    if not (ids or rule or delivery or first or last):
        raise ConfigurationError(
            "Say which rows: --id, --rule, --delivery, --from or --to. "
            'Example: lakehouse quarantine discard billing --rule user_id_required --because "test rows"'
        )
    with results.kept(place, domain, STEPS, None, result):
        _check_ids(place, domain, ids)
        rows = _open_rows(place, domain, _selection(rule, delivery, first, last, "open", ids))
    only = frozenset(row.delivery_id for row in rows)
    decide = discard(rows, decided_by(who), why)
    carry_out(
        Request(domain, STEPS, None, None, lake, None, env, False, False, False, result, decide=decide, only=only)
    )


def _open_rows(place: Lake, domain: str, chosen: Selection) -> list[RowAddress]:
    return [_address(row) for row in serving.quarantined_rows(place, domain, chosen)[0]]
