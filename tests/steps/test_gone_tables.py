"""Tables that no contract names any more: what they were made from is kept for them no longer. No Spark."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest
from deltalake import DeltaTable

from lakehouse.ledger.retention import LogState, retention_properties, set_properties, tidy_log, write_checkpoint
from lakehouse.steps.maintenance import planned
from lakehouse.steps.staleness import stale_tables
from lakehouse.steps.superseded import superseded
from tests.contracts.places import BRONZE as BRONZE_FILE
from tests.contracts.places import DAILY as DAILY_FILE
from tests.contracts.places import SILVER as SILVER_FILE
from tests.contracts.places import TOTALS as TOTALS_FILE
from tests.contracts.places import Change, change
from tests.ledger.aging import age, append
from tests.steps.lived_in import DAILY, SILVER, LivedIn


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LivedIn:
    """A lake without tables."""
    found = LivedIn(tmp_path)
    monkeypatch.setenv("LAKEHOUSE_CONF", str(found.conf))
    (found.conf / TOTALS_FILE).unlink()
    return found


def test_the_log_of_its_input_is_cleaned_and_it_is_made_anew_should_it_come_back(place: LivedIn) -> None:
    path = Path(place.lake.table(SILVER))
    for number in range(36):
        append(path, number, configuration=retention_properties(30))
    place.publish(DAILY, 3, {str(SILVER): 35})
    for value in ("true", "false"):
        set_properties(str(path), {"delta.appendOnly": value}, "run-1")
    write_checkpoint(str(path))
    age(path, 45)
    plan, _ = planned(place.work()).tables
    assert (plan.made_from, plan.log) == (35, LogState(0, 0))
    assert stale_tables(place.work()) == []
    contract = place.conf / DAILY_FILE
    aside = contract.rename(place.conf / "aside.yml")
    (plan,) = planned(place.work()).tables
    assert (plan.made_from, plan.log) == (None, LogState(0, 37))
    tidy_log(plan.path, plan.keep_days, made_from=plan.made_from)
    aside.rename(contract)
    assert [table.id for table in stale_tables(place.work())] == [DAILY]


@pytest.mark.parametrize(
    ("days", "kept"), [pytest.param(39, True, id="lately: it may come back"), pytest.param(41, False, id="long ago")]
)
def test_contents_that_it_alone_showed_may_go_once_it_has_been_gone_for_long(
    place: LivedIn, days: int, kept: bool
) -> None:
    change(place.conf, Change(BRONZE_FILE, "columns:\n", "maintain: {drop_superseded_days: 40}\ncolumns:\n"))
    place.judge(place.deliver("2025-01-02"))
    place.judge(place.deliver("2025-01-02"), "refused")
    place.run("run-1", {"state": "finished", "summary": {"versions": {str(SILVER): 3, "billing.outranked.usage": 3}}})
    aged(place, "deliveries", 50)
    # The last run that knew its contract noted the table.
    aged(place, "runs", days)

    def spare() -> list[int | None]:
        work, now = place.work(), datetime.now(timezone.utc)
        found = superseded(work, work.domain.bronze()[0], work.ledger.deliveries(), now)
        return [content.sequence for content in found.contents] if found else []

    assert spare() == []
    (place.conf / DAILY_FILE).unlink()
    (place.conf / SILVER_FILE).unlink()
    assert spare() == ([] if kept else [1])


def aged(place: LivedIn, ledger_table: str, days: int) -> None:
    """Make the entries of a ledger table so many days older."""
    path = f"{place.lake.root}/billing/ledger/{ledger_table}"
    DeltaTable(path).update({"recorded_at": f"recorded_at - interval '{days} days'"})
