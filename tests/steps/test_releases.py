"""Releases of what a manifest keeps out, told from a ledger that is written by hand: no Spark."""

from __future__ import annotations

import pytest

from lakehouse.errors import ConfigurationError
from lakehouse.ledger.decisions import decision_rows
from lakehouse.steps.decisions import release, retract
from tests.steps.lived_in import LivedIn, delivery_id

REASON = "_m.json says 2 rows, the file holds 1"
A = delivery_id("2025-01-02")


def test_a_release_cannot_let_in_what_a_manifest_keeps_out(place: LivedIn) -> None:
    place.judge(place.deliver("2025-01-02"))
    place.deliver("2025-01-02", "unconfirmed", reason=REASON)
    with pytest.raises(ConfigurationError) as error:
        release(A, "ann", "looks right")(place.work())
    assert str(error.value) == (
        "usage/year=2025/month=01/day=02/a.csv is kept out by its manifest: _m.json says 2 rows, the file holds 1. "
        "Have the manifest or the file delivered again."
    )


@pytest.mark.parametrize("corrected", [False, True])
def test_a_release_ends_a_retraction_of_what_a_manifest_keeps_out(place: LivedIn, corrected: bool) -> None:
    """Of the newest content, or of one that was there before it."""
    place.deliver("2025-01-02", "unconfirmed", reason=REASON)
    place.ledger.record("decisions", decision_rows(retract(A, "ann", "test data")(place.work()).decisions, "r1"))
    if corrected:
        place.deliver("2025-01-02", "unconfirmed", reason=REASON)
    ruling = release(A, "bob", "was real")(place.work())
    assert [(one.kind, one.sequence) for one in ruling.decisions] == [("release", 1 + corrected)]
    assert ruling.notes == [
        "usage/year=2025/month=01/day=02/a.csv is released, and its manifest keeps it out still: "
        "_m.json says 2 rows, the file holds 1"
    ]
    place.ledger.record("decisions", decision_rows(ruling.decisions, "r2"))
    assert place.ledger.deliveries().aside == {A: REASON}


def test_an_older_content_counts_again_and_saying_so_twice_is_one_decision(place: LivedIn) -> None:
    place.deliver("2025-01-02")
    place.ledger.record("decisions", decision_rows(retract(A, "ann", "test data")(place.work()).decisions, "r1"))
    place.deliver("2025-01-02", "unconfirmed", reason=REASON)
    ruling = release(A, "bob", "was real")(place.work())
    place.ledger.record("decisions", decision_rows(ruling.decisions, "r2"))
    assert place.ledger.deliveries().current[A].sequence == 1
    again = release(A, "bob", "was real")(place.work())
    assert (len(ruling.decisions), again.decisions) == (1, [])
    kept_out = "its manifest keeps the newest content out still: _m.json says 2 rows, the file holds 1"
    assert again.notes == ruling.notes == [f"{A} counts again as it was before; {kept_out}"]
