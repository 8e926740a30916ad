"""Alerts and backfills on a real scheduler, with tasks that need no Spark: who is told what, and how often."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import pytest

from lakehouse.errors import ConfigurationError
from lakehouse.orchestration.backfills import BackfillError, run_backfill
from lakehouse.orchestration.rest import connect
from tests.contracts.places import DOMAIN, Change, copy_conf
from tests.orchestration.mailbox import Mailbox
from tests.orchestration.scheduler import Scheduler, start, until

pytest.importorskip("airflow", reason="Airflow needs Python 3.11")

pytestmark = [pytest.mark.slow, pytest.mark.soak]

DAGS = '''\
"""One DAG per way to end, with the callbacks that the DAG of a domain has."""

import os
from datetime import datetime, timezone

from airflow.sdk import DAG, BaseOperator, CronDataIntervalTimetable
from airflow.sdk.exceptions import AirflowSkipException

from lakehouse.contracts.domains import load_domain
from lakehouse.orchestration.alert_texts import BrokenRule
from lakehouse.orchestration.alerts import Reporter
from lakehouse.orchestration.results import DeliveryRefusedError

FACTS = load_domain("billing").facts
REPORTER = Reporter("billing", FACTS.owner, "/lake", FACTS.alerts)


class Ends(BaseOperator):
    def __init__(self, how, **task):
        super().__init__(**task)
        self.how = how

    def execute(self, context):
        match self.how:
            case "killed":
                os.kill(os.getpid(), 9)
            case "failed":
                raise RuntimeError("the driver <ended> with 1")
            case "refused":
                rule = BrokenRule("billing.silver.usage", "usage/a.csv", "Mean is 0.11")
                raise DeliveryRefusedError("Refused by a gate: 1.", [rule])
            case "skipped":
                raise AirflowSkipException("no delivery")
            case "late":
                REPORTER.delivery_late(context, datetime(2025, 1, 4, 6, tzinfo=timezone.utc))
            case "days" if context["dag_run"].data_interval_start.day == 4:
                raise RuntimeError("the fourth is a bad day")


for how in ("killed", "failed", "refused", "skipped", "late", "days"):
    with DAG(
        f"{how}_daily",
        schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
        start_date=datetime(2025, 1, 1),
        catchup=False,
        on_failure_callback=REPORTER.run_failed,
        default_args={
            "retries": 0,
            "on_failure_callback": REPORTER.task_failed,
            "on_skipped_callback": REPORTER.delivery_missing,
        },
    ) as dag:
        Ends(task_id="task", how=how)
    globals()[how] = dag
'''

ALERTS = "alerts: {email: {to: [on-call@example.com], from: lakehouse@example.com}}\n"


@dataclass
class World:
    """A scheduler, and what it sends."""

    scheduler: Scheduler
    mailbox: Mailbox

    def mails(self, dag: str) -> list[tuple[str, str]]:
        """Subject and text of the messages about a DAG."""
        found = []
        for _, mail in self.mailbox.received:
            body = mail.get_body(("plain",))
            assert body is not None
            text = "\n".join(body.get_content().splitlines())
            if f"  dag    {dag}\n" in text:
                found.append((str(mail["Subject"]), text))
        return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("alerts")
    conf = copy_conf(folder / "conf", Change(DOMAIN, "owner: billing-data\n", f"owner: billing-data\n{ALERTS}"))
    for place in ("data/landing/billing", "dags"):
        (folder / place).mkdir(parents=True)
    (folder / "dags" / "ends.py").write_text(DAGS)
    with Mailbox() as mailbox:
        extra = {"disable_ssl": True, "disable_tls": True}
        connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": mailbox.port, "extra": extra}
        scheduler = start(
            folder / "airflow",
            conf,
            AIRFLOW__CORE__DAGS_FOLDER=str(folder / "dags"),
            AIRFLOW_CONN_SMTP_DEFAULT=json.dumps(connection),
        )
        try:
            until("the DAGs", lambda: _ready(scheduler), 120)
            yield World(scheduler, mailbox)
        finally:
            scheduler.interrupt()


def _ready(scheduler: Scheduler) -> bool | None:
    assert scheduler.call("GET", "/api/v2/importErrors")["import_errors"] == []
    return True if scheduler.dag("days_daily") else None


def run(world: World, dag: str) -> None:
    """A run for January 3, until it has ended."""
    world.scheduler.pause(dag, False)
    world.scheduler.ended(dag, world.scheduler.trigger(dag, logical_date="2025-01-04T00:00:00Z"))


def test_every_event_is_told_once_in_its_own_words(world: World) -> None:
    # The schedule adds a run of yesterday to each; only the runs that were triggered are looked at.
    for dag in ("killed", "failed", "refused", "skipped", "late"):
        run(world, f"{dag}_daily")
    wanted = {
        "killed_daily": "[lakehouse] billing 2025-01-03: the run failed",
        "failed_daily": "[lakehouse] billing 2025-01-03: task failed",
        "refused_daily": "[lakehouse] billing 2025-01-03: 1 refused by a gate",
        "skipped_daily": "[lakehouse] billing 2025-01-03: no delivery",
        "late_daily": "[lakehouse] billing 2025-01-03: no delivery by 2025-01-04 06:00 UTC",
    }

    def told() -> bool | None:
        return True if all(world.mails(dag) and _of_the_third(world, dag) for dag in wanted) else None

    until("an alert for each run", told, 90)
    # The run that failed last is told of last: its DAG's callback has had its turn when a later one's has come.
    world.scheduler.trigger("killed_daily", logical_date="2025-01-08T00:00:00Z")
    until("the last alert", lambda: _of_day(world, "killed_daily", "2025-01-07") or None, 120)
    for dag, subject in wanted.items():
        assert Counter(_of_the_third(world, dag)) == {subject: 1}, dag


def _of_the_third(world: World, dag: str) -> list[str]:
    return _of_day(world, dag, "2025-01-03")


def _of_day(world: World, dag: str, day: str) -> list[str]:
    return [subject for subject, _ in world.mails(dag) if f"billing {day}:" in subject]


def test_the_message_of_a_killed_task_leads_to_its_log(world: World) -> None:
    ((_, text),) = [mail for mail in world.mails("killed_daily") if "2025-01-03" in mail[0]]
    assert "its process was killed (often for want of memory)" in text
    assert f"  {world.scheduler.site.url}/dags/killed_daily/runs/" in text
    assert "lakehouse plan billing --from 2025-01-03 --to 2025-01-03 --lake /lake" in text


def test_a_backfill_is_waited_for_and_its_failed_day_is_named(world: World) -> None:
    world.scheduler.pause("days_daily", False)
    lines: list[str] = []
    with pytest.raises(BackfillError) as error:
        run_backfill(connect(world.scheduler.site), "days_daily", date(2025, 1, 3), date(2025, 1, 5), lines.append)
    first, second = str(error.value).splitlines()
    assert first == "1 of 3 days of days_daily did not end well:"
    page = f"{world.scheduler.site.url}/dags/days_daily/runs/backfill__"
    assert second.startswith(f"  2025-01-04: failed, see {page}")
    assert lines[-1] == "days_daily 2025-01-03 to 2025-01-05: 3 of 3 days done (1 failed, 2 success)"


def test_a_paused_dag_is_refused(world: World) -> None:
    world.scheduler.pause("late_daily", True)
    with pytest.raises(ConfigurationError, match="The DAG 'late_daily' is paused"):
        run_backfill(connect(world.scheduler.site), "late_daily", date(2025, 1, 3), date(2025, 1, 3), lambda line: None)
