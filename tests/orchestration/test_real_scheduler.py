"""A real Airflow, real Spark steps, one story: a gate fails, days are run by hand, filled in, corrected and cleared.

Starting Spark takes most of the time, so each scenario leaves work for the next; the fixtures below are its chapters.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("airflow", reason="Airflow needs Python 3.11")

from deltalake import DeltaTable

from lakehouse.contracts.locations import conf_dir, jars_dir
from lakehouse.orchestration.server import health
from tests.conftest import deliver, usage
from tests.orchestration.scheduler import Scheduler, listening, start, until

pytestmark = [pytest.mark.slow, pytest.mark.e2e]

DAG = "billing_daily"
STEPS = ["lakehouse.ingest", "lakehouse.refine", "lakehouse.aggregate", "lakehouse.maintain"]
WAIT = "deliveries.wait_for_deliveries"


@dataclass
class Story:
    """What has happened so far."""

    scheduler: Scheduler
    folder: Path
    today: str = ""
    """The last day whose interval has ended: the one that the schedule runs first."""
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    seen: dict[str, tuple[dict[str, Decimal], dict[str, int]]] = field(default_factory=dict)
    """What readers saw after a chapter: credits by day, and the versions of the tables."""

    def day(self, before: int) -> str:
        return str(date.fromisoformat(self.today) - timedelta(days=before))

    def deliver(self, day: str, *credits: str, users: str = "u1", name: str = "usage.csv") -> None:
        rows = [usage(f"{day}T10:0{n}:00Z", credit=credit, user=users) for n, credit in enumerate(credits)]
        deliver(self.folder / "landing", day, name, rows)

    def table(self, name: str) -> DeltaTable:
        return DeltaTable(str(self.folder / "lake" / "billing" / name))

    def gold(self) -> dict[str, Decimal]:
        """Credits by day."""
        rows = self.table("gold/daily_usage").to_pyarrow_table().to_pylist()
        return {str(row["usage_date"]): row["credits_used"] for row in rows}

    def look(self, chapter: str) -> None:
        """Keep what readers see now."""
        names = ("bronze/usage", "silver/usage", "quarantine/usage", "gold/daily_usage")
        self.seen[chapter] = (self.gold(), {name: self.table(name).version() for name in names})

    def finish(self, name: str, run_id: str) -> dict[str, Any]:
        """Wait for a run's end and keep it."""
        run = self.scheduler.ended(DAG, run_id)
        tasks = self.scheduler.tasks(DAG, run_id)
        self.runs[name] = {**run, "tasks": tasks, "states": {key: task["state"] for key, task in tasks.items()}}
        return self.runs[name]


def small_conf(folder: Path) -> Path:
    """The product's configuration with one gold table, a lake and a landing zone of its own, and no patience."""
    conf = folder / "conf"
    shutil.copytree(conf_dir(), conf)
    for path in (conf / "billing" / "gold").glob("*.yml"):
        if path.stem != "daily_usage":
            path.unlink()
    for path in (conf / "environments").glob("*.yml"):
        if path.stem != "local":
            path.unlink()
    (folder / "landing" / "billing").mkdir(parents=True)
    environment = yaml.safe_load((conf / "environments" / "local.yml").read_text())
    environment |= {"lake": str(folder / "lake"), "landing": str(folder / "landing")}
    environment["spark"] |= {"spark.driver.memory": "1g", "spark.sql.shuffle.partitions": 1}
    (conf / "environments" / "local.yml").write_text(yaml.safe_dump(environment))
    domain = conf / "billing" / "domain.yml"
    domain.write_text(
        domain.read_text().rstrip("\n")
        + "\narrival: {poke_seconds: 0.5, settle_seconds: 1, wait_hours: 48}\n"
        + "retries: {count: 1, delay_seconds: 1}\n"
    )
    return conf


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("airflow")
    conf = small_conf(folder)
    scheduler = start(folder / "home", conf, LAKEHOUSE_JARS=str(jars_dir()))
    try:
        until("the DAG", lambda: scheduler.dag(DAG), 120)
        yield Story(scheduler, folder)
    finally:
        if scheduler.process.poll() is None:
            scheduler.interrupt()


@pytest.fixture(scope="module")
def scheduled(story: Story) -> dict[str, Any]:
    """The schedule's run waits for its day's deliveries; they come, and a gate refuses one of them."""
    scheduler = story.scheduler
    scheduler.pause(DAG, False)
    (run,) = until("the scheduled run", lambda: scheduler.runs(DAG) or None, 120)
    story.today = run["data_interval_start"][:10]
    until("waiting", lambda: scheduler.tasks(DAG, run["dag_run_id"])[WAIT]["state"] == "deferred" or None, 180)
    story.deliver(story.today, "-2", "-4", "-8", users="")
    story.deliver(story.today, "-1", users="u2", name="good.csv")
    found = story.finish("scheduled", run["dag_run_id"])
    story.look("scheduled")
    return found


