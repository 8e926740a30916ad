"""A domain on a real Airflow with real Spark steps, told in chapters: what the tests on it share.

To start Spark, and to start Airflow, takes most of the time. So there is one Airflow for all of these tests, every
chapter leaves work for the next, and settings that say nothing about scheduling are the cheapest.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from deltalake import DeltaTable

from lakehouse.contracts.locations import conf_dir
from tests.conftest import deliver, usage
from tests.orchestration.scheduler import Scheduler

DAG = "billing_daily"
STEPS = ["lakehouse.ingest", "lakehouse.refine", "lakehouse.aggregate", "lakehouse.maintain"]
WAIT = "deliveries.wait_for_deliveries"
RETRACT = "lakehouse_retract"
TABLES = ("bronze/usage", "silver/usage", "quarantine/usage", "gold/daily_usage")

JOBS = Path(__file__).resolve().parents[2] / "jobs"
_FAULTY = """\
import os
from pathlib import Path

fault = Path({fault!r})
if fault.exists():
    os.environ["LAKEHOUSE_FAULT"] = fault.read_text()
    fault.unlink()
"""


@dataclass
class Story:
    """What has happened so far."""

    scheduler: Scheduler
    folder: Path
    today: str = ""
    """The last day whose interval has ended: the one that the schedule runs first."""

    @property
    def lake(self) -> Path:
        """Where the tables are."""
        return self.folder / "lake"

    def day(self, before: int) -> str:
        """A day so many days before the last one."""
        return str(date.fromisoformat(self.today) - timedelta(days=before))

    def deliver(self, day: str, *credits: str, users: str = "u1", name: str = "usage.csv") -> None:
        """A file with a record for each of these credits."""
        rows = [usage(f"{day}T10:0{n}:00Z", credit=credit, user=users) for n, credit in enumerate(credits)]
        deliver(self.folder / "landing", day, name, rows)

    def table(self, name: str) -> DeltaTable:
        """A table of billing."""
        return DeltaTable(str(self.lake / "billing" / name))

    def gold(self) -> dict[str, Decimal]:
        """Credits by day."""
        rows = self.table("gold/daily_usage").to_pyarrow_table().to_pylist()
        return {str(row["usage_date"]): row["credits_used"] for row in rows}

    def versions(self) -> dict[str, int]:
        """Of the tables that readers see."""
        return {name: self.table(name).version() for name in TABLES}

    def end(self, run_id: str, dag: str = DAG) -> Chapter:
        """Wait for a run's end."""
        run = self.scheduler.ended(dag, run_id)
        return Chapter(self, run, self.scheduler.tasks(dag, run_id), self.gold(), self.versions())

    def die_once(self, fault: str) -> None:
        """Have the next job kill itself at a fault point (see lakehouse.ledger.commits)."""
        (self.folder / "fault").write_text(fault)


@dataclass
class Chapter:
    """A run that has ended, and what readers saw then."""

    story: Story
    run: dict[str, Any]
    tasks: dict[str, dict[str, Any]]
    gold: dict[str, Decimal]
    versions: dict[str, int]
    before: dict[str, Any] = field(default_factory=dict)
    """What was seen before the end, by a name."""

    @property
    def states(self) -> dict[str, str]:
        """Of the tasks."""
        return {name: task["state"] for name, task in self.tasks.items()}

    @property
    def told(self) -> str:
        """What the tasks say, for a test that fails."""
        return self.story.scheduler.told(self.run["dag_id"], self.run["dag_run_id"])

    def log(self, task: str, attempt: int = 1) -> str:
        """The log of one attempt at a task."""
        return self.story.scheduler.log(self.run["dag_id"], self.run["dag_run_id"], task, attempt)

    def result(self, task: str) -> Any:
        """What a task handed on."""
        return self.story.scheduler.result(self.run["dag_id"], self.run["dag_run_id"], task)


def retraction(story: Story) -> dict[str, str]:
    """The form that retracts the one delivery of the last day that is to be retracted."""
    year, month, day = story.today.split("-")
    delivery = f"usage/year={year}/month={month}/day={day}/test.csv"
    return {"domain": "billing", "delivery": delivery, "why": "test data"}


def small_conf(folder: Path) -> Path:
    """The product's configuration with one gold table, a lake and a landing zone of its own, and no patience."""
    conf = folder / "conf"
    shutil.copytree(conf_dir(), conf)
    for path in (conf / "billing" / "gold").glob("*.yml"):
        if path.stem != "daily_usage":
            path.unlink()
    silver = conf / "billing" / "silver" / "usage.yml"
    # Most time of a refinement goes into these; the share of quarantined rows is enough of a gate.
    silver.write_text(yaml.safe_dump({**yaml.safe_load(silver.read_text()), "gates": []}))
    for path in (conf / "environments").glob("*.yml"):
        if path.stem != "local":
            path.unlink()
    (folder / "landing" / "billing").mkdir(parents=True)
    environment = yaml.safe_load((conf / "environments" / "local.yml").read_text())
    environment |= {"lake": str(folder / "lake"), "landing": str(folder / "landing")}
    environment["spark"] |= {
        "spark.driver.memory": "1g",
        "spark.driver.extraJavaOptions": "-XX:+UseSerialGC",
        "spark.sql.shuffle.partitions": 1,
        "spark.databricks.delta.snapshotPartitions": 1,
        # To write and compile code for a few rows takes longer than the rows.
        "spark.sql.codegen.wholeStage": False,
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    }
    (conf / "environments" / "local.yml").write_text(yaml.safe_dump(environment))
    domain = conf / "billing" / "domain.yml"
    domain.write_text(
        domain.read_text().rstrip("\n")
        + "\narrival: {poke_seconds: 0.5, settle_seconds: 1, wait_hours: 48}\n"
        + "retries: {count: 1, delay_seconds: 1}\n"
    )
    return conf


def faulty_jobs(folder: Path) -> Path:
    """The product's job files; the first job that finds a file ``fault`` in the folder dies of it (see die_once)."""
    jobs = folder / "jobs"
    jobs.mkdir()
    for path in JOBS.glob("*.py"):
        (jobs / path.name).write_text(_FAULTY.format(fault=str(folder / "fault")) + path.read_text())
    return jobs


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
