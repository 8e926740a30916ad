"""Waiting for deliveries: which days are there, whether files still grow, and what happens when none come."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("airflow", reason="Airflow needs Python 3.11")

from airflow.sdk.exceptions import AirflowSkipException, TaskDeferred

from lakehouse.contracts.domains import load_domain
from lakehouse.contracts.schedules import Arrival
from lakehouse.orchestration import sensor
from lakehouse.orchestration.arrivals import Look, look
from lakehouse.orchestration.results import DeliveryMissingError
from lakehouse.orchestration.sensor import DeliveriesTrigger, WaitForDeliveries
from tests.conftest import deliver
from tests.contracts.places import LOCAL, Change, copy_conf
from tests.orchestration.contexts import context

D = date(2025, 1, 3)
ROW = ["2025-01-03T10:00:00Z,r1,u1,-1.5,eu,standard,read,true,vm,i1,USD"]


class Told:
    """Remembers the deadlines that people were told of."""

    def __init__(self) -> None:
        self.deadlines: list[datetime] = []

    def __call__(self, context: Mapping[str, Any], deadline: datetime) -> None:
        self.deadlines.append(deadline)


@pytest.fixture
def zone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty landing zone, that of the environment."""
    zone = tmp_path / "landing"
    zone.mkdir()
    conf = copy_conf(tmp_path / "conf", Change(LOCAL, "landing: data/landing", f"landing: {zone}"))
    monkeypatch.setenv("LAKEHOUSE_CONF", str(conf))
    monkeypatch.delenv("LAKEHOUSE_ENV", raising=False)
    monkeypatch.setattr(sensor, "_TWO_LOOKS", 0.05)
    return zone


def aged(path: Path, seconds: float = 3600) -> Path:
    """A file that was written long ago."""
    os.utime(path, (time.time() - seconds, time.time() - seconds))
    return path


def task(told: Told | None = None, deadline_hours: float | None = None, **arrival: Any) -> WaitForDeliveries:
    return WaitForDeliveries(
        task_id="wait", domain="billing", arrival=Arrival(**arrival), deadline_hours=deadline_hours,
        tell_late=told or Told(),
    )  # fmt: skip


def run(day: date = D, **choices: Any) -> dict[str, Any]:
    return context(str(day), str(day + timedelta(days=1)), **choices)


def deferral(waiting: WaitForDeliveries, of: dict[str, Any]) -> TaskDeferred:
    with pytest.raises(TaskDeferred) as caught:
        waiting.execute(of)
    return caught.value


def today(hours_ago: float) -> date:
    """The day whose end was so many hours ago, or is the next midnight."""
    return (datetime.now(timezone.utc) - timedelta(hours=hours_ago)).date()


# --- One look ---


def test_a_look_names_the_days_without_a_delivery(zone: Path) -> None:
    deliver(zone, "2025-01-03", "a.csv", ROW)
    deliver(zone, "2025-01-05", "a.csv", ROW)
    deliver(zone, "2025-01-09", "a.csv", ROW)
    seen = look(load_domain("billing"), str(zone), D, date(2025, 1, 6))
    assert seen.missing == ("2025-01-04", "2025-01-06")
    assert sorted(seen.files) == [f"usage/year=2025/month=01/day=0{day}/a.csv" for day in (3, 5)]


def test_what_is_not_a_delivery_does_not_count(zone: Path) -> None:
    for name in (".a.csv.part", "_a.csv", "a.csv.tmp", "a.txt"):
        deliver(zone, "2025-01-03", name, ROW)
    assert look(load_domain("billing"), str(zone), D, D) == Look(("2025-01-03",), {}, None)