@pytest.fixture(scope="module")
def by_hand(story: Story, scheduled: dict[str, Any]) -> dict[str, Any]:
    """Two earlier days by hand, with the form filled in."""
    story.deliver(story.day(2), "-10", "-20")
    story.deliver(story.day(1), "-100")
    asked = {"first_day": story.day(2), "last_day": story.day(1)}
    return story.finish("by hand", story.scheduler.trigger(DAG, asked))


@pytest.fixture(scope="module")
def backfill(story: Story, by_hand: dict[str, Any]) -> list[dict[str, Any]]:
    """The bad day was delivered again; all three days, backwards, as many at once as there are."""
    story.deliver(story.today, "-2", "-4", "-8")
    story.scheduler.backfill(
        DAG, story.day(2), story.today, run_backwards=True, max_active_runs=3, reprocess_behavior="completed"
    )
    runs = [run for run in story.scheduler.runs(DAG) if run["data_interval_start"]]
    made = [story.finish(f"backfill {run['data_interval_start'][:10]}", run["dag_run_id"]) for run in runs]
    story.look("backfill")
    return made


@pytest.fixture(scope="module")
def cleared(story: Story, backfill: list[dict[str, Any]]) -> dict[str, Any]:
    """A finished day once more."""
    (run,) = [run for run in backfill if run["data_interval_start"][:10] == story.today]
    story.scheduler.clear(DAG, run["dag_run_id"])
    found = story.finish("cleared", run["dag_run_id"])
    story.look("cleared")
    return found


# --- A scheduled interval, a failing gate ---


def test_the_scheduled_run_takes_its_days_deliveries(story: Story, scheduled: dict[str, Any]) -> None:
    assert scheduled["run_type"] == "scheduled"
    arguments = story.scheduler.log(DAG, scheduled["dag_run_id"], "lakehouse.refine")
    assert f"lakehouse_refine.py billing --from {story.today} --to {story.today} --lake" in arguments
    found = story.scheduler.result(DAG, scheduled["dag_run_id"], "lakehouse.ingest")
    assert found["deliveries"] == {"new": 2}


def test_a_failing_gate_turns_the_run_red_at_once_and_stops_nothing_else(
    story: Story, scheduled: dict[str, Any]
) -> None:
    states = scheduled["states"]
    assert scheduled["state"] == "failed"
    assert {step: states[step] for step in STEPS} == dict.fromkeys(STEPS, "success"), story.scheduler.told(
        DAG, scheduled["dag_run_id"]
    )
    assert (states["verdict"], scheduled["tasks"]["verdict"]["try_number"]) == ("failed", 1)
    assert story.seen["scheduled"][0] == {story.today: Decimal(1)}
    told = story.scheduler.log(DAG, scheduled["dag_run_id"], "verdict")
    assert "Refused by a gate: 1. All else is published." in told
    assert "100 % of the rows are quarantined; more than 5 % is refused" in told
    assert f"usage/year={story.today[:4]}" in told


def test_figures_are_in_xcom_in_the_log_and_on_the_run(story: Story, scheduled: dict[str, Any]) -> None:
    found = story.scheduler.result(DAG, scheduled["dag_run_id"], "lakehouse.refine")
    assert found["exit_code"] == 3
    assert found["rows"] == {"in": 4, "accepted": 1, "quarantined": 3, "outranked": 0}
    written = json.loads(Path(found["result"]).read_text())
    assert (written["run_id"], written["exit_code"]) == (found["run_id"], 3)
    log = story.scheduler.log(DAG, scheduled["dag_run_id"], "lakehouse.refine")
    assert "rows 4 in, 1 accepted, 3 quarantined, 0 outranked" in log
    ingested, refined = scheduled["note"].splitlines()[:2]
    assert ingested == "ingest: 2 new"
    assert refined.startswith("refine: ") and refined.endswith("rows 4 in, 1 accepted, 3 quarantined")


# --- By hand ---


def test_a_run_by_hand_takes_the_days_of_its_form(story: Story, by_hand: dict[str, Any]) -> None:
    assert by_hand["state"] == "success", story.scheduler.told(DAG, by_hand["dag_run_id"])
    found = story.scheduler.result(DAG, by_hand["dag_run_id"], "lakehouse.refine")
    assert found["deliveries"] == {"accepted": 2}
    assert "refine: 2 accepted; rows 3 in, 3 accepted" in by_hand["note"]


