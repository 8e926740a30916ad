"""Long: many runs at once on a real Airflow with real Spark steps, a worker and a driver killed among them.

Whatever happens, the lake ends as one run over all days leaves it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("airflow", reason="Airflow needs Python 3.11")

from deltalake import DeltaTable

from lakehouse.contracts.locations import jars_dir
from tests.orchestration.scheduler import Scheduler, start, until
from tests.orchestration.story import DAG, STEPS, java_of, small_conf

pytestmark = [pytest.mark.soak, pytest.mark.slow, pytest.mark.e2e]

DAYS = 5
LAKEHOUSE = Path(sys.executable).parent / "lakehouse"
TABLES = ("silver/usage", "outranked/usage", "quarantine/usage", "gold/daily_usage")
RUN_COLUMNS = {"quarantine_id", "delivery_sequence", "run_id", "replayed_run_id", "quarantined_at", "status"}
"""What differs between lakes that took the same deliveries in another order."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a configuration and sample deliveries of the days before today."""
    folder = tmp_path_factory.mktemp("soak")
    conf = small_conf(folder)
    domain = conf / "billing" / "domain.yml"
    domain.write_text(domain.read_text().replace("retries: {count: 1, delay", "retries: {count: 9, delay"))
    first = date.today() - timedelta(days=DAYS)
    command = [LAKEHOUSE, "sample", "billing", "--out", folder / "landing", "--days", DAYS, "--rows-per-day", 60]
    subprocess.run([*map(str, command), "--start", str(first)], check=True)
    return folder


@pytest.fixture
def scheduler(place: Path) -> Iterator[Scheduler]:
    found = start(place / "home", place / "conf", LAKEHOUSE_JARS=str(jars_dir()))
    try:
        until("the DAG", lambda: found.dag(DAG), 120)
        yield found
    finally:
        found.interrupt()


def rows(lake: Path, table: str) -> list[tuple[Any, ...]]:
    """The rows of a table, without what depends on the order of arrival."""
    place = lake / "billing" / table
    if not place.is_dir():
        return []
    found = DeltaTable(str(place)).to_pyarrow_table().to_pylist()
    return sorted(tuple(repr(row[name]) for name in sorted(row) if name not in RUN_COLUMNS) for row in found)


def test_many_runs_at_once_and_two_deaths_leave_what_one_run_leaves(place: Path, scheduler: Scheduler) -> None:
    first, last = date.today() - timedelta(days=DAYS), date.today() - timedelta(days=1)
    scheduler.pause(DAG, False)
    until("the scheduled run", lambda: scheduler.runs(DAG) or None, 120)
    by_hand = scheduler.trigger(DAG, {"first_day": str(first), "last_day": str(last)})
    days = {"from_date": f"{first}T00:00:00Z", "to_date": f"{last}T00:00:00Z"}
    choices = {"run_backwards": True, "max_active_runs": 3, "reprocess_behavior": "completed"}
    made = scheduler.call("POST", "/api/v2/backfills", {"dag_id": DAG, **days, **choices})

    # A worker is killed: the kernel ends its driver with it, and the next try finishes the step.
    driver = until("a driver", lambda: java_of(scheduler.members()) or None, 300)[0]
    worker = int(Path(f"/proc/{driver}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(worker, signal.SIGKILL)
    until("the driver's end", lambda: None if Path(f"/proc/{driver}/exe").exists() else True, 30)
    # A driver is killed: its worker sees it, and tries again.
    another = until("another driver", lambda: [p for p in java_of(scheduler.members()) if p != driver] or None, 600)[0]
    os.kill(another, signal.SIGKILL)

    def ended() -> bool | None:
        done = scheduler.call("GET", f"/api/v2/backfills/{made['id']}")["completed_at"]
        return True if done and all(run["state"] in {"success", "failed"} for run in scheduler.runs(DAG)) else None

    until("the end of all runs", ended, 3000)
    runs = scheduler.runs(DAG)
    assert len(runs) == DAYS + 1
    assert {run["state"] for run in runs} == {"success"}, [scheduler.told(DAG, run["dag_run_id"]) for run in runs]
    assert by_hand in {run["dag_run_id"] for run in runs}

    tasks = [scheduler.tasks(DAG, run["dag_run_id"])[step] for run in runs for step in STEPS]
    assert max(task["try_number"] for task in tasks) > 1, "nobody was killed"
    once = place / "once"
    environment = {**os.environ, "LAKEHOUSE_CONF": str(place / "conf"), "LAKEHOUSE_JARS": str(jars_dir())}
    subprocess.run([str(LAKEHOUSE), "run", "billing", "--lake", str(once)], env=environment, check=True)
    for table in TABLES:
        assert rows(place / "lake", table) == rows(once, table), table
