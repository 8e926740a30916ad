"""The end of a run: red when something was refused, with every broken rule; and the note that a run gets."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("airflow", reason="Airflow needs Python 3.11")

from lakehouse.orchestration.alert_texts import BrokenRule
from lakehouse.orchestration.notes import joined
from lakehouse.orchestration.results import DeliveryRefusedError, StepFailedError, refusal
from lakehouse.orchestration.verdict import Verdict
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


Result = dict[str, Any]
Run = Callable[..., dict[str, Any]]


def result(refused: list[list[str]] | None = None, standing: list[str] | None = None) -> Result:
    """What a step leaves in the lake, as far as the verdict looks at it."""
    verdicts = [
        {"table_id": table, "delivery_id": delivery, "rule": "r", "severity": "error", "passed": "no", "reason": reason}
        for table, delivery, reason in refused or []
    ]
    passed = {"table_id": "t", "delivery_id": "d", "rule": "r", "severity": "error", "passed": "yes", "reason": None}
    warned = {**passed, "passed": "no", "severity": "warn", "reason": "x"}
    return {"verdicts": [passed, warned, *verdicts], "standing": standing or []}


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """The context of a run whose steps left these results; nothing to tell where none is given."""

    def of(days: tuple[str, str] | None = ("2025-01-03", "2025-01-04"), **steps: Result) -> dict[str, Any]:
        pushed = {}
        for step in ("ingest", "refine", "aggregate", "maintain"):
            place = tmp_path / f"{step}.json"
            place.write_text(json.dumps(steps.get(step, result())))
            pushed[f"lakehouse.{step}"] = {"result": str(place)}
        return context(*(days or ()), pushed=pushed)

    return of


def test_a_run_without_a_refusal_is_green(verdict: Verdict, run: Run) -> None:
    assert verdict.execute(run()) == "accepted"


def test_a_result_that_is_gone_says_nothing_of_refusals(verdict: Verdict, run: Run, tmp_path: Path) -> None:
    asked = run()
    (tmp_path / "refine.json").unlink()
    with pytest.raises(StepFailedError) as caught:
        verdict.execute(asked)
    assert str(caught.value) == (
        f"{tmp_path}/refine.json is gone, so nothing is known of what was refused. Clear the whole run."
    )


def test_a_refused_delivery_turns_the_run_red_with_every_broken_rule(verdict: Verdict, run: Run) -> None:
    table = "billing.silver.usage"
    refused = [[table, A, MEAN], [table, A, ROWS], [table, B, ROWS]]
    gold = [["billing.gold.daily_usage", "", ROWS]]
    with pytest.raises(DeliveryRefusedError) as caught:
        verdict.execute(run(refine=result(refused), aggregate=result(gold)))
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


def test_what_an_earlier_try_refused_of_the_days_is_not_forgotten(verdict: Verdict, run: Run) -> None:
    """Killed between the refusal and its result, refine comes back with nothing to judge."""
    standing = result(standing=[f"{A} refused for billing.silver.usage: {MEAN}"])
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
    days: tuple[str, str] | None, text: str, verdict: Verdict, run: Run
) -> None:
    assert verdict.execute(run(days, refine=result(standing=[text]))) == "accepted"


def test_many_refusals_are_counted() -> None:
    broken = [BrokenRule("t", f"usage/{number}.csv", ROWS) for number in range(30)]
    lines = refusal(broken).splitlines()
    assert (lines[0], lines[-1], len(lines)) == (
        "Refused by a gate: 30. All else is published.", "... and 10 more", 42,
    )  # fmt: skip


def test_the_note_has_the_steps_in_their_order() -> None:
    assert joined(["refine: b", "maintain: d", "ingest: a", "aggregate: c"]) == (
        "ingest: a\nrefine: b\naggregate: c\nmaintain: d"
    )
    assert len(joined(["refine: " + "x" * 2000])) == 1000
