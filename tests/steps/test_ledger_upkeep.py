"""What is done about the tables of a ledger, on one that has grown and on one that is old."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from lakehouse.cli.results import check_unused
from lakehouse.errors import ConfigurationError
from lakehouse.ledger.entries import compact
from lakehouse.steps.attention import attention
from lakehouse.steps.ledger_upkeep import carry_out, dated, first_kept, planned_ledger
from lakehouse.steps.status import domain_status
from lakehouse.steps.workspace import Workspace
from tests.contracts.places import DOMAIN, Change, change
from tests.ledger.aging import age, parquet
from tests.steps.lived_in import DAILY, LivedIn

NOW = datetime(2025, 6, 1, tzinfo=timezone.utc)


def folder(place: LivedIn, table: str) -> Path:
    return Path(place.lake.ledger("billing", table))


def works(work: Workspace) -> dict[str, list[str]]:
    return {plan.table: plan.work() for plan in planned_ledger(work, datetime.now(timezone.utc), 0)}


def versions(place: LivedIn) -> dict[str, int]:
    return {path.name: DeltaTable(str(path)).version() for path in folder(place, "x").parent.iterdir()}


def upkeep(work: Workspace) -> None:
    for plan in planned_ledger(work, datetime.now(timezone.utc), 0):
        carry_out(plan, "run-1")


def test_a_ledger_that_has_grown_is_compacted_once(place: LivedIn) -> None:
    for number in range(50):
        place.run(f"run-{number}", {"state": "started"})
    place.deliver("2025-01-01")
    work = place.work()
    assert works(work) == {
        "billing.ledger.runs": ["compact 50 files", "write a checkpoint: 50 commits since the last one"]
    }
    upkeep(work)
    assert works(work) == {}
    before = versions(place)
    upkeep(work)
    assert versions(place) == before
    assert [row["run_id"] for row in place.ledger.rows("runs")] == [f"run-{number}" for number in range(50)]
    assert len(DeltaTable(str(folder(place, "runs"))).file_uris()) == 1


def test_files_that_compaction_left_behind_are_removed_after_a_week(place: LivedIn) -> None:
    for number in range(50):
        place.run(f"run-{number}", {"state": "started"})
    # No checkpoint is written: it would keep its times.
    compact(str(folder(place, "runs")), "run-1")
    assert parquet(folder(place, "runs")) == 51
    age(folder(place, "runs"), 15)
    assert works(place.work()) == {
        "billing.ledger.runs": [
            "remove 50 files that no version of the last 7 days needs",
            "write a checkpoint: 51 commits since the last one",
        ]
    }
    upkeep(place.work())
    assert (parquet(folder(place, "runs")), len(place.ledger.rows("runs")), works(place.work())) == (1, 50, {})


# --- Retention ---


def row(entry: int, run_id: str, days: float, state: str = "started") -> dict[str, Any]:
    return {"entry": entry, "run_id": run_id, "recorded_at": NOW - timedelta(days=days), "state": state}


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        ([row(1, "a", 90), row(2, "b", 70), row(3, "c", 10)], 3),
        # b began before the moment and ended after it.
        ([row(1, "a", 90), row(2, "b", 61), row(3, "a", 60.5), row(4, "b", 59)], 2),
        # The newest entry stays, however old.
        ([row(1, "a", 90), row(2, "b", 80)], 2),
        ([row(4, "a", 10)], 4),
        # So does the last run that had ended by then.
        ([row(1, "a", 90, "finished"), row(2, "b", 80), row(3, "b", 80, "finished"), row(4, "c", 10)], 2),
    ],
)
def test_the_first_entry_that_stays(rows: list[dict[str, Any]], kept: int) -> None:
    assert first_kept(rows, NOW - timedelta(days=60)) == kept


def test_runs_recorded_under_a_wrong_clock_stay_as_long_as_they_may_be_young() -> None:
    rows = [
        row(1, "a", 100, "finished"), *(row(n, f"b{n}", 20_000, "finished") for n in range(2, 7)),
        row(7, "c", 0, "finished"),
    ]  # fmt: skip
    assert first_kept(rows, NOW - timedelta(days=60)) == 6
    assert first_kept(dated(rows, NOW), NOW - timedelta(days=60)) == 1


def old_ledger(place: LivedIn) -> None:
    """Two runs of long ago, a delivery, a verdict, a publication and a decision."""
    place.run("older", {"state": "started"}, {"state": "finished", "exit_code": 0})
    place.run("old", {"state": "started"}, {"state": "finished", "exit_code": 0})
    delivery = place.deliver("2022-01-01")
    place.judge(delivery)
    place.verdict(delivery.delivery_id, "RowCount > 0")
    place.ledger.record("metrics", [{"run_id": "old", "name": "rows_in", "value": 1}])
    place.ledger.record("decisions", [{"run_id": "old", "kind": "retract", "delivery_id": "x", "delivery_sequence": 1}])
    place.ledger.record("publications", [{"run_id": "old", "step": "x", "table_id": "billing.silver.usage"}])


def backdate(place: LivedIn, days: int) -> None:
    """Make the entries that are there now older; the tables' own times stay."""
    for path in folder(place, "x").parent.iterdir():
        DeltaTable(str(path)).update({"recorded_at": f"recorded_at - interval '{days} days'"})


