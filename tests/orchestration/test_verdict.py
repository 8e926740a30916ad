"""The end of a run: red when something was refused, with every broken rule; and the note that a run gets."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("airflow", reason="Airflow needs Python 3.11")

from lakehouse.orchestration.alert_texts import BrokenRule
from lakehouse.orchestration.notes import joined
from lakehouse.orchestration.results import DeliveryRefusedError
from lakehouse.orchestration.verdict import Verdict, told
from tests.contracts.places import CONF
from tests.orchestration.contexts import context

MEAN = 'conformed rows: Mean "quarantined_row" <= 0.05 failed (Mean is 0.4)'
ROWS = "staged rows: RowCount > 0 failed (RowCount is 0)"
A = "usage/year=2025/month=01/day=03/a.csv"
B = "usage/year=2025/month=01/day=04/b.csv"


@pytest.fixture
def verdict(monkeypatch: pytest.MonkeyPatch) -> Verdict:
    monkeypatch.setenv("LAKEHOUSE_CONF", str(CONF))
    steps = ["lakehouse.ingest", "lakehouse.refine", "lakehouse.aggregate", "lakehouse.maintain"]
    return Verdict(task_id="verdict", domain="billing", steps=steps)


def figures(refused: list[list[str]] | None = None, standing: list[str] | None = None) -> dict[str, Any]:
    return {"refused": refused or [], "standing": standing or []}


def run(days: tuple[str, str] | None = ("2025-01-03", "2025-01-04"), **steps: dict[str, Any]) -> dict[str, Any]:
    return context(*(days or ()), pushed={f"lakehouse.{step}": found for step, found in steps.items()})


def test_a_run_without_a_refusal_is_green(verdict: Verdict) -> None:
    quiet = run(ingest=figures(), refine=figures(), aggregate=figures(), maintain=figures())
    assert verdict.execute(quiet) == "accepted"


def test_a_refused_delivery_turns_the_run_red_with_every_broken_rule(verdict: Verdict) -> None:
    table = "billing.silver.usage"
    refused = [[table, A, MEAN], [table, A, ROWS], [table, B, ROWS]]
    gold = [["billing.gold.daily_usage", "", ROWS]]
    with pytest.raises(DeliveryRefusedError) as caught:
        verdict.execute(run(ingest=figures(), refine=figures(refused), aggregate=figures(gold)))
    assert str(caught.value).splitlines() == [
        "Refused by a gate: 3. All else is published.",
        A,
        f"  {MEAN}",
        f"  {ROWS}",
        B,
        f"  {ROWS}",
        "billing.gold.daily_usage",
        f"  {ROWS}",
    ]
    assert caught.value.kind == "refused"
    assert caught.value.broken[0] == BrokenRule(table, A, MEAN)
    assert len(caught.value.broken) == 4


def test_what_an_earlier_try_refused_of_the_days_is_not_forgotten(verdict: Verdict) -> None:
    """Killed between the refusal and its result, refine comes back with nothing to judge."""
    standing = figures(standing=[f"{A} refused for billing.silver.usage: {MEAN}"])
    with pytest.raises(DeliveryRefusedError) as caught:
        verdict.execute(run(refine=standing))
    assert caught.value.broken == (BrokenRule("billing.silver.usage", A, MEAN),)


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (("2025-01-03", "2025-01-04"), f"{B} refused for billing.silver.usage: {MEAN}"),  # another day's
        (("2025-01-03", "2025-01-04"), f"{A} unreadable: the file is empty (0 bytes)"),
        (None, f"{A} refused for billing.silver.usage: {MEAN}"),  # told when it was refused
    ],
)
def test_what_stands_refused_elsewhere_was_told_before(
    days: tuple[str, str] | None, text: str, verdict: Verdict
) -> None:
    assert verdict.execute(run(days, refine=figures(standing=[text]))) == "accepted"


def test_many_refusals_are_counted() -> None:
    broken = [BrokenRule("t", f"usage/{number}.csv", ROWS) for number in range(30)]
    lines = told(broken).splitlines()
    assert (lines[0], lines[-1], len(lines)) == (
        "Refused by a gate: 30. All else is published.", "... and 10 more", 42,
    )  # fmt: skip


def test_the_note_has_the_steps_in_their_order() -> None:
    assert joined(["refine: b", "maintain: d", "ingest: a", "aggregate: c"]) == (
        "ingest: a\nrefine: b\naggregate: c\nmaintain: d"
    )
    assert len(joined(["refine: " + "x" * 2000])) == 1000
