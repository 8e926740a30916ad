"""The DAGs as Airflow reads them: quickly, without Spark; their edges, pools, owners, retries and times."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("airflow", reason="Airflow needs Python 3.11")

from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG, CronDataIntervalTimetable

from lakehouse.contracts.domains import domain_names
from lakehouse.orchestration import documentation
from lakehouse.orchestration.pools import pools
from lakehouse.orchestration.results import FINAL, StepFailedError
from tests.contracts.places import DOMAIN, LOCAL, Change, copy_conf

ROOT = Path(__file__).resolve().parents[2]
BY_HAND = ["lakehouse_release", "lakehouse_replay", "lakehouse_retract", "lakehouse_verify"]
STEPS = ["lakehouse.ingest", "lakehouse.refine", "lakehouse.aggregate", "lakehouse.maintain"]

PARSING = """
import json, sys, time

class Blocked:
    # What a managed Airflow has not installed.
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"pyspark", "delta", "pydeequ", "duckdb"}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Blocked())
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG, BaseOperator, TaskGroup
import airflow.triggers.base
began, worked = time.monotonic(), time.process_time()
bag = DagBag(sys.argv[1])
found = {"dags": sorted(bag.dags), "errors": bag.import_errors, "seconds": time.process_time() - worked}
heavy = {"pandas", "deltalake", "pyarrow", "sqlglot", "boto3", "airflow.providers.amazon.aws.hooks"}
found["heavy"] = sorted(heavy & set(sys.modules))
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def dags() -> dict[str, DAG]:
    bag = DagBag(str(ROOT / "dags"))
    assert bag.import_errors == {}
    return dict(bag.dags)


@pytest.fixture(scope="module")
def billing(dags: dict[str, DAG]) -> DAG:
    return dags["billing_daily"]


