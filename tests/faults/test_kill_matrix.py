"""kill -9 before and after every commit of every command, and at random moments; the same command again repairs it all.

Long. What it did stands in the log: ``make soak ARGS="tests/faults/test_kill_matrix.py --log-cli-level=INFO"``.
"""

from __future__ import annotations

import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lakehouse.contracts.locations import conf_dir
from lakehouse.ledger.book import table_version
from lakehouse.ledger.commits import FAULT
from tests.conftest import run_billing
from tests.faults.commands import bury, command
from tests.faults.scenario import TABLES, Scenario, Stage, state

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.soak, pytest.mark.slow, pytest.mark.e2e]

log = logging.getLogger("tests.faults")

STAGES = ("ingest", "first", "news", "replay", "retract", "restore", "release", "contract", "empty")

OPERATIONS = {
    "write", "create", "alter", "append", "overwrite", "replace", "merge", "update", "delete", "restore", "optimize",
    "vacuum", "compact", "checkpoint",
}  # fmt: skip
"""All that the engine commits."""


@pytest.fixture(scope="module")
def stages(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stage]:
    place = tmp_path_factory.mktemp("matrix")
    conf = place / "conf"
    shutil.copytree(conf_dir(), conf)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAKEHOUSE_CONF", str(conf))
        return {stage.name: stage for stage in Scenario(spark, place, conf).stages()}


def test_the_scenario_passes_every_kind_of_commit(stages: dict[str, Stage]) -> None:
    points = [point for stage in stages.values() for point in stage.points]
    assert {point.split(":")[1].split()[0] for point in points} == OPERATIONS
    for name, stage in stages.items():
        log.info("%s: %d points, %d kills", name, len(stage.points), len(stage.kills))


@pytest.mark.parametrize("name", STAGES)
def test_killed_at_every_commit_and_given_again(
    spark: SparkSession, stages: dict[str, Stage], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, failures = stages[name], []
    monkeypatch.setenv("LAKEHOUSE_CONF", str(stage.folder / "conf"))
    began = time.monotonic()
    for number, point in enumerate(stage.kills):
        place = tmp_path / str(number)
        lake = copied(stage, place)
        killed = command(spark, place / "killed", *stage.at(lake), **stage.variables(), **{FAULT: point})
        bury(spark, lake, "billing")
        problem = f"the fault did not strike: {killed}" if killed.code != -signal.SIGKILL else ""
        problem = problem or given_again(spark, stage, lake)
        if problem:
            failures.append(f"{point}: {problem}")
            log.error("%s: %s", name, failures[-1])
        else:
            shutil.rmtree(place)
    log.info("%s: %d kills, %d failures, %.0f s", name, len(stage.kills), len(failures), time.monotonic() - began)
    assert failures == []


def copied(stage: Stage, place: Path) -> Path:
    place.mkdir()
    lake = place / "lake"
    if (stage.folder / "lake").exists():
        shutil.copytree(stage.folder / "lake", lake)
    return lake


def given_again(spark: SparkSession, stage: Stage, lake: Path) -> str:
    """Give a stage's command again; what is then different from the undisturbed lake, in words."""
    done = command(spark, lake.parent / "again", *stage.at(lake), **stage.variables())
    if done.code:
        return f"given again it ends with {done.code}: {done.said}"
    found = state(lake)
    for what, expected in stage.after.items():
        if found[what] != expected:
            return f"{what}: too much {found[what] - expected}, missing {expected - found[what]}"
    # Of what was only ingested, or was so again after a restore, the next run makes tables.
    steps = ("ingest",) if stage.name in ("ingest", "empty") else ("ingest", "refine", "aggregate")
    if not stage.reads:
        # Its landing zone is a copy that no run has seen: that the files were touched is noted once.
        before = versions(lake)
        run_billing(stage.folder / "landing", lake, steps=steps)
        if versions(lake) != before:
            return f"the next run writes: {before}, then {versions(lake)}"
    if not run_billing(stage.folder / "landing", lake, steps=steps).nothing_new:
        return "the next run finds something to do"
    return ""


def versions(lake: Path) -> dict[str, int | None]:
    return {path: table_version(str(lake / "billing" / path)) for path in TABLES}


@pytest.fixture(scope="module")
def duration(stages: dict[str, Stage], tmp_path_factory: pytest.TempPathFactory) -> float:
    """Seconds that the command takes with a Spark of its own."""
    stage = stages["news"]
    began = time.monotonic()
    process = started(stage, copied(stage, tmp_path_factory.mktemp("timed") / "place"))
    said, _ = process.communicate()
    assert process.returncode == 0, said
    return time.monotonic() - began


@pytest.mark.parametrize("number", range(10))
def test_killed_at_a_random_moment(
    spark: SparkSession, stages: dict[str, Stage], duration: float, number: int, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """With its Spark driver; or the driver alone, as when the machine runs out of memory."""
    stage, alone = stages["news"], number % 3 == 2
    monkeypatch.setenv("LAKEHOUSE_CONF", str(stage.folder / "conf"))
    lake = copied(stage, tmp_path / "place")
    process = started(stage, lake)
    moment = random.Random(number).uniform(0.1, 1) * duration
    try:
        said, _ = process.communicate(timeout=moment)
    except subprocess.TimeoutExpired:
        driver = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        if alone and driver:
            os.kill(int(driver[0]), signal.SIGKILL)
        else:
            os.killpg(process.pid, signal.SIGKILL)
        said, _ = process.communicate()
    log.info("killed after %.1f of %.1f s (%s): %d", moment, duration, "driver" if alone else "all", process.returncode)
    if alone and process.returncode:
        assert (process.returncode, "the process of Spark's driver has ended" in said) == (1, True), said
        assert "Traceback" not in said
    assert given_again(spark, stage, lake) == ""


def started(stage: Stage, lake: Path) -> subprocess.Popen[str]:
    """A stage's command, with a Spark of its own, as the first of its own group of processes."""
    return subprocess.Popen(
        [str(Path(sys.executable).parent / "lakehouse"), *stage.at(lake)],
        env={**os.environ, **stage.variables()}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
