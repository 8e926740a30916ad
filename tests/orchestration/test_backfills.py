"""Backfills in an Airflow that a small HTTP server plays: it answers as Airflow 3.3.2 does."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from lakehouse.errors import ConfigurationError, WriterBusyError
from lakehouse.orchestration import backfills, rest
from lakehouse.orchestration.backfills import BackfillError, run_backfill
from lakehouse.orchestration.rest import Airflow, connect
from lakehouse.orchestration.server import Site

FIRST, LAST = date(2025, 1, 3), date(2025, 1, 5)
DAG = "billing_daily"


class Scheduler(ThreadingHTTPServer):
    """What Airflow knows. Each look at the runs brings them to their next states."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.paused = False
        self.busy = 0
        """Requests that are answered with 503."""
        self.deaf = 0
        """Requests whose connection is cut."""
        self.token = "t"
        self.backfills: list[dict[str, Any]] = []
        self.states: dict[str, list[str]] = {}
        """By day: the states that a run takes one after the other."""
        self.by_hand: dict[str, str] = {}
        """By moment: the states of runs that people started."""
        self.asked: list[str] = []
        self.length = 1
        """Days of an interval of the schedule."""
        self.open: tuple[str | None, str | None] = (None, None)
        """The interval that the schedule waits for."""
        self.looks = 0
        """How often the runs were asked for."""

    def runs(self) -> list[dict[str, Any]]:
        """In the order of their moments."""
        made = [self._run("backfill", f"{day}T00:00:00Z", states[0]) for day, states in self.states.items()]
        made += [self._run("manual", moment, state) for moment, state in self.by_hand.items()]
        return sorted(made, key=lambda run: str(run["logical_date"]))

    def advance(self, seen: list[dict[str, Any]]) -> None:
        """Bring runs that were looked at to their next states."""
        for run in seen:
            states = self.states.get(run["logical_date"][:10], [])
            if run["run_type"] == "backfill" and len(states) > 1:
                states.pop(0)

    def ended(self) -> bool:
        return all(states[0] in {"success", "failed"} for states in self.states.values())

    def _run(self, kind: str, moment: str, state: str) -> dict[str, Any]:
        run_id = f"backfill__{moment[:10]}" if kind == "backfill" else f"{kind}__{moment}"
        end = f"{date.fromisoformat(moment[:10]) + timedelta(days=self.length)}T00:00:00Z"
        return {
            "dag_run_id": run_id, "run_type": kind, "logical_date": moment, "state": state,
            "data_interval_start": moment, "data_interval_end": end,
        }  # fmt: skip


class Answers(BaseHTTPRequestHandler):
    server: Scheduler

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/auth/token":
            right = body == {"username": "admin", "password": "secret"}
            return self._say(201 if right else 401, {"access_token": self.server.token})
        self.server.asked.append(f"POST {self.path}")
        if self._busy():
            return None
        if any(found["completed_at"] is None for found in self.server.backfills):
            return self._say(409, {"detail": "There is already a running backfill for Dag billing_daily"})
        if body["dag_id"] == "unfit_daily":
            return self._say(422, {"detail": "unfit"})
        if not any(body["from_date"][:10] <= day <= body["to_date"][:10] for day in self.server.states):
            return self._say(422, {"detail": "No runs to create for Dag billing_daily in the range [...]"})
        self.server.backfills.append({"id": len(self.server.backfills) + 1, "completed_at": None, **body})
        return self._say(200, self.server.backfills[-1])

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        if self.headers["Authorization"] != f"Bearer {self.server.token}":
            return self._say(401, {"detail": "Invalid JWT token"})
        if self._busy() or self._cut():
            return None
        match path.strip("/").split("/")[2:]:
            case ["dags", dag, "dagRuns"]:
                return self._runs(dag, query)
            case ["dags", "gone_daily"]:
                return self._say(404, {"detail": "not found"})
            case ["dags", _]:
                start, end = self.server.open
                return self._say(200, {
                    "is_paused": self.server.paused, "timetable_summary": "0 0 * * 1",
                    "next_dagrun_data_interval_start": start, "next_dagrun_data_interval_end": end,
                })  # fmt: skip
            case ["backfills"]:
                assert query["order_by"] == ["-id"]
                return self._say(200, {"backfills": self.server.backfills[::-1][:1]})
            case ["backfills", number]:
                found = self.server.backfills[int(number) - 1]
                if self.server.ended():
                    found["completed_at"] = "2025-02-01T00:00:00Z"
                return self._say(200, found)
        raise AssertionError(self.path)

    def _busy(self) -> bool:
        if self.server.busy:
            self.server.busy -= 1
            answers = {0: (503, "Database is locked."), 1: (500, {"reason": "Database error"})}
            code, detail = answers[self.server.busy % 2]
            self._say(code, {"detail": detail})
            return True
        return False

    def _cut(self) -> bool:
        if not self.server.deaf:
            return False
        self.server.deaf -= 1
        self.close_connection = True
        return True

    def _runs(self, dag: str, query: dict[str, list[str]]) -> None:
        # A command that asks for ever must not hang the test.
        self.server.looks += 1
        assert self.server.looks < 100
        first, last = query["logical_date_gte"][0][:10], query["logical_date_lte"][0][:10]
        runs = [run for run in self.server.runs() if first <= run["logical_date"][:10] <= last]
        offset, limit = int(query["offset"][0]), min(2, int(query["limit"][0]))
        page = runs[offset : offset + limit]
        self.server.advance(page)
        self._say(200, {"dag_runs": page, "total_entries": len(runs)})

    def _say(self, code: int, body: object) -> None:
        self.send_response(code)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def scheduler(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scheduler]:
    monkeypatch.setattr(backfills, "_PAUSE", 0.01)
    monkeypatch.setattr(rest, "_LONGEST_PAUSE", 0.01)
    with Scheduler() as found:
        threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield found
        found.shutdown()


