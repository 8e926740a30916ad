"""Jobs on platforms: what these are asked for, and that a lost worker's job is found again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import boto3
import pytest
from airflow.providers.databricks.hooks.databricks import DatabricksHook
from airflow.sdk.execution_time.comms import SetTaskStateStore
from botocore.stub import Stubber
from moto import mock_aws

from lakehouse.contracts.artifacts import Package
from lakehouse.contracts.environments import Environment
from lakehouse.contracts.runners import DatabricksRunner, EmrServerlessRunner, EmrStepsRunner
from lakehouse.orchestration.databricks import Databricks
from lakehouse.orchestration.emr_serverless import EmrServerless
from lakehouse.orchestration.emr_steps import EmrSteps
from lakehouse.orchestration.jobs import Job, StepRequest, step_job
from lakehouse.orchestration.remote import Ending, Phase, Platform, UnknownJobError, Watch, job_token
from tests.orchestration.platforms import DatabricksStandIn, EmrServerlessStandIn, StandIn

ROOT = "s3://bucket/lakehouse-0.1.0"
VARIABLES = {"LAKE_BUCKET": "bucket", "TEXT": "two words"}
SPARK = {"spark.sql.shuffle.partitions": 64, "spark.executor.extraJavaOptions": "-Da=b -Dc='d e'", "spark.x": True}


def a_job(run_id: str = "billing_daily.manual.refine.1") -> Job:
    environment = Environment.model_validate(
        {"description": "x", "lake": "s3://bucket/lake", "landing": "s3://bucket/in", "spark": SPARK}
    )
    request = StepRequest(run_id, "prod", first="2025-01-01", last="2025-01-31", full_refresh=True)
    return step_job("billing", "refine", environment, request)


class Notebook(dict[str, Any]):
    """The scheduler's memory of a task: it sends what is noted as this message."""

    def set(self, key: str, value: Any) -> None:
        message = SetTaskStateStore(ti_id=UUID(int=0), key=key, value=value, expires_at=None)
        self[key] = json.loads(message.model_dump_json())["value"]


class LostWorkerError(BaseException):
    """The process is gone: nothing after it is done."""


# --- The platforms ---


@pytest.fixture
def serverless() -> Iterator[EmrServerlessStandIn]:
    with EmrServerlessStandIn() as server:
        yield server


@pytest.fixture
def databricks(monkeypatch: pytest.MonkeyPatch) -> Iterator[DatabricksStandIn]:
    with DatabricksStandIn() as server:
        connection = {"conn_type": "databricks", "host": "127.0.0.1", "schema": "http", "port": server.port}
        monkeypatch.setenv("AIRFLOW_CONN_DATABRICKS_DEFAULT", json.dumps({**connection, "password": "x"}))
        yield server


@pytest.fixture
def emr(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        yield boto3.client("emr", region_name="eu-west-1")


def serverless_platform(server: StandIn, **runner: Any) -> EmrServerless:
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "eu-west-1"}
    client = boto3.client("emr-serverless", endpoint_url=server.url, **keys)
    settings = {"kind": "emr_serverless", "application_id": "app1", "execution_role": "arn:aws:iam::1:role/lakehouse"}
    return EmrServerless(
        EmrServerlessRunner.model_validate({**settings, "package": ROOT, **runner}), VARIABLES, client, "eu-west-1"
    )


def databricks_platform() -> Databricks:
    cluster = {"spark_version": "16.4.x-scala2.12", "node_type_id": "m6gd.large", "num_workers": 2}
    runner = DatabricksRunner.model_validate({"kind": "databricks", "package": ROOT, "cluster": cluster})
    return Databricks(runner, VARIABLES, DatabricksHook("databricks_default"))


