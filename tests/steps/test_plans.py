"""What a run would find and do, told from a landing zone and a ledger that are written by hand: no Spark."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from lakehouse.contracts.domains import load_domain
from lakehouse.contracts.environments import load_environment
from lakehouse.contracts.lakes import Lake
from lakehouse.contracts.names import TableId
from lakehouse.landing.days import Days
from lakehouse.landing.listing import list_source
from lakehouse.landing.news import look
from lakehouse.ledger.deliveries import BronzeState, Delivery, Outcome, SilverState, delivery_row, outcome_row
from lakehouse.steps.order import STEPS, dry_run
from lakehouse.steps.plans import Plan, plan
from lakehouse.steps.workspace import Workspace
from tests.contracts.places import BRONZE, SILVER, Change, change, copy_conf

USAGE = TableId.parse("billing.bronze.usage")
SILVER_USAGE = TableId.parse("billing.silver.usage")


class Place:
    """A configuration, a landing zone and a lake."""

    def __init__(self, folder: Path) -> None:
        self.conf = copy_conf(folder / "conf")
        self.landing = folder / "landing"
        self.landing.mkdir()
        self.lake = Lake.at(str(folder / "lake"))

    def work(self, first: str | None = None, last: str | None = None, full_refresh: bool = False) -> Workspace:
        days = Days(first and date.fromisoformat(first), last and date.fromisoformat(last))  # type: ignore[arg-type]
        return Workspace(
            load_domain("billing"), load_environment("local"), self.lake, str(self.landing), "run-9", days, full_refresh
        )

    def plan(self, first: str | None = None, last: str | None = None) -> Plan:
        work = self.work(first, last)
        return plan(work, STEPS, look(work.domain, work.landing, work.ledger.deliveries(), work.days))

    def deliver(self, day: str, name: str = "a.csv", text: str = "timestamp,user_id\n", seconds: int = 1000) -> None:
        year, month, number = day.split("-")
        path = self.landing / "billing" / f"year={year}" / f"month={month}" / f"day={number}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (seconds, seconds))

    def take(self, day: str, state: BronzeState = "ingested", outcome: SilverState | None = "accepted") -> None:
        """Write into the ledger what a run would have: the files of a day, and what became of them."""
        work = self.work(day, day)
        for file in list_source(str(self.landing), work.domain.bronze()[0]).files:
            if str(file.delivery_date) != day:
                continue
            sequence = work.ledger.deliveries().last_sequence + 1
            reason = "it is torn" if state in {"torn", "unreadable"} else None
            taken = Delivery(
                USAGE, file.delivery_id, file.delivery_date, sequence, state, file.path, file.size, file.modified,
                f"hash of {file.delivery_id}", work.fingerprint(USAGE), 100, reason, {}, "run-1",
            )  # fmt: skip
            work.ledger.record("deliveries", [delivery_row(taken)])
            if outcome:
                why = "gate said no" if outcome == "refused" else None
                fate = Outcome(
                    SILVER_USAGE, file.delivery_id, sequence, outcome, work.fingerprint(SILVER_USAGE), why, 100, 0, 0, 0
                )
                work.ledger.record("deliveries", [outcome_row(fate, taken, "run-1")])


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    found = Place(tmp_path)
    monkeypatch.setenv("LAKEHOUSE_CONF", str(found.conf))
    return found


def states(found: Plan) -> dict[str, str]:
    return {str(delivery.day): delivery.state for delivery in found.deliveries}


def touched(found: Plan) -> list[tuple[str, str]]:
    return [(table.step, table.table) for table in found.tables]


def test_nothing_was_ever_delivered(place: Place) -> None:
    found = place.plan()
    assert (found.first, found.last, found.deliveries, found.missing, found.tables) == (None, None, (), (), ())
    assert found.notes(STEPS) == [
        "ingest would read 0 files (0 bytes):",
        "refine would touch no table",
        "aggregate would touch no table",
    ]


def test_days_are_expected_from_the_start_date_to_the_last_that_landed(place: Place) -> None:
    place.deliver("2025-01-02")
    place.deliver("2025-01-05")
    found = place.plan()
    assert (str(found.first), str(found.last)) == ("2025-01-01", "2025-01-05")
    assert [str(day) for day in found.missing] == ["2025-01-01", "2025-01-03", "2025-01-04"]


def test_a_delivery_before_the_start_date_is_expected_from_then_on(place: Place) -> None:
    place.deliver("2024-12-30")
    place.deliver("2025-01-01")
    found = place.plan()
    assert [str(day) for day in found.missing] == ["2024-12-31"]


def test_days_that_were_asked_for_are_expected_whatever_has_landed(place: Place) -> None:
    place.deliver("2024-02-28")
    place.deliver("2025-01-01")
    found = place.plan("2024-02-27", "2024-03-01")
    assert [str(day) for day in found.missing] == ["2024-02-27", "2024-02-29", "2024-03-01"]
    assert states(found) == {"2024-02-28": "new"}


def test_each_state(place: Place) -> None:
    for day in range(1, 10):
        place.deliver(f"2025-01-0{day}")
    place.take("2025-01-01")
    place.take("2025-01-02", outcome="refused")
    place.take("2025-01-03", "unreadable", None)
    place.take("2025-01-04", "torn", None)
    place.take("2025-01-05", "ingesting", None)
    place.take("2025-01-06", outcome=None)
    place.take("2025-01-07")
    place.deliver("2025-01-07", text="timestamp,user_id\n2025-01-07,1\n", seconds=2000)
    place.take("2025-01-08")
    place.deliver("2025-01-08", seconds=2000)
    found = place.plan()
    assert [(str(d.day), d.state, d.reads, d.reason) for d in found.deliveries] == [
        ("2025-01-01", "present", False, ""),
        ("2025-01-02", "refused", False, "gate said no"),
        ("2025-01-03", "unreadable", False, "it is torn"),
        ("2025-01-04", "pending", True, "it is torn"),
        ("2025-01-05", "pending", True, "a run was interrupted while it took the file"),
        ("2025-01-06", "pending", False, "in bronze, not refined yet"),
        ("2025-01-07", "changed", True, "size or time differ from what was taken"),
        ("2025-01-08", "changed", True, "size or time differ from what was taken"),
        ("2025-01-09", "new", True, ""),
    ]
    assert [str(day) for day in found.work_days()] == [f"2025-01-0{day}" for day in (4, 5, 6, 7, 8, 9)]
    assert [d.rows for d in found.deliveries if d.state in {"present", "new"}] == [100, None]


def test_a_changed_contract_makes_deliveries_pending(place: Place) -> None:
    for day in ("2025-01-01", "2025-01-02"):
        place.deliver(day)
    place.take("2025-01-01")
    place.take("2025-01-02", "unreadable", None)
    change(place.conf, Change(SILVER, "credit_usage < 0", "credit_usage < 1"))
    assert states(place.plan()) == {"2025-01-01": "pending", "2025-01-02": "unreadable"}
    assert (
        place.plan().deliveries[0].reason == "to be judged again: the contract changed, or a full refresh asks for it"
    )
    change(place.conf, Change(BRONZE, "aliases: [user]", "aliases: [user, who]"))
    found = place.plan()
    assert states(found)["2025-01-02"] == "pending"
    assert found.deliveries[1].reason == "the contract of billing.bronze.usage changed since the file was unreadable"


def test_what_was_taken_is_present_when_its_file_is_gone(place: Place) -> None:
    for day in ("2025-01-01", "2025-01-02", "2025-01-03"):
        place.deliver(day)
    place.take("2025-01-01")
    place.take("2025-01-02", "torn", None)
    for path in (place.landing / "billing").rglob("*.csv"):
        if "day=03" not in str(path):
            path.unlink()
    found = place.plan()
    assert states(found) == {"2025-01-01": "present", "2025-01-03": "new"}
    assert [str(day) for day in found.missing] == ["2025-01-02"]


def test_work_days_that_follow_one_another_are_one_range(place: Place) -> None:
    for day in ("2024-12-31", "2025-01-01", "2025-01-03", "2025-01-05", "2025-01-06"):
        place.deliver(day)
    place.deliver("2025-01-01", "b.csv")
    place.take("2025-01-05")
    ranges = [(str(first), str(last)) for first, last in place.plan().work_ranges()]
    assert ranges == [("2024-12-31", "2025-01-01"), ("2025-01-03", "2025-01-03"), ("2025-01-06", "2025-01-06")]


def test_new_deliveries_touch_everything_below_them(place: Place) -> None:
    place.deliver("2025-01-01")
    place.deliver("2025-01-02")
    assert place.plan().notes(STEPS) == [
        "ingest would read 2 files (36 bytes):",
        "  usage/year=2025/month=01/day=01/a.csv (18 bytes, new)",
        "  usage/year=2025/month=01/day=02/a.csv (18 bytes, new)",
        "refine would bring 2 deliveries of 2 days from 2025-01-01 to 2025-01-02 into billing.silver.usage",
        "aggregate would compute the touched periods of billing.gold.daily_usage",
        "aggregate would make anew billing.gold.region_totals",
    ]


def test_gold_that_is_gone_is_made_anew(place: Place) -> None:
    place.deliver("2025-01-01")
    work, daily = place.work(), TableId.parse("billing.gold.daily_usage")
    made = {"step": "aggregate", "table_id": str(daily), "version": 4, "input_versions": {}, "run_id": "run-1"}
    work.ledger.record("publications", [{**made, "fingerprint": work.fingerprint(daily)}])
    assert place.plan().notes(["aggregate"]) == [
        "aggregate would make anew billing.gold.daily_usage, billing.gold.region_totals"
    ]


def test_a_pending_delivery_is_not_read_again(place: Place) -> None:
    place.deliver("2025-01-01")
    place.take("2025-01-01", outcome=None)
    found = place.plan()
    assert found.reads == []
    assert touched(found) == [
        ("refine", "billing.silver.usage"),
        ("aggregate", "billing.gold.daily_usage"),
        ("aggregate", "billing.gold.region_totals"),
    ]


def test_nothing_is_touched_when_all_is_done(place: Place) -> None:
    place.deliver("2025-01-01")
    place.take("2025-01-01")
    assert touched(place.plan()) == []


def test_a_dry_run_of_one_step_tells_of_this_step(place: Place) -> None:
    place.deliver("2025-01-01")
    place.take("2025-01-01")
    place.deliver("2025-01-02")
    assert dry_run(place.work(), ["ingest"]).notes == [
        "ingest would read 1 file (18 bytes):",
        "  usage/year=2025/month=01/day=02/a.csv (18 bytes, new)",
    ]
    done = dry_run(place.work(), ["refine"])
    assert (done.notes, done.nothing_new) == (["refine would touch no table"], True)
    again = dry_run(place.work(full_refresh=True), ["refine"])
    assert again.notes == ["refine would bring 1 delivery of 2025-01-01 into billing.silver.usage"]
    assert not again.nothing_new


def test_a_run_tells_which_source_misses_which_day(place: Place) -> None:
    place.deliver("2025-01-01")
    assert dry_run(place.work("2025-01-01", "2025-01-02"), ["ingest"]).missing_days == ["2025-01-02"]
    prices = "description: x\nsource: {kind: csv, folder: prices, files: '{date}.csv'}\n"
    (place.conf / "billing/bronze/prices.yml").write_text(prices + "columns: {price: {description: x}}\n")
    (place.landing / "prices").mkdir()
    (place.landing / "prices/2025-01-02.csv").write_text("price\n1\n")
    assert dry_run(place.work("2025-01-01", "2025-01-02"), ["ingest"]).missing_days == [
        "2025-01-01 (prices)",
        "2025-01-02 (usage)",
    ]