def test_nothing_is_dropped_unless_the_domain_says_so(place: LivedIn) -> None:
    old_ledger(place)
    backdate(place, 1000)
    assert works(place.work()) == {}


def test_runs_verdicts_and_metrics_are_dropped_after_their_time_and_nothing_else(place: LivedIn) -> None:
    change(place.conf, Change(DOMAIN, "owner:", "keep_ledger_days: 400\nowner:"))
    old_ledger(place)
    backdate(place, 425)
    place.run("new", {"state": "started"}, {"state": "finished", "exit_code": 0})
    place.ledger.record("metrics", [{"run_id": "new", "name": "rows_in", "value": 1}])
    # 25 days beyond: not worth it yet.
    assert works(place.work()) == {}
    backdate(place, 6)
    assert works(place.work()) == {
        "billing.ledger.runs": ["drop 2 entries older than 400 days"],
        "billing.ledger.metrics": ["drop 1 entries older than 400 days"],
    }
    upkeep(place.work())
    ledger = place.ledger
    # What the last run before that time left was the newest until the next one: it can be gone back to.
    assert [(row["entry"], row["run_id"]) for row in ledger.rows("runs")] == [
        (3, "old"), (4, "old"), (5, "new"), (6, "new"),
    ]  # fmt: skip
    assert [row["run_id"] for row in ledger.rows("metrics")] == ["new"]
    kept = {table: len(ledger.rows(table)) for table in ("deliveries", "verdicts", "decisions", "publications")}
    assert kept == {"deliveries": 2, "verdicts": 1, "decisions": 1, "publications": 1}
    # Numbering goes on, and nothing more is done.
    assert works(place.work()) == {}
    place.run("next", {"state": "started"})
    assert (ledger.rows("runs")[-1]["entry"], ledger.positions()["verdicts"]) == (7, 1)


def test_a_gold_table_stays_refused_when_the_verdict_about_it_is_dropped(place: LivedIn) -> None:
    change(place.conf, Change(DOMAIN, "owner:", "keep_ledger_days: 400\nowner:"))
    place.write(DAILY, 1)
    place.ledger.record(
        "publications",
        [
            {"run_id": run_id, "step": step, "table_id": str(DAILY), "version": 0, "input_versions": {}}
            for run_id, step in (("run-0", "aggregate"), ("run-1", "refused"))
        ],
    )
    place.verdict(None, "Sum y > 0", table_id=str(DAILY), passed="no", reason="it is 0")
    assert place.ledger.refusals() == {DAILY: "it is 0"}
    backdate(place, 431)
    place.verdict("a", "RowCount > 0", run_id="run-2")
    upkeep(place.work())
    assert [row["run_id"] for row in place.ledger.rows("verdicts")] == ["run-2"]
    # Verify leaves it out, and every run goes on to say so.
    assert place.ledger.refusals() == {DAILY: "the ledger keeps its verdict no longer"}
    found = domain_status(place.work(), datetime.now(timezone.utc), 7)
    assert [(one.state, one.why) for one in found.tables if one.table == DAILY] == [
        ("behind", "a gate refused it: the ledger keeps its verdict no longer")
    ]
    assert attention(found) == ["a gate keeps billing.gold.daily_usage at its old version"]


def test_a_run_id_stays_taken_when_the_entry_about_its_run_is_gone(place: LivedIn) -> None:
    place.deliver("2025-01-01")
    # Neither has taken a delivery.
    place.ledger.record("publications", [{"run_id": "weekly", "step": "aggregate", "table_id": str(DAILY)}])
    place.ledger.record(
        "decisions", [{"run_id": "said", "kind": "retract", "delivery_id": "x", "delivery_sequence": 1}]
    )
    assert place.ledger.rows("runs") == []
    for run_id in ("run-1", "weekly", "said"):
        with pytest.raises(ConfigurationError) as error:
            check_unused(place.ledger, run_id)
        assert str(error.value) == (
            f"--run-id: the domain 'billing' has had a run '{run_id}'. Name another, or leave the option out."
        )
    check_unused(place.ledger, "run-2")