def steps_platform(client: Any) -> EmrSteps:
    instances = {"MasterInstanceType": "m6g.large", "InstanceCount": 1, "KeepJobFlowAliveWhenNoSteps": True}
    cluster = client.run_job_flow(Name="c", ReleaseLabel="emr-7.12.0", Instances=instances)["JobFlowId"]
    runner = EmrStepsRunner.model_validate({"kind": "emr_steps", "cluster_id": cluster, "package": ROOT})
    return EmrSteps(runner, VARIABLES, client, "eu-west-1")


def settings_of(words: list[str]) -> dict[str, str]:
    """The settings among the words of a spark-submit."""
    given = [words[place + 1] for place, word in enumerate(words) if word == "--conf"]
    return dict(setting.split("=", 1) for setting in given)


# --- What they are asked for ---


def test_emr_serverless_gets_a_job_run(serverless: EmrServerlessStandIn) -> None:
    serverless_platform(serverless, log_uri="s3://bucket/logs/", timeout_minutes=90).submit(a_job(), "t" * 64)
    (asked,) = serverless.started
    assert asked["clientToken"] == "t" * 64
    assert (asked["executionTimeoutMinutes"], asked["mode"], asked["retryPolicy"]) == (90, "BATCH", {"maxAttempts": 1})
    assert asked["name"] == "lakehouse refine billing billing_daily.manual.refine.1"
    monitoring = {"s3MonitoringConfiguration": {"logUri": "s3://bucket/logs/"}}
    assert asked["configurationOverrides"] == {"monitoringConfiguration": monitoring}
    settings = settings_of(shlex.split(asked["jobDriver"]["sparkSubmit"]["sparkSubmitParameters"]))
    assert settings["spark.archives"] == f"{ROOT}/environment.tar.gz#environment,{ROOT}/conf.tar.gz#conf"
    assert settings["spark.emr-serverless.driverEnv.PYSPARK_PYTHON"] == "./environment/bin/python"
    assert settings["spark.emr-serverless.driverEnv.LAKEHOUSE_CONF"] == "./conf"
    assert settings["spark.emr-serverless.driverEnv.TEXT"] == "two words"
    jars = settings["spark.jars"].split(",")
    assert jars[:2] == ["/usr/share/aws/delta/lib/delta-spark.jar", "/usr/share/aws/delta/lib/delta-storage.jar"]
    assert [jar.partition("jars/")[2].partition("-")[0] for jar in jars[2:]] == ["deequ", "dqdl"]


def test_databricks_gets_a_one_time_run(databricks: DatabricksStandIn) -> None:
    assert databricks_platform().submit(a_job(), "t" * 64) == "100"
    (asked,) = databricks.started
    (task,) = asked["tasks"]
    assert (asked["idempotency_token"], asked["timeout_seconds"], task["max_retries"]) == ("t" * 64, 43200, 0)
    assert task["new_cluster"]["spark_version"] == "16.4.x-scala2.12"
    assert task["new_cluster"]["spark_env_vars"] == VARIABLES
    wheel, deequ, dqdl = task["libraries"]
    assert wheel == {"whl": Package(ROOT).wheel}
    assert (deequ["jar"].startswith(f"{ROOT}/jars/deequ-"), dqdl["jar"].startswith(f"{ROOT}/jars/dqdl-")) == (
        True,
        True,
    )


def test_emr_gets_a_step_that_takes_its_driver_with_it(emr: Any) -> None:
    platform = steps_platform(emr)
    step = emr.describe_step(ClusterId=platform._runner.cluster_id, StepId=platform.submit(a_job(), "t" * 64))["Step"]
    assert step["Name"] == f"lakehouse refine billing billing_daily.manual.refine.1 {'t' * 64}"
    words = step["Config"]["Args"]
    assert words[:6] == ["env", "LAKE_BUCKET=bucket", "TEXT=two words", "spark-submit", "--deploy-mode", "client"]
    assert settings_of(words)["spark.pyspark.python"] == "/opt/lakehouse/environment/bin/python"


