"""Steps as steps of an Amazon EMR cluster on EC2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lakehouse.contracts.artifacts import Package, platform_jars
from lakehouse.contracts.runners import EmrStepsRunner
from lakehouse.orchestration.jobs import Job
from lakehouse.orchestration.remote import Phase, Platform, Sight, UnknownJobError, conf_options
from lakehouse.orchestration.remote_step import RemoteStep

_PHASES = {
    "COMPLETED": Phase.ENDED,
    "FAILED": Phase.ENDED,
    "INTERRUPTED": Phase.ENDED,
    "CANCELLED": Phase.CANCELLED,
}
_DELTA = ("/usr/share/aws/delta/lib/delta-spark.jar", "/usr/share/aws/delta/lib/delta-storage.jar")


class EmrSteps:
    """The steps of one cluster."""

    name = "EMR"

    def __init__(self, runner: EmrStepsRunner, variables: Mapping[str, str], client: Any, region: str) -> None:
        """Jobs get ``variables``; ``client`` is boto3's for emr."""
        self._runner = runner
        self._variables = variables
        self._client = client
        self._region = region

    @property
    def place(self) -> str:
        """The cluster."""
        return self._runner.cluster_id

    def submit(self, job: Job, token: str) -> str:
        """Add a step, unless there is one with the token: the platform knows no tokens, so the name holds it."""
        name = f"{job.title} {job.run_id}"[:180] + f" {token}"
        known = self._find(name)
        if known:
            return known
        step = {
            "Name": name,
            # The others of the cluster go on; the scheduler decides what follows.
            "ActionOnFailure": "CONTINUE",
            "HadoopJarStep": {"Jar": "command-runner.jar", "Args": self.command(job)},
        }
        role = {"ExecutionRoleArn": self._runner.execution_role} if self._runner.execution_role else {}
        added = self._client.add_job_flow_steps(JobFlowId=self._runner.cluster_id, Steps=[step], **role)
        return str(added["StepIds"][0])

    def command(self, job: Job) -> list[str]:
        """What the primary node runs.

        The driver is the step's process (client mode): a step that is cancelled takes its driver with it, while a
        driver in YARN's hands (cluster mode) would go on writing.
        """
        package = Package(self._runner.package)
        settings = {
            **job.spark,
            "spark.jars": ",".join([*_DELTA, *(package.jar(jar) for jar in platform_jars())]),
            "spark.pyspark.python": self._runner.python,
        }
        variables = [f"{name}={value}" for name, value in sorted(self._variables.items())]
        submit = ["spark-submit", "--deploy-mode", "client", *conf_options(settings)]
        return [*(["env", *variables] if variables else []), *submit, package.script(job.script), *job.arguments]

    def look(self, job_id: str) -> Sight:
        """The state of a step."""
        try:
            status = self._client.describe_step(ClusterId=self._runner.cluster_id, StepId=job_id)["Step"]["Status"]
        except self._client.exceptions.InvalidRequestException as error:
            # The ids are all that the request has: EMR has no such step.
            raise UnknownJobError(str(error)) from error
        state = str(status["State"])
        failure = status.get("FailureDetails") or {}
        told = [failure.get("Reason"), failure.get("Message"), (status.get("StateChangeReason") or {}).get("Message")]
        reason = "; ".join(str(part) for part in told if part)
        logs = str(failure.get("LogFile") or "")
        return Sight(
            _PHASES.get(state, Phase.ACTIVE), state, f"{reason} (log: {logs})" if logs else reason, self._link()
        )

    def cancel(self, job_id: str) -> None:
        """Cancel a step, and its process when it runs already."""
        self._client.cancel_steps(
            ClusterId=self._runner.cluster_id, StepIds=[job_id], StepCancellationOption="TERMINATE_PROCESS"
        )

    def _find(self, name: str) -> str | None:
        for page in self._client.get_paginator("list_steps").paginate(ClusterId=self._runner.cluster_id):
            for step in page["Steps"]:
                if step["Name"] == name:
                    return str(step["Id"])
        return None

    def _link(self) -> str:
        place = f"https://{self._region}.console.aws.amazon.com/emr/home?region={self._region}"
        return f"{place}#/clusterDetails/{self._runner.cluster_id}"


class EmrStepsStep(RemoteStep):
    """One step of a domain as a step of an EMR cluster."""

    def platform(self, runner: EmrStepsRunner, variables: Mapping[str, str]) -> Platform:
        """The runner's cluster, with the credentials of its connection."""
        # Imported where it is used: a DAG file is read every half minute, and these take most of a second.
        from airflow.providers.amazon.aws.hooks.emr import EmrHook

        hook = EmrHook(aws_conn_id=runner.connection, region_name=runner.region)
        return EmrSteps(runner, variables, hook.conn, str(hook.conn_region_name))