def parse(environment: str, tmp_path: Path, **variables: str) -> dict[str, Any]:
    """Read the DAG folder in a process of its own, where Spark cannot be imported."""
    env = {**os.environ, "AIRFLOW_HOME": str(tmp_path), "LAKEHOUSE_ENV": environment, **variables}
    done = subprocess.run(
        [sys.executable, "-c", PARSING, str(ROOT / "dags")],
        env=env, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def test_dag_files_are_read_quickly_where_there_is_no_spark(tmp_path: Path) -> None:
    found = parse("local", tmp_path)
    assert found["errors"] == {}
    assert found["dags"] == ["billing_daily", "lakehouse_maintenance", *BY_HAND, "retail_daily"]
    # Seconds of the processor, without Airflow's own import: the machine may be busy with something else.
    assert found["seconds"] < 2
    assert found["heavy"] == []


def test_a_wrong_contract_is_an_import_error_in_words(tmp_path: Path) -> None:
    conf = copy_conf(tmp_path / "conf", Change(DOMAIN, "owner:", "ower:"))
    found = parse("local", tmp_path, LAKEHOUSE_CONF=str(conf))
    texts = {Path(file).stem: error.strip().splitlines()[-1] for file, error in found["errors"].items()}
    text = texts["billing_daily"]
    assert "domain.yml: unknown key 'ower'. Did you mean 'owner'?" in text


def test_every_domain_has_a_dag_of_about_15_lines(dags: dict[str, DAG]) -> None:
    assert {f"{domain}_daily" for domain in domain_names()} | {"lakehouse_maintenance", *BY_HAND} == dags.keys()
    for path in (ROOT / "dags").glob("*.py"):
        assert len(path.read_text().splitlines()) <= 15, path


def test_steps_come_one_after_the_other(billing: DAG) -> None:
    order = ["deliveries.check_parameters", "deliveries.wait_for_deliveries", *STEPS, "verdict"]
    edges = {(task.task_id, below) for task in billing.tasks for below in task.downstream_task_ids}
    assert edges == set(pairwise(order))
    groups = {task.task_id: task.task_group.group_id for task in billing.tasks if task.task_group}
    assert {group for group in groups.values() if group} == {"deliveries", "lakehouse"}


def test_steps_share_the_one_slot_of_their_domain(dags: dict[str, DAG]) -> None:
    for dag_id, tasks in {"billing_daily": STEPS, "lakehouse_maintenance": ["maintain_billing"]}.items():
        for task_id in tasks:
            task = dags[dag_id].get_task(task_id)
            assert (task.pool, str(task.weight_rule)) == ("lakehouse_billing", "upstream")
    others = [task for task in dags["billing_daily"].tasks if task.task_id not in STEPS]
    assert {task.pool for task in others} == {"default_pool"}
    assert json.loads(pools(["billing"])) == {
        "lakehouse_billing": {
            "slots": 1, "description": "One step of billing at a time: never two writers", "include_deferred": True,
        }
    }  # fmt: skip


def test_owner_tags_form_and_times_are_those_of_the_domain(billing: DAG) -> None:
    assert {task.owner for task in billing.tasks} == {"billing-data"}
    assert set(billing.tags) == {"lakehouse", "billing"}
    assert list(billing.params) == ["first_day", "last_day", "on_missing", "full_refresh", "dry_run", "strict"]
    optional = [name for name in billing.params if "null" in billing.params.get_param(name).schema["type"]]
    assert optional == [name for name in billing.params if name != "on_missing"], "the page marks all others as needed"
    assert billing.start_date == datetime(2025, 1, 1, tzinfo=timezone.utc)
    assert billing.catchup is False
    assert isinstance(billing.timetable, CronDataIntervalTimetable)
    assert (billing.timetable.expression, str(billing.timetable.timezone)) == ("0 0 * * *", "UTC")


def test_settings_of_the_domain_reach_the_tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    more = "tags: [finance]\nretries: {count: 5, delay_seconds: 7, max_delay_seconds: 70}\nowner:"
    conf = copy_conf(tmp_path / "conf", Change(DOMAIN, "owner:", more), Change(DOMAIN, '"0 2 * * *"', '"30 3 * * 1"'))
    monkeypatch.setenv("LAKEHOUSE_CONF", str(conf))
    dag = DagBag(str(ROOT / "dags" / "billing_daily.py")).dags["billing_daily"]
    assert "finance" in dag.tags
    assert isinstance(dag.timetable, CronDataIntervalTimetable)
    assert dag.timetable.expression == "30 3 * * 1"
    refine = dag.get_task("lakehouse.refine")
    assert (refine.retries, refine.retry_delay, refine.max_retry_delay, refine.retry_exponential_backoff) == (
        5, timedelta(seconds=7), timedelta(seconds=70), 2.0,
    )  # fmt: skip


def test_a_killed_task_is_told_of_by_its_dag(dags: dict[str, DAG]) -> None:
    assert all(dag.has_on_failure_callback for dag in dags.values())
    callbacks = dags["lakehouse_maintenance"].on_failure_callback
    assert isinstance(callbacks, list)
    calls: list[Any] = callbacks
    spoken = [(call.func.__name__, call.func.__self__.domain, call.keywords) for call in calls]
    assert spoken == [
        ("task_lost", "billing", {"task": "maintain_billing"}),
        ("task_lost", "retail", {"task": "maintain_retail"}),
    ]


def test_only_what_can_pass_is_tried_again(billing: DAG) -> None:
    policy = billing.get_task("lakehouse.refine").retry_policy
    assert policy is not None
    decisions = {
        error: policy.evaluate(error("x"), try_number=1, max_tries=3).action.value
        for error in (*FINAL, StepFailedError, ConnectionError)
    }
    assert {error.__name__: action for error, action in decisions.items() if action == "fail"}.keys() == {
        "StepMisconfiguredError", "DomainBusyError", "IncompleteError", "DeliveryMissingError", "DeliveryRefusedError",
        "LakeDiffersError",
    }  # fmt: skip
    assert decisions[StepFailedError] == decisions[ConnectionError] == "default"
    assert (billing.get_task("verdict").retries, billing.get_task("deliveries.check_parameters").retries) == (0, 0)


def test_people_are_told_of_every_failure(billing: DAG) -> None:
    assert billing.has_on_failure_callback
    for task in billing.tasks:
        assert task.has_on_failure_callback, task.task_id
    assert billing.get_task("deliveries.wait_for_deliveries").has_on_skipped_callback


def test_every_dag_and_task_is_explained(dags: dict[str, DAG]) -> None:
    for dag in dags.values():
        assert dag.doc_md and dag.description, dag.dag_id
        for task in dag.tasks:
            assert task.doc_md in documentation.TASKS.values(), task.task_id
    assert "| `billing.gold.daily_usage` |" in str(dags["billing_daily"].doc_md)


def test_a_step_runs_by_the_runner_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serverless = (
        "runner: {kind: emr_serverless, application_id: a, execution_role: r, package: s3://b/p}\n"
        "description: x\nlake: s3://b/lake\nlanding: s3://b/landing\n"
    )
    conf = copy_conf(tmp_path / "conf", Change(LOCAL, "", serverless))
    monkeypatch.setenv("LAKEHOUSE_CONF", str(conf))
    bag = DagBag(str(ROOT / "dags" / "billing_daily.py"))
    assert bag.import_errors == {}
    kinds = {type(bag.dags["billing_daily"].get_task(step)).__name__ for step in STEPS}
    assert kinds == {"EmrServerlessStep"}
