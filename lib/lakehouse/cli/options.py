"""Options that several commands share."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from lakehouse.contracts.environments import load_environment
from lakehouse.contracts.lakes import Lake
from lakehouse.contracts.places import absolute
from lakehouse.errors import ConfigurationError
from lakehouse.landing.days import Days

DomainName = Annotated[str, typer.Argument(help="Domain, for example billing.", metavar="DOMAIN")]
First = Annotated[str | None, typer.Option("--from", metavar="YYYY-MM-DD", help="First delivery day, included.")]
Last = Annotated[str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="Last delivery day, included.")]
LakePlace = Annotated[str | None, typer.Option("--lake", help="Folder of the lake (else the environment's).")]
LandingPlace = Annotated[
    str | None, typer.Option("--landing", help="Folder where deliveries arrive (else the environment's).")
]
EnvironmentName = Annotated[
    str | None, typer.Option("--env", help="File in conf/environments (else LAKEHOUSE_ENV, else local).")
]
FullRefresh = Annotated[
    bool, typer.Option("--full-refresh", help="Make silver and gold anew from bronze, all deliveries judged again.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be read and touched; write nothing.")]
Strict = Annotated[bool, typer.Option("--strict", help="Exit 5 when deliveries are unreadable or missing.")]
ResultFile = Annotated[Path | None, typer.Option("--result", help="Write a JSON summary of the run to this file.")]
LogFile = Annotated[
    Path | None,
    typer.Option("--log-file", help="Add the run's log, a JSON object a line, to this file too (else LAKEHOUSE_LOG)."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
RunId = Annotated[
    str | None,
    typer.Option("--run-id", help="Name of the run (else made up): <lake>/<domain>/results/<run id>.json tells of it."),
]


def parse_days(first: str | None, last: str | None) -> Days:
    """The range of delivery days; raises ConfigurationError for a text that is no date or a range that ends early."""
    days = Days(
        None if first is None else parse_day("--from", first),
        None if last is None else parse_day("--to", last),
    )
    if days.first and days.last and days.first > days.last:
        raise ConfigurationError(f"--from {first} is after --to {last}. Example: --from 2025-01-01 --to 2025-01-31")
    return days


def parse_day(option: str, text: str) -> date:
    """A day; raises ConfigurationError, which names the option, for a text that is no date."""
    try:
        # What fromisoformat takes besides differs between Python's versions.
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError as error:
        raise ConfigurationError(f"{option}: '{text}' is not a date. Example: {option} 2025-01-31") from error


def check_landing(landing: str, domain: str) -> None:
    """Raise ConfigurationError for a landing zone that should be a folder and is none."""
    place = absolute(landing)
    if "://" not in place and not Path(place).is_dir():
        raise ConfigurationError(
            f"The landing zone '{landing}' is not a folder. Name it with --landing, or make a sample one: "
            f"lakehouse sample {domain} --out {landing}"
        )


def lake_of(place: str | None, environment: str | None) -> Lake:
    """The lake that is meant: the one named, else the environment's."""
    return Lake.at(place or load_environment(environment).lake)
