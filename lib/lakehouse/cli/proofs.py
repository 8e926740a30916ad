"""The command that proves a lake: verify."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lakehouse.cli import options as o
from lakehouse.cli import results
from lakehouse.cli.proof_screen import show_proof
from lakehouse.cli.screen import Progress
from lakehouse.contracts.domains import load_domain
from lakehouse.contracts.environments import load_environment
from lakehouse.contracts.lakes import Lake
from lakehouse.contracts.places import absolute
from lakehouse.errors import ConfigurationError, ExitCode
from lakehouse.steps.choice import Choice
from lakehouse.steps.order import new_run_id
from lakehouse.steps.workspace import Workspace

if TYPE_CHECKING:
    from lakehouse.steps.proof import Proof
    from lakehouse.storage.differences import Difference, Differences


def add_command(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="verify",
        help="Compute silver, outranked, quarantine and gold again from bronze, read the landing files again, and name "
        "every difference by key. Exit 1 when there is one; nothing is written.\n\n"
        "Example: lakehouse verify billing --from 2025-01-01 --to 2025-01-31 --sample 3",
    )(_verify)


def _verify(
    domain: o.DomainName,
    first: o.First = None,
    last: o.Last = None,
    sample: Annotated[
        int | None, typer.Option("--sample", min=1, metavar="N", help="Only N deliveries, drawn by the seed.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Draws the same deliveries again (else made up, and told).")
    ] = None,
    lake: o.LakePlace = None,
    landing: o.LandingPlace = None,
    env: o.EnvironmentName = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Name so many differences of each table at most.")] = 20,
    as_json: o.AsJson = False,
    result: o.ResultFile = None,
    run_id: o.RunId = None,
) -> None:
    """Prove that the tables are what the deliveries make them."""
    days = o.parse_days(first, last)
    if seed is not None and sample is None:
        raise ConfigurationError(f"--seed {seed} draws nothing without --sample. Example: --sample 3 --seed {seed}")
    choice = Choice(days, sample, seed)
    place = o.lake_of(lake, env)
    with results.kept(place, domain, ["verify"], run_id, result) as kept:
        work, proof = prove(domain, place, env, choice, landing, limit)
        code = int(ExitCode.DONE if proof.holds else ExitCode.FAILED)
        kept |= {"holds": proof.holds, "reason": _reason(proof), "notes": proof.notes}
        kept |= {"proof": as_object(work, proof), "exit_code": code}
    _show(work, proof, as_json)
    raise typer.Exit(code)


def prove(
    name: str,
    lake: Lake,
    environment: str | None,
    choice: Choice | None = None,
    landing: str | None = None,
    limit: int = 20,
) -> tuple[Workspace, Proof]:
    """Verify a domain; returns what was found, and where."""
    settings, domain = load_environment(environment), load_domain(name)
    if landing is not None:
        o.check_landing(landing, name)
    place = absolute(landing or settings.landing)
    there = "://" in place or Path(place).is_dir()
    choice = choice or Choice()
    with Progress() as progress:
        work = Workspace(
            domain, settings, lake, place if there else "", new_run_id(), choice.days, progress=progress.line,
            reads_only=True,
        )  # fmt: skip
        work.ledger.check_format()
        if not work.ledger.deliveries().contents:
            raise ConfigurationError(
                f"There are no deliveries of '{name}' in the lake {lake.root}. "
                f"Run 'lakehouse run {name} --lake {lake.root}' first, or name another folder with --lake."
            )
        from lakehouse.steps.verify import verify

        proof = verify(work, choice, limit)
    if not there:
        proof.notes.append(f"bronze was not compared with the landing files: there is no folder {place}")
    return work, proof


def _show(work: Workspace, proof: Proof, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(as_object(work, proof), indent=2))
    else:
        show_proof(work.domain.name, proof)


def _reason(proof: Proof) -> str:
    """What does not hold, a line for each table; empty when all does."""
    wrong = [found for found in proof.differences if found.total]
    lines = [
        f"{found.table}: " + ", ".join(f"{count:,} {kind}" for kind, count in found.counts.items() if count)
        for found in wrong
    ]
    return "\n".join([*lines, *proof.lost])


def as_object(work: Workspace, proof: Proof) -> dict[str, Any]:
    """The proof as plain data."""
    chosen, landing = proof.chosen, proof.landing
    return {
        "domain": work.domain.name,
        "lake": work.lake.root,
        "landing": work.landing or None,
        "holds": proof.holds,
        "chosen": {
            "from": _text(chosen.days.first),
            "to": _text(chosen.days.last),
            "seed": chosen.seed,
            "everything": chosen.everything,
            "total": chosen.total,
            "deliveries": sorted(chosen.ids),
        },
        "tables": [_table(found) for found in proof.differences],
        "not_compared": proof.not_compared,
        "counted": {"deliveries": proof.deliveries, "lost": proof.lost},
        "files": asdict(landing) if landing else None,
        "notes": proof.notes,
    }


def _table(found: Differences) -> dict[str, Any]:
    return {
        "table": found.table,
        "compared": found.compared,
        "rows": found.rows,
        **{kind: found.counts.get(kind, 0) for kind in ("missing", "unexpected", "different")},
        "examples": [_difference(one) for one in found.examples],
    }


def _difference(found: Difference) -> dict[str, Any]:
    columns = {name: {"expected": expected, "found": there} for name, (expected, there) in found.columns.items()}
    return {
        "kind": found.kind, "key": dict(found.key), "columns": columns,
        "rows": {"expected": found.rows[0], "found": found.rows[1]},
    }  # fmt: skip


def _text(value: object) -> str | None:
    return None if value is None else str(value)