@pytest.fixture
def site(scheduler: Scheduler, tmp_path: Path) -> Site:
    found = Site(tmp_path, scheduler.server_address[1])
    found.password_file.write_text('{"admin": "secret"}')
    return found


@pytest.fixture
def airflow(site: Site) -> Airflow:
    return connect(site)


def told(airflow: Airflow, first: date = FIRST, last: date = LAST) -> list[str]:
    lines: list[str] = []
    run_backfill(airflow, DAG, first, last, lines.append)
    return lines


def test_a_backfill_is_waited_for(scheduler: Scheduler, airflow: Airflow) -> None:
    scheduler.states = {
        "2025-01-03": ["queued", "running", "success"],
        "2025-01-04": ["queued", "queued", "running", "success"],
        "2025-01-05": ["queued", "success"],
    }
    assert told(airflow) == [
        "billing_daily 2025-01-03 to 2025-01-05: 0 of 3 days done (3 queued)",
        "billing_daily 2025-01-03 to 2025-01-05: 1 of 3 days done (1 queued, 1 running, 1 success)",
        "billing_daily 2025-01-03 to 2025-01-05: 2 of 3 days done (1 running, 2 success)",
        "billing_daily 2025-01-03 to 2025-01-05: 3 of 3 days done (3 success)",
    ]
    (asked,) = scheduler.backfills
    assert {name: asked[name] for name in ("dag_id", "from_date", "to_date", "reprocess_behavior")} == {
        "dag_id": DAG, "from_date": "2025-01-03T00:00:00Z", "to_date": "2025-01-05T00:00:00Z",
        "reprocess_behavior": "completed",
    }  # fmt: skip


def test_runs_that_failed_are_named(scheduler: Scheduler, airflow: Airflow) -> None:
    scheduler.states = {"2025-01-03": ["success"], "2025-01-04": ["running", "failed"]}
    with pytest.raises(BackfillError) as error:
        told(airflow)
    assert str(error.value) == (
        "2 of 3 days of billing_daily did not end well:\n"
        f"  2025-01-04: failed, see {airflow.address}/dags/billing_daily/runs/backfill__2025-01-04\n"
        "  2025-01-05: Airflow made no run. It makes one for each interval of the schedule (0 0 * * 1) that begins in "
        "the range: begin it with the first day of an interval."
    )


# --- Intervals


MONDAY, SUNDAY = date(2025, 1, 6), date(2025, 1, 12)


def test_one_run_does_all_days_of_its_interval(scheduler: Scheduler, airflow: Airflow) -> None:
    scheduler.length, scheduler.states = 7, {"2025-01-06": ["running", "success"]}
    lines: list[str] = []
    assert run_backfill(airflow, DAG, MONDAY, SUNDAY, lines.append) == "all runs ended well"
    assert lines == [
        "billing_daily 2025-01-06 to 2025-01-12: 0 of 7 days done (1 running)",
        "billing_daily 2025-01-06 to 2025-01-12: 7 of 7 days done (1 success)",
    ]
    scheduler.states = {"2025-01-06": ["failed"]}
    with pytest.raises(BackfillError) as error:
        told(airflow, MONDAY, SUNDAY)
    assert str(error.value) == (
        "7 of 7 days of billing_daily did not end well:\n"
        f"  2025-01-06 to 2025-01-12: failed, see {airflow.address}/dags/billing_daily/runs/backfill__2025-01-06"
    )