def test_a_token_fits_every_platform_and_tells_tries_apart() -> None:
    tokens = {job_token("billing_daily", "manual__1", "refine", -1, attempt) for attempt in (1, 2)}
    assert len(tokens) == 2
    assert tokens == {job_token("billing_daily", "manual__1", "refine", -1, attempt) for attempt in (1, 2)}
    assert {len(token) for token in tokens} == {64}


# --- Watching ---


def watch(platform: Platform, notes: Notebook, pause: Callable[[], None], said: list[str] | None = None) -> Watch:
    return Watch(platform, notes, (said if said is not None else []).append, pause)


def test_a_job_is_followed_to_its_end(serverless: EmrServerlessStandIn) -> None:
    serverless.plans = [["SUBMITTED", "QUEUED", "RUNNING", "RUNNING", "SUCCESS"]]
    said: list[str] = []
    ending = watch(serverless_platform(serverless), Notebook(), serverless.advance, said).follow(a_job(), "t")
    assert (ending.job_id, ending.sight.state, ending.sight.phase) == ("job0", "SUCCESS", Phase.ENDED)
    states = [line.split(": ")[1].split()[0] for line in said if line.startswith("EMR Serverless job job0: ")]
    assert states == ["SUBMITTED", "QUEUED", "RUNNING", "SUCCESS"]
    assert "#/serverless-applications/app1/job-runs/job0" in said[1]


def lose_worker() -> None:
    raise LostWorkerError


def test_a_lost_workers_job_is_found_again(serverless: EmrServerlessStandIn) -> None:
    serverless.plans = [["RUNNING", "SUCCESS"]]
    notes, platform = Notebook(), serverless_platform(serverless)
    with pytest.raises(LostWorkerError):
        watch(platform, notes, lose_worker).follow(a_job("run.1"), "first")
    ending = watch(platform, notes, serverless.advance).follow(a_job("run.2"), "second")
    assert len(serverless.started) == 1
    assert (ending.job, ending.sight.state) == (a_job("run.1"), "SUCCESS")


@pytest.mark.parametrize("submitted", [True, False])
def test_a_worker_lost_while_it_starts_a_job_leaves_one_job(serverless: EmrServerlessStandIn, submitted: bool) -> None:
    """Between the note and its job, and between the job and its note."""
    notes, platform = Notebook(), serverless_platform(serverless)

    class Dying:
        name, place = platform.name, platform.place
        look, cancel = platform.look, platform.cancel

        def submit(self, job: Job, token: str) -> str:
            if submitted:
                platform.submit(job, token)
            raise LostWorkerError

    with pytest.raises(LostWorkerError):
        watch(Dying(), notes, lose_worker).follow(a_job("run.1"), "first")
    ending = watch(platform, notes, serverless.advance).follow(a_job("run.2"), "second")
    assert [asked["clientToken"] for asked in serverless.started] == ["first"]
    assert ending.job == a_job("run.1")


def lost(platform: Platform, notes: Notebook) -> None:
    """A worker starts the job run.1 and is lost while it runs."""
    with pytest.raises(LostWorkerError):
        watch(platform, notes, lose_worker).follow(a_job("run.1"), "first")


def test_a_job_of_an_application_that_was_replaced_is_started_anew(serverless: EmrServerlessStandIn) -> None:
    serverless.plans = [["RUNNING"]]
    notes, said = Notebook(), list[str]()
    lost(serverless_platform(serverless), notes)
    serverless.application, serverless.gone = "app2", {"job0"}
    platform = serverless_platform(serverless, application_id="app2")
    ending = watch(platform, notes, serverless.advance, said).follow(a_job("run.2"), "second")
    assert (ending.job_id, ending.job.run_id, ending.sight.state) == ("job1", "run.2", "SUCCESS")
    assert said[0] == "an earlier try started a job at app1, where no jobs are started any more; starting anew"
    assert (notes["lakehouse_job"]["place"], notes["lakehouse_job"]["job_id"]) == ("app2", "job1")


