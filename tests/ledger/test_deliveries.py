"""The register: what the entries of the ledger amount to."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from lakehouse.contracts.names import TableId
from lakehouse.ledger.deliveries import (
    BronzeState,
    Delivery,
    Outcome,
    Register,
    SilverState,
    delivery_row,
    outcome_row,
    register,
)
from lakehouse.ledger.entries import Row

BRONZE = TableId("shop", "bronze", "orders")
OTHER = TableId("shop", "bronze", "returns")
SILVER = TableId("shop", "silver", "orders")


def delivery(name: str, sequence: int | None, state: BronzeState = "ingested", table: TableId = BRONZE) -> Delivery:
    reason = "the file is empty (0 bytes)" if state == "unreadable" else None
    return Delivery(
        table, name, date(2025, 1, 31), sequence, state, f"/landing/{name}", 10, "1.5", "abc", "b1", 5, reason,
        {"delimiter": ",", "corrects": None}, "run-1",
    )  # fmt: skip


def outcome(name: str, sequence: int, state: SilverState = "accepted", fingerprint: str = "f1") -> Outcome:
    return Outcome(SILVER, name, sequence, state, fingerprint, None, 5, 3, 1, 1)


def entries(*found: Delivery | Outcome) -> Register:
    rows: list[Row] = []
    for one in found:
        if isinstance(one, Delivery):
            rows.append(delivery_row(one))
        else:
            rows.append(outcome_row(one, delivery(one.delivery_id, one.sequence), "run-1"))
    return register(rows)


def names(deliveries: list[Delivery]) -> list[tuple[str, int | None]]:
    return [(one.delivery_id, one.sequence) for one in deliveries]


def test_nothing_was_delivered() -> None:
    assert register([]) == Register({}, {}, {}, {}, 0)


def test_an_entry_says_all_of_a_delivery_and_its_outcome() -> None:
    found = entries(delivery("a", 7), outcome("a", 7))
    assert found.latest == {"a": delivery("a", 7)}
    assert found.current == {"a": delivery("a", 7)}
    assert found.outcomes == {(SILVER, "a"): outcome("a", 7)}
    assert found.published == {(SILVER, "a"): outcome("a", 7)}
    assert found.last_sequence == 7


def test_the_latest_entry_counts() -> None:
    found = entries(delivery("a", 1, "ingesting"), delivery("a", 1))
    assert found.latest["a"].state == "ingested"
    found = entries(delivery("a", 1), delivery("a", 2, "ingesting"))
    assert (found.latest["a"].sequence, found.current["a"].sequence, found.last_sequence) == (2, 1, 2)


def test_unreadable_content_leaves_the_earlier_content_current() -> None:
    found = entries(delivery("a", 1), delivery("a", None, "unreadable"))
    assert (found.latest["a"].state, found.current["a"].sequence) == ("unreadable", 1)
    assert found.last_sequence == 1


def test_torn_content_is_not_current_and_its_sequence_is_used_up() -> None:
    found = entries(delivery("a", 3, "torn"))
    assert found.current == {}
    assert found.last_sequence == 3


def test_pending_is_what_has_no_outcome_under_this_fingerprint() -> None:
    found = entries(
        delivery("late", 3),
        delivery("done", 1),
        delivery("fresh", 2),
        delivery("other", 4, table=OTHER),
        delivery("bad", None, "unreadable"),
        outcome("done", 1),
    )
    assert names(found.pending(SILVER, BRONZE, "f1")) == [("fresh", 2), ("late", 3)]
    assert names(found.pending(SILVER, BRONZE, "f2")) == [("done", 1), ("fresh", 2), ("late", 3)]


def test_a_corrected_delivery_is_pending_again() -> None:
    found = entries(delivery("a", 1), outcome("a", 1), delivery("a", 2))
    assert names(found.pending(SILVER, BRONZE, "f1")) == [("a", 2)]
    assert found.published[SILVER, "a"].sequence == 1


def test_a_refused_delivery_is_not_pending_and_stands_until_it_is_corrected() -> None:
    found = entries(delivery("a", 1), outcome("a", 1, "refused"))
    assert found.pending(SILVER, BRONZE, "f1") == []
    assert found.standing(SILVER, "refused") == [outcome("a", 1, "refused")]
    assert found.standing(SILVER, "accepted") == []
    assert found.standing(BRONZE, "refused") == []
    corrected = entries(delivery("a", 1), outcome("a", 1, "refused"), delivery("a", 2))
    assert corrected.standing(SILVER, "refused") == []


def test_a_refused_correction_leaves_readers_on_the_earlier_content() -> None:
    found = entries(delivery("a", 1), outcome("a", 1), delivery("a", 2), outcome("a", 2, "refused"))
    assert found.published[SILVER, "a"] == outcome("a", 1)
    assert found.outcomes[SILVER, "a"] == outcome("a", 2, "refused")


def test_content_that_a_changed_contract_refuses_is_withdrawn() -> None:
    found = entries(delivery("a", 1), outcome("a", 1), outcome("a", 1, "refused", "f2"))
    assert found.published == {}
    assert found.standing(SILVER, "refused") == [outcome("a", 1, "refused", "f2")]
    again = entries(
        delivery("a", 1), outcome("a", 1), outcome("a", 1, "refused", "f2"), outcome("a", 1, "accepted", "f3")
    )
    assert again.published == {(SILVER, "a"): outcome("a", 1, "accepted", "f3")}


def test_an_outcome_keeps_its_numbers() -> None:
    row = outcome_row(replace(outcome("a", 1, "refused"), reason="too many bad rows"), delivery("a", 1), "run-9")
    assert row == {
        "table_id": "shop.silver.orders",
        "delivery_id": "a",
        "delivery_sequence": 1,
        "delivery_date": date(2025, 1, 31),
        "state": "refused",
        "reason": "too many bad rows",
        "fingerprint": "f1",
        "rows_in": 5,
        "rows_accepted": 3,
        "rows_quarantined": 1,
        "rows_outranked": 1,
        "run_id": "run-9",
    }