def test_days_of_an_interval_that_is_not_over_wait(scheduler: Scheduler, airflow: Airflow) -> None:
    scheduler.length, scheduler.states = 7, {"2025-01-06": ["success"]}
    scheduler.open = ("2025-01-13T00:00:00Z", "2999-01-20T00:00:00Z")
    early = "Airflow runs 2025-01-13 to 2025-01-15 when that interval of the schedule (0 0 * * 1) is over"
    ending = run_backfill(airflow, DAG, MONDAY, date(2025, 1, 15), lambda line: None)
    assert ending == f"all runs ended well; {early}"
    assert run_backfill(airflow, DAG, date(2025, 1, 13), date(2025, 1, 15), lambda line: None) == early
    assert len(scheduler.backfills) == 1


def test_days_of_which_no_interval_begins_in_the_range(scheduler: Scheduler, airflow: Airflow) -> None:
    scheduler.length, scheduler.states = 7, {"2025-01-06": ["success"]}
    # The schedule has had no turn yet: this interval is over.
    scheduler.open = ("2025-01-06T00:00:00Z", "2025-01-13T00:00:00Z")
    with pytest.raises(BackfillError) as error:
        told(airflow, date(2025, 1, 8), date(2025, 1, 10))
    assert str(error.value) == (
        "3 of 3 days of billing_daily did not end well:\n"
        "  2025-01-08 to 2025-01-10: Airflow made no run. It makes one for each interval of the schedule (0 0 * * 1) "
        "that begins in the range: begin it with the first day of an interval."
    )
    assert scheduler.backfills == []


# --- What stands in the way


def test_runs_by_hand_on_the_same_day_are_none_of_the_backfill(scheduler: Scheduler, airflow: Airflow) -> None:
    scheduler.states = {"2025-01-03": ["queued", "success"], "2025-01-04": ["success"], "2025-01-05": ["success"]}
    scheduler.by_hand = {
        "2025-01-03T09:30:00Z": "failed", "2025-01-03T10:30:00Z": "running", "2025-01-05T23:00:00Z": "failed",
    }  # fmt: skip
    assert told(airflow, FIRST, FIRST) == [
        "billing_daily 2025-01-03: 0 of 1 days done (1 queued)",
        "billing_daily 2025-01-03: 1 of 1 days done (1 success)",
    ]
    assert told(airflow) == ["billing_daily 2025-01-03 to 2025-01-05: 3 of 3 days done (3 success)"]


def test_a_run_of_the_schedule_that_outlasts_the_backfill_is_waited_for(
    scheduler: Scheduler, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Scheduler, "ended", lambda self: True)
    scheduler.states = {"2025-01-03": ["running", "running", "success"]}
    assert told(airflow, FIRST, FIRST) == [
        "billing_daily 2025-01-03: 0 of 1 days done (1 running)",
        "billing_daily 2025-01-03: 1 of 1 days done (1 success)",
    ]


def test_a_busy_airflow_is_asked_again(scheduler: Scheduler, airflow: Airflow) -> None:
    scheduler.states = {"2025-01-03": ["success"]}
    scheduler.busy = 3
    assert len(told(airflow, FIRST, FIRST)) == 1


def test_an_airflow_that_is_away_for_a_while_is_asked_again(scheduler: Scheduler, airflow: Airflow) -> None:
    """It is started anew while its runs are waited for, and does not know the token any more."""
    scheduler.states = {"2025-01-03": ["running", "success"]}

    def restart(line: str) -> None:
        if "running" in line:
            scheduler.deaf, scheduler.token = 3, "another"

    run_backfill(airflow, DAG, FIRST, FIRST, restart)
    assert (scheduler.deaf, airflow.token) == (0, "another")