def test_a_run_by_hand_without_days_takes_what_is_pending(story: Story, cleared: dict[str, Any]) -> None:
    """Of whatever day. A file that cannot be read is enough to tell, and starts no Spark."""
    deliver(story.folder / "landing", story.day(40), "late.csv", []).write_bytes(b"")
    run = story.finish("pending", story.scheduler.trigger(DAG))
    assert run["state"] == "success", story.scheduler.told(DAG, run["dag_run_id"])
    assert story.scheduler.result(DAG, run["dag_run_id"], "lakehouse.ingest")["deliveries"] == {"unreadable": 1}
    assert run["note"].startswith("ingest: 1 unreadable\nrefine: nothing new")


def test_parameters_that_nobody_knows_are_refused_in_words(story: Story, scheduled: dict[str, Any]) -> None:
    run = story.finish("unknown", story.scheduler.trigger(DAG, {"frist_day": "2025-01-01"}))
    assert run["state"] == "failed"
    assert run["states"][STEPS[0]] == "upstream_failed"
    told = story.scheduler.log(DAG, run["dag_run_id"], "deliveries.check_parameters")
    assert "unknown parameter 'frist_day'. Did you mean 'first_day'? Allowed: first_day, last_day" in told


# --- A backfill ---


def test_a_backfill_of_three_days_leaves_what_one_run_would(story: Story, backfill: list[dict[str, Any]]) -> None:
    days = [story.day(2), story.day(1), story.today]
    assert sorted(run["data_interval_start"][:10] for run in backfill) == days
    assert {run["state"] for run in backfill} == {"success"}, [
        story.scheduler.told(DAG, run["dag_run_id"]) for run in backfill
    ]
    assert story.seen["backfill"][0] == dict(zip(days, [Decimal(30), Decimal(100), Decimal(15)], strict=True))


def test_no_two_steps_of_the_domain_ran_at_a_time(story: Story, backfill: list[dict[str, Any]]) -> None:
    spans = sorted(
        (run["tasks"][step]["start_date"], run["tasks"][step]["end_date"]) for run in backfill for step in STEPS
    )
    assert len(spans) == 12
    for (_, ended), (began, _) in pairwise(spans):
        assert ended <= began


# --- Clear and run again ---


def test_a_finished_day_that_is_run_again_writes_nothing(story: Story, cleared: dict[str, Any]) -> None:
    assert cleared["state"] == "success", story.scheduler.told(DAG, cleared["dag_run_id"])
    assert story.seen["cleared"] == story.seen["backfill"]
    for step in STEPS:
        assert story.scheduler.result(DAG, cleared["dag_run_id"], step)["nothing_new"] is True
    assert "refine: nothing new" in cleared["note"]


# --- Maintenance ---


def test_maintenance_runs_too(story: Story, cleared: dict[str, Any]) -> None:
    scheduler = story.scheduler
    scheduler.pause("lakehouse_maintenance", False)
    run = scheduler.ended("lakehouse_maintenance", scheduler.trigger("lakehouse_maintenance"))
    assert run["state"] == "success", scheduler.told("lakehouse_maintenance", run["dag_run_id"])


# --- The end ---


def test_only_the_port_of_the_page_is_open(story: Story, cleared: dict[str, Any]) -> None:
    """Spark's own, while a step runs, is on this machine's loopback too, so it may be among them."""
    assert all(state == "healthy" for state in health(story.scheduler.site).values())
    found = listening(story.scheduler.members())
    assert ("127.0.0.1", story.scheduler.site.port) in found
    assert {address for address, _ in found} == {"127.0.0.1"}


def test_a_second_airflow_on_the_port_is_refused_in_words(story: Story, tmp_path: Path) -> None:
    port = story.scheduler.site.port
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lakehouse"), "airflow", "--home", str(tmp_path), "--port", str(port)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert f"error The port {port} of 127.0.0.1 cannot be used: Address already in use." in done.stderr
    assert f'Example: make airflow ARGS="--port {port + 1}"' in done.stderr


def test_ctrl_c_ends_everything_spark_drivers_too(story: Story, cleared: dict[str, Any]) -> None:
    scheduler = story.scheduler
    scheduler.trigger(DAG, {"full_refresh": True})
    until("a Spark driver", lambda: java_of(scheduler.members()) or None, 180)
    members = scheduler.members()
    assert scheduler.interrupt() < 30
    assert scheduler.process.returncode == 0
    assert [pid for pid in members if Path(f"/proc/{pid}/exe").exists()] == []
    assert health(scheduler.site) == {}


def java_of(pids: list[int]) -> list[int]:
    """Those that are Java."""
    found = []
    for pid in pids:
        try:
            if Path(f"/proc/{pid}/comm").read_text().strip() == "java":
                found.append(pid)
        except OSError:
            continue
    return found
