"""Which delivered contents may be removed from bronze, told from ledgers that are written by hand."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest

from lakehouse.contracts.names import TableId
from lakehouse.ledger.decisions import Decision, decision_rows, decisions
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
from lakehouse.steps.superseded import lost_contents, needed, unneeded
from tests.steps.lived_in import BRONZE, SILVER

NOW = datetime(2025, 6, 1, tzinfo=timezone.utc)
A, B = "usage/a.csv", "usage/b.csv"
USERS = TableId("billing", "silver", "users")


class Book:
    """Entries of a ledger with their times, given as days ago."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.decided: list[dict[str, Any]] = []

    def content(self, sequence: int, days: float, name: str = A, state: BronzeState = "ingested") -> Book:
        """A content was taken into bronze."""
        found = Delivery(
            BRONZE,
            name,
            date(2025, 1, 2),
            sequence,
            state,
            name,
            10,
            "1.5",
            f"hash {sequence}",
            "f",
            100,
            None,
            {},
            "r",
        )
        return self._record(delivery_row(found), days)

    def outcome(self, sequence: int, state: SilverState, days: float, name: str = A, table: Any = SILVER) -> Book:
        """A silver table has judged a content."""
        fate = Outcome(table, name, sequence, state, "f", None, 100, 100, 0, 0)
        delivery = Delivery(BRONZE, name, None, sequence, "ingested", name, 1, "1", "h", "f", 1, None, {}, "r")
        return self._record(outcome_row(fate, delivery, "r"), days)

    def removal(self, sequence: int, state: str, days: float, name: str = A) -> Book:
        """A content is removed from bronze."""
        row = {"table_id": str(BRONZE), "delivery_id": name, "delivery_sequence": sequence, "state": state}
        return self._record(row, days)

    def decide(self, kind: Any, sequence: int, days: float, name: str = A) -> Book:
        """Somebody has decided about a delivery."""
        (row,) = decision_rows([Decision(kind, name, sequence, "ann", "why")], "r")
        self.decided.append({**row, "entry": len(self.decided) + 1, "recorded_at": NOW - timedelta(days=days)})
        return self

    def _record(self, row: dict[str, Any], days: float) -> Book:
        self.rows.append({**row, "entry": len(self.rows) + 1, "recorded_at": NOW - timedelta(days=days)})
        return self

    def state(self) -> Register:
        return register(self.rows, decisions(self.decided))

    def spare(self, days: int = 90, silver: Collection[TableId] = (SILVER, USERS)) -> list[int | None]:
        """Sequences that may go."""
        found = unneeded(self.rows, self.decided, silver, NOW - timedelta(days=days), NOW)
        return [one.sequence for one in found]


def corrected(days: float) -> Book:
    """A delivery that was accepted 200 days ago; its correction so many days ago."""
    book = Book().content(1, 200).outcome(1, "accepted", 200)
    return book.content(2, days).outcome(2, "accepted", days)


def retracted(days: float) -> Book:
    """A delivery that was accepted 200 days ago and retracted so many days ago."""
    return Book().content(1, 200).outcome(1, "accepted", 200).decide("retract", 1, days).outcome(1, "withdrawn", days)


def test_what_was_corrected_long_ago_may_go() -> None:
    assert corrected(91).spare() == [1]
    assert corrected(91).content(3, 95, B).outcome(3, "accepted", 95, B).spare() == [1]
    thrice = corrected(150).content(3, 95).outcome(3, "accepted", 95)
    assert thrice.spare() == [1, 2]
    assert thrice.spare(100) == [1]


def test_what_was_retracted_long_ago_may_go() -> None:
    assert retracted(91).spare() == [1]
    assert corrected(150).decide("retract", 2, 95).outcome(2, "withdrawn", 95).spare() == [1, 2]
    refused = Book().content(1, 200).outcome(1, "accepted", 200).content(2, 150).outcome(2, "refused", 150)
    assert refused.decide("retract", 2, 95).outcome(2, "withdrawn", 95).spare() == [1, 2]


