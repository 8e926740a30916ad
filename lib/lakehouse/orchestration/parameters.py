"""What a run is asked for: the form, the check of what was filled in, the days, and a step's request made of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from airflow.sdk import BaseOperator, Param

from lakehouse.contracts.domains import DomainFacts
from lakehouse.contracts.environments import environment_name, load_environment
from lakehouse.contracts.schedules import ON_MISSING
from lakehouse.ledger.attempts import attempt_id
from lakehouse.orchestration.actions import ACTIONS, Action, day, unknown
from lakehouse.orchestration.jobs import Job, StepRequest, action_job, days_of_interval, step_job
from lakehouse.orchestration.results import Context, StepMisconfiguredError

_EXAMPLE = '{"first_day": "2025-01-01", "last_day": "2025-01-31"}'
_SWITCH = ["null", "boolean"]
"""The page marks what may not be null as something that has to be filled in."""


def form(facts: DomainFacts) -> dict[str, Param]:
    """The parameters of a domain's runs, as the form shows them."""
    return {
        "first_day": Param(
            None,
            type=["null", "string"],
            format="date",
            title="First delivery day",
            description="Included. Without days: those of the data interval. Clear the logical date, and there is no "
            "interval: then all that is pending is taken.",
        ),
        "last_day": Param(
            None, type=["null", "string"], format="date", title="Last delivery day", description="Included."
        ),
        "on_missing": Param(
            facts.arrival.on_missing,
            type="string",
            enum=list(ON_MISSING),
            title="When a day has no delivery",
            description="wait for it, skip the whole run, or go_on with what is there.",
        ),
        "full_refresh": Param(
            False,
            type=_SWITCH,
            title="Full refresh",
            description="Judge all deliveries again and make silver and gold anew from bronze.",
        ),
        "dry_run": Param(
            False,
            type=_SWITCH,
            title="Dry run",
            description="Say in the logs what would be read and touched; write nothing.",
        ),
        "strict": Param(
            False,
            type=_SWITCH,
            title="Strict",
            description="Fail when deliveries are unreadable or missing.",
        ),
    }


def check(conf: Mapping[str, Any], params: Mapping[str, Any]) -> None:
    """Raise StepMisconfiguredError for a parameter that nobody knows, or days that are none or in the wrong order.

    The scheduler checks types and choices against the form itself, but takes keys that are not in it.
    """
    problems = unknown(_NAMES, conf, _EXAMPLE)
    if not problems:
        first, last = _day("first_day", params), _day("last_day", params)
        if first and last and first > last:
            problems.append(f"first_day {first} is after last_day {last}. Example: {_EXAMPLE}")
    if problems:
        raise StepMisconfiguredError("\n".join(problems))


_NAMES = ("first_day", "last_day", "on_missing", "full_refresh", "dry_run", "strict")


def _day(name: str, params: Mapping[str, Any]) -> date | None:
    try:
        return day(name, params, f"Example: {_EXAMPLE}")
    except ValueError as error:
        raise StepMisconfiguredError(str(error)) from error


def days_of(context: Context) -> tuple[date | None, date | None]:
    """The delivery days of a run, both ends included: those asked for, else those of its data interval, else none."""
    params = context.get("params") or {}
    first, last = _day("first_day", params), _day("last_day", params)
    if first or last:
        return first, last
    run = context["dag_run"]
    if run.data_interval_start is None:
        return None, None
    return days_of_interval(run.data_interval_start, run.data_interval_end)


def asked_of(context: Context, action: Action) -> dict[str, Any]:
    """What was filled into the form of an action, texts without space around them; who decides, as far as is known."""
    params = context.get("params") or {}
    found = {name: params.get(name) for name in action.fields}
    asked = {name: value.strip() if isinstance(value, str) else value for name, value in found.items()}
    if "who" in asked:
        asked["who"] = asked["who"] or context["dag_run"].triggering_user_name
    return asked


def job_of(context: Context, domain: str, step: str, waits: int = 0) -> Job:
    """The process of a step, or of an action, for this attempt of this run, which has waited for its turn so often."""
    ti, name = context["ti"], environment_name()
    environment = load_environment(name)
    attempt = f"{ti.try_number}.{waits}" if waits else str(ti.try_number)
    run_id = attempt_id(ti.dag_id, ti.run_id, step, attempt, str(ti.id))
    if action := ACTIONS.get(step):
        return action_job(domain, action, environment, name, run_id, asked_of(context, action))
    first, last = days_of(context)
    params = context.get("params") or {}
    request = StepRequest(
        run_id=run_id,
        environment=name,
        first=str(first) if first else None,
        last=str(last) if last else None,
        full_refresh=bool(params.get("full_refresh")),
        dry_run=bool(params.get("dry_run")),
        strict=bool(params.get("strict")),
    )
    return step_job(domain, step, environment, request)


class CheckParameters(BaseOperator):
    """Refuses what the form does not know, before anything is waited for or written."""

    ui_color = "#f4f4f4"

    def execute(self, context: Any) -> dict[str, Any]:
        """Check; the days of the run go to the log and to XCom."""
        params = dict(context["params"])
        check(context["dag_run"].conf or {}, params)
        first, last = days_of(context)
        if first or last:
            self.log.info("Delivery days from %s to %s", first or "the first one", last or "the last one")
        else:
            self.log.info("No days: everything that is pending is taken")
        chosen = {name: value for name, value in params.items() if value}
        self.log.info("Parameters: %s", chosen)
        return {"first_day": first and str(first), "last_day": last and str(last)}
