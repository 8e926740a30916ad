"""The five runners as tasks: the same job for all of them, and the same meaning of what came of it."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
import yaml
from airflow.sdk.exceptions import TaskDeferred
from moto import mock_aws

from lakehouse.contracts.environments import check_unset, environment_variables, load_environment
from lakehouse.orchestration import local
from lakehouse.orchestration.operators import step_operator
from lakehouse.orchestration.results import (
    IncompleteError,
    StepFailedError,
    StepMisconfiguredError,
)
from tests.cli.test_package import standalone_cluster
from tests.conftest import deliver, usage
from tests.contracts.places import copy_conf
from tests.orchestration.platforms import DatabricksStandIn, EmrServerlessStandIn, StandIn
from tests.orchestration.test_remote import LostWorkerError, Notebook, settings_of

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "s3://bucket/lakehouse-0.1.0"
SPARK = {"spark.sql.shuffle.partitions": 64, "spark.sql.adaptive.enabled": True, "spark.a": "two words"}
RUNNERS: dict[str, dict[str, Any]] = {
    "local": {"kind": "local"},
    "standalone": {"kind": "standalone"},
    "emr_serverless": {
        "kind": "emr_serverless", "application_id": "${APPLICATION}", "execution_role": "arn:aws:iam::1:role/lakehouse",
        "package": PACKAGE, "region": "eu-west-1",
    },
    "emr_steps": {"kind": "emr_steps", "cluster_id": "${CLUSTER}", "package": PACKAGE, "region": "eu-west-1"},
    "databricks": {
        "kind": "databricks", "package": PACKAGE, "cluster": {"spark_version": "16.4.x-scala2.12", "num_workers": 2},
    },
}  # fmt: skip
RESULT = {"run_id": "r", "domain": "billing", "steps": ["refine"], "exit_code": 0, "reason": ""}


class Place:
    """A configuration with one environment per runner, and everything that these runners talk to."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch, servers: Mapping[str, StandIn]) -> None:
        self.servers = servers
        self.lake = root / "lake"
        self.emr = boto3.client("emr", region_name="eu-west-1")
        instances = {"MasterInstanceType": "m6g.large", "InstanceCount": 1, "KeepJobFlowAliveWhenNoSteps": True}
        self.cluster = self.emr.run_job_flow(Name="c", ReleaseLabel="emr-7.12.0", Instances=instances)["JobFlowId"]
        self.commands: list[list[str]] = []
        """What the local and standalone runners would have run."""
        self.code = 0
        """How that ends."""
        self.monkeypatch = monkeypatch
        conf = copy_conf(root / "conf")
        for name, runner in RUNNERS.items():
            master = {"local": "local[2]", "standalone": "spark://master:7077"}.get(name)
            declared = {
                "description": name,
                "lake": str(self.lake),
                "landing": str(root / "in"),
                "spark": {**SPARK, **({"spark.master": master} if master else {})},
                "runner": runner,
            }
            (conf / "environments" / f"{name}.yml").write_text(yaml.safe_dump(declared))
        monkeypatch.setenv("LAKEHOUSE_CONF", str(conf))
        monkeypatch.setenv("APPLICATION", "app1")
        monkeypatch.setenv("CLUSTER", self.cluster)
        monkeypatch.setattr(local.LocalStep, "_run", self._run)
        self.pauses: list[Callable[[], None]] = []
        monkeypatch.setattr("lakehouse.orchestration.remote_step.sleep", lambda seconds: self._pause())

    def _run(self, command: list[str], variables: Mapping[str, str]) -> int:
        self.commands.append(command)
        return self.code

    def _pause(self) -> None:
        if self.pauses:
            self.pauses.pop(0)()
        for server in self.servers.values():
            server.advance()
        for step in self.emr.list_steps(ClusterId=self.cluster)["Steps"]:
            set_state(step["Id"], "COMPLETED")

    def task(self, name: str) -> Any:
        """The task of refine in an environment."""
        self.monkeypatch.setenv("LAKEHOUSE_ENV", name)
        return step_operator(load_environment(name).runner, domain="billing", step="refine", task_id="refine")

    def results(self, **result: Any) -> None:
        """Let every run leave this result."""
        monkeypatch, known = self.monkeypatch, {**RESULT, **result}
        monkeypatch.setattr("lakehouse.orchestration.results.read_result", lambda place: known)


