"""A backfill in a running Airflow, from its creation to its end.

Nothing of Airflow is imported: its REST interface is all that is used, so this works from any environment.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from lakehouse.errors import ConfigurationError, LakehouseError, WriterBusyError
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


def run_backfill(airflow: Airflow, dag: str, first: date, last: date, say: Callable[[str], None]) -> None:
    """Create a backfill, wait until its runs have ended, and tell how it goes.

    Raises BackfillError when a run failed, a day got none or Airflow goes away, ConfigurationError when the DAG is not
    there or paused, WriterBusyError when another backfill of the DAG is running.
    """
    try:
        _check_dag(airflow, dag)
        number = _create(airflow, dag, first, last)
    except (RefusedError, *AWAY) as error:
        raise BackfillError(
            f"Airflow at {airflow.address} did not answer whether it began the backfill of {dag} ({reason(error)}). "
            "Run the command again: it waits for a backfill that began."
        ) from error
    told = ""
    while True:
        done, runs = _look(airflow, dag, number, first, last)
        line = _progress(runs, first, last)
        if line != told:
            say(f"{dag} {line}")
            told = line
        # A day whose run is at work already is left to that run, which may end after the backfill.
        if done and all(run["state"] in _ENDED for run in runs.values()):
            break
        time.sleep(_PAUSE)
    _check_runs(airflow, dag, runs, first, last)


def _look(airflow: Airflow, dag: str, number: int, first: date, last: date) -> tuple[bool, dict[date, Any]]:
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


def _check_dag(airflow: Airflow, dag: str) -> None:
    try:
        paused = airflow.get(f"/api/v2/dags/{quote(dag)}")["is_paused"]
    except RefusedError as error:
        if error.code != HTTPStatus.NOT_FOUND:
            raise
        raise ConfigurationError(
            f"Airflow at {airflow.address} has no DAG '{dag}'. A file dags/{dag}.py makes it; why it could not be "
            f"read stands at {airflow.address}/dags, under import errors."
        ) from error
    if paused:
        raise ConfigurationError(
            f"The DAG '{dag}' is paused: the runs of a backfill would wait for ever. Unpause it at "
            f"{airflow.address}/dags/{quote(dag)}, then run the command again."
        )


def _create(airflow: Airflow, dag: str, first: date, last: date) -> int:
    wanted = {"from_date": f"{first}T00:00:00Z", "to_date": f"{last}T00:00:00Z"}
    try:
        found = airflow.post("/api/v2/backfills", {"dag_id": dag, **wanted, "reprocess_behavior": "completed"})
    except RefusedError as error:
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
    same = [b for b in running if (_day(b["from_date"]), _day(b["to_date"])) == (first, last)]
    return same[0] if same else None


def _day(text: str) -> date:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).date()


def _runs(airflow: Airflow, dag: str, first: date, last: date) -> dict[date, Any]:
    """The runs of the days, of backfills and of the schedule: a backfill leaves a day alone whose run is at work."""
    found: dict[date, Any] = {}
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
        found |= {_day(run["logical_date"]): run for run in page["dag_runs"] if run["run_type"] in _SCHEDULED}
        if not page["dag_runs"] or read >= page["total_entries"]:
            return found


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _progress(runs: Mapping[date, Any], first: date, last: date) -> str:
    days = _days(first, last)
    states = Counter(run["state"] for run in runs.values())
    ended = sum(states[state] for state in _ENDED)
    counts = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    span = str(first) if first == last else f"{first} to {last}"
    return f"{span}: {ended} of {len(days)} days done ({counts or 'no run yet'})"


def _check_runs(airflow: Airflow, dag: str, runs: Mapping[date, Any], first: date, last: date) -> None:
    bad = []
    for day in _days(first, last):
        run = runs.get(day)
        if run is None:
            bad.append(f"  {day}: Airflow made no run; is the day over, and has the DAG an interval that starts on it?")
        elif run["state"] != "success":
            bad.append(f"  {day}: {run['state']}, see {airflow.page(dag, run['dag_run_id'])}")
    if bad:
        raise BackfillError(
            f"{len(bad)} of {len(_days(first, last))} days of {dag} did not end well:\n" + "\n".join(bad)
        )
