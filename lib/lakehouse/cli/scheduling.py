"""The command airflow: schedules, backfills and a page to trigger runs, on this machine."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from lakehouse.cli.screen import console
from lakehouse.contracts.domains import domain_names
from lakehouse.contracts.environments import DEFAULT, environment_name, load_environment
from lakehouse.contracts.places import absolute
from lakehouse.errors import LakehouseError
from lakehouse.samples import DOMAINS as SAMPLES

_OWN = "data/landing"
"""The landing zone of the checkout: that of the environment local as it comes."""

_HELP = """Start Airflow on this machine, with the DAG of every domain; Ctrl-C ends it and all that it started.

Only the page's port is open, on 127.0.0.1. The environment is that of LAKEHOUSE_ENV, else local.

Example: lakehouse airflow --port 8081 --home data/airflow"""


def add_command(app: typer.Typer) -> None:
    """Add the command."""
    app.command("airflow", help=_HELP)(_airflow)


def _airflow(
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port of the page and the API.")] = 8080,
    home: Annotated[
        Path, typer.Option("--home", envvar="AIRFLOW_HOME", help="Folder for Airflow's database, logs and password.")
    ] = Path("data/airflow"),
) -> None:
    from lakehouse.orchestration import server

    out = console()

    def say(text: str) -> None:
        out.print(text, soft_wrap=True, markup=False)

    site = server.Site(home.resolve(), port)
    server.check(site)
    make_samples()
    server.prepare(site, say)

    def ready() -> None:
        say(f"Airflow    {site.url}")
        say(f"User       {server.USER}")
        say(f"Password   {server.password(site)}")
        say("DAGs start paused: unpause one in the page, or 'Trigger' it with dates. Ctrl-C ends Airflow.")

    server.serve(site, say, ready)


def make_samples() -> None:
    """Sample deliveries for every domain of whom there are none, where there is a sample.

    They are made in the checkout's own landing zone alone: in one that somebody chose they would pass for deliveries.
    There it is only said what is missing.
    """
    landing = load_environment().landing
    if "://" in landing:
        return
    for domain in domain_names():
        if domain not in SAMPLES or Path(absolute(landing), domain).is_dir():
            continue
        if (environment_name(), landing) == (DEFAULT, _OWN):
            _make_sample(domain, landing)
        else:
            text = (
                f"No deliveries of {domain} in {landing}: put some there. "
                f"Samples are made in {_OWN} of the environment {DEFAULT} alone."
            )
            console().print(text, soft_wrap=True, markup=False)


def _make_sample(domain: str, landing: str) -> None:
    command = [str(Path(sys.executable).parent / "lakehouse"), "sample", domain, "--out", landing]
    console().print(f"No deliveries of {domain} in {landing}: generating a sample", soft_wrap=True)
    whole = False
    try:
        whole = subprocess.run(command, check=False).returncode == 0
    finally:
        # Half a sample would pass for a whole one next time.
        if not whole:
            shutil.rmtree(Path(landing) / domain, ignore_errors=True)
    if not whole:
        raise LakehouseError(
            f"No sample deliveries of {domain} could be made in {landing} (above: why). Put that right, or put "
            f"deliveries of your own into {landing}/{domain}, and give the same command again."
        )
