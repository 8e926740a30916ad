"""Tables that are gone, or in whose place an older copy lies: never taken for whole."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lakehouse.errors import TableError
from lakehouse.steps.restore import restore
from lakehouse.steps.verify import verify
from tests.conftest import Run, deliver, usage
from tests.steps.test_decisions import daily
from tests.steps.test_publish import credits_of, table
from tests.steps.test_recovery import Crash, CrashError, crash
from tests.steps.test_replay import workspace

__all__ = ["Crash", "CrashError", "crash"]

pytestmark = pytest.mark.slow


@pytest.fixture
def lake(run: Run, landing: Path, tmp_path: Path) -> Path:
    """A lake of two days."""
    deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-2")])
    rows = [usage(f"2025-01-03T10:{minute:02}:00Z", "u2", "-0.10") for minute in range(30)]
    deliver(landing, "2025-01-03", "b.csv", [*rows, usage("later", "u9")])
    run(run_id="two-days")
    return tmp_path / "lake"


def one_more_day(landing: Path) -> None:
    deliver(landing, "2025-01-04", "c.csv", [usage("2025-01-04T10:00:00Z", "u1", "-5")])


DAILY = {"2025-01-02": "2.00", "2025-01-03": "3.00"}


def test_gold_that_is_gone_is_made_anew_by_a_run_with_nothing_new(run: Run, lake: Path) -> None:
    shutil.rmtree(lake / "billing/gold/daily_usage")
    made = run()
    assert {table.table: table.note for table in made.tables}["billing.gold.daily_usage"] == "made anew"
    assert daily(lake) == DAILY
    assert run().nothing_new


def test_gold_that_is_gone_is_made_whole_by_a_run_with_one_more_day(run: Run, lake: Path, landing: Path) -> None:
    for name in ("daily_usage", "daily_user_usage"):
        shutil.rmtree(lake / "billing/gold" / name)
    one_more_day(landing)
    run()
    assert daily(lake) == {**DAILY, "2025-01-04": "5.00"}
    assert verify(workspace(lake)).holds


def test_an_older_copy_of_gold_is_brought_up_to_date(run: Run, lake: Path, landing: Path, tmp_path: Path) -> None:
    gold = lake / "billing/gold/daily_usage"
    shutil.copytree(gold, tmp_path / "backup")
    one_more_day(landing)
    run()
    shutil.rmtree(gold)
    shutil.copytree(tmp_path / "backup", gold)
    assert daily(lake) == DAILY
    run()
    assert daily(lake) == {**DAILY, "2025-01-04": "5.00"}
    assert verify(workspace(lake)).holds


def test_a_restore_to_a_run_before_gold_was_lost_has_it_made_anew(run: Run, lake: Path, landing: Path) -> None:
    shutil.rmtree(lake / "billing/gold/daily_usage")
    one_more_day(landing)
    run(run_id="three-days")
    restore(workspace(lake), "two-days", "ann", "wrong prices")
    assert daily(lake) == {}
    run()
    assert daily(lake) == DAILY
    assert verify(workspace(lake)).holds
    assert run().nothing_new


@pytest.mark.parametrize("layer", ["silver", "outranked", "quarantine"])
def test_silver_that_is_gone_stops_runs_until_it_is_asked_for_anew(
    run: Run, lake: Path, landing: Path, layer: str
) -> None:
    folder = lake / "billing" / layer / "usage"
    version = len(list((folder / "_delta_log").glob("*.json"))) - 1
    shutil.rmtree(folder)
    one_more_day(landing)
    with pytest.raises(TableError) as error:
        run()
    assert str(error.value) == (
        f"billing.{layer}.usage is gone; the run two-days left it at version {version}. Nothing was changed. Restore "
        f"{folder} from a backup, or run with --full-refresh, which makes silver and gold anew from bronze."
    )
    assert not folder.exists()
    run(full_refresh=True)
    assert credits_of(lake) == [("u1", "-2.00"), ("u1", "-5.00"), *[("u2", "-0.10")] * 30]
    assert [row["status"] for row in table(lake, "quarantine/usage")] == ["open"]
    assert daily(lake) == {**DAILY, "2025-01-04": "5.00"}
    assert verify(workspace(lake)).holds
    assert run().nothing_new


ASK = r"^billing.silver.usage (is gone|has version \d+); the run two-days left it at version .* run with --full-refresh"


def test_a_refresh_that_fails_makes_nothing_whole(run: Run, crash: Crash, lake: Path) -> None:
    shutil.rmtree(lake / "billing/silver/usage")
    crash("lakehouse.steps.publication.Refinement.publish", full_refresh=True)
    with pytest.raises(TableError, match=ASK):
        run()
    with pytest.raises(TableError, match=ASK):
        run(steps=("aggregate",), full_refresh=True)
    work = workspace(lake)
    with pytest.raises(TableError, match=ASK):
        restore(work, "two-days", "ann", "silver was lost")
    # Airflow takes the steps one by one.
    for step in ("ingest", "refine", "aggregate"):
        run(steps=(step,), full_refresh=True)
    assert daily(lake) == DAILY
    assert verify(workspace(lake)).holds


def test_silver_that_is_lost_while_a_run_is_cut_off_is_made_anew(
    run: Run, crash: Crash, lake: Path, landing: Path
) -> None:
    one_more_day(landing)
    crash("lakehouse.steps.publication.Refinement.publish")
    shutil.rmtree(lake / "billing/silver/usage")
    with pytest.raises(TableError, match=ASK):
        run()
    run(full_refresh=True)
    assert daily(lake) == {**DAILY, "2025-01-04": "5.00"}
    assert verify(workspace(lake)).holds
    with pytest.raises(TableError, match=r"the run two-days: what it left of billing.silver.usage was lost since, "):
        restore(workspace(lake), "two-days", "ann", "wrong prices")


def test_an_older_copy_of_silver_and_bronze_that_is_gone_stop_runs(
    run: Run, lake: Path, landing: Path, tmp_path: Path
) -> None:
    silver, bronze = lake / "billing/silver/usage", lake / "billing/bronze/usage"
    shutil.copytree(silver, tmp_path / "backup")
    one_more_day(landing)
    run(run_id="three-days")
    shutil.rmtree(silver)
    shutil.copytree(tmp_path / "backup", silver)
    with pytest.raises(TableError, match=r"^billing.silver.usage has version \d+; the run three-days left it at"):
        run()
    shutil.rmtree(bronze)
    with pytest.raises(TableError) as error:
        run(full_refresh=True)
    said = str(error.value)
    assert said.startswith("billing.bronze.usage is gone; the run three-days left it at version ")
    assert said.endswith(f"{silver} from a backup, or move the whole lake aside and load it anew.")
