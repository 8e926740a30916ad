"""Whether the rows of every delivery are where the ledger says, told from counts that are written by hand: no Spark."""

from __future__ import annotations

from lakehouse.ledger.deliveries import Delivery, Removal, delivery_row
from lakehouse.steps.verify_bronze import unconserved, unlike_ledger
from tests.steps.lived_in import BRONZE, SILVER, LivedIn, delivery_id

A, B, C = (delivery_id(f"2025-01-0{day}") for day in (1, 2, 3))


def bronze(place: LivedIn, found: dict[int, int]) -> list[str]:
    entries = place.ledger.rows("deliveries")
    return list(unlike_ledger(BRONZE, entries, place.ledger.deliveries().dropped, found))


def remove(place: LivedIn, content: Delivery, *states: Removal) -> None:
    for state in states:
        rows = None if state == "dropping" else 0
        place.ledger.record("deliveries", [delivery_row(content) | {"state": state, "rows_in": rows}])


def test_rows_of_bronze_against_the_ledger(place: LivedIn) -> None:
    place.deliver("2025-01-01")
    place.deliver("2025-01-02")
    place.deliver("2025-01-03", "ingesting")
    assert bronze(place, {1: 100, 2: 100, 3: 7}) == []
    assert bronze(place, {1: 99, 4: 2}) == [
        f"billing.bronze.usage: {A}: 100 rows were taken, 99 are there",
        f"billing.bronze.usage: {B}: 100 rows were taken, 0 are there",
        "billing.bronze.usage: 2 rows are there of delivery sequence 4, which the ledger does not know",
    ]


def test_of_a_content_that_was_removed_no_row_is_expected(place: LivedIn) -> None:
    content = place.deliver("2025-01-01")
    remove(place, content, "dropping")
    # Whether the rows have gone shows when the removal has ended.
    assert (bronze(place, {1: 100}), bronze(place, {})) == ([], [])
    remove(place, content, "dropped")
    assert bronze(place, {}) == []
    removed = f"billing.bronze.usage: {A}: 100 rows are there, but its content was removed"
    assert bronze(place, {1: 100}) == [removed]
    # The file still lies in the landing zone, and was touched: ingest notes its new time.
    place.ledger.record("deliveries", [delivery_row(content) | {"modified": "2.5"}])
    assert (bronze(place, {}), bronze(place, {1: 100})) == ([], [removed])


def conserved(place: LivedIn, arrived: dict[int, int], **found: dict[int, int]) -> list[str]:
    return list(unconserved(SILVER, place.ledger.deliveries(), arrived, found))


def test_every_accepted_row_is_in_one_place(place: LivedIn) -> None:
    place.judge(place.deliver("2025-01-01"))
    place.judge(place.deliver("2025-01-02"), "refused", "no")
    place.deliver("2025-01-03")
    arrived = {1: 100, 2: 100, 3: 100}
    whole = {"published": {1: 90}, "outranked": {1: 1}, "quarantined": {1: 9, 2: 40}}
    assert conserved(place, arrived, **whole) == []
    assert conserved(place, arrived, **whole, unchanged={1: 1}) == [
        f"billing.silver.usage: {A}: 100 in bronze, 90 published, 1 outranked, 9 quarantined, 1 unchanged"
    ]
    stray = {"published": {2: 5}, "unchanged": {1: 60}, "outranked": {1: 40}, "quarantined": {3: 1}}
    assert conserved(place, arrived, **stray) == [
        "billing.silver.usage: 5 rows are published of delivery sequence 2, which is not accepted",
        "billing.silver.usage: 1 rows are quarantined of delivery sequence 3, which is not judged",
    ]


def test_of_a_history_unchanged_rows_are_not_called_outranked(place: LivedIn) -> None:
    place.judge(place.deliver("2025-01-01"))
    found = {"published": {1: 10}, "unchanged": {1: 70}, "outranked": {1: 10}, "quarantined": {1: 9}}
    assert conserved(place, {1: 100}, **found) == [
        f"billing.silver.usage: {A}: 100 in bronze, 10 published, 70 unchanged, 10 outranked, 9 quarantined"
    ]
