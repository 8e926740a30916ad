"""Leases on a stand-in for S3: one holder, taken over only when it is dead or silent, and who was replaced knows it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from lakehouse.contracts.lakes import Lake
from lakehouse.errors import ClaimLostError, WriterBusyError
from lakehouse.ledger.lease import Lease, Pace, beating
from lakehouse.ledger.lease_object import LeaseObject
from lakehouse.ledger.lease_record import UnreachableError, find, put
from lakehouse.ledger.lease_taking import Candidate, take
from lakehouse.ledger.processes import Process
from tests.ledger.conftest import Clock
from tests.ledger.object_store import ObjectStore

LAKE = Lake.at("s3://bucket/lake")
ANN = Process("ann", "one", "boot-1 pid:[1]", 11, "100")
BOB = Process("bob", "two", "boot-2 pid:[1]", 22, "200")

Take = Callable[..., Lease]


@pytest.fixture
def pace(clock: Clock) -> Pace:
    return Pace(60, 5, 1, clock.read, clock.wait)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def taken(store: ObjectStore, pace: Pace, said: list[str]) -> Take:
    """Take the lease of the domain 'shop' for somebody."""

    def take_it(process: Process = ANN, run: str = "run-1") -> Lease:
        return take(LeaseObject(LAKE, "shop", 5), "shop", run, pace, said.append, process)

    return take_it


def test_what_a_lease_says(store: ObjectStore, taken: Take) -> None:
    taken()
    record = store.lease
    assert len(record.pop("taking")) == 16
    assert record.pop("since").endswith("+00:00")
    assert record == {
        "state": "held", "token": 1, "user": "ann", "host": "one", "process": 11, "run": "run-1", "beats": 1,
        "seconds": 60, "machine": "boot-1 pid:[1]", "started": "100", "drivers": [], "note": "",
    }  # fmt: skip


def test_the_token_grows_with_each_taking(store: ObjectStore, taken: Take) -> None:
    for token in (1, 2, 3):
        lease = taken()
        lease.check()
        assert (store.lease["token"], store.lease["state"]) == (token, "held")
        assert lease.release()
        assert (store.lease["token"], store.lease["state"], store.lease["note"]) == (token, "free", "given back")


def test_a_holder_that_beats_is_not_replaced(store: ObjectStore, taken: Take, clock: Clock, said: list[str]) -> None:
    holder = taken()
    clock.meanwhile = lambda: holder.renew() if len(clock.waited) % 5 == 0 else None
    with pytest.raises(WriterBusyError) as caught:
        taken(BOB, "run-2")
    assert str(caught.value) == (
        f"Another process writes the domain 'shop': process 11 of ann on one, run run-1, since {store.lease['since']}. "
        "Nothing was changed. Wait until it has ended, then run the command again."
    )
    assert (sum(clock.waited), said) == (5, [])
    holder.check()


def test_a_silent_holder_is_replaced_after_its_time_and_not_before(
    store: ObjectStore, taken: Take, clock: Clock, said: list[str]
) -> None:
    holder = taken()
    since = store.lease["since"]
    other = taken(BOB, "run-2")
    assert sum(clock.waited) == 61
    assert said == [
        f"process 11 of ann on one, run run-1, since {since}, holds the domain 'shop' and has given no sign of life "
        "for 8 s; after 60 s of silence this run takes over"
    ]  # fmt: skip
    assert (other.record.token, store.lease["host"]) == (2, "two")
    for _ in range(2):
        with pytest.raises(ClaimLostError) as caught:
            holder.check()
        assert str(caught.value) == (
            f"This process lost the domain 'shop': process 22 of bob on two, run run-2, since {other.record.since}, "
            "has taken it over (token 2). Nothing more is written. Run the command again: it finishes what was begun."
        )
    assert int(caught.value.exit_code) == 4
    assert holder.release()
    other.check()
    assert (store.lease["state"], store.lease["host"]) == ("held", "two")


def test_a_holder_that_wakes_up_before_it_was_replaced_goes_on(taken: Take, clock: Clock) -> None:
    holder = taken()
    clock.now += 1000
    holder.check()


def test_the_time_starts_anew_when_somebody_else_takes_the_lease(
    store: ObjectStore, taken: Take, pace: Pace, clock: Clock
) -> None:
    taken()
    late = Candidate(LeaseObject(LAKE, "shop", 5), "shop", "run-3", pace, BOB)
    assert not late.look().open
    clock.now += 61
    taken(Process("eve", "three", "", 33, ""), "run-2")
    sight = late.look()
    assert (sight.alive, sight.open) == (True, False)


@pytest.mark.parametrize("since", ["1970-01-01T00:00:00+00:00", "2999-12-31T23:59:59+00:00", "yesterday"])
def test_what_the_calendar_says_is_for_people_only(store: ObjectStore, taken: Take, clock: Clock, since: str) -> None:
    def with_that_time(holder: Lease) -> None:
        place = LeaseObject(LAKE, "shop", 5)
        found = find(place)
        assert found
        put(place, replace(holder.record, since=since, beats=found.record.beats + 1), found.e_tag)

    holder = taken()
    clock.meanwhile = lambda: with_that_time(holder) if len(clock.waited) == 3 else None
    with pytest.raises(WriterBusyError, match=re.escape(f"since {since}")):
        taken(BOB)
    clock.meanwhile = lambda: None
    before = sum(clock.waited)
    taken(BOB)
    assert sum(clock.waited) - before == 61


# --- What goes wrong between here and the store


@pytest.mark.parametrize("fault", ["lost", "409", "500", "never"])
def test_a_put_without_a_clear_answer_is_cleared_up(store: ObjectStore, taken: Take, fault: str) -> None:
    store.puts.append(fault)
    holder = taken()
    assert (store.lease["token"], store.lease["host"]) == (1, "one")
    for beats in (2, 3):
        store.puts.append(fault)
        holder.check()
        assert store.lease["beats"] == holder.record.beats >= beats
    store.puts.append(fault)
    assert holder.release() is True
    assert store.lease["state"] == "free"


def test_a_read_that_fails_once_is_repeated(store: ObjectStore, taken: Take, clock: Clock) -> None:
    store.gets.append("500")
    taken()
    assert clock.waited == [1]


def test_a_lost_answer_is_not_taken_for_a_loss(store: ObjectStore, taken: Take) -> None:
    holder = taken()
    store.puts.append("lost")
    store.gets.append("500")
    holder.check()
    assert holder.record.beats == store.lease["beats"] == 4


def test_a_taking_that_was_done_after_all(store: ObjectStore, taken: Take, clock: Clock) -> None:
    store.puts.append("lost")
    store.gets.extend(["ok", "500"])
    holder = taken()
    assert clock.waited == [1]
    assert (holder.record.token, store.lease["token"]) == (1, 1)
    holder.check()


def test_a_store_that_stays_away_ends_the_claim_with_its_time(store: ObjectStore, taken: Take, clock: Clock) -> None:
    holder = taken()
    store.puts.extend(["500"] * 500)
    store.gets.extend(["500"] * 500)
    began = clock.now
    with pytest.raises(ClaimLostError) as caught:
        holder.check()
    assert clock.now - began == 59
    text = str(caught.value)
    assert text.startswith(
        "This process lost the domain 'shop': its lease could not be renewed for 60 s. "
        "s3://bucket/lake/shop/writer.lease cannot be read: "
    )
    assert text.endswith("Nothing more is written. Run the command again: it finishes what was begun.")
    assert holder.release() is False
    store.puts.clear()
    store.gets.clear()
    with pytest.raises(ClaimLostError):
        holder.check()


def test_a_store_that_comes_back_in_time_does_no_harm(store: ObjectStore, taken: Take, clock: Clock) -> None:
    holder = taken()
    store.puts.extend(["500"] * 20)
    store.gets.extend(["500"] * 20)
    holder.check()
    assert 5 <= sum(clock.waited) < 59


def test_a_store_that_is_away_gives_no_lease(store: ObjectStore, taken: Take, clock: Clock) -> None:
    store.gets.extend(["500"] * 100)
    with pytest.raises(UnreachableError, match=r"^s3://bucket/lake/shop/writer\.lease cannot be read: .*500") as caught:
        taken()
    assert (int(caught.value.exit_code), clock.waited) == (1, [1, 1])


def test_a_deleted_lease_is_a_lost_one(store: ObjectStore, taken: Take) -> None:
    holder = taken()
    store.objects.clear()
    with pytest.raises(ClaimLostError, match=r"its lease was deleted\. Nothing more is written"):
        holder.check()
    assert store.objects == {}
    assert holder.release() is True
    assert store.objects == {}


def test_what_is_no_lease_is_left_alone(store: ObjectStore, taken: Take) -> None:
    for content in (b"", b"[]", b"{}", b'{"token": 1}', b"\xff"):
        store.objects["/bucket/lake/shop/writer.lease"] = (content, '"x"')
        with pytest.raises(Exception) as caught:
            taken()
        assert str(caught.value) == (
            "s3://bucket/lake/shop/writer.lease is no lease that can be read, so nobody can tell who writes the "
            "domain. When no run is at work, delete that object."
        )


# --- The background


def test_the_counter_moves_in_the_background(store: ObjectStore, taken: Take) -> None:
    holder = taken()
    store.puts.extend(["ok", "500", "never", "lost", "409"])
    with beating(holder, Pace(60, 0.01, 0.01)), store.changed:
        assert store.changed.wait_for(lambda: store.lease["beats"] > 8, timeout=30)
    assert [record["token"] for record in store.accepted] == [1] * len(store.accepted)
    last = store.lease
    holder.check()
    assert store.lease["beats"] > last["beats"]


def test_the_background_ends_with_the_claim(store: ObjectStore, taken: Take, clock: Clock) -> None:
    holder = taken()
    other = taken(BOB, "run-2")
    with beating(holder, Pace(60, 0.01, 0.01)), pytest.raises(ClaimLostError):
        while True:
            holder.check()
    other.check()
    assert json.loads(store.objects["/bucket/lake/shop/writer.lease"][0])["token"] == 2
