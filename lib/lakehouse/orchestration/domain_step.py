"""A step of a domain as a task, whatever runs it: it waits for its turn while another process writes the domain."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, NoReturn

from airflow.sdk import BaseOperator

from lakehouse.contracts.domains import load_domain
from lakehouse.orchestration.jobs import Job
from lakehouse.orchestration.parameters import job_of
from lakehouse.orchestration.results import Context, DomainBusyError

_LONGEST_PAUSE = 600.0
"""Seconds between two tries at a domain that is busy: whoever waits for it should not wait long in vain."""

_SHORTEST_PAUSE = 15
"""Seconds. Airflow hears of a pause after the worker of the task has ended; should the task run again by then, it is
taken for one that was lost, and begun once more as a further try."""


class DomainStep(BaseOperator):
    """One step of a domain, or what a person asked of it with a form.

    A domain that another process writes is waited for in the triggerer, without a worker and without using up a retry,
    for as long as the domain's ``retries.busy_hours`` say. The slot of its pool is kept: no other step could begin.
    """

    def __init__(self, *, domain: str, step: str, **task: Any) -> None:
        super().__init__(**task)
        self.domain = domain
        self.step = step

    @abstractmethod
    def carry_out(self, job: Job, context: Context) -> dict[str, Any]:
        """Run a job to its end and hand its figures on; raises as results.conclude does."""

    def execute(self, context: Any) -> dict[str, Any]:
        """Run the step, or wait for its turn; raises as carry_out does, and DomainBusyError when the wait is over."""
        return self._try(context, 0, None)

    def resume(self, context: Any, event: Any, waits: int, until: str) -> dict[str, Any]:
        """Try again after a pause."""
        return self._try(context, waits, datetime.fromisoformat(until))

    def _try(self, context: Mapping[str, Any], waits: int, until: datetime | None) -> dict[str, Any]:
        job = job_of(context, self.domain, self.step, waits)
        try:
            return self.carry_out(job, context)
        except DomainBusyError as busy:
            self._wait(busy, waits, until)

    def _wait(self, busy: DomainBusyError, waits: int, until: datetime | None) -> NoReturn:
        retries = load_domain(self.domain).facts.retries
        now = datetime.now(timezone.utc)
        end = until or now + timedelta(hours=retries.busy_hours)
        if now >= end:
            raise DomainBusyError(f"{busy} Its turn did not come within {retries.busy_hours:g} hours.") from busy
        seconds = min(retries.delay_seconds * 2**waits, retries.max_delay_seconds, _LONGEST_PAUSE)
        seconds = max(seconds, _SHORTEST_PAUSE)
        pause = min(timedelta(seconds=seconds), end - now)
        self.log.warning("%s", busy)
        self.log.info("Trying again in %.0f s; waiting until %s UTC at most", pause.total_seconds(), f"{end:%F %H:%M}")
        # Imported where it is used: a DAG file is read every half minute.
        from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger

        again = {"waits": waits + 1, "until": end.isoformat()}
        self.defer(trigger=TimeDeltaTrigger(pause), method_name="resume", kwargs=again)