@pytest.mark.parametrize(
    ("before", "youngest", "between", "settled"),
    [
        (None, 3600.0, 0.0, False),  # one look only
        ({"a": "1 x"}, 3600.0, 1.0, True),  # written long ago
        ({"a": "1 x"}, 2.0, 1.0, False),  # written just now
        ({"a": "1 x"}, 2.0, 60.0, True),  # seen unchanged for long
        ({"a": "1 x"}, None, 60.0, True),
        ({"a": "1 x"}, None, 59.0, False),  # an object store says no time
        ({"a": "0 x"}, 3600.0, 3600.0, False),  # grown
        ({}, 3600.0, 3600.0, False),  # come
        ({"a": "1 x", "b": "1 x"}, 3600.0, 3600.0, False),  # gone
    ],
)
def test_files_are_whole_when_nothing_changes(
    before: dict[str, str] | None, youngest: float | None, between: float, settled: bool
) -> None:
    seen = Look((), {"a": "1 x"}, youngest)
    assert seen.settled(Look((), before, None) if before is not None else None, 60.0, between) is settled


# --- The task ---


def test_deliveries_that_lie_there_are_not_waited_for(zone: Path) -> None:
    aged(deliver(zone, "2025-01-03", "a.csv", ROW))
    assert task().execute(run()) == {"missing": []}


def test_a_run_without_days_waits_for_nothing(zone: Path) -> None:
    assert task().execute(context()) == {"missing": []}
    assert task().execute(context(params={"first_day": "2025-01-01"})) == {"missing": []}


def test_a_file_that_was_written_just_now_is_looked_at_again(zone: Path) -> None:
    deliver(zone, "2025-01-03", "a.csv", ROW)
    deferred = deferral(task(), run())
    assert deferred.trigger.serialize() == (
        "lakehouse.orchestration.sensor.DeliveriesTrigger",
        {
            "domain": "billing", "landing": str(zone), "first": "2025-01-03", "last": "2025-01-03",
            "poke_seconds": 60.0, "settle_seconds": 60.0,
            # In the past: what is there is all that is waited for.
            "until": "2025-01-04T12:00:00+00:00",
        },
    )  # fmt: skip


def test_a_missing_day_is_waited_for_until_hours_after_its_end(zone: Path) -> None:
    day = today(0)
    deferred = deferral(task(wait_hours=6), run(day))
    end = datetime.combine(day + timedelta(days=1), datetime.min.time(), timezone.utc)
    assert deferred.trigger.until == (end + timedelta(hours=6)).isoformat()
    assert (deferred.method_name, deferred.kwargs) == ("looked", {"late_told": False})


def test_who_asks_by_hand_waits_from_then_on(zone: Path) -> None:
    now = datetime.now(timezone.utc)
    asked = {"first_day": "2025-01-03", "last_day": "2025-01-04"}
    deferred = deferral(task(wait_hours=2, deadline_hours=1), context(params=asked, run_type="manual", run_start=now))
    assert deferred.trigger.until == (now + timedelta(hours=2)).isoformat()
    assert (deferred.trigger.first, deferred.trigger.last) == ("2025-01-03", "2025-01-04")


def test_a_day_that_never_came_fails_the_task_in_words(zone: Path) -> None:
    with pytest.raises(DeliveryMissingError) as caught:
        task().execute(run())
    assert str(caught.value) == (
        f"There is no delivery for 2025-01-03 in {zone}; waited until 2025-01-04 12:00 UTC. When it has come, clear "
        'this task; or run again with {"on_missing": "go_on"}.'
    )
    assert caught.value.kind == "missing"


def test_a_missing_day_can_skip_the_run(zone: Path) -> None:
    with pytest.raises(AirflowSkipException, match=r"no delivery for 2025-01-03 in .*; the run is skipped"):
        task(on_missing="skip").execute(run())
    with pytest.raises(AirflowSkipException):
        task().execute(run(params={"on_missing": "skip"}))


def test_a_run_can_go_on_without_a_missing_day(zone: Path) -> None:
    assert task(on_missing="go_on").execute(run()) == {"missing": ["2025-01-03"]}
    assert task(on_missing="skip").execute(run(params={"on_missing": "go_on"})) == {"missing": ["2025-01-03"]}
    assert task().execute(run(params={"dry_run": True})) == {"missing": ["2025-01-03"]}


