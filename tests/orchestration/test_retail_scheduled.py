"""Retail on a real Airflow with real Spark steps: days by hand, then those that came later by a backfill."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("airflow", reason="Airflow needs Python 3.11")

from lakehouse.contracts.lakes import Lake
from lakehouse.contracts.locations import jars_dir
from lakehouse.serving.masks import NO_MASKS
from lakehouse.serving.sql import open_lake
from tests.e2e.retail_deliveries import DELIVERIES, deliver
from tests.e2e.retail_lake import TABLES
from tests.oracle.retail import read_shop
from tests.orchestration.scheduler import Scheduler, start, until
from tests.orchestration.story import small_conf

pytestmark = [pytest.mark.soak, pytest.mark.slow, pytest.mark.e2e]

DAG = "retail_daily"


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[Scheduler]:
    conf = small_conf(tmp_path)
    domain = conf / "retail" / "domain.yml"
    domain.write_text(domain.read_text() + "arrival: {poke_seconds: 0.5, settle_seconds: 1}\n")
    first, _, third = DELIVERIES
    for delivered in (first, third):
        deliver(tmp_path / "landing", delivered)
    found = start(tmp_path / "home", conf, LAKEHOUSE_JARS=str(jars_dir()))
    try:
        until("the DAG", lambda: found.dag(DAG), 120)
        yield found
    finally:
        found.interrupt()


def test_days_by_hand_and_by_a_backfill_give_the_figures_of_a_single_load(scheduler: Scheduler, tmp_path: Path) -> None:
    # Not every day has orders; customers need not come every day.
    asked = {"first_day": "2025-01-02", "last_day": "2025-02-01", "on_missing": "go_on"}
    scheduler.pause(DAG, False)
    run = scheduler.trigger(DAG, asked)
    assert scheduler.ended(DAG, run)["state"] == "success", scheduler.told(DAG, run)
    deliver(tmp_path / "landing", DELIVERIES[1])
    scheduler.backfill(DAG, "2025-01-31", "2025-01-31")
    (filled,) = [one for one in scheduler.runs(DAG) if one["run_type"] == "backfill"]
    assert filled["state"] == "success", scheduler.told(DAG, filled["dag_run_id"])
    shop = read_shop(tmp_path / "landing")
    with open_lake(Lake.at(str(tmp_path / "lake")), NO_MASKS) as lake:
        for compared in TABLES:
            assert compared.found(lake) == compared.expected(shop), compared.table
