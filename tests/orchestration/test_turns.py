"""A domain that another process writes is waited for: with pauses, without a worker, and not for ever."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("airflow", reason="Airflow needs Python 3.11")

from airflow.sdk.exceptions import TaskDeferred

from lakehouse.orchestration.domain_step import DomainStep
from lakehouse.orchestration.jobs import Job
from lakehouse.orchestration.results import DomainBusyError
from tests.contracts.places import DOMAIN, Change, copy_conf
from tests.orchestration.contexts import context

BUSY = "refine of billing did not end well: exit code 4; Another process writes the domain 'billing': ann."


class Step(DomainStep):
    """Finds the domain busy as often as it is told to."""

    def __init__(self, *, busy: int, **task: Any) -> None:
        super().__init__(domain="billing", step="refine", **task)
        self.busy = busy
        self.runs: list[str] = []

    def carry_out(self, job: Job, context: Mapping[str, Any]) -> dict[str, Any]:
        self.runs.append(job.run_id)
        if len(self.runs) <= self.busy:
            raise DomainBusyError(BUSY)
        return {"run_id": job.run_id}


@pytest.fixture(autouse=True)
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = "retries: {delay_seconds: 60, max_delay_seconds: 3600, busy_hours: 2}\nowner:"
    monkeypatch.setenv("LAKEHOUSE_CONF", str(copy_conf(tmp_path / "conf", Change(DOMAIN, "owner:", settings))))


def deferred(step: Step, **resumed: Any) -> tuple[float, dict[str, Any]]:
    """The pause in seconds, and what the step is resumed with."""
    run = context()
    with pytest.raises(TaskDeferred) as caught:
        if resumed:
            step.resume(run, {}, **resumed)
        else:
            step.execute(run)
    assert caught.value.method_name == "resume"
    moment = caught.value.trigger.serialize()[1]["moment"]
    return (moment - datetime.now(timezone.utc)).total_seconds(), dict(caught.value.kwargs or {})


def test_a_step_waits_with_growing_pauses_until_its_turn_comes(capsys: pytest.CaptureFixture[str]) -> None:
    step = Step(busy=6, task_id="refine")
    began = datetime.now(timezone.utc)
    pause, again = deferred(step)
    pauses = [pause]
    for _ in range(5):
        pause, again = deferred(step, **again)
        pauses.append(pause)
    assert [round(pause / 60) for pause in pauses] == [1, 2, 4, 8, 10, 10]
    end = datetime.fromisoformat(again["until"])
    assert abs(end - began - timedelta(hours=2)) < timedelta(seconds=30), "the end stays where it was"
    told = capsys.readouterr().out
    assert BUSY in told
    assert f"Trying again in 60 s; waiting until {end:%F %H:%M} UTC at most" in told
    found = step.resume(context(), {}, **again)
    assert found["run_id"] == step.runs[-1]
    assert len(set(step.runs)) == 7, "a run that lost its claim has used its name"
    assert ".refine.1-" in step.runs[0] and ".refine.1.6-" in step.runs[6]


def test_a_pause_is_long_enough_for_the_worker_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hasty = Change(DOMAIN, "owner:", "retries: {delay_seconds: 1}\nowner:")
    monkeypatch.setenv("LAKEHOUSE_CONF", str(copy_conf(tmp_path / "hasty", hasty)))
    pause, _ = deferred(Step(busy=9, task_id="refine"))
    assert 10 < pause <= 15


def test_the_last_try_is_made_when_the_wait_ends() -> None:
    until = datetime.now(timezone.utc) + timedelta(seconds=90)
    pause, again = deferred(Step(busy=9, task_id="refine"), waits=4, until=until.isoformat())
    assert 80 < pause <= 90
    assert again == {"waits": 5, "until": until.isoformat()}


def test_the_wait_has_an_end() -> None:
    until = datetime.now(timezone.utc) - timedelta(seconds=1)
    with pytest.raises(DomainBusyError) as caught:
        Step(busy=9, task_id="refine").resume(context(), {}, waits=5, until=until.isoformat())
    assert str(caught.value) == f"{BUSY} Its turn did not come within 2 hours."
