"""What tests share: one Spark session for all of them, and a workspace on small deliveries."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from lakehouse.landing.days import Days
    from lakehouse.steps.decisions import Decide
    from lakehouse.steps.summary import RunSummary

# Tests run many small queries once: code that is compiled quickly beats code that runs fast.
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m")

FEW_GOLD = ("daily_usage", "daily_user_usage", "monthly_user_usage", "user_totals")
"""Gold tables of the in-process runs: one of each kind; the end-to-end test computes all of them."""

HEADER = (
    "timestamp,resource_id,user_id,credit_usage,region,service_tier,operation_type,success,resource_type,"
    "invoice_id,currency"
)

Run = Callable[..., "RunSummary"]

ONE_AIRFLOW = ("tests/orchestration/test_real_forms.py", "tests/orchestration/test_real_scheduler.py")
"""Files that share an Airflow, and go on with what those before them did."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give the files of one Airflow to one process, in their order; ``--dist loadfile`` knows single files only."""
    if config.getoption("dist") != "loadfile":
        return None
    scheduling = import_module("xdist.scheduler").LoadFileScheduling(config, log)
    file_of = scheduling._split_scope

    def group_of(nodeid: str) -> str:
        file = str(file_of(nodeid))
        return ONE_AIRFLOW[0] if file in ONE_AIRFLOW else file

    scheduling._split_scope = group_of
    return scheduling


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """The session that every Spark test and every in-process run uses."""
    from lakehouse.contracts.environments import load_environment
    from lakehouse.session import open_session

    # Expressions are computed as they are: writing and compiling code for a few rows takes longer than the rows. The
    # end-to-end tests start the command itself, with its usual settings.
    plain: dict[str, str | bool] = {
        "spark.sql.codegen.wholeStage": False, "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.driver.memory": "3g", "spark.sql.ui.retainedExecutions": "5",
    }  # fmt: skip
    usual = load_environment("local")
    # Every test has tables of its own. Delta would keep plans over the logs of all of them.
    plain["spark.driver.extraJavaOptions"] = f"{usual.spark['spark.driver.extraJavaOptions']} -Ddelta.log.cacheSize=60"
    # Airflow's import asks for all that libraries say; the gateway says it even after the streams are closed.
    logging.getLogger("py4j").setLevel(logging.WARNING)
    session = open_session("tests", usual.model_copy(update={"spark": {**usual.spark, **plain}}))
    yield session
    session.stop()


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    """An empty landing zone."""
    folder = tmp_path / "landing"
    folder.mkdir()
    return folder


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the configuration with few gold tables, to be changed at will."""
    from lakehouse.contracts.locations import conf_dir

    folder = tmp_path / "conf"
    shutil.copytree(conf_dir(), folder)
    for path in (folder / "billing" / "gold").glob("*.yml"):
        if path.stem not in FEW_GOLD:
            path.unlink()
    monkeypatch.setenv("LAKEHOUSE_CONF", str(folder))
    return folder


@pytest.fixture
def run(spark: SparkSession, tmp_path: Path, landing: Path, conf: Path) -> Run:
    """Run steps of billing on the landing zone, in this process: ``run(steps=("ingest",), full_refresh=True)``."""

    def execute(**choices: Any) -> RunSummary:
        return run_billing(landing, tmp_path / "lake", **choices)

    return execute


def run_billing(
    landing: Path,
    lake: Path,
    *,
    steps: tuple[str, ...] = ("ingest", "refine", "aggregate", "maintain"),
    days: Days | None = None,
    full_refresh: bool = False,
    decide: Decide | None = None,
    only: frozenset[str] | None = None,
    run_id: str | None = None,
) -> RunSummary:
    """Run steps of billing in this process, in the session that all tests share."""
    from lakehouse.contracts.domains import load_domain
    from lakehouse.contracts.environments import load_environment
    from lakehouse.contracts.lakes import Lake
    from lakehouse.landing.days import Days
    from lakehouse.steps.order import new_run_id, run_steps
    from lakehouse.steps.workspace import Workspace

    work = Workspace(
        load_domain("billing"),
        load_environment("local"),
        Lake.at(str(lake)),
        str(landing),
        run_id or new_run_id(),
        days or Days(),
        full_refresh,
        lambda line: None,
        only=only,
    )
    return run_steps(work, steps, False, lambda step: None, decide)


def deliver(landing: Path, day: str, name: str, rows: list[str], header: str = HEADER) -> Path:
    """Write one delivery: ``deliver(landing, "2025-01-02", "usage.csv", ["2025-01-02T10:00:00Z,r1,u1,-1.5,..."])``."""
    year, month, number = day.split("-")
    folder = landing / "billing" / f"year={year}" / f"month={month}" / f"day={number}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def usage(timestamp: str, user: str = "u1", credit: str = "-1.5", **other: str) -> str:
    """One good usage record, with some fields changed."""
    fields = {
        "timestamp": timestamp,
        "resource_id": "r1",
        "user_id": user,
        "credit_usage": credit,
        "region": "eu-west-1",
        "service_tier": "standard",
        "operation_type": "read",
        "success": "true",
        "resource_type": "vm",
        "invoice_id": "i1",
        "currency": "USD",
    }
    return ",".join({**fields, **other}.values())
