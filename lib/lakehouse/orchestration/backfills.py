"""A backfill in a running Airflow, from its creation to its end.

Nothing of Airflow is imported: its REST interface is all that is used, so this works from any environment.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from lakehouse.errors import ConfigurationError, LakehouseError, WriterBusyError
from lakehouse.landing.days import ranges_of, span
from lakehouse.orchestration.jobs import days_of_interval
from lakehouse.orchestration.rest import AWAY, Airflow, RefusedError, reason

_PAUSE = 2.0
"""Seconds between two looks at a backfill."""
_PATIENCE = 300.0
"""Seconds for which an Airflow that does not answer is asked again: it takes three minutes to start."""
_ENDED = {"success", "failed"}
_SCHEDULED = {"backfill", "scheduled"}
"""Kinds of runs that do the days of their interval. One by hand does what its form says, whatever its day."""


class BackfillError(LakehouseError):
    """Runs of a backfill failed, or Airflow refused it or went away."""


@dataclass(frozen=True)
class _Schedule:
    """When a DAG runs."""

    text: str
    open_from: date | None
    """First day of the interval that is not over yet; None when that is not known."""


def run_backfill(airflow: Airflow, dag: str, first: date, last: date, say: Callable[[str], None]) -> str:
    """Create a backfill, wait until its runs have ended, and tell how it goes; how it ended, in words.

    Raises BackfillError when a run failed, a day got none or Airflow goes away, ConfigurationError when the DAG is not
    there or paused, WriterBusyError when another backfill of the DAG is running.
    """
    try:
        schedule = _schedule(airflow, dag)
        number = _create(airflow, dag, first, last)
    except (RefusedError, *AWAY) as error:
        raise BackfillError(
            f"Airflow at {airflow.address} did not answer whether it began the backfill of {dag} ({reason(error)}). "
            "Run the command again: it waits for a backfill that began."
        ) from error
    runs = [] if number is None else _wait(airflow, dag, number, (first, last), say)
    return _judged(airflow, dag, schedule, runs, _days(first, last))


def _wait(
    airflow: Airflow, dag: str, number: int, days: tuple[date, date], say: Callable[[str], None]
) -> Sequence[Any]:
    told = ""
    while True:
        done, runs = _look(airflow, dag, number, *days)
        line = f"{span(*days)}: {_progress(runs, _days(*days))}"
        if line != told:
            say(f"{dag} {line}")
            told = line
        # A day whose run is at work already is left to that run, which may end after the backfill.
        if done and _ended(runs):
            return runs
        time.sleep(_PAUSE)


def _look(airflow: Airflow, dag: str, number: int, first: date, last: date) -> tuple[bool, list[Any]]:
    """Whether a backfill has ended, and how its runs do; an Airflow that is away for a while is asked again."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            done = airflow.get(f"/api/v2/backfills/{number}")["completed_at"] is not None
            return done, _runs(airflow, dag, first, last)
        except (RefusedError, *AWAY) as error:
            # What is wrong with the question, it will be wrong with the next one too.
            final = isinstance(error, RefusedError) and error.code < HTTPStatus.INTERNAL_SERVER_ERROR
            if final or time.monotonic() >= until:
                raise BackfillError(
                    f"Airflow at {airflow.address} does not tell any more how the runs of {dag} do ({reason(error)}). "
                    "The backfill goes on in Airflow; run the command again to wait for its end."
                ) from error
        time.sleep(_PAUSE)


def _schedule(airflow: Airflow, dag: str) -> _Schedule:
    """The schedule of a DAG that is there and not paused; raises ConfigurationError for another."""
    try:
        facts = airflow.get(f"/api/v2/dags/{quote(dag)}")
    except RefusedError as error:
        if error.code != HTTPStatus.NOT_FOUND:
            raise
        raise ConfigurationError(
            f"Airflow at {airflow.address} has no DAG '{dag}'. A file dags/{dag}.py makes it; why it could not be "
            f"read stands at {airflow.address}/dags, under import errors."
        ) from error
    if facts["is_paused"]:
        raise ConfigurationError(
            f"The DAG '{dag}' is paused: the runs of a backfill would wait for ever. Unpause it at "
            f"{airflow.address}/dags/{quote(dag)}, then run the command again."
        )
    # The scheduler waits for the end of this interval; one that is over has had no turn yet.
    start, end = facts["next_dagrun_data_interval_start"], facts["next_dagrun_data_interval_end"]
    still_open = start and end and _moment(end) > datetime.now(timezone.utc)
    return _Schedule(str(facts["timetable_summary"]), _moment(start).date() if still_open else None)


