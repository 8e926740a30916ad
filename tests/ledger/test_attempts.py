"""Names of attempts."""

from __future__ import annotations

from lakehouse.ledger.attempts import attempt_id, earlier_attempts, tries_again


def test_an_attempt_has_one_name_and_no_two_have_the_same() -> None:
    asked = ("billing_daily", "manual__2025-01-01T00:00:00+00:00", "refine", "1", "0197")
    assert attempt_id(*asked) == attempt_id(*asked)
    others = [
        ("billing_daily", "manual__2025-01-02T00:00:00+00:00", "refine", "1", "0197"),
        ("billing_daily", "manual__2025-01-01T00:00:00+00:00", "ingest", "1", "0197"),
        ("billing_daily", "manual__2025-01-01T00:00:00+00:00", "refine", "2", "0197"),
        ("billing_daily", "manual__2025-01-01T00:00:00+00:00", "refine", "1", "0198"),
    ]
    assert len({attempt_id(*other) for other in [asked, *others]}) == 5


def test_a_run_may_have_any_name_of_any_length() -> None:
    names = {attempt_id("d", f"{'ä/ é' * 100}{end}", "refine", "1", "i") for end in ("a", "b")}
    assert len(names) == 2
    for name in names:
        assert name.isascii() and "/" not in name and " " not in name and len(name) <= 200


def test_attempts_at_the_same_thing_are_known_by_their_names() -> None:
    asked = ("lakehouse_replay", "manual__2025-01-01T00:00:00.123+00:00", "replay")
    first, waited, second = (attempt_id(*asked, attempt, attempt) for attempt in ("1", "2", "2.1"))
    others = [
        attempt_id("lakehouse_replay", "manual__2025-01-01T00:00:00.123+00:00", "retract", "1"),
        attempt_id("lakehouse_replay", "manual__2025-01-02T00:00:00.123+00:00", "replay", "1"),
        attempt_id(*asked, "10", "x"),
        "20250101T000000Z-0123abcd",
        "nightly",
    ]
    known = [*others, first, waited, second]
    assert earlier_attempts(first, known) == set()
    assert earlier_attempts(second, known) == {first, waited}
    assert earlier_attempts("nightly-2025-01-31", known) == set()
    assert earlier_attempts("nightly.3", ["nightly.1", "nightly.2", "nightly.4"]) == {"nightly.1", "nightly.2"}
    names = (first, waited, second, "20250101T000000Z-0123abcd", "nightly.1", "nightly.2")
    assert [tries_again(name) for name in names] == [False, True, True, False, False, True]
