"""A step on a platform as a task: the operator that the remote runners share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from time import sleep
from typing import Any

from lakehouse.contracts.environments import environment_name, environment_variables, load_environment
from lakehouse.orchestration.domain_step import DomainStep
from lakehouse.orchestration.jobs import Job
from lakehouse.orchestration.remote import Ending, Platform, Watch, job_token
from lakehouse.orchestration.results import Context, StepError, conclude


class RemoteStep(DomainStep):
    """One step of a domain as a job of a platform, which is cancelled with the task and survives a lost worker."""

    ui_color = "#e6f4ea"

    def __init__(self, **step: Any) -> None:
        super().__init__(**step)
        self._watch: Watch | None = None

    @abstractmethod
    def platform(self, runner: Any, variables: Mapping[str, str]) -> Platform:
        """The platform that the environment's runner names; jobs get the variables."""

    def carry_out(self, job: Job, context: Context) -> dict[str, Any]:
        """Run the job, or wait for that of a lost worker; hand its figures on. Raises as results.conclude does."""
        name = environment_name()
        runner: Any = load_environment(name).runner
        variables = {key: value for key, value in environment_variables(name).items() if value is not None}
        self._watch = Watch(
            self.platform(runner, variables),
            context.get("task_state_store"),
            self.log.info,
            lambda: sleep(runner.poll_seconds),
        )
        ti = context["ti"]
        token = job_token(ti.dag_id, ti.run_id, ti.task_id, ti.map_index, ti.try_number, ti.id, job.run_id)
        ending = self._watch.follow(job, token)
        try:
            found = conclude(ending.job, None, context, self._told(ending))
        except StepError:
            self._watch.done()
            raise
        # After any other error, of the network for one, the next try reads the result of this same job.
        self._watch.done()
        return found

    def on_kill(self) -> None:
        """Cancel the job when the task is cleared, failed by hand, or timed out."""
        if self._watch:
            self._watch.cancel()

    def _told(self, ending: Ending) -> str:
        sight = ending.sight
        assert self._watch is not None
        parts = [f"{self._watch.name} job {ending.job_id} is {sight.state}", sight.reason, sight.link]
        return ", ".join(part for part in parts if part)