def test_a_job_that_the_platform_forgot_is_started_anew(
    serverless: EmrServerlessStandIn, databricks: DatabricksStandIn
) -> None:
    for server, platform, first, second in (
        (serverless, serverless_platform(serverless), "job0", "job1"),
        (databricks, databricks_platform(), "100", "101"),
    ):
        server.plans = [["RUNNING"], ["TERMINATED SUCCESS" if server is databricks else "SUCCESS"]]
        notes, said = Notebook(), list[str]()
        lost(platform, notes)
        server.gone = {first}
        ending = watch(platform, notes, server.advance, said).follow(a_job("run.2"), "second")
        assert (ending.job_id, ending.job.run_id, ending.sight.phase) == (second, "run.2", Phase.ENDED)
        assert said[1].startswith(f"{platform.name} does not know the job {first} any more (")
        assert said[1].endswith("); starting anew")


def test_a_job_that_is_not_known_yet_is_not_started_twice(serverless: EmrServerlessStandIn) -> None:
    platform, notes = serverless_platform(serverless), Notebook()
    serverless.gone = {"job0"}
    with pytest.raises(UnknownJobError):
        watch(platform, notes, serverless.advance).follow(a_job("run.1"), "first")
    # Nor when a worker was lost before it had noted which job it was.
    del notes["lakehouse_job"]["job_id"]
    with pytest.raises(UnknownJobError):
        watch(platform, notes, serverless.advance).follow(a_job("run.2"), "second")
    assert len(serverless.started) == 1
    serverless.gone = set()
    assert watch(platform, notes, serverless.advance).follow(a_job("run.2"), "second").job_id == "job0"
    assert len(serverless.started) == 1


def test_a_step_that_emr_does_not_know(emr: Any) -> None:
    platform = steps_platform(emr)
    assert platform.place == platform._runner.cluster_id
    with Stubber(emr) as stub:
        stub.add_client_error("describe_step", "InvalidRequestException", "Step id 's-1' is not valid.", 400)
        with pytest.raises(UnknownJobError, match="Step id 's-1' is not valid"):
            platform.look("s-1")
        stub.add_client_error("describe_step", "InternalServerException", "try again", 500)
        with pytest.raises(emr.exceptions.InternalServerException):
            platform.look("s-1")


def test_an_end_that_was_seen_is_not_taken_again(serverless: EmrServerlessStandIn) -> None:
    notes, platform = Notebook(), serverless_platform(serverless)
    serverless.plans = [["FAILED"], ["SUCCESS"]]
    first = watch(platform, notes, serverless.advance)
    assert first.follow(a_job("run.1"), "first").sight.reason == "Job failed: exit code 137"
    first.done()
    ending = watch(platform, notes, serverless.advance).follow(a_job("run.2"), "second")
    assert (ending.job_id, ending.job.run_id) == ("job1", "run.2")


def test_a_cancelled_job_is_waited_for_before_the_next_begins(serverless: EmrServerlessStandIn) -> None:
    notes, platform = Notebook(), serverless_platform(serverless)
    serverless.plans = [["RUNNING"]]
    first = watch(platform, notes, lose_worker)
    with pytest.raises(LostWorkerError):
        first.follow(a_job("run.1"), "first")
    first.cancel()
    first.cancel()
    assert serverless.cancelled == ["job0", "job0"]
    running: list[int] = []

    def pause() -> None:
        running.append(len(serverless.started))
        serverless.advance()

    ending = watch(platform, notes, pause).follow(a_job("run.2"), "second")
    assert running == [1], "the second job began after the first one had ended"
    assert (ending.job_id, ending.job.run_id, ending.sight.phase) == ("job1", "run.2", Phase.ENDED)