def set_state(step_id: str, state: str) -> None:
    """Move a step on: those of moto stay where they are."""
    from moto.emr.models import emr_backends

    for account in emr_backends.values():
        for cluster in account["eu-west-1"].clusters.values():
            for step in cluster.steps:
                if step.id == step_id:
                    step.state = state


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with EmrServerlessStandIn() as serverless, DatabricksStandIn() as databricks, mock_aws():
        monkeypatch.setenv("AWS_ENDPOINT_URL_EMR_SERVERLESS", serverless.url)
        monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps({"conn_type": "aws"}))
        connection = {"conn_type": "databricks", "host": "127.0.0.1", "schema": "http", "port": databricks.port}
        monkeypatch.setenv("AIRFLOW_CONN_DATABRICKS_DEFAULT", json.dumps({**connection, "password": "x"}))
        databricks.plans = [["RUNNING", "TERMINATED SUCCESS"] for _ in range(5)]
        serverless.plans = [["RUNNING", "SUCCESS"] for _ in range(5)]
        yield Place(tmp_path, monkeypatch, {"emr_serverless": serverless, "databricks": databricks})


def context(attempt: int = 1, notes: Notebook | None = None) -> dict[str, Any]:
    """What a task is told by the scheduler."""
    pushed: dict[str, Any] = {}
    instance = SimpleNamespace(
        dag_id="billing_daily", run_id="manual__2025-02-01T00:00:00+00:00", task_id="refine", map_index=-1,
        try_number=attempt, id=f"0190-{attempt}", xcom_push=lambda key, value: pushed.update({key: value}),
    )  # fmt: skip
    day = datetime(2025, 1, 31, tzinfo=timezone.utc)
    run = SimpleNamespace(data_interval_start=day, data_interval_end=day, conf={})
    return {"ti": instance, "dag_run": run, "params": {"full_refresh": True}, "task_state_store": notes, "x": pushed}


# --- The same job ---


def asked(place: Place, name: str) -> tuple[str, list[str], dict[str, str]]:
    """The job file, the arguments and the Spark settings that a runner was asked for."""
    if name in {"local", "standalone"}:
        words = place.commands[-1]
        (script,) = [number for number, word in enumerate(words) if word.endswith(".py")]
        return words[script], words[script + 1 :], settings_of(words[:script])
    if name == "emr_serverless":
        driver = place.servers[name].started[-1]["jobDriver"]["sparkSubmit"]
        settings = settings_of(shlex.split(driver["sparkSubmitParameters"]))
        return driver["entryPoint"], driver["entryPointArguments"], settings
    if name == "databricks":
        (task,) = place.servers[name].started[-1]["tasks"]
        python = task["spark_python_task"]
        return python["python_file"], python["parameters"], task["new_cluster"]["spark_conf"]
    (step,) = place.emr.list_steps(ClusterId=place.cluster)["Steps"]
    words = step["Config"]["Args"]
    (script,) = [number for number, word in enumerate(words) if word.endswith(".py")]
    return words[script], words[script + 1 :], settings_of(words[:script])


def test_all_runners_get_the_same_job_arguments_and_settings(place: Place) -> None:
    place.results()
    found: dict[str, tuple[str, list[str], dict[str, str | None]]] = {}
    for name in RUNNERS:
        place.task(name).execute(context())
        script, arguments, settings = asked(place, name)
        assert arguments[arguments.index("--env") + 1] == name
        same = [word for word in arguments if word != name]
        found[name] = (Path(script).name, same, {key: settings.get(key) for key in SPARK})
    assert all(one == found["local"] for one in found.values())
    script, arguments, given = found["local"]
    assert script == "lakehouse_refine.py"
    assert arguments[:5] == ["billing", "--from", "2025-01-31", "--to", "2025-01-31"]
    assert "--full-refresh" in arguments
    assert given == {
        "spark.sql.shuffle.partitions": "64", "spark.sql.adaptive.enabled": "true", "spark.a": "two words",
    }  # fmt: skip


