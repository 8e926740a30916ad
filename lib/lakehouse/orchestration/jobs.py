"""One step of a domain as a process: what it is called and told, the same whatever runs it. Nothing of Airflow here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from lakehouse.contracts.environments import Environment
from lakehouse.contracts.lakes import Lake
from lakehouse.orchestration.actions import Action

STEPS = ("ingest", "refine", "aggregate", "maintain")
"""The steps in their order."""


def days_of_interval(start: datetime, end: datetime | None) -> tuple[date, date]:
    """The delivery days of a data interval, both ends included.

    A day belongs to the interval that starts on it; an interval of a week has seven.
    """
    return start.date(), max(start.date(), end.date() - timedelta(days=1)) if end else start.date()


@dataclass(frozen=True)
class StepRequest:
    """What a person, or the schedule, asked of a run."""

    run_id: str
    """Name of this attempt; see lakehouse.ledger.attempts."""
    environment: str
    """Name of the file in conf/environments."""
    first: str | None = None
    last: str | None = None
    """Delivery days as ISO dates, both ends included; None is open."""
    full_refresh: bool = False
    dry_run: bool = False
    strict: bool = False


@dataclass(frozen=True)
class Job:
    """One step of a domain as a process."""

    domain: str
    step: str
    """ingest, refine, aggregate or maintain, or the name of an action: retract, release, replay, verify."""
    run_id: str
    """Names the result; one per attempt."""
    lake: str
    """The lake's absolute folder or URI."""
    arguments: tuple[str, ...]
    """What the script gets."""
    spark: Mapping[str, str] = field(default_factory=dict)
    """Spark settings of the environment."""

    @property
    def script(self) -> str:
        """File name of the script, in jobs/ of the checkout and of the package."""
        return f"lakehouse_{self.step}.py"

    @property
    def result(self) -> str:
        """Where the step writes its result as JSON, whatever its exit code."""
        return f"{self.lake}/{self.domain}/results/{self.run_id}.json"

    @property
    def title(self) -> str:
        """Name for people."""
        return f"lakehouse {self.step} {self.domain}"


def step_job(domain: str, step: str, environment: Environment, request: StepRequest) -> Job:
    """The process of a step in an environment.

    Relative folders of the environment start where this process runs.
    """
    lake = Lake.at(environment.lake).root
    landing = Lake.at(environment.landing).root
    arguments = [domain]
    if request.first:
        arguments += ["--from", request.first]
    if request.last:
        arguments += ["--to", request.last]
    arguments += ["--lake", lake, "--landing", landing, "--env", request.environment]
    chosen = {"--full-refresh": request.full_refresh, "--dry-run": request.dry_run, "--strict": request.strict}
    arguments += [option for option, wanted in chosen.items() if wanted]
    arguments += ["--run-id", request.run_id]
    return Job(domain, step, request.run_id, lake, tuple(arguments), environment.settings())


def action_job(
    domain: str, action: Action, environment: Environment, name: str, run_id: str, asked: Mapping[str, object]
) -> Job:
    """The process that does what a person asked for with a form, in the environment of that name."""
    lake = Lake.at(environment.lake).root
    words = [*action.arguments(domain, asked), "--lake", lake, "--env", name, "--run-id", run_id]
    return Job(domain, action.name, run_id, lake, tuple(words), environment.settings())
