"""The commands that move data: run, ingest, refine, aggregate, maintain."""

from __future__ import annotations

import os
import socket
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from lakehouse.cli import options as o
from lakehouse.cli import results
from lakehouse.cli.logs import RunLog, both
from lakehouse.cli.screen import Progress, console, show_error, show_run
from lakehouse.contracts.domains import load_domain
from lakehouse.contracts.environments import load_environment
from lakehouse.contracts.lakes import Lake
from lakehouse.contracts.places import absolute
from lakehouse.errors import ExitCode, LakehouseError
from lakehouse.ledger.writer import check_writable
from lakehouse.steps.decisions import Decide, Ruling
from lakehouse.steps.order import STEPS, dry_run, new_run_id, run_steps
from lakehouse.steps.summary import RunSummary
from lakehouse.steps.workspace import Workspace


@dataclass(frozen=True)
class Request:
    """The arguments of a command that moves data."""

    domain: str
    steps: Sequence[str]
    first: str | None
    last: str | None
    lake: str | None
    landing: str | None
    environment: str | None
    full_refresh: bool
    dry_run: bool
    strict: bool
    result: Path | None
    run_id: str | None = None
    decide: Decide | None = None
    """What is decided before the steps are done."""
    only: frozenset[str] | None = None
    """Delivery ids that the run is limited to."""
    log_file: Path | None = None


def carry_out(request: Request) -> None:
    """Do what was asked for, show it, write the result, and end with the exit code that fits."""
    run_id = request.run_id or new_run_id()
    summary: dict[str, Any] = {"run_id": run_id, "domain": request.domain, "steps": list(request.steps)}
    places: list[str | Path] = []
    log = RunLog(run_id, request.domain)
    try:
        results.check_run_id(run_id)
        results.check_folder(request.result)
        places += [request.result] if request.result else []
        log.write_to(request.log_file)
        found = _run(request, run_id, places, log)
        show_run(found)
        log.finished(found)
        summary, code = found.as_json(), found.exit_code
    except LakehouseError as error:
        show_error(str(error))
        summary, code = summary | {"reason": str(error)}, int(error.exit_code)
        log.failed(error, code)
    except KeyboardInterrupt as interrupt:
        show_error("interrupted; the next run finishes what this one began")
        summary, code = summary | {"reason": "interrupted"}, int(ExitCode.FAILED)
        log.failed(interrupt, code)
    except Exception as error:
        _explain_failure(error, run_id)
        summary, code = summary | {"reason": _short(error)}, int(ExitCode.FAILED)
        log.failed(error, code)
    log.close()
    for place in places:
        results.write_result(place, summary | {"exit_code": code})
    raise typer.Exit(code)


def _run(request: Request, run_id: str, places: list[str | Path], log: RunLog) -> RunSummary:
    days = o.parse_days(request.first, request.last)
    environment = load_environment(request.environment)
    log.mask(environment.settings())
    lake = Lake.at(request.lake or environment.lake)
    if not request.dry_run:
        check_writable(lake)
    domain = load_domain(request.domain)
    landing = request.landing or environment.landing
    with Progress() as progress:
        work = Workspace(
            domain,
            environment,
            lake,
            absolute(landing),
            run_id,
            days,
            request.full_refresh,
            both(log.line, progress.line),
            only=request.only,
        )
        kept = results.result_place(lake, domain.name, run_id)
        if request.run_id:
            results.check_unused(work.ledger, run_id)
            # From here on the lake itself keeps the result: whoever named the run looks for it there.
            places.append(kept)
        if "ingest" in request.steps:
            o.check_landing(landing, request.domain)
        if not request.run_id and not request.dry_run:
            # Later than that of a named run: a misspelt landing zone must not leave a lake that is not there yet.
            places.append(kept)
        if not request.dry_run:
            log.keep_in(lake, domain.name)
        log.started(_asked(request, work))
        if request.dry_run:
            return dry_run(work, request.steps)
        done = run_steps(work, request.steps, request.strict, both(log.step, progress.step), _told(request.decide, log))
        if "maintain" in request.steps:
            done.notes += results.remove_old(lake, domain)
        return done


def _told(decide: Decide | None, log: RunLog) -> Decide | None:
    """The same decisions; what is recorded of them stands in the log."""
    if decide is None:
        return None

    def tell(work: Workspace) -> Ruling:
        ruling = decide(work)
        for one in ruling.decisions:
            log.line(f"{one.who} decided: {one.kind} {one.delivery_id}")
        return ruling

    return tell


def _asked(request: Request, work: Workspace) -> dict[str, Any]:
    return {
        "steps": list(request.steps),
        "lake": work.lake.root,
        "landing": work.landing,
        "from": work.days.first,
        "to": work.days.last,
        "full_refresh": request.full_refresh,
        "dry_run": request.dry_run,
        "host": socket.gethostname(),
        "process": os.getpid(),
    }


def _short(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else ''}"


def _explain_failure(error: Exception, run_id: str) -> None:
    show_error(f"{_short(error)}")
    out = console(stderr=True)
    out.print(f"  Nothing is lost: the same command finishes what run {run_id} began.", soft_wrap=True)
    out.print("  The whole story, for a bug report:", soft_wrap=True)
    out.print(traceback.format_exc(), soft_wrap=True, markup=False, style="dim")


def _command(steps: Sequence[str]) -> Any:
    def command(
        domain: o.DomainName,
        first: o.First = None,
        last: o.Last = None,
        lake: o.LakePlace = None,
        landing: o.LandingPlace = None,
        env: o.EnvironmentName = None,
        full_refresh: o.FullRefresh = False,
        dry_run: o.DryRun = False,
        strict: o.Strict = False,
        result: o.ResultFile = None,
        run_id: o.RunId = None,
        log_file: o.LogFile = None,
    ) -> None:
        choices = (first, last, lake, landing, env, full_refresh, dry_run, strict, result, run_id)
        carry_out(Request(domain, steps, *choices, log_file=log_file))

    return command


_HELP = {
    "run": "Bring a domain up to date: ingest, refine, aggregate, maintain, in one Spark session.",
    "ingest": "Take new and corrected deliveries into bronze, as delivered.",
    "refine": "Conform, check and publish what is in bronze to silver; bad rows go to quarantine.",
    "aggregate": "Compute the gold periods that changed.",
    "maintain": "Compact and sort files where it pays, and remove what no kept version needs. Shows a line per table: "
    "what is done and why, and its figures before and after; with --dry-run what would be done.",
}


def add_commands(app: typer.Typer) -> None:
    """Add a command per step, and one for all."""
    for name, text in _HELP.items():
        steps = STEPS if name == "run" else (name,)
        options = "--dry-run" if name == "maintain" else "--from 2025-01-01 --to 2025-01-31"
        example = f"Example: lakehouse {name} billing {options} --lake data/lake"
        app.command(name, help=f"{text}\n\n{example}")(_command(steps))
