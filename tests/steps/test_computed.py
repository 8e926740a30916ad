"""Tables that are computed from others: when they are made, and what they are made from."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lakehouse.contracts.locations import conf_dir
from lakehouse.ledger.book import table_version
from lakehouse.steps.verify import verify
from tests.conftest import Run, usage
from tests.conftest import deliver as deliver_usage
from tests.e2e.retail_deliveries import DELIVERIES, deliver
from tests.e2e.retail_lake import lakehouse, rows_of
from tests.steps.test_publish import table
from tests.steps.test_replay import workspace

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.slow

KEPT = {
    "domain", "transactions", "customers", "calendar", "fact_transactions", "dim_customer", "dim_date",
    "delivered_lines", "data_coverage",
}  # fmt: skip
COVERAGE = "SELECT subject, rows_matched, statement FROM retail_gold.data_coverage ORDER BY subject"


@pytest.fixture
def coverage_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Retail's contracts that data_coverage needs."""
    folder = tmp_path / "conf"
    shutil.copytree(conf_dir(), folder)
    for path in (folder / "retail").rglob("*.yml"):
        if path.stem not in KEPT:
            path.unlink()
    monkeypatch.setenv("LAKEHOUSE_CONF", str(folder))
    return folder


def run_retail(tmp_path: Path, *more: str) -> str:
    """Run retail; what it said."""
    places = ("--landing", str(tmp_path / "landing"), "--lake", str(tmp_path / "lake"))
    code, said = lakehouse("run", "retail", *places, *more)
    assert code == 0, said
    return said


@pytest.mark.usefixtures("coverage_only")
def test_what_was_never_delivered_counts_as_empty(spark: SparkSession, tmp_path: Path) -> None:
    first = DELIVERIES[0]
    lines, calendar = "transactions/shop_transactions_20250102.csv", "calendar/shop_dates.csv"
    deliver(tmp_path / "landing", {lines: first[lines]})
    said = run_retail(tmp_path)
    assert "warning retail.gold.data_coverage: 0 of 6 lines match dim_customer (match_share is 0.000000" in said
    assert rows_of(tmp_path / "lake", COVERAGE) == [
        ("dim_customer", 0, "0 of 6 lines match dim_customer"),
        ("dim_date", 0, "0 of 6 lines lie in the fiscal calendar"),
        ("phone", 2, "2 of 6 lines have a null marker for phone"),
    ]
    assert "nothing new" in run_retail(tmp_path)
    code, said = lakehouse("verify", "retail", "--lake", str(tmp_path / "lake"))
    assert code == 0 and "data_coverage" in said, said
    # When it comes, it counts like any other change of an input.
    deliver(tmp_path / "landing", {calendar: first[calendar]})
    run_retail(tmp_path)
    assert rows_of(tmp_path / "lake", COVERAGE)[1] == ("dim_date", 6, "6 of 6 lines lie in the fiscal calendar")


def test_what_a_crash_left_of_a_table_before_its_first_rows_is_no_table(
    run: Run, landing: Path, tmp_path: Path, conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (conf / "billing/gold/daily_user_usage.yml").open("a") as contract:
        contract.write("gates: [{on: staged, rule: 'ColumnValues \"credits_used\" < 5'}]\n")
    deliver_usage(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-2")])
    with monkeypatch.context() as patch:
        patch.setattr("lakehouse.steps.aggregate.overwrite", _die)
        with pytest.raises(KeyboardInterrupt):
            run()
    assert table(tmp_path / "lake", "gold/daily_user_usage") == []
    deliver_usage(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-7")])
    refused = run()
    (told,) = refused.refused_tables
    assert told.startswith("billing.gold.daily_user_usage is not published: ")
    assert refused.notes[:2] == [
        "billing.gold.monthly_user_usage waits for billing.gold.daily_user_usage",
        "billing.gold.user_totals waits for billing.gold.monthly_user_usage",
    ]
    assert not (tmp_path / "lake/billing/gold/monthly_user_usage").exists()
    assert run().nothing_new
    deliver_usage(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-2")])
    assert (run().exit_code, len(table(tmp_path / "lake", "gold/user_totals"))) == (0, 1)


def _die(*_: object) -> None:
    raise KeyboardInterrupt


def test_what_a_gate_refuses_is_not_made_again_before_something_changes(
    run: Run, landing: Path, tmp_path: Path, conf: Path
) -> None:
    gold = tmp_path / "lake" / "billing" / "gold"
    with (conf / "billing/gold/daily_user_usage.yml").open("a") as contract:
        contract.write("""gates: [{on: staged, rule: 'ColumnValues "user_id" in ["u1", "u2"]'}]\n""")

    def users(day: int, *names: str) -> None:
        rows = [usage(f"2025-01-{day:02}T10:00:00Z", name) for name in names]
        deliver_usage(landing, f"2025-01-{day:02}", "a.csv", rows)

    reason = 'staged rows: ColumnValues "user_id" in ["u1", "u2"] failed (Compliance is 0.666667)'
    users(2, "u1", "u2", "u3")
    first = run(run_id="billing_daily.manual.aggregate.1-0123abcd")
    assert (first.exit_code, first.reason) == (3, "gates refused 1 gold tables; the others are published")
    assert first.refused_tables == [f"billing.gold.daily_user_usage is not published: {reason}"]
    assert first.notes == [
        "billing.gold.monthly_user_usage waits for billing.gold.daily_user_usage",
        "billing.gold.user_totals waits for billing.gold.monthly_user_usage",
    ]
    assert [path.name for path in gold.iterdir()] == ["daily_usage"]
    # A scheduler that tries the step again, because it was killed later or by hand, is told the same.
    tried = run(steps=("aggregate",), run_id="billing_daily.manual.aggregate.2-4567cdef")
    assert (tried.nothing_new, tried.exit_code, tried.reason) == (True, 3, first.reason)
    assert (tried.refused_tables, tried.standing) == (first.refused_tables, [])
    assert tried.notes == ["billing.gold.daily_user_usage was refused by an earlier attempt at this run"]
    assert [(one["table_id"], one["reason"]) for one in tried.verdicts if one["passed"] == "no"] == [
        ("billing.gold.daily_user_usage", reason)
    ]
    again = run()
    assert (again.nothing_new, again.exit_code) == (True, 0)
    assert again.standing == [f"billing.gold.daily_user_usage refused: {reason}"]
    # What was delivered is corrected: the table is published, and with it what waited for it.
    users(2, "u1", "u2")
    assert (run().exit_code, len(table(tmp_path / "lake", "gold/user_totals"))) == (0, 2)
    users(3, "u1", "u2", "u3")
    before = {path.name: table_version(str(path)) for path in gold.iterdir()}
    later = run(steps=("ingest", "refine", "aggregate"))
    assert later.refused_tables == [f"billing.gold.daily_user_usage keeps its old version: {reason}"]
    changed = {path.name for path in gold.iterdir() if table_version(str(path)) != before[path.name]}
    assert changed == {"daily_usage"}
    assert run(steps=("ingest", "refine", "aggregate")).nothing_new
    proof = verify(workspace(tmp_path / "lake"))
    assert proof.holds
    assert proof.not_compared == [
        f"billing.gold.daily_user_usage: a gate refused what its inputs make it now: {reason}"
    ]
