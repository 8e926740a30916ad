"""What people decide about deliveries, and how the tables follow."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.errors import ConfigurationError
from lakehouse.steps.decisions import release, retract
from tests.conftest import Run, deliver, usage
from tests.steps.test_publish import credits_of, table

pytestmark = pytest.mark.slow

A = "usage/year=2025/month=01/day=02/a.csv"
B = "usage/year=2025/month=01/day=03/b.csv"
STEPS = ("refine", "aggregate")


def daily(lake: Path) -> dict[str, str]:
    return {str(row["usage_date"]): f"{row['credits_used']:.2f}" for row in table(lake, "gold/daily_usage")}


def test_a_retracted_delivery_leaves_and_returns(run: Run, landing: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-2"), usage("2025-01-02T11:00:00Z")])
    bad = [usage("2025-01-03T10:00:00Z", f"u{number}") for number in range(20, 60)]
    late = usage("2025-01-02T10:00:00Z", "u1", "-3")
    deliver(landing, "2025-01-03", "b.csv", [late, usage("12:30"), *bad])
    run()
    assert (len(table(lake, "silver/usage")), credits_of(lake, "outranked/usage")) == (42, [("u1", "-2.00")])

    withdrawn = run(steps=STEPS, decide=retract(B, "ann", "test data"))
    assert [(d.delivery_id, d.state, d.reason) for d in withdrawn.deliveries] == [(B, "withdrawn", "retracted")]
    assert credits_of(lake) == [("u1", "-1.50"), ("u1", "-2.00")]
    assert (credits_of(lake, "outranked/usage"), daily(lake)) == ([], {"2025-01-02": "3.50"})
    assert [row["status"] for row in table(lake, "quarantine/usage")] == ["superseded"]
    # The file is still there: it is not taken again, and nothing is written.
    assert run().nothing_new
    again = run(steps=STEPS, decide=retract(B, "ann", "test data"))
    assert (again.nothing_new, again.notes) == (True, [f"{B} was retracted before; nothing was changed"])

    run(steps=STEPS, decide=release(B, "bob", "was real"))
    assert (len(table(lake, "silver/usage")), credits_of(lake, "outranked/usage")) == (42, [("u1", "-2.00")])
    assert daily(lake) == {"2025-01-02": "4.50", "2025-01-03": "60.00"}
    assert [row["status"] for row in table(lake, "quarantine/usage")] == ["open"]
    kinds = [(row["kind"], row["delivery_id"], row["who"], row["why"]) for row in table(lake, "ledger/decisions")]
    assert sorted(kinds) == [("release", B, "bob", "was real"), ("retract", B, "ann", "test data")]


def test_a_correction_of_a_retracted_delivery_counts(run: Run, landing: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-2")])
    run()
    run(steps=STEPS, decide=retract(A, "ann", "wrong prices"))
    assert (table(lake, "silver/usage"), daily(lake)) == ([], {})
    deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-5")])
    run()
    assert (credits_of(lake), daily(lake)) == ([("u1", "-5.00")], {"2025-01-02": "5.00"})


def test_the_same_content_under_another_name_doubles_nothing(run: Run, landing: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    rows = [usage("2025-01-02T10:00:00Z", "u1", "-2")]
    deliver(landing, "2025-01-03", "b.csv", rows)
    run()
    # The earlier day comes later: the tables are the same as if it had come first.
    deliver(landing, "2025-01-02", "a.csv", rows)
    summary = run()
    assert f"{A} holds the same content as {B}" in summary.notes
    assert [row["delivery_id"] for row in table(lake, "silver/usage")] == [B]
    assert [row["delivery_id"] for row in table(lake, "outranked/usage")] == [A]
    assert daily(lake) == {"2025-01-02": "2.00"}
    run(steps=STEPS, decide=retract(B, "ann", "the other one is right"))
    assert [row["delivery_id"] for row in table(lake, "silver/usage")] == [A]
    assert table(lake, "outranked/usage") == []


def test_a_refused_delivery_can_be_published_by_a_person(run: Run, landing: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-2"), usage("12:30")])
    assert (run().exit_code, table(lake, "silver/usage")) == (3, [])
    accepted = run(steps=STEPS, decide=release(A, "ann", "the sender knows"))
    assert (accepted.exit_code, credits_of(lake)) == (0, [("u1", "-2.00")])
    assert [row["status"] for row in table(lake, "quarantine/usage")] == ["open"]
    notes = run(steps=STEPS, decide=release(A, "ann", "again")).notes
    assert notes == [f"{A} is neither held, retracted nor refused; nothing was changed"]
    with pytest.raises(ConfigurationError) as error:
        run(steps=STEPS, decide=retract(A.replace("a.csv", "A.csv"), "ann", "typo"))
    assert str(error.value) == (
        "The ledger of 'billing' knows no delivery 'usage/year=2025/month=01/day=02/A.csv'. "
        f"Did you mean '{A}'? Example: {A}"
    )


def test_a_release_that_is_repeated_publishes_nothing_that_a_gate_refused_in_between(
    run: Run, landing: Path, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-2"), usage("12:30")])
    assert run().exit_code == 3
    run(steps=STEPS, decide=retract(A, "ann", "test data"))
    assert run(steps=STEPS, decide=release(A, "bob", "was real")).exit_code == 3
    again = run(steps=STEPS, decide=release(A, "bob", "was real"))
    assert (again.nothing_new, again.notes, table(lake, "silver/usage")) == (
        True,
        [
            f"{A} counts again since bob released it for the same reason, and gates refuse it; "
            "to publish it all the same, give another reason"
        ],
        [],
    )
    assert run(steps=STEPS, decide=release(A, "bob", "checked with the sender")).exit_code == 0
    assert credits_of(lake) == [("u1", "-2.00")]
    assert sorted(row["kind"] for row in table(lake, "ledger/decisions")) == ["accept", "release", "retract"]
