"""Steps as one-time runs on Databricks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from lakehouse.contracts.artifacts import Package, platform_jars
from lakehouse.contracts.runners import DatabricksRunner
from lakehouse.orchestration.jobs import Job
from lakehouse.orchestration.remote import Phase, Platform, Sight, UnknownJobError
from lakehouse.orchestration.remote_step import RemoteStep

_ENDED = {"TERMINATED", "SKIPPED", "INTERNAL_ERROR"}

_NOT_THERE = re.compile(r"does.not.exist", re.IGNORECASE)
"""What the answer of a workspace says that does not know a run: a code, or a sentence."""


class Workspace(Protocol):
    """What is used of the provider's hook."""

    @property
    def host(self) -> str | None:
        """Name of the workspace's host."""

    def submit_run(self, json: dict[str, Any]) -> int:
        """Start a run."""

    def get_run(self, run_id: int) -> dict[str, Any]:
        """All about a run."""

    def get_run_output(self, run_id: int) -> dict[str, Any]:
        """What the task of a run said."""

    def cancel_run(self, run_id: int) -> None:
        """Cancel a run."""


class Databricks:
    """The runs of one workspace."""

    name = "Databricks"

    def __init__(self, runner: DatabricksRunner, variables: Mapping[str, str], workspace: Workspace) -> None:
        """Jobs get ``variables``."""
        self._runner = runner
        self._variables = variables
        self._workspace = workspace

    @property
    def place(self) -> str:
        """The workspace."""
        return str(self._workspace.host)

    def submit(self, job: Job, token: str) -> str:
        """Start a run; the platform starts none for a token that it knows."""
        return str(self._workspace.submit_run(self.request(job, token)))

    def request(self, job: Job, token: str) -> dict[str, Any]:
        """What the Jobs API is asked for: a run with one task on a cluster of its own."""
        package = Package(self._runner.package)
        task = {
            "task_key": job.step,
            "new_cluster": {
                **self._runner.cluster,
                "spark_conf": dict(job.spark),
                "spark_env_vars": dict(self._variables),
            },
            "spark_python_task": {"python_file": package.script(job.script), "parameters": list(job.arguments)},
            "libraries": [{"whl": package.wheel}, *({"jar": package.jar(jar)} for jar in platform_jars())],
            # Who tries again is the scheduler: a second attempt of the platform would meet its own run id.
            "max_retries": 0,
        }
        return {
            "run_name": f"{job.title} {job.run_id}",
            "idempotency_token": token,
            "timeout_seconds": 60 * self._runner.timeout_minutes,
            "tasks": [task],
        }

    def look(self, job_id: str) -> Sight:
        """The state of a run; of one that failed, what its task said."""
        run = self._run(job_id)
        state = run["state"]
        life, result = str(state["life_cycle_state"]), str(state.get("result_state") or "")
        phase = Phase.ACTIVE if life not in _ENDED else Phase.ENDED
        if phase is Phase.ENDED and result == "CANCELED":
            phase = Phase.CANCELLED
        reason = str(state.get("state_message") or "")
        if phase is Phase.ENDED and result != "SUCCESS":
            reason = "; ".join(part for part in (reason, *self._errors(run)) if part)
        return Sight(phase, f"{life} {result}".strip(), reason, str(run.get("run_page_url") or ""))

    def cancel(self, job_id: str) -> None:
        """Cancel a run."""
        self._workspace.cancel_run(int(job_id))

    def _run(self, job_id: str) -> dict[str, Any]:
        try:
            return self._workspace.get_run(int(job_id))
        except Exception as error:
            # Told apart by what the provider's exceptions say: their module is not imported where DAG files are read.
            if getattr(error, "http_status_code", None) in {400, 404} and _NOT_THERE.search(str(error)):
                raise UnknownJobError(str(error)) from error
            raise

    def _errors(self, run: Mapping[str, Any]) -> Iterator[str]:
        for task in run.get("tasks") or ():
            try:
                # Output is that of a task, and only known for tasks that began.
                output = self._workspace.get_run_output(int(task["run_id"]))
            except Exception as error:
                # How the run ended is known; why must not be what keeps that from being told.
                yield f"its output could not be read: {error}"
            else:
                if output.get("error"):
                    yield str(output["error"])


class DatabricksStep(RemoteStep):
    """One step of a domain as a one-time run on Databricks."""

    def platform(self, runner: DatabricksRunner, variables: Mapping[str, str]) -> Platform:
        """The workspace of the runner's connection."""
        # Imported where it is used: a DAG file is read every half minute, and these take most of a second.
        from airflow.providers.databricks.hooks.databricks import DatabricksHook

        return Databricks(runner, variables, DatabricksHook(runner.connection))
