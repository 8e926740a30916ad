"""Steps as job runs of Amazon EMR Serverless."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from lakehouse.contracts.artifacts import Package, platform_jars
from lakehouse.contracts.runners import EmrServerlessRunner
from lakehouse.orchestration.jobs import Job
from lakehouse.orchestration.remote import Phase, Platform, Sight, UnknownJobError, conf_options
from lakehouse.orchestration.remote_step import RemoteStep

_PHASES = {"SUCCESS": Phase.ENDED, "FAILED": Phase.ENDED, "CANCELLED": Phase.CANCELLED}
"""All other states, those that will be invented too, are of a job that goes on."""

_PYTHON = "./environment/bin/python"
_DELTA = ("/usr/share/aws/delta/lib/delta-spark.jar", "/usr/share/aws/delta/lib/delta-storage.jar")
"""Delta as the releases bring it."""


class EmrServerless:
    """The job runs of one application."""

    name = "EMR Serverless"

    def __init__(self, runner: EmrServerlessRunner, variables: Mapping[str, str], client: Any, region: str) -> None:
        """Jobs get ``variables``; ``client`` is boto3's for emr-serverless."""
        self._runner = runner
        self._variables = variables
        self._client = client
        self._region = region

    @property
    def place(self) -> str:
        """The application."""
        return self._runner.application_id

    def submit(self, job: Job, token: str) -> str:
        """Start a job run; the platform starts none for a token that it knows."""
        response = self._client.start_job_run(
            applicationId=self._runner.application_id,
            clientToken=token,
            executionRoleArn=self._runner.execution_role,
            name=f"{job.title} {job.run_id}"[:256],
            jobDriver={
                "sparkSubmit": {
                    "entryPoint": Package(self._runner.package).script(job.script),
                    "entryPointArguments": list(job.arguments),
                    "sparkSubmitParameters": shlex.join(conf_options(self.settings(job))),
                }
            },
            executionTimeoutMinutes=self._runner.timeout_minutes,
            # Who tries again is the scheduler: a second attempt of the platform would meet its own run id.
            mode="BATCH",
            retryPolicy={"maxAttempts": 1},
            **self._logs(),
        )
        return str(response["jobRunId"])

    def settings(self, job: Job) -> dict[str, str]:
        """The Spark settings of a job, with those that make the package's code run there."""
        package = Package(self._runner.package)
        archives = [*_DELTA, *(package.jar(jar) for jar in platform_jars())]
        driver = {
            **self._variables,
            "LAKEHOUSE_CONF": "./conf",
            "PYSPARK_DRIVER_PYTHON": _PYTHON,
            "PYSPARK_PYTHON": _PYTHON,
        }
        return {
            **job.spark,
            "spark.archives": f"{package.environment}#environment,{package.conf}#conf",
            "spark.executorEnv.PYSPARK_PYTHON": _PYTHON,
            "spark.jars": ",".join(archives),
            **{f"spark.emr-serverless.driverEnv.{name}": value for name, value in driver.items()},
        }

    def look(self, job_id: str) -> Sight:
        """The state of a job run."""
        try:
            run = self._client.get_job_run(applicationId=self._runner.application_id, jobRunId=job_id)["jobRun"]
        except self._client.exceptions.ResourceNotFoundException as error:
            raise UnknownJobError(str(error)) from error
        state = str(run["state"])
        return Sight(_PHASES.get(state, Phase.ACTIVE), state, str(run.get("stateDetails") or ""), self._link(job_id))

    def cancel(self, job_id: str) -> None:
        """Cancel a job run."""
        self._client.cancel_job_run(applicationId=self._runner.application_id, jobRunId=job_id)

    def _link(self, job_id: str) -> str:
        place = f"https://{self._region}.console.aws.amazon.com/emr/home?region={self._region}"
        return f"{place}#/serverless-applications/{self._runner.application_id}/job-runs/{job_id}"

    def _logs(self) -> dict[str, Any]:
        if self._runner.log_uri is None:
            return {}
        monitoring = {"s3MonitoringConfiguration": {"logUri": self._runner.log_uri}}
        return {"configurationOverrides": {"monitoringConfiguration": monitoring}}


class EmrServerlessStep(RemoteStep):
    """One step of a domain as a job run of EMR Serverless."""

    def platform(self, runner: EmrServerlessRunner, variables: Mapping[str, str]) -> Platform:
        """The runner's application, with the credentials of its connection."""
        # Imported where it is used: a DAG file is read every half minute, and these take most of a second.
        from airflow.providers.amazon.aws.hooks.emr import EmrServerlessHook

        hook = EmrServerlessHook(aws_conn_id=runner.connection, region_name=runner.region)
        return EmrServerless(runner, variables, hook.conn, str(hook.conn_region_name))