def test_a_databricks_run_is_followed_found_again_and_cancelled(databricks: DatabricksStandIn) -> None:
    notes, platform = Notebook(), databricks_platform()
    databricks.plans = [["PENDING", "RUNNING", "TERMINATED FAILED"], ["RUNNING"]]
    with pytest.raises(LostWorkerError):
        watch(platform, notes, lose_worker).follow(a_job("run.1"), "first")
    second = watch(platform, notes, databricks.advance)
    ending = second.follow(a_job("run.2"), "second")
    assert len(databricks.started) == 1
    assert (ending.sight.state, ending.sight.phase) == ("TERMINATED FAILED", Phase.ENDED)
    assert ending.sight.reason == "Py4JJavaError: the driver ran out of memory"
    assert ending.sight.link == "https://example.cloud.databricks.com/#job/1/run/100"
    second.done()
    third = watch(platform, notes, lose_worker)
    with pytest.raises(LostWorkerError):
        third.follow(a_job("run.3"), "third")
    third.cancel()
    assert databricks.cancelled == ["101"]
    assert platform.look("101").phase is Phase.ACTIVE
    databricks.advance()
    assert platform.look("101").phase is Phase.CANCELLED


def test_a_databricks_run_that_failed_has_its_state_without_its_output(databricks: DatabricksStandIn) -> None:
    databricks.plans, databricks.has_output = [["INTERNAL_ERROR FAILED"]], False
    platform = databricks_platform()
    sight = platform.look(platform.submit(a_job(), "t"))
    assert (platform.place, sight.phase, sight.state) == ("127.0.0.1", Phase.ENDED, "INTERNAL_ERROR FAILED")
    assert sight.reason.startswith("its output could not be read: Response: ")


def test_a_databricks_token_gives_the_same_run(databricks: DatabricksStandIn) -> None:
    platform = databricks_platform()
    assert platform.submit(a_job(), "t") == platform.submit(a_job(), "t") == "100"


def test_an_emr_step_is_found_by_its_token_watched_and_cancelled(emr: Any) -> None:
    platform = steps_platform(emr)
    step = platform.submit(a_job(), "t" * 64)
    assert platform.submit(a_job(), "t" * 64) == step
    assert platform.submit(a_job(), "u" * 64) != step
    sight = platform.look(step)
    assert sight.phase is Phase.ACTIVE
    assert sight.link.endswith(f"#/clusterDetails/{platform._runner.cluster_id}")


@pytest.mark.parametrize(
    ("status", "phase", "reason"),
    [
        ({"State": "PENDING"}, Phase.ACTIVE, ""),
        ({"State": "CANCEL_PENDING"}, Phase.ACTIVE, ""),
        ({"State": "COMPLETED"}, Phase.ENDED, ""),
        ({"State": "CANCELLED", "StateChangeReason": {"Message": "by user"}}, Phase.CANCELLED, "by user"),
        ({"State": "FAILED", "FailureDetails": {"Reason": "Unknown Error.", "Message": "exit 1", "LogFile": "s3://l"}},
         Phase.ENDED, "Unknown Error.; exit 1 (log: s3://l)"),
    ],
)  # fmt: skip
def test_states_of_emr_steps(status: dict[str, Any], phase: Phase, reason: str) -> None:
    """States that moto never reaches, in the form that the API gives them."""
    asked: list[dict[str, Any]] = []

    class Client:
        def describe_step(self, **question: str) -> dict[str, Any]:
            return {"Step": {"Status": status}}

        def cancel_steps(self, **question: Any) -> None:
            asked.append(question)

    runner = EmrStepsRunner.model_validate({"kind": "emr_steps", "cluster_id": "j-1", "package": ROOT})
    platform = EmrSteps(runner, {}, Client(), "eu-west-1")
    sight = platform.look("s-1")
    assert (sight.phase, sight.reason) == (phase, reason)
    platform.cancel("s-1")
    assert asked == [{"ClusterId": "j-1", "StepIds": ["s-1"], "StepCancellationOption": "TERMINATE_PROCESS"}]


def test_without_a_memory_jobs_run_all_the_same(serverless: EmrServerlessStandIn) -> None:
    ending: Ending = Watch(serverless_platform(serverless), None, print, serverless.advance).follow(a_job(), "t")
    assert ending.sight.phase is Phase.ENDED
