"""A real Airflow, real Spark steps, one story: a gate fails, the run is cleared, a day is filled in, one run by hand.

The last test ends the Airflow, so these run after test_real_forms.py.
"""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

pytest.importorskip("airflow", reason="Airflow needs Python 3.11")

from lakehouse.orchestration.server import health
from tests.conftest import deliver
from tests.orchestration.scheduler import listening, until
from tests.orchestration.story import DAG, STEPS, Chapter, Story, java_of

pytestmark = [pytest.mark.slow, pytest.mark.e2e]


@pytest.fixture(scope="module")
def mended(story: Story, retracted: Chapter, scheduled: Chapter) -> list[Chapter]:
    """At once: the red run is cleared, as its page says, since its bad file was delivered again; a day is filled in.

    The run of the schedule, then that of the backfill.
    """
    story.deliver(story.today, "-2", "-4", "-8")
    story.deliver(story.day(1), "-100")
    story.scheduler.clear(DAG, scheduled.run["dag_run_id"])
    story.scheduler.backfill(DAG, story.day(1), story.day(1), max_active_runs=3)
    runs = [run["dag_run_id"] for run in story.scheduler.runs(DAG) if run["data_interval_start"]]
    (filled,) = [run for run in runs if run != scheduled.run["dag_run_id"]]
    return [story.end(scheduled.run["dag_run_id"]), story.end(filled)]


@pytest.fixture(scope="module")
def by_hand(story: Story, mended: list[Chapter]) -> Chapter:
    """A run by hand without days. A file of long ago that cannot be read is enough to tell, and starts no Spark."""
    mended[-1].versions = story.versions()
    deliver(story.folder / "landing", story.day(40), "late.csv", []).write_bytes(b"")
    return story.end(story.scheduler.trigger(DAG))


# --- A scheduled interval, a failing gate ---


def test_the_scheduled_run_takes_its_days_deliveries(story: Story, scheduled: Chapter) -> None:
    assert scheduled.run["run_type"] == "scheduled"
    arguments = scheduled.log("lakehouse.refine")
    assert f"lakehouse_refine.py billing --from {story.today} --to {story.today} --lake" in arguments
    assert "3 new" in scheduled.run["note"]


def test_a_failing_gate_turns_the_run_red_at_once_and_stops_nothing_else(story: Story, scheduled: Chapter) -> None:
    assert scheduled.run["state"] == "failed"
    assert {step: scheduled.states[step] for step in STEPS} == dict.fromkeys(STEPS, "success"), scheduled.told
    assert (scheduled.states["verdict"], scheduled.tasks["verdict"]["try_number"]) == ("failed", 1)
    assert scheduled.gold == {story.today: Decimal(501)}
    told = scheduled.log("verdict")
    assert "Refused by a gate: 1. All else is published." in told
    assert "100 % of the rows are quarantined; more than 5 % is refused" in told
    assert f"usage/year={story.today[:4]}" in told


def test_figures_are_in_xcom_in_the_log_and_on_the_run(story: Story, scheduled: Chapter) -> None:
    found = scheduled.result("lakehouse.refine")
    assert found["exit_code"] == 3
    assert found["deliveries"] == {"accepted": 2, "refused": 1}
    assert found["rows"] == {"in": 5, "accepted": 2, "quarantined": 3, "outranked": 0}
    written = json.loads(Path(found["result"]).read_text())
    assert (written["run_id"], written["exit_code"]) == (found["run_id"], 3)
    assert "rows 5 in, 2 accepted, 3 quarantined, 0 outranked" in scheduled.log("lakehouse.refine")
    ingested, refined = scheduled.run["note"].splitlines()[:2]
    assert ingested == "ingest: 3 new"
    assert refined.startswith("refine: ") and refined.endswith("rows 5 in, 2 accepted, 3 quarantined")


