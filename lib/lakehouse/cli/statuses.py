"""The command that tells what is going on: status."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any

import typer

from lakehouse.cli import options as o
from lakehouse.cli.status_screen import show_status
from lakehouse.contracts.domains import domain_names, load_domain
from lakehouse.contracts.environments import load_environment
from lakehouse.contracts.lakes import Lake
from lakehouse.errors import ConfigurationError
from lakehouse.steps.attention import attention
from lakehouse.steps.open_rows import QuarantineCounts
from lakehouse.steps.order import new_run_id
from lakehouse.steps.status import DomainStatus, domain_status
from lakehouse.steps.workspace import Workspace


def add_command(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="status",
        help="Tell what is going on: runs, freshness, gaps, troubled deliveries, gates, quarantine, drift, "
        "waiting work, and who writes; no Spark.\n\n"
        "Example: lakehouse status billing --days 7",
    )(_status)


def _status(
    domain: Annotated[str | None, typer.Argument(metavar="[DOMAIN]", help="Domain (else all).")] = None,
    lake: o.LakePlace = None,
    env: o.EnvironmentName = None,
    days: Annotated[int, typer.Option("--days", min=1, help="Tell of runs, gates and drift of so many days.")] = 30,
    as_json: o.AsJson = False,
) -> None:
    """Show the status of one domain or of all."""
    environment = load_environment(env)
    place = Lake.at(lake or environment.lake)
    now = datetime.now(timezone.utc)
    found = [
        domain_status(Workspace(load_domain(name), environment, place, "", new_run_id(), reads_only=True), now, days)
        for name in _present(place, domain)
    ]
    if as_json:
        statuses = [as_object(status) for status in found]
        typer.echo(json.dumps({"lake": place.root, "at": _time(now), "days": days, "domains": statuses}, indent=2))
    else:
        show_status(place, found, days)


def _present(lake: Lake, domain: str | None) -> list[str]:
    """The domains that are meant and that the lake has a ledger of.

    Raises ConfigurationError for an unknown domain, and when there is nothing to tell of.
    """
    names = domain_names()
    if domain is not None:
        names = [load_domain(domain).name]
    present = [name for name in names if not lake.local or Path(lake.domain(name), "ledger").is_dir()]
    if present:
        return present
    if lake.local and not Path(lake.root).is_dir():
        what = f"There is no lake at {lake.root}."
    else:
        what = f"The lake {lake.root} holds nothing of {' or '.join(repr(name) for name in names) or 'any domain'}."
    example = f"lakehouse run {names[0] if names else 'DOMAIN'} --lake {lake.root} --landing ..."
    raise ConfigurationError(f"{what} Run '{example}' first, or name another folder with --lake.")


# --- For programs ---


def as_object(found: DomainStatus) -> dict[str, Any]:
    """The status as plain data."""
    return {
        "domain": found.domain,
        "at": _time(found.at),
        "since": _time(found.since),
        "attention": attention(found),
        "writer": asdict(found.writer) if found.writer else None,
        "runs": [_plain({**asdict(run), "seconds": run.seconds}) for run in found.runs],
        "tables": [_plain(asdict(table) | {"table": str(table.table)}) for table in found.tables],
        "deliveries": dict(found.deliveries),
        "troubled": [_plain(asdict(one)) for one in found.troubled],
        "gaps": [{"source": g.source, "from": str(g.first), "to": str(g.last), "days": g.days} for g in found.gaps],
        "verdicts": {
            "run_id": found.verdicts.run_id,
            "failed": [asdict(one) for one in found.verdicts.failed],
            "gates": [asdict(one) for one in found.verdicts.gates],
        },
        "quarantine": [_quarantine(one) for one in found.quarantine],
        "drift": {
            "columns": [_plain(asdict(one)) for one in found.drift.columns],
            "changes": [_plain(asdict(one)) for one in found.drift.changes],
        },
        "waiting": [asdict(one) for one in found.waiting],
    }


def _quarantine(found: QuarantineCounts) -> dict[str, Any]:
    return {
        "table": str(found.table),
        "rows": dict(found.rows),
        "rules": [{"rule": rule, **counts} for rule, counts in found.rules.items()],
        "days": [{"day": _day(day), **counts} for day, counts in found.days.items()],
        "rules_by_day": [{"rule": rule, "day": _day(day), **c} for (rule, day), c in found.cells.items()],
    }


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    """Days and times as texts, tuples as lists."""
    return {name: _value(value) for name, value in fields.items()}


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return _time(value)
    if isinstance(value, tuple):
        return [_value(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _time(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds")


def _day(day: object) -> str | None:
    return None if day is None else str(day)