def test_the_address_of_a_cluster_is_not_this_machines(place: Place) -> None:
    place.results()
    masters = {}
    for name in ("local", "standalone"):
        place.task(name).execute(context())
        masters[name] = asked(place, name)[2]
    assert masters["local"]["spark.driver.host"] == "127.0.0.1"
    assert masters["standalone"]["spark.master"] == "spark://master:7077"
    assert "spark.driver.host" not in masters["standalone"]


# --- The same meaning of what came of it ---


@pytest.mark.parametrize("name", RUNNERS)
@pytest.mark.parametrize(
    ("code", "error"),
    [
        (0, None), (1, StepFailedError), (2, StepMisconfiguredError), (3, None), (4, TaskDeferred),
        (5, IncompleteError),
    ],
)  # fmt: skip
def test_exit_codes_mean_the_same_everywhere(
    place: Place, name: str, code: int, error: type[BaseException] | None
) -> None:
    place.code = code
    place.results(exit_code=code, reason="because of this")
    if error is None:
        assert place.task(name).execute(context())["exit_code"] == code
        return
    with pytest.raises(error) as raised:
        place.task(name).execute(context())
    assert code == 4 or "because of this" in str(raised.value)


@pytest.mark.parametrize("name", ["emr_serverless", "databricks"])
def test_each_turn_that_is_waited_for_is_a_job_of_its_own(place: Place, name: str) -> None:
    notes = Notebook()
    place.results(exit_code=4)
    with pytest.raises(TaskDeferred) as waiting:
        place.task(name).execute(context(1, notes))
    place.results()
    again = waiting.value.kwargs or {}
    assert place.task(name).resume(context(1, notes), {}, **again)["exit_code"] == 0
    assert len(place.servers[name].started) == 2


@pytest.mark.parametrize(
    ("name", "plan", "told"),
    [
        (
            "emr_serverless",
            "FAILED",
            "EMR Serverless job job0 is FAILED, Job failed: exit code 137, https://eu-west-1.",
        ),
        ("databricks", "TERMINATED FAILED", "Databricks job 100 is TERMINATED FAILED, Py4JJavaError: the driver ran"),
        ("databricks", "INTERNAL_ERROR", "Databricks job 100 is INTERNAL_ERROR, Py4JJavaError: the driver ran"),
    ],
)
def test_a_job_that_died_without_a_result_names_platform_state_and_link(
    place: Place, name: str, plan: str, told: str
) -> None:
    place.servers[name].plans = [["RUNNING", plan]]
    with pytest.raises(StepFailedError) as raised:
        place.task(name).execute(context())
    assert told in str(raised.value)
    assert f"it left no result in {place.lake}/billing/results/" in str(raised.value)


def test_a_result_counts_more_than_the_platforms_word(place: Place) -> None:
    """A refused delivery ends the job with 3, which a platform calls a failure."""
    place.servers["emr_serverless"].plans = [["RUNNING", "FAILED"]]
    place.results(exit_code=3)
    assert place.task("emr_serverless").execute(context())["exit_code"] == 3


# --- Tries ---


@pytest.mark.parametrize("name", ["emr_serverless", "databricks"])
def test_a_try_after_a_lost_worker_takes_its_job_and_result(place: Place, name: str) -> None:
    notes, seen = Notebook(), []

    def lose() -> None:
        raise LostWorkerError

    place.pauses = [lose]
    with pytest.raises(LostWorkerError):
        place.task(name).execute(context(1, notes))

    def read(where: str) -> dict[str, Any]:
        seen.append(where)
        return RESULT

    place.monkeypatch.setattr("lakehouse.orchestration.results.read_result", read)
    place.task(name).execute(context(2, notes))
    assert len(place.servers[name].started) == 1
    assert [Path(where).name.split("-")[-2].endswith(".refine.1") for where in seen] == [True], seen
    place.task(name).execute(context(3, notes))
    assert len(place.servers[name].started) == 2


