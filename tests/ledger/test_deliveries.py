"""The register: what the entries of the ledger amount to."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from lakehouse.contracts.names import TableId
from lakehouse.ledger.decisions import Decision, Decisions, Kind, RowDecision
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
from lakehouse.ledger.moments import back_to

BRONZE = TableId("shop", "bronze", "orders")
OTHER = TableId("shop", "bronze", "returns")
SILVER = TableId("shop", "silver", "orders")


def delivery(name: str, sequence: int | None, state: BronzeState = "ingested", table: TableId = BRONZE) -> Delivery:
    reason = "the file is empty (0 bytes)" if state == "unreadable" else None
    return Delivery(
        table, name, date(2025, 1, 31), sequence, state, f"/landing/{name}", 10, "1.5", f"hash of {name}", "b1", 5,
        reason,
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
        "details": None,
        "run_id": "run-9",
    }


def test_unchanged_rows_of_a_history_are_kept_with_the_decision() -> None:
    told = replace(outcome("a", 1), rows_unchanged=2, decision=7)
    assert outcome_row(told, delivery("a", 1), "run-9")["details"] == {"decision": 7, "rows_unchanged": 2}
    assert entries(delivery("a", 1), told).outcomes == {(SILVER, "a"): told}


def decided(kind: Kind, name: str, sequence: int, entry: int = 1) -> Decision:
    return Decision(kind, name, sequence, "ann", "wrong prices", entry=entry)


def judged(*found: Delivery | Outcome, decisions: tuple[Decision, ...]) -> Register:
    rows = [
        delivery_row(one) if isinstance(one, Delivery) else outcome_row(one, delivery(one.delivery_id, 1), "run-1")
        for one in found
    ]
    return register(rows, Decisions(decisions))


def test_a_retraction_takes_all_contents_so_far_and_a_correction_counts_again() -> None:
    old, new = delivery("a", 1), delivery("a", 2)
    gone = judged(old, new, outcome("a", 2), decisions=(decided("retract", "a", 2),))
    assert (gone.current, gone.aside, gone.pending(SILVER, BRONZE, "f1")) == ({}, {"a": "retracted"}, [])
    assert gone.gone(SILVER, BRONZE) == [outcome("a", 2)]
    withdrawn = judged(old, outcome("a", 1), outcome("a", 1, "withdrawn"), decisions=(decided("retract", "a", 1),))
    assert (withdrawn.gone(SILVER, BRONZE), withdrawn.published) == ([], {})
    corrected = judged(old, new, delivery("a", 3), decisions=(decided("retract", "a", 2),))
    assert (corrected.current["a"].sequence, corrected.aside) == (3, {})
    released = judged(old, decisions=(decided("retract", "a", 1), decided("release", "a", 1)))
    assert released.current == {"a": old}


def test_a_refused_correction_leaves_its_predecessor_to_be_judged_by_a_new_contract() -> None:
    both = (delivery("a", 1), outcome("a", 1), delivery("a", 2), outcome("a", 2, "refused"))
    assert names(entries(*both).pending(SILVER, BRONZE, "f1")) == []
    assert names(entries(*both).pending(SILVER, BRONZE, "f2")) == [("a", 1), ("a", 2)]
    held = judged(delivery("a", 1), delivery("a", 2), outcome("a", 2), decisions=(decided("hold", "a", 2),))
    assert names(held.pending(SILVER, BRONZE, "f2")) == [("a", 1)]


SEEN = (delivery("a", 1), outcome("a", 1), delivery("a", 2), outcome("a", 2, "refused"))
"""Readers see the first content, because its correction is refused."""
STRICT = (outcome("a", 1, "refused", "f2"), outcome("a", 2, "refused", "f2"))
"""A contract refuses both."""


def test_what_readers_saw_last_is_judged_again_when_the_contract_that_refused_it_is_taken_back() -> None:
    both = entries(*SEEN, *STRICT)
    assert (both.published, both.pending(SILVER, BRONZE, "f2"), both.gone(SILVER, BRONZE)) == ({}, [], [])
    assert names(both.pending(SILVER, BRONZE, "f1")) == [("a", 1), ("a", 2)]
    back = entries(*SEEN, *STRICT, outcome("a", 1), outcome("a", 2, "refused"))
    assert (back.published, back.pending(SILVER, BRONZE, "f1")) == ({(SILVER, "a"): outcome("a", 1)}, [])
    # A correction that was accepted has replaced it for good.
    replaced = entries(*SEEN, outcome("a", 2, "accepted", "f3"), outcome("a", 2, "refused", "f2"))
    assert names(replaced.pending(SILVER, BRONZE, "f1")) == [("a", 2)]


def test_what_readers_saw_last_is_judged_again_when_its_retraction_is_taken_back() -> None:
    gone = (*SEEN, outcome("a", 2, "withdrawn"))
    retracted = judged(*gone, decisions=(decided("retract", "a", 2),))
    assert (retracted.published, retracted.pending(SILVER, BRONZE, "f1")) == ({}, [])
    released = judged(*gone, decisions=(decided("retract", "a", 2), decided("release", "a", 2, entry=2)))
    assert names(released.pending(SILVER, BRONZE, "f1")) == [("a", 1), ("a", 2)]
    corrected = judged(*gone, delivery("a", 3), decisions=(decided("retract", "a", 2),))
    assert names(corrected.pending(SILVER, BRONZE, "f1")) == [("a", 3)]


def test_what_readers_saw_last_is_not_judged_when_it_is_kept_out_or_gone() -> None:
    late = replace(delivery("a", 1, "unconfirmed"), reason="9 rows are expected")
    assert names(entries(*SEEN, *STRICT, late).pending(SILVER, BRONZE, "f1")) == [("a", 2)]
    held = judged(*SEEN, *STRICT, decisions=(decided("hold", "a", 1),))
    assert names(held.pending(SILVER, BRONZE, "f1")) == [("a", 2)]
    removed = delivery_row(delivery("a", 1)) | {"state": "dropped"}
    told = [delivery_row(one) for one in SEEN if isinstance(one, Delivery)]
    told += [outcome_row(one, delivery("a", 1), "run-1") for one in (*SEEN, *STRICT) if isinstance(one, Outcome)]
    assert names(register([*told, removed]).pending(SILVER, BRONZE, "f1")) == [("a", 2)]


def test_going_back_brings_back_which_content_readers_had_seen_last() -> None:
    then = (*SEEN, *STRICT)
    later = (*then, outcome("a", 2, "accepted", "f3"))
    found = back_to(entries(*then), entries(*later), "ann", "wrong prices")
    now = entries(*later, *found.outcomes)
    assert (now.published, now.outcomes) == ({}, {(SILVER, "a"): outcome("a", 2, "refused", "f2")})
    assert now.pending(SILVER, BRONZE, "f2") == []
    assert names(now.pending(SILVER, BRONZE, "f1")) == [("a", 1), ("a", 2)]
    assert back_to(entries(*then), now, "ann", "wrong prices").outcomes == ()


def test_content_that_is_held_leaves_the_one_before_it() -> None:
    held = judged(delivery("a", 1), delivery("a", 2), outcome("a", 2), decisions=(decided("hold", "a", 2),))
    assert (held.current["a"].sequence, held.aside) == (1, {"a": "held: wrong prices"})
    assert names(held.pending(SILVER, BRONZE, "f1")) == [("a", 1)]
    # What is seen goes, whatever becomes of the one before it.
    assert held.gone(SILVER, BRONZE) == [outcome("a", 2)]
    assert held.why_gone(outcome("a", 2), BRONZE) == "held: wrong prices"


def test_content_that_a_late_manifest_contradicts_goes_although_the_one_before_it_is_refused_again() -> None:
    late = replace(delivery("a", 2, "unconfirmed"), reason="9 rows are expected")
    found = entries(
        delivery("a", 1), outcome("a", 1, "refused"), delivery("a", 2), outcome("a", 2), late,
    )  # fmt: skip
    assert names(found.pending(SILVER, BRONZE, "f1")) == [("a", 1)]
    assert found.gone(SILVER, BRONZE) == [outcome("a", 2)]
    assert found.why_gone(outcome("a", 2), BRONZE) == "9 rows are expected"


def test_retracted_content_goes_although_a_correction_came_before_it_went() -> None:
    found = judged(delivery("a", 1), outcome("a", 1), delivery("a", 2), decisions=(decided("retract", "a", 1),))
    assert names(found.pending(SILVER, BRONZE, "f1")) == [("a", 2)]
    assert found.gone(SILVER, BRONZE) == [outcome("a", 1)]
    assert found.why_gone(outcome("a", 1), BRONZE) == "retracted"
    refused = judged(
        delivery("a", 1), outcome("a", 1), delivery("a", 2), outcome("a", 1, "withdrawn"), outcome("a", 2, "refused"),
        decisions=(decided("retract", "a", 1),),
    )  # fmt: skip
    assert (refused.gone(SILVER, BRONZE), refused.pending(SILVER, BRONZE, "f1")) == ([], [])


def test_what_came_from_another_bronze_table_goes() -> None:
    found = entries(delivery("a", 1), outcome("a", 1), delivery("b", 2, table=OTHER))
    assert names(found.pending(SILVER, OTHER, "f1")) == [("b", 2)]
    assert found.gone(SILVER, OTHER) == [outcome("a", 1)]
    assert found.why_gone(outcome("a", 1), OTHER) == "shop.silver.orders is made from shop.bronze.returns now"


def test_content_that_a_manifest_confirmed_later_is_held_by_going_back() -> None:
    unconfirmed = delivery("a", 1, "unconfirmed")
    then, now = entries(unconfirmed), entries(unconfirmed, delivery("a", 1), outcome("a", 1))
    found = back_to(then, now, "ann", "wrong prices")
    assert found.held == ("a",)
    assert [(one.kind, one.sequence) for one in found.decisions] == [("hold", 1)]


def test_a_decision_about_a_row_that_readers_see_has_its_refused_correction_judged_again() -> None:
    patch = replace(decided("patch", "a", 1, entry=4), table=SILVER, record_number=3, column="price", value="1.50")
    both = (delivery("a", 1), outcome("a", 1), delivery("a", 2), outcome("a", 2, "refused"))
    found = judged(*both, decisions=(patch,))
    assert names(found.pending(SILVER, BRONZE, "f1")) == [("a", 1), ("a", 2)]
    done = judged(*both, replace(outcome("a", 1), decision=4), outcome("a", 2, "refused"), decisions=(patch,))
    assert (done.pending(SILVER, BRONZE, "f1"), done.outcomes[SILVER, "a"].state) == ([], "refused")


def test_a_decision_about_a_row_makes_its_delivery_pending_once() -> None:
    patch = replace(decided("patch", "a", 1, entry=4), table=SILVER, record_number=3, column="price", value="1.50")
    found = judged(delivery("a", 1), outcome("a", 1), decisions=(patch,))
    assert names(found.pending(SILVER, BRONZE, "f1")) == [("a", 1)]
    assert found.decisions.of_rows(SILVER) == [RowDecision(1, 3, {"price": "1.50"}, None)]
    done = judged(delivery("a", 1), replace(outcome("a", 1), decision=4), decisions=(patch,))
    assert done.pending(SILVER, BRONZE, "f1") == []
    discard = replace(decided("discard", "a", 1, entry=5), table=SILVER, record_number=3)
    gone = judged(delivery("a", 1), decisions=(patch, discard)).decisions
    assert gone.of_rows(SILVER) == [RowDecision(1, 3, {"price": "1.50"}, "wrong prices")]
    assert gone.mark(SILVER, 1) == 5
    assert gone.mark(OTHER, 1) == 0