@pytest.mark.parametrize(
    "book",
    [
        pytest.param(Book().content(1, 200).outcome(1, "accepted", 200), id="the content that counts"),
        pytest.param(corrected(89), id="corrected lately"),
        pytest.param(retracted(89), id="retracted lately"),
        pytest.param(Book().content(1, 200), id="never refined"),
        pytest.param(
            Book().content(1, 200).outcome(1, "accepted", 200).content(2, 150),
            id="readers see it until its correction is judged",
        ),
        pytest.param(
            Book().content(1, 200).outcome(1, "accepted", 200).content(2, 150).outcome(2, "refused", 150),
            id="readers see it because its correction was refused",
        ),
        pytest.param(
            Book().content(1, 200).outcome(1, "accepted", 200).content(2, 150).outcome(2, "refused", 150)
            .outcome(2, "accepted", 10),
            id="readers saw it lately: a restore may bring it back",
        ),
        pytest.param(
            Book().content(1, 200).outcome(1, "accepted", 200).content(2, 150).outcome(2, "refused", 150)
            .outcome(1, "refused", 140).outcome(2, "refused", 140),
            id="readers saw it until a contract refused it, too, which may be taken back",
        ),
        pytest.param(
            corrected(150).outcome(1, "accepted", 200, table=USERS),
            id="another table shows it",
        ),
        pytest.param(
            Book().content(1, 200).outcome(1, "accepted", 200).decide("retract", 1, 150),
            id="retracted but not taken out yet",
        ),
        pytest.param(
            retracted(150).decide("release", 1, 20).outcome(1, "accepted", 20).decide("retract", 1, 10)
            .outcome(1, "withdrawn", 10),
            id="released for a while lately",
        ),
        pytest.param(
            Book().content(1, 200).decide("hold", 1, 150),
            id="held until it is released",
        ),
        pytest.param(
            Book().content(1, 200, state="unconfirmed"),
            id="kept out by its manifest",
        ),
        pytest.param(
            corrected(150).content(2, 100, state="unconfirmed").content(2, 5).outcome(2, "accepted", 5),
            id="it counted lately, while the manifest of its correction was wrong",
        ),
        pytest.param(corrected(150).removal(1, "dropping", 10), id="its removal has begun"),
        pytest.param(corrected(150).removal(1, "dropping", 10).removal(1, "dropped", 10), id="it is gone"),
    ],
)  # fmt: skip
def test_what_something_needs_stays(book: Book) -> None:
    assert book.spare() == []


@pytest.mark.parametrize("last", ["accepted", "refused"])
def test_a_silver_table_that_no_contract_names_any_more_keeps_nothing(last: SilverState) -> None:
    book = corrected(150).outcome(1, last, 200, table=USERS)
    assert (book.spare(), book.spare(silver=[SILVER])) == ([], [1])
    book.removal(1, "dropped", 10)
    then = register(book.rows[:5], decisions([]))
    assert [one.sequence for one in lost_contents(book.state(), then, [SILVER, USERS])] == [1]
    assert lost_contents(book.state(), then, [SILVER]) == []


YEARS = 5 * 365


@pytest.mark.parametrize(
    "book",
    [
        pytest.param(
            Book().content(1, 200).outcome(1, "accepted", 200).content(2, YEARS).outcome(2, "accepted", YEARS),
            id="corrected yesterday, by a clock that stood years ago",
        ),
        pytest.param(
            Book().content(1, 200).outcome(1, "accepted", 200).content(2, YEARS).outcome(2, "accepted", YEARS)
            .content(3, 89, B),
            id="corrected while the clock stood wrong, before something lately",
        ),
        pytest.param(
            Book().content(1, 200).outcome(1, "accepted", 200).decide("retract", 1, YEARS)
            .outcome(1, "withdrawn", YEARS),
            id="retracted yesterday, by such a clock",
        ),
        pytest.param(
            retracted(150).decide("release", 1, YEARS).decide("retract", 1, 10),
            id="released for a while lately, by such a clock",
        ),
    ],
)  # fmt: skip
def test_a_clock_that_stood_wrong_lets_nothing_go_early(book: Book) -> None:
    assert book.spare() == []


def test_what_was_corrected_under_a_wrong_clock_goes_with_what_came_after_it() -> None:
    book = Book().content(1, 200).outcome(1, "accepted", 200).content(2, YEARS).outcome(2, "accepted", YEARS)
    assert book.content(3, 91, B).spare() == [1]
    # A clock that stood too late says nothing about the others.
    assert corrected(150).content(3, -YEARS, B).content(4, 91, B).spare() == [1, 3]


def test_what_is_gone_never_counts_again() -> None:
    book = corrected(150).removal(1, "dropping", 10).removal(1, "dropped", 10)
    assert {name: one.sequence for name, one in book.state().current.items()} == {A: 2}
    assert book.state().dropped == {1: "dropped"}
    # The manifest of the correction turns out to be wrong: nothing is left of the delivery.
    book.content(2, 1, state="unconfirmed")
    assert (book.state().current, book.state().latest[A].sequence) == ({}, 2)
    gone = retracted(150).removal(1, "dropped", 10)
    assert (gone.state().current, gone.state().aside) == ({}, {A: "retracted"})
    # A later correction counts as ever.
    assert [one.sequence for one in gone.content(2, 1).state().current.values()] == [2]


def test_contents_that_another_time_needs_are_named() -> None:
    book = corrected(150)
    then = register(book.rows[:2], decisions([]))
    assert needed(then, [SILVER]) == {1}
    book.removal(1, "dropping", 10)
    assert [(one.delivery_id, one.sequence) for one in lost_contents(book.state(), then, [SILVER])] == [(A, 1)]
    assert lost_contents(book.state(), book.state(), [SILVER]) == []


def test_only_entries_about_deliveries_with_something_to_spare_are_looked_at() -> None:
    book = Book()
    for number in range(1, 400):
        book.content(number, 200, f"usage/{number}.csv").outcome(number, "accepted", 200, f"usage/{number}.csv")
    spare: Sequence[int | None] = (
        book.content(400, 150, "usage/7.csv").outcome(400, "accepted", 150, "usage/7.csv").spare()
    )
    assert spare == [7]