def test_a_try_after_a_failure_starts_a_new_job_under_a_new_name(place: Place) -> None:
    notes = Notebook()
    place.results(exit_code=1)
    for attempt in (1, 2):
        with pytest.raises(StepFailedError):
            place.task("emr_serverless").execute(context(attempt, notes))
    first, second = place.servers["emr_serverless"].started
    assert first["clientToken"] != second["clientToken"]
    names = [job["jobDriver"]["sparkSubmit"]["entryPointArguments"][-1] for job in (first, second)]
    assert [name.split(".")[-1].split("-")[0] for name in names] == ["1", "2"]


def test_a_result_that_cannot_be_reached_is_read_by_the_next_try(place: Place) -> None:
    notes = Notebook()

    def unreachable(where: str) -> dict[str, Any]:
        raise ConnectionError("no route to host")

    place.monkeypatch.setattr("lakehouse.orchestration.results.read_result", unreachable)
    with pytest.raises(ConnectionError):
        place.task("emr_serverless").execute(context(1, notes))
    place.results()
    assert place.task("emr_serverless").execute(context(2, notes))["exit_code"] == 0
    assert len(place.servers["emr_serverless"].started) == 1


@pytest.mark.parametrize(("name", "job"), [("emr_serverless", "job0"), ("databricks", "100")])
def test_a_task_that_is_killed_cancels_its_job(place: Place, name: str, job: str) -> None:
    task = place.task(name)
    task.on_kill()
    place.pauses = [task.on_kill]
    with pytest.raises(StepFailedError) as raised:
        task.execute(context())
    assert place.servers[name].cancelled == [job]
    assert "CANCEL" in str(raised.value)


def test_killing_an_emr_task_cancels_its_step(place: Place) -> None:
    cancelled: list[str] = []
    task = place.task("emr_steps")
    place.monkeypatch.setattr(
        "lakehouse.orchestration.emr_steps.EmrSteps.cancel", lambda platform, step: cancelled.append(step)
    )
    place.pauses = [task.on_kill]
    place.results()
    task.execute(context())
    (step,) = place.emr.list_steps(ClusterId=place.cluster)["Steps"]
    assert cancelled == [step["Id"]]


def test_jobs_get_the_variables_that_their_environment_names(place: Place) -> None:
    place.results()
    place.task("emr_serverless").execute(context())
    settings = asked(place, "emr_serverless")[2]
    assert settings["spark.emr-serverless.driverEnv.APPLICATION"] == "app1"
    assert "spark.emr-serverless.driverEnv.CLUSTER" not in settings


# --- The examples ---


@pytest.mark.parametrize("kind", RUNNERS)
def test_there_is_an_example_of_each_runner(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_CONF", str(ROOT / "conf"))
    variables = environment_variables(kind)
    if kind != "local":
        assert None in variables.values()
        check_unset(kind)
    for variable in variables:
        monkeypatch.setenv(variable, "spark://master:7077" if variable == "SPARK_MASTER" else "x")
    assert load_environment(kind).runner.kind == kind


# --- A real cluster ---


@pytest.mark.slow
@pytest.mark.soak
def test_a_task_runs_on_a_standalone_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conf = tmp_path / "conf"
    shutil.copytree(ROOT / "conf", conf)
    deliver(tmp_path / "in", "2025-01-31", "usage-1.csv", [usage("2025-01-31T10:00:00Z")])
    for name, value in {"LAKEHOUSE_CONF": conf, "LAKEHOUSE_ENV": "standalone", "LAKE_FOLDER": tmp_path / "lake",
                        "LANDING_FOLDER": tmp_path / "in", "SPARK_LOCAL_IP": "127.0.0.1"}.items():  # fmt: skip
        monkeypatch.setenv(name, str(value))
    example = conf / "environments" / "standalone.yml"
    example.write_text(example.read_text().replace("memory: 4g", "memory: 1g"))
    with standalone_cluster(tmp_path) as master:
        monkeypatch.setenv("SPARK_MASTER", master)
        runner = load_environment("standalone").runner
        task: Any = step_operator(runner, domain="billing", step="ingest", task_id="ingest")
        found = task.execute(context())
    assert (found["exit_code"], found["deliveries"]) == (0, {"new": 1})
    assert list((tmp_path / "work").glob("app-*")), "the worker ran executors"