def _create(airflow: Airflow, dag: str, first: date, last: date) -> int | None:
    """The number of a backfill; None when Airflow has nothing to run in these days."""
    wanted = {"from_date": f"{first}T00:00:00Z", "to_date": f"{last}T00:00:00Z"}
    try:
        found = airflow.post("/api/v2/backfills", {"dag_id": dag, **wanted, "reprocess_behavior": "completed"})
    except RefusedError as error:
        if error.code == HTTPStatus.UNPROCESSABLE_ENTITY and "No runs to create" in error.text:
            return None
        if error.code != HTTPStatus.CONFLICT:
            raise BackfillError(f"Airflow refused the backfill of {dag} ({error})") from error
        found = _same(airflow, dag, first, last)
        if found is None:
            raise WriterBusyError(
                f"Another backfill of {dag} is running, and Airflow takes one at a time. Wait until it has ended "
                f"({airflow.address}/dags/{quote(dag)}/backfills), then run the command again."
            ) from error
    return int(found["id"])


def _same(airflow: Airflow, dag: str, first: date, last: date) -> Any:
    """The running backfill of the same days: asked for before, or by the try that Airflow seemed too busy for."""
    found = airflow.get("/api/v2/backfills", dag_id=dag, order_by="-id", limit=1)["backfills"]
    running = [b for b in found if b["completed_at"] is None]
    same = [b for b in running if [_moment(b[name]).date() for name in ("from_date", "to_date")] == [first, last]]
    return same[0] if same else None


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _runs(airflow: Airflow, dag: str, first: date, last: date) -> list[Any]:
    """The runs of the days, of backfills and of the schedule: a backfill leaves a day alone whose run is at work."""
    found: list[Any] = []
    read = 0
    while True:
        page = airflow.get(
            f"/api/v2/dags/{quote(dag)}/dagRuns",
            logical_date_gte=f"{first}T00:00:00Z",
            logical_date_lte=f"{last}T23:59:59Z",
            order_by="logical_date",
            limit=100,
            offset=read,
        )
        read += len(page["dag_runs"])
        found += [run for run in page["dag_runs"] if run["run_type"] in _SCHEDULED]
        if not page["dag_runs"] or read >= page["total_entries"]:
            return found


def _ended(runs: Iterable[Any]) -> bool:
    return all(run["state"] in _ENDED for run in runs)


# --- Days ---


def _spans(days: Iterable[date]) -> str:
    return ", ".join(span(*range_) for range_ in ranges_of(days))


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _days_of(run: Mapping[str, Any]) -> tuple[date, date]:
    start, end = run["data_interval_start"] or run["logical_date"], run["data_interval_end"]
    return days_of_interval(_moment(start), _moment(end) if end else None)


def _by_day(runs: Iterable[Any], days: Iterable[date]) -> dict[date, list[Any]]:
    """Each day with the runs that do it: the run of a week does seven."""
    found: dict[date, list[Any]] = {day: [] for day in days}
    for run in runs:
        for day in _days(*_days_of(run)):
            if day in found:
                found[day].append(run)
    return found


def _progress(runs: Sequence[Any], days: Sequence[date]) -> str:
    states = Counter(run["state"] for run in runs)
    done = sum(1 for mine in _by_day(runs, days).values() if mine and _ended(mine))
    counts = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    return f"{done} of {len(days)} days done ({counts or 'no run yet'})"


def _judged(airflow: Airflow, dag: str, schedule: _Schedule, runs: Sequence[Any], days: Sequence[date]) -> str:
    """How a backfill ended, in words; raises BackfillError when a run failed, or days that are over have none."""
    by_day = _by_day(runs, days)
    idle = [day for day, mine in by_day.items() if not mine]
    early = [day for day in idle if schedule.open_from and day >= schedule.open_from]
    failed = [run for run in runs if run["state"] != "success"]
    lines = [f"  {span(*_days_of(run))}: {run['state']}, see {airflow.page(dag, run['dag_run_id'])}" for run in failed]
    if missed := [day for day in idle if day not in early]:
        lines.append(
            f"  {_spans(missed)}: Airflow made no run. It makes one for each interval of the schedule "
            f"({schedule.text}) that begins in the range: begin it with the first day of an interval."
        )
    if lines:
        bad = len(missed) + sum(1 for mine in by_day.values() if any(run in failed for run in mine))
        raise BackfillError(f"{bad} of {len(days)} days of {dag} did not end well:\n" + "\n".join(lines))
    told = ["all runs ended well"] if runs else []
    if early:
        told.append(f"Airflow runs {_spans(early)} when that interval of the schedule ({schedule.text}) is over")
    return "; ".join(told)