def test_an_airflow_that_stays_away(
    scheduler: Scheduler, airflow: Airflow, monkeypatch: pytest.MonkeyPatch, site: Site
) -> None:
    monkeypatch.setattr(backfills, "_PATIENCE", 0.05)
    scheduler.states = {"2025-01-03": ["running"]}

    def vanish(line: str) -> None:
        scheduler.deaf = 1_000_000

    def shut(line: str) -> None:
        scheduler.token = "another"
        site.password_file.write_text('{"admin": "other"}')

    for happens, why in (
        (vanish, "Remote end closed connection without response"),
        (shut, '401: {"access_token": "another"}'),
    ):
        scheduler.deaf, scheduler.backfills = 0, []
        with pytest.raises(BackfillError) as error:
            run_backfill(airflow, DAG, FIRST, FIRST, happens)
        assert str(error.value) == (
            f"Airflow at {airflow.address} does not tell any more how the runs of billing_daily do ({why}). "
            "The backfill goes on in Airflow; run the command again to wait for its end."
        )


def test_an_airflow_that_is_away_from_the_start(scheduler: Scheduler, airflow: Airflow) -> None:
    scheduler.deaf = 1
    with pytest.raises(BackfillError) as error:
        told(airflow)
    assert str(error.value) == (
        f"Airflow at {airflow.address} did not answer whether it began the backfill of billing_daily "
        "(Remote end closed connection without response). Run the command again: it waits for a backfill that began."
    )


def test_a_backfill_that_was_made_although_airflow_seemed_too_busy_is_taken_for_ours(
    scheduler: Scheduler, airflow: Airflow
) -> None:
    scheduler.states = {"2025-01-03": ["running", "success"]}
    days = {"from_date": "2025-01-03T00:00:00Z", "to_date": "2025-01-03T00:00:00Z"}
    scheduler.backfills.append({"id": 1, "completed_at": None, **days})
    assert told(airflow, FIRST, FIRST)[-1] == "billing_daily 2025-01-03: 1 of 1 days done (1 success)"


def test_another_backfill_is_running(scheduler: Scheduler, airflow: Airflow) -> None:
    days = {"from_date": "2024-01-03T00:00:00Z", "to_date": "2024-01-03T00:00:00Z"}
    scheduler.backfills.append({"id": 1, "completed_at": None, **days})
    with pytest.raises(WriterBusyError) as error:
        told(airflow)
    assert str(error.value) == (
        "Another backfill of billing_daily is running, and Airflow takes one at a time. Wait until it has ended "
        f"({airflow.address}/dags/billing_daily/backfills), then run the command again."
    )


def test_a_paused_dag(scheduler: Scheduler, airflow: Airflow) -> None:
    scheduler.paused = True
    with pytest.raises(ConfigurationError) as error:
        told(airflow)
    assert str(error.value) == (
        "The DAG 'billing_daily' is paused: the runs of a backfill would wait for ever. Unpause it at "
        f"{airflow.address}/dags/billing_daily, then run the command again."
    )
    assert scheduler.backfills == []


def test_a_dag_that_is_not_there(airflow: Airflow) -> None:
    with pytest.raises(ConfigurationError) as error:
        run_backfill(airflow, "gone_daily", FIRST, LAST, lambda line: None)
    assert str(error.value) == (
        f"Airflow at {airflow.address} has no DAG 'gone_daily'. A file dags/gone_daily.py makes it; why it could not "
        f"be read stands at {airflow.address}/dags, under import errors."
    )


def test_a_backfill_that_airflow_refuses(airflow: Airflow) -> None:
    with pytest.raises(BackfillError) as error:
        run_backfill(airflow, "unfit_daily", FIRST, LAST, lambda line: None)
    assert str(error.value) == 'Airflow refused the backfill of unfit_daily (422: {"detail": "unfit"})'


# --- Connecting


def test_no_airflow_was_ever_started(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as error:
        connect(Site(tmp_path, 8080))
    assert str(error.value) == (
        f"There is no Airflow in {tmp_path} yet. Start it in another terminal with: make airflow"
    )


def test_airflow_does_not_run(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        site = Site(tmp_path, taken.getsockname()[1])
        site.password_file.write_text('{"admin": "secret"}')
        with pytest.raises(ConfigurationError) as error:
            connect(site)
    assert str(error.value) == (
        f"No Airflow answers at {site.url} ([Errno 111] Connection refused). Start it in another terminal with: "
        f'make airflow ARGS="--port {site.port}"'
    )


def test_another_airflow_listens_there(site: Site) -> None:
    site.password_file.write_text('{"admin": "other"}')
    with pytest.raises(ConfigurationError) as error:
        connect(site)
    assert str(error.value) == (
        f"Airflow at {site.url} does not take the password of {site.home} (401): it is another Airflow. "
        f'Start it in another terminal with: make airflow ARGS="--port {site.port}"'
    )