def test_parameters_that_nobody_knows_are_refused_in_words(story: Story, scheduled: Chapter) -> None:
    unknown = story.end(story.scheduler.trigger(DAG, {"frist_day": "2025-01-01"}))
    assert unknown.run["state"] == "failed"
    assert unknown.states[STEPS[0]] == "upstream_failed"
    told = unknown.log("deliveries.check_parameters")
    assert "unknown parameter 'frist_day'. Did you mean 'first_day'? Allowed: first_day, last_day" in told


# --- Clear, and a backfill ---


def test_a_red_run_that_is_cleared_after_a_correction_is_green(mended: list[Chapter]) -> None:
    cleared, _ = mended
    assert cleared.run["state"] == "success", cleared.told
    assert cleared.result("lakehouse.ingest")["deliveries"] == {"corrected": 1}
    assert (cleared.tasks["lakehouse.ingest"]["try_number"], cleared.tasks["verdict"]["try_number"]) == (2, 2)


def test_a_backfill_beside_another_run_leaves_what_one_run_would(story: Story, mended: list[Chapter]) -> None:
    _, filled = mended
    assert (filled.run["state"], filled.run["run_type"]) == ("success", "backfill"), filled.told
    assert filled.run["data_interval_start"][:10] == story.day(1)
    assert filled.result("lakehouse.ingest")["deliveries"] == {"new": 1}
    assert filled.gold == {story.day(1): Decimal(100), story.today: Decimal(15)}


def test_no_two_steps_of_the_domain_ran_at_a_time(mended: list[Chapter]) -> None:
    spans = sorted((one.tasks[step]["start_date"], one.tasks[step]["end_date"]) for one in mended for step in STEPS)
    assert len(spans) == 8
    for (_, ended), (began, _) in pairwise(spans):
        assert ended <= began


# --- By hand ---


def test_a_run_by_hand_without_days_takes_what_is_pending(mended: list[Chapter], by_hand: Chapter) -> None:
    """Of whatever day. Of the days that are finished there is nothing, and nothing is written."""
    assert by_hand.run["state"] == "success", by_hand.told
    assert by_hand.result("lakehouse.ingest")["deliveries"] == {"unreadable": 1}
    assert by_hand.run["note"].startswith("ingest: 1 unreadable\nrefine: nothing new")
    assert by_hand.versions == mended[-1].versions


# --- Maintenance ---


def test_maintenance_runs_too(story: Story, scheduled: Chapter) -> None:
    """Who unpauses it gets the run of the last Sunday."""
    scheduler, dag = story.scheduler, "lakehouse_maintenance"
    scheduler.pause(dag, False)
    (run,) = until("the scheduled run", lambda: scheduler.runs(dag) or None, 120)
    maintained = story.end(run["dag_run_id"], dag)
    assert maintained.run["state"] == "success", maintained.told
    assert maintained.states == {"maintain_billing": "success", "maintain_retail": "success"}


# --- The end ---


def test_only_the_port_of_the_page_is_open(story: Story, scheduled: Chapter) -> None:
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


def test_the_days_of_a_form_reach_the_steps_and_ctrl_c_ends_everything_spark_drivers_too(
    story: Story, scheduled: Chapter
) -> None:
    scheduler, first, last = story.scheduler, story.day(41), story.day(39)
    form = {"first_day": first, "last_day": last, "on_missing": "go_on", "full_refresh": True}
    run_id = scheduler.trigger(DAG, form)
    until("a Spark driver", lambda: java_of(scheduler.members()) or None, 180)
    arguments = scheduler.log(DAG, run_id, "lakehouse.ingest")
    assert f"lakehouse_ingest.py billing --from {first} --to {last} --lake" in arguments
    assert "--full-refresh" in arguments
    members = scheduler.members()
    assert scheduler.interrupt() < 30
    assert scheduler.process.returncode == 0
    assert [pid for pid in members if Path(f"/proc/{pid}/exe").exists()] == []
    assert health(scheduler.site) == {}
