"""How a step's end is told: figures for XCom, lines for the log, a line for the run, errors by exit code."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from lakehouse.orchestration.alert_texts import BrokenRule
from lakehouse.orchestration.jobs import Job
from lakehouse.orchestration.results import (
    DeliveryRefusedError,
    DomainBusyError,
    IncompleteError,
    LakeDiffersError,
    StepError,
    StepFailedError,
    StepMisconfiguredError,
    conclude,
)
from tests.orchestration.contexts import context

REASON = 'conformed rows: Mean "quarantined_row" <= 0.05 failed (Mean is 0.4)'
GOOD = {"table": "billing.silver.usage", "delivery_id": "usage/a.csv", "state": "accepted", "reason": None,
        "rows_in": 1000, "rows_accepted": 990, "rows_quarantined": 8, "rows_outranked": 2,
        "quarantined_by_rule": {"user_id_required": 8}}  # fmt: skip
BAD = {**GOOD, "delivery_id": "usage/b.csv", "state": "refused", "reason": REASON, "rows_accepted": 0}
REFUSAL = {"table_id": "billing.silver.usage", "delivery_id": "usage/b.csv", "delivery_sequence": 2,
           "gate": "conformed", "rule": 'Mean "quarantined_row" <= 0.05', "severity": "error", "passed": "no",
           "reason": REASON}  # fmt: skip
PASSED = {**REFUSAL, "delivery_id": "usage/a.csv", "passed": "yes", "reason": None}
WARNING = {**PASSED, "passed": "no", "severity": "warn", "reason": "conformed rows: RowCount > 5 failed"}
GOLD = {"table_id": "billing.gold.daily_usage", "delivery_id": None, "gate": "staged", "rule": "RowCount > 0",
        "severity": "error", "passed": "no", "reason": "staged rows: RowCount > 0 failed (RowCount is 0)"}  # fmt: skip


def result(**changes: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {
        "run_id": "r", "domain": "billing", "lake": "l", "landing": "i", "steps": ["refine"], "exit_code": 0,
        "reason": "", "nothing_new": False, "dry_run": False, "deliveries": [], "tables": [], "verdicts": [],
        "seconds": {"refine": 3.5}, "missing_days": [], "standing": [], "refused_tables": [], "strangers": [],
        "notes": [],
    }  # fmt: skip
    return {**empty, **changes}


def job(lake: Path, step: str = "refine") -> Job:
    return Job("billing", step, "r", str(lake), ())


def written(lake: Path, content: dict[str, Any] | str) -> None:
    place = Path(job(lake).result)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(content if isinstance(content, str) else json.dumps(content))


def test_the_figures_of_a_step_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tables = [{"table": "billing.silver.usage", "version": 3, "rows": 1990, "note": ""}]
    written(tmp_path, result(exit_code=3, deliveries=[GOOD, BAD], verdicts=[PASSED, WARNING, REFUSAL], tables=tables))
    run = context()
    with caplog.at_level(logging.INFO):
        found = conclude(job(tmp_path), 3, run)
    assert found["deliveries"] == {"accepted": 1, "refused": 1}
    assert found["rows"] == {"in": 2000, "accepted": 990, "quarantined": 16, "outranked": 4}
    assert found["refused"] == [["billing.silver.usage", "usage/b.csv", REASON]]
    assert (found["exit_code"], found["refused_count"]) == (3, 1)
    assert found["tables"] == [{"table": "billing.silver.usage", "version": 3, "rows": 1990}]
    assert caplog.messages == [
        "billing.silver.usage: 1 accepted, 1 refused; rows 2,000 in, 990 accepted, 16 quarantined, 4 outranked",
        f"refused usage/b.csv: {REASON}",
        "Gates: 1 passed, 1 warned, 1 refused",
        "  warned usage/a.csv: conformed rows: RowCount > 5 failed",
        f"  refused usage/b.csv: {REASON}",
        "billing.silver.usage: 1,990 rows, version 3",
        "Seconds: refine 3.5",
    ]
    note = "refine: 1 accepted; 1 refused; rows 2,000 in, 990 accepted, 16 quarantined, 4 outranked"
    assert run["ti"].pushed == {"note": note}
    assert BrokenRule(*found["refused"][0]).name == "usage/b.csv"


def test_unchanged_rows_of_a_history_are_told_beside_outranked_ones(tmp_path: Path) -> None:
    written(tmp_path, result(deliveries=[{**GOOD, "rows_accepted": 900, "rows_unchanged": 90}]))
    assert conclude(job(tmp_path), 0, context())["rows"] == {
        "in": 1000, "accepted": 900, "quarantined": 8, "outranked": 2, "unchanged": 90,
    }  # fmt: skip


def test_a_refused_gold_table_is_told(tmp_path: Path) -> None:
    told = "billing.gold.daily_usage keeps its old version: staged rows: RowCount > 0 failed (RowCount is 0)"
    written(tmp_path, result(exit_code=3, verdicts=[GOLD], refused_tables=[told]))
    run = context()
    found = conclude(job(tmp_path, "aggregate"), 3, run)
    assert found["refused"] == [["billing.gold.daily_usage", "", GOLD["reason"]]]
    assert found["refused_tables"] == [told]
    assert run["ti"].pushed == {"note": "aggregate: 1 tables refused"}


@pytest.mark.parametrize(
    ("changes", "note", "line"),
    [
        ({"nothing_new": True}, "refine: nothing new", "Nothing new; nothing was written"),
        ({"dry_run": True, "notes": ["reads x"]}, "refine: dry run", "Nothing was written (dry run)"),
        ({"missing_days": ["2025-01-09"]}, "refine: done", "no delivery for 2025-01-09"),
        ({"standing": ["usage/x.csv unreadable: empty"]}, "refine: done", "still out: usage/x.csv unreadable: empty"),
    ],
)
def test_quiet_steps_are_told_too(
    changes: dict[str, Any], note: str, line: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    written(tmp_path, result(**changes))
    run = context()
    with caplog.at_level(logging.INFO):
        conclude(job(tmp_path), 0, run)
    assert run["ti"].pushed == {"note": note}
    assert line in caplog.messages


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (1, StepFailedError),
        (2, StepMisconfiguredError),
        (4, DomainBusyError),
        (5, IncompleteError),
        (137, StepFailedError),
        (-9, StepFailedError),
    ],
)
def test_exit_codes_become_errors(code: int, error: type[StepError], tmp_path: Path) -> None:
    written(tmp_path, {"run_id": "r", "domain": "billing", "steps": ["refine"], "exit_code": code, "reason": "why"})
    with pytest.raises(StepError) as caught:
        conclude(job(tmp_path), code, context())
    assert type(caught.value) is error
    assert str(caught.value) == f"refine of billing did not end well: exit code {code}; why"
    with pytest.raises(error):
        conclude(job(tmp_path), None, context())


def test_an_error_is_told_on_the_run_too(tmp_path: Path) -> None:
    written(tmp_path, result(exit_code=2, reason="The ledger of 'billing' knows no delivery 'usage/x.csv'."))
    run = context()
    with pytest.raises(StepMisconfiguredError):
        conclude(job(tmp_path, "retract"), 2, run)
    assert run["ti"].pushed == {
        "note": "retract of billing did not end well: exit code 2; The ledger of 'billing' knows no delivery "
        "'usage/x.csv'."
    }


def test_what_a_gate_refuses_is_the_failure_of_an_action_at_once(tmp_path: Path) -> None:
    """There is no verdict behind it; its figures are handed on all the same."""
    written(tmp_path, result(exit_code=3, deliveries=[BAD], verdicts=[REFUSAL], notes=["1 values patched"]))
    run = context()
    with pytest.raises(DeliveryRefusedError) as caught:
        conclude(job(tmp_path, "replay"), 3, run)
    assert str(caught.value) == f"Refused by a gate: 1. All else is published.\nusage/b.csv\n  {REASON}"
    assert caught.value.broken == (BrokenRule("billing.silver.usage", "usage/b.csv", REASON),)
    assert run["ti"].pushed["note"] == "replay: 1 values patched; 1 refused; rows 1,000 in, 8 quarantined, 2 outranked"
    assert run["ti"].pushed["return_value"]["refused_count"] == 1


@pytest.mark.parametrize(
    ("step", "changes", "note"),
    [
        ("retract", {"notes": ["usage/a.csv is retracted"]}, "retract: usage/a.csv is retracted"),
        ("retract", {"notes": ["a", "b"], "nothing_new": True}, "retract: nothing new; a; b"),
        ("replay", {"notes": ["1 of 2 rows would pass"], "dry_run": True}, "replay: dry run; 1 of 2 rows would pass"),
        ("maintain", {"notes": ["billing.silver.usage: 4 files into 1"]}, "maintain: done"),
    ],
)
def test_the_note_of_an_action_says_what_it_did(step: str, changes: dict[str, Any], note: str, tmp_path: Path) -> None:
    written(tmp_path, result(**changes))
    run = context()
    assert conclude(job(tmp_path, step), 0, run)["notes"] == changes["notes"]
    assert run["ti"].pushed == {"note": note}


@pytest.mark.parametrize("code", [1, None])
def test_a_proof_that_does_not_hold_is_no_crash(code: int | None, tmp_path: Path) -> None:
    reason = "billing.silver.usage: 1 missing, 2 different"
    written(tmp_path, result(exit_code=1, holds=False, reason=reason))
    with pytest.raises(LakeDiffersError) as caught:
        conclude(job(tmp_path, "verify"), code, context())
    assert (str(caught.value), caught.value.kind) == (reason, "differs")


def test_a_step_that_left_no_result_has_failed_whatever_its_code(tmp_path: Path) -> None:
    with pytest.raises(StepFailedError) as caught:
        conclude(job(tmp_path), 0, context(), "it was ended by signal 9")
    assert str(caught.value) == (
        "refine of billing did not end well: it was ended by signal 9; it left no result in "
        f"{tmp_path}/billing/results/r.json"
    )
    with pytest.raises(StepMisconfiguredError):
        conclude(job(tmp_path), 2, context())


def test_a_result_that_is_cut_off_is_an_error_in_words(tmp_path: Path) -> None:
    written(tmp_path, '{"run_id": ')
    with pytest.raises(StepFailedError, match=r"results/r\.json is not the result of a step: "):
        conclude(job(tmp_path), 0, context())


def test_results_are_read_from_an_object_store_too(tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    with fsspec.open("memory://lake/billing/results/r.json", "w") as stream:
        stream.write(json.dumps(result(nothing_new=True)))
    assert conclude(Job("billing", "refine", "r", "memory://lake", ()), None, context())["nothing_new"] is True


def test_xcom_stays_small(tmp_path: Path) -> None:
    many = [{**REFUSAL, "delivery_id": f"usage/{number}.csv"} for number in range(5000)]
    written(tmp_path, result(exit_code=3, verdicts=many, standing=[f"usage/{n}.csv unreadable: x" for n in range(999)]))
    found = conclude(job(tmp_path), 3, context())
    assert (len(found["refused"]), found["refused_count"], len(found["standing"])) == (50, 5000, 50)
    assert len(json.dumps(found)) < 20_000
