"""A backfill in a running Airflow, from its creation to its end.

Nothing of Airflow is imported: its REST interface is all that is used, so this works from any environment.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

from lakehouse.errors import ConfigurationError, LakehouseError, WriterBusyError
from lakehouse.orchestration.server import USER, Site, password

_PAUSE = 2.0
"""Seconds between two looks at a backfill."""
_TRIES = 10
"""How often a request is repeated when Airflow is too busy for it (SQLite: the database is locked)."""
_ENDED = {"success", "failed"}
_SCHEDULED = {"backfill", "scheduled"}
"""Kinds of runs that do the days of their interval. One by hand does what its form says, whatever its day."""


class BackfillError(LakehouseError):
    """Runs of a backfill failed, or Airflow refused it."""


class RefusedError(Exception):
    """Airflow's answer to a request that it did not carry out."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text

    @property
    def busy(self) -> bool:
        """Whether asking again may help: Airflow says both when SQLite lets only one write at a time."""
        locked = self.code == HTTPStatus.INTERNAL_SERVER_ERROR and "Database error" in self.text
        return locked or self.code == HTTPStatus.SERVICE_UNAVAILABLE


@dataclass(frozen=True)
class Airflow:
    """The REST interface of a running Airflow."""

    address: str
    token: str = ""

    def get(self, path: str, **query: object) -> Any:
        """What lies under a path; raises RefusedError."""
        return self._ask("GET", f"{path}?{urlencode(query)}" if query else path)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """What a path answers; raises RefusedError."""
        return self._ask("POST", path, body)

    def page(self, dag: str, run_id: str) -> str:
        """Address of a run for people."""
        return f"{self.address}/dags/{quote(dag)}/runs/{quote(run_id)}"

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        for attempt in range(1, _TRIES + 1):
            try:
                with urlopen(Request(self.address + path, data, headers, method=method), timeout=60) as answer:
                    return json.loads(answer.read())
            except HTTPError as error:
                refused = RefusedError(error.code, error.read().decode(errors="replace").strip())
                if not refused.busy or attempt == _TRIES:
                    raise refused from error
                time.sleep(min(_PAUSE, 0.1 * attempt))
        raise AssertionError("the last try returns or raises")


def connect(site: Site) -> Airflow:
    """The Airflow of a site; raises ConfigurationError when it is not there or does not run."""
    again = f"Start it in another terminal with: {_start_command(site)}"
    try:
        token = Airflow(site.url).post("/auth/token", {"username": USER, "password": password(site)})["access_token"]
    except FileNotFoundError as error:
        raise ConfigurationError(f"There is no Airflow in {site.home} yet. {again}") from error
    except RefusedError as error:
        raise ConfigurationError(
            f"Airflow at {site.url} does not take the password of {site.home} ({error.code}): it is another Airflow. "
            f"{again}"
        ) from error
    except (URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise ConfigurationError(f"No Airflow answers at {site.url} ({reason}). {again}") from error
    return Airflow(site.url, token)


def _start_command(site: Site) -> str:
    usual = site.port == 8080
    return "make airflow" if usual else f'make airflow ARGS="--port {site.port}"'


def run_backfill(airflow: Airflow, dag: str, first: date, last: date, say: Callable[[str], None]) -> None:
    """Create a backfill, wait until its runs have ended, and tell how it goes.

    Raises BackfillError when a run failed or a day got none, ConfigurationError when the DAG is not there or paused,
    WriterBusyError when another backfill of the DAG is running.
    """
    _check_dag(airflow, dag)
    number = _create(airflow, dag, first, last)
    told = ""
    while True:
        done = airflow.get(f"/api/v2/backfills/{number}")["completed_at"] is not None
        runs = _runs(airflow, dag, first, last)
        line = _progress(runs, first, last)
        if line != told:
            say(f"{dag} {line}")
            told = line
        # A day whose run is at work already is left to that run, which may end after the backfill.
        if done and all(run["state"] in _ENDED for run in runs.values()):
            break
        time.sleep(_PAUSE)
    _check_runs(airflow, dag, runs, first, last)


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
