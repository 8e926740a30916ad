"""Forms on a real Airflow with real Spark steps: a driver that is killed, a domain that is busy, a wrong form."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

pytest.importorskip("airflow", reason="Airflow needs Python 3.11")

from lakehouse.contracts.lakes import Lake
from lakehouse.ledger.writer import claim
from tests.orchestration.scheduler import until
from tests.orchestration.story import RETRACT, Chapter, Story, retraction

pytestmark = [pytest.mark.slow, pytest.mark.e2e]

TASK = "retract_billing"


@pytest.fixture(scope="module")
def busy(story: Story, retracted: Chapter) -> Chapter:
    """The same form again, while another process, this one, writes the domain."""
    scheduler = story.scheduler
    with claim(Lake.at(str(story.lake)), "billing", "by-ann"):
        run_id = scheduler.trigger(RETRACT, {**retraction(story), "who": "ann"})

        def waits() -> dict[str, Any] | None:
            task = scheduler.tasks(RETRACT, run_id)[TASK]
            assert task["state"] not in {"success", "failed", "up_for_retry"}, scheduler.told(RETRACT, run_id)
            return task if task["state"] == "deferred" else None

        seen = until("the wait", waits, 300)
    ended = story.end(run_id, RETRACT)
    ended.before = {"task": seen}
    return ended


@pytest.fixture(scope="module")
def unknown(story: Story, busy: Chapter) -> Chapter:
    """A retraction of a delivery that never came."""
    form = retraction(story)
    asked = {**form, "delivery": form["delivery"].replace("test", "tests")}
    return story.end(story.scheduler.trigger(RETRACT, asked), RETRACT)


def test_a_killed_form_is_finished_by_its_retry(story: Story, scheduled: Chapter, retracted: Chapter) -> None:
    task = retracted.tasks[TASK]
    assert (retracted.run["state"], task["state"], task["try_number"]) == ("success", "success", 2), retracted.told
    assert "retract of billing did not end well: exit code 137; it left no result in" in retracted.log(TASK)
    assert f"{retraction(story)['delivery']} was retracted before" in retracted.log(TASK, 2)
    assert (scheduled.gold, retracted.gold) == ({story.today: Decimal(501)}, {story.today: Decimal(1)})
    assert retracted.states["retract_retail"] == "skipped"


def test_a_domain_that_another_process_writes_is_waited_for_without_a_try(busy: Chapter) -> None:
    assert busy.before["task"]["try_number"] == 1
    task = busy.tasks[TASK]
    assert (busy.run["state"], task["state"], task["try_number"]) == ("success", "success", 1), busy.told
    told = busy.log(TASK)
    assert "exit code 4; Another process writes the domain 'billing': process " in told
    assert "run by-ann, since " in told
    assert "Trying again in 15 s; waiting until " in told
    assert "was retracted before; nothing was changed" in busy.run["note"]


def test_a_decision_is_taken_once_by_the_user_who_started_the_run(story: Story, busy: Chapter) -> None:
    rows = story.table("ledger/decisions").to_pyarrow_table().to_pylist()
    found = [(row["kind"], row["delivery_id"], row["who"], row["why"]) for row in rows]
    assert found == [("retract", retraction(story)["delivery"], "admin", "test data")]


def test_a_form_that_makes_no_sense_is_red_and_not_tried_again(story: Story, unknown: Chapter) -> None:
    task = unknown.tasks[TASK]
    assert (unknown.run["state"], task["state"], task["try_number"]) == ("failed", "failed", 1), unknown.told
    known = retraction(story)["delivery"]
    said = f"The ledger of 'billing' knows no delivery '{known.replace('test', 'tests')}'. Did you mean '{known}'?"
    assert f"exit code 2; {said}" in unknown.log(TASK)
    assert said in unknown.run["note"]
