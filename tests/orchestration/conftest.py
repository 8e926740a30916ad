"""The one Airflow of all tests on a real scheduler, and the chapters that tests of several files go on from."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from lakehouse.contracts.locations import jars_dir

if TYPE_CHECKING:
    from tests.orchestration.story import Chapter, Story

# Loading classes is most of what a short step does; those of Spark were verified by others.
JAVA = "-XX:+UseSerialGC -XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote"


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """An Airflow that schedules billing, with nothing delivered yet."""
    from tests.orchestration.scheduler import start, until
    from tests.orchestration.story import DAG, Story, faulty_jobs, small_conf

    folder = tmp_path_factory.mktemp("airflow")
    conf = small_conf(folder)
    scheduler = start(
        folder / "home",
        conf,
        LAKEHOUSE_JARS=str(jars_dir()),
        LAKEHOUSE_JOBS=str(faulty_jobs(folder)),
        JDK_JAVA_OPTIONS=f"{os.environ.get('JDK_JAVA_OPTIONS', '')} {JAVA}",
    )
    try:
        until("the DAG", lambda: scheduler.dag(DAG), 120)
        yield Story(scheduler, folder)
    finally:
        if scheduler.process.poll() is None:
            scheduler.interrupt()


@pytest.fixture(scope="session")
def scheduled(story: Story) -> Chapter:
    """The schedule's run waits for its day's deliveries; they come, and a gate refuses one of them."""
    from tests.orchestration.scheduler import until
    from tests.orchestration.story import DAG, WAIT

    scheduler = story.scheduler
    scheduler.pause(DAG, False)
    (run,) = until("the scheduled run", lambda: scheduler.runs(DAG) or None, 120)
    story.today = run["data_interval_start"][:10]
    until("waiting", lambda: scheduler.tasks(DAG, run["dag_run_id"])[WAIT]["state"] == "deferred" or None, 180)
    story.deliver(story.today, "-2", "-4", "-8", users="")
    story.deliver(story.today, "-1", users="u2", name="good.csv")
    story.deliver(story.today, "-500", users="u3", name="test.csv")
    return story.end(run["dag_run_id"])


@pytest.fixture(scope="session")
def retracted(story: Story, scheduled: Chapter) -> Chapter:
    """A form retracts a delivery; its driver is killed when the decision is in the ledger, and nothing else written."""
    from tests.orchestration.story import RETRACT, retraction

    story.die_once("after:append ledger/decisions:1")
    return story.end(story.scheduler.trigger(RETRACT, retraction(story)), RETRACT)