def test_a_file_of_another_day_that_grows_is_waited_for_also_when_the_run_goes_on(zone: Path) -> None:
    deliver(zone, "2025-01-03", "a.csv", ROW)
    asked = {"first_day": "2025-01-03", "last_day": "2025-01-04", "on_missing": "go_on"}
    assert deferral(task(), context(params=asked)).trigger.until is None


def test_people_are_told_once_when_the_deadline_passes(zone: Path) -> None:
    told, day = Told(), today(30)
    waiting = task(told, deadline_hours=0.001, wait_hours=100)
    deferred = deferral(waiting, run(day))
    end = datetime.combine(day + timedelta(days=1), datetime.min.time(), timezone.utc)
    assert told.deadlines == [end + timedelta(hours=0.001)]
    assert deferred.kwargs == {"late_told": True}
    assert deferred.trigger.until == (end + timedelta(hours=100)).isoformat()
    with pytest.raises(TaskDeferred):
        waiting.looked(run(day), {"missing": [str(day)], "files": []}, late_told=True)
    assert len(told.deadlines) == 1


def test_the_deadline_wakes_the_task(zone: Path) -> None:
    day = today(0)
    waiting = task(deadline_hours=3, wait_hours=6)
    end = datetime.combine(day + timedelta(days=1), datetime.min.time(), timezone.utc)
    assert deferral(waiting, run(day)).trigger.until == (end + timedelta(hours=3)).isoformat()


def test_what_came_while_waiting_lets_the_run_go_on(zone: Path) -> None:
    event = {"missing": [], "files": ["usage/a.csv"]}
    assert task().looked(run(), event, late_told=False) == {"missing": []}


# --- The trigger ---


def trigger(zone: Path, until: datetime | None, settle: float = 0.2) -> DeliveriesTrigger:
    return DeliveriesTrigger(
        domain="billing", landing=str(zone), first="2025-01-03", last="2025-01-04", poke_seconds=0.05,
        settle_seconds=settle, until=until.isoformat() if until else None,
    )  # fmt: skip


async def first_event(waiting: DeliveriesTrigger) -> Any:
    async for event in waiting.run():
        return event.payload


def test_the_trigger_fires_when_the_last_day_has_come_and_is_whole(zone: Path) -> None:
    aged(deliver(zone, "2025-01-03", "a.csv", ROW))

    async def scene() -> tuple[Any, float]:
        waiting = asyncio.ensure_future(first_event(trigger(zone, datetime.now(timezone.utc) + timedelta(minutes=5))))
        growing = deliver(zone, "2025-01-04", "a.csv", ROW)
        for _ in range(5):
            await asyncio.sleep(0.1)
            assert not waiting.done()
            with growing.open("a") as stream:
                stream.write(ROW[0] + "\n")
        last = time.monotonic()
        return await asyncio.wait_for(waiting, 30), time.monotonic() - last

    event, after = asyncio.run(scene())
    assert event == {
        "missing": [],
        "files": [f"usage/year=2025/month=01/day=0{day}/a.csv" for day in (3, 4)],
    }
    assert after >= 0.2


def test_the_trigger_reports_what_is_missing_when_time_is_over(zone: Path) -> None:
    deliver(zone, "2025-01-03", "a.csv", ROW)
    event = asyncio.run(asyncio.wait_for(first_event(trigger(zone, datetime.now(timezone.utc))), 30))
    assert event["missing"] == ["2025-01-04"]


def test_the_trigger_reports_when_what_is_there_is_whole_if_nothing_else_is_awaited(zone: Path) -> None:
    deliver(zone, "2025-01-03", "a.csv", ROW)
    event = asyncio.run(asyncio.wait_for(first_event(trigger(zone, None)), 30))
    assert (event["missing"], len(event["files"])) == (["2025-01-04"], 1)


def test_the_trigger_is_made_again_from_what_it_serializes(zone: Path) -> None:
    _, settings = trigger(zone, None).serialize()
    assert DeliveriesTrigger(**settings).serialize() == trigger(zone, None).serialize()
