"""Columns of whose values a log keeps ranges, and that a table has no more, or comes to be partitioned by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from deltalake import DeltaTable
from pyspark.sql import DataFrame

from lakehouse.domains.billing.gold import daily_user_usage as module
from lakehouse.steps.verify import verify
from tests.conftest import Run, deliver, usage
from tests.contracts.places import Change, change
from tests.steps.test_publish import credits_of, table
from tests.steps.test_replay import workspace

pytestmark = pytest.mark.slow

GOLD, SILVER = "billing/gold/daily_user_usage.yml", "billing/silver/usage.yml"
ROWS = [usage("2025-01-02T10:00:00Z", "u1", "-2"), usage("2025-01-02T11:00:00Z", "u2", "-3")]


def ranges(path: Path) -> str | None:
    """The columns of whose values a table's log keeps ranges."""
    return DeltaTable(str(path)).metadata().configuration["delta.dataSkippingStatsColumns"]


def renamed(transform: Callable[[DataFrame], DataFrame], name: str) -> Callable[[DataFrame], DataFrame]:
    return lambda usage: transform(usage).withColumnRenamed("user_id", name)


def test_a_column_of_gold_by_which_it_is_sorted_is_renamed(
    run: Run, landing: Path, tmp_path: Path, conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for unused in ("monthly_user_usage", "user_totals"):
        (conf / f"billing/gold/{unused}.yml").unlink()
    path = tmp_path / "lake/billing/gold/daily_user_usage"
    deliver(landing, "2025-01-02", "a.csv", ROWS)
    run()
    assert ranges(path) == "user_id"
    transform = module.daily_user_usage
    for old, new, sorted_by in (("user_id", "account", "account"), ("account", "who", "")):
        change(
            conf,
            Change(GOLD, f"  {old}: {{type", f"  {new}: {{type"),
            Change(GOLD, f"currency, {old}]", f"currency, {new}]"),
            Change(GOLD, f"zorder_by: [{old}]", f"zorder_by: [{sorted_by}]"),
        )
        monkeypatch.setattr(module, "daily_user_usage", renamed(transform, new))
        made = run()
        found = table(tmp_path / "lake", "gold/daily_user_usage")
        assert sorted((row[new], f"{row['credits_used']:.2f}") for row in found) == [("u1", "2.00"), ("u2", "3.00")]
        assert ranges(path) == sorted_by
        history = DeltaTable(str(path)).history(2)
        assert [one["operation"] for one in history] == ["WRITE", "SET TBLPROPERTIES"]
        assert {one["userMetadata"] for one in history} == {made.run_id}
        assert run().nothing_new


def test_a_column_by_which_silver_is_sorted_comes_to_partition_it(
    run: Run, landing: Path, tmp_path: Path, conf: Path
) -> None:
    path = tmp_path / "lake/billing/silver/usage"
    deliver(landing, "2025-01-02", "a.csv", ROWS)
    run()
    assert ranges(path) == "delivery_sequence,user_id"
    change(
        conf,
        Change(SILVER, "partition_by: [usage_date]", "partition_by: [usage_date, user_id]"),
        Change(SILVER, "zorder_by: [user_id]", "zorder_by: [region]"),
    )
    run(full_refresh=True)
    assert DeltaTable(str(path)).metadata().partition_columns == ["usage_date", "user_id"]
    assert (ranges(path), credits_of(tmp_path / "lake")) == (
        "delivery_sequence,region",
        [("u1", "-2.00"), ("u2", "-3.00")],
    )
    assert verify(workspace(tmp_path / "lake")).holds
    assert run().nothing_new
