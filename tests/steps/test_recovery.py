"""Runs that end between two commits, and what happens before the next one: another file, contract, crash or range."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from lakehouse.landing.days import Days
from lakehouse.steps.decisions import patch, release, retract
from lakehouse.steps.verify import verify
from tests.conftest import HEADER, Run, deliver, usage
from tests.steps.test_decisions import A
from tests.steps.test_publish import credits_of, table
from tests.steps.test_replay import patches, quarantined, workspace

pytestmark = pytest.mark.slow

STEPS = ("ingest", "refine")
Crash = Callable[..., None]


class CrashError(Exception):
    """Stands for the end of the process: nothing after it happens."""


@pytest.fixture
def crash(run: Run, monkeypatch: pytest.MonkeyPatch) -> Crash:
    """A run that ends where a function begins: ``crash("lakehouse.steps.ingest._finish")``."""

    def until(place: str, **choices: Any) -> None:
        def end(*_: Any, **__: Any) -> None:
            raise CrashError

        with monkeypatch.context() as patch:
            patch.setattr(place, end)
            with pytest.raises(CrashError):
                run(steps=STEPS, **choices)

    return until


def edit(conf: Path, name: str, old: str, new: str) -> None:
    path = conf / "billing" / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def bad_rows(lake: Path) -> list[tuple[int, int, str]]:
    return sorted((r["delivery_sequence"], r["record_number"], r["status"]) for r in table(lake, "quarantine/usage"))


def test_a_correction_after_a_crash_replaces_what_the_crash_left(
    run: Run, crash: Crash, landing: Path, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-1")])
    run(steps=STEPS)
    good = [usage("2025-01-03T10:00:00Z", f"u{number}", "-2") for number in range(2, 30)]
    deliver(landing, "2025-01-03", "b.csv", [*good, usage("12:30")])
    crash("lakehouse.steps.publication.Refinement.record")
    assert len(credits_of(lake)) == 29
    deliver(landing, "2025-01-03", "b.csv", [usage("2025-01-03T10:00:00Z", "u2", "-20")])
    # Another range than the delivery's: what the crash left goes nevertheless.
    summary = run(steps=STEPS, days=Days(date(2025, 1, 5), date(2025, 1, 5)))
    assert "had begun is undone" in summary.notes[0]
    assert (credits_of(lake), bad_rows(lake)) == ([("u1", "-1.00")], [])
    run(steps=STEPS)
    assert credits_of(lake) == [("u1", "-1.00"), ("u2", "-20.00")]
    assert verify(workspace(lake)).holds
    assert run(steps=STEPS).nothing_new


def test_two_crashes_in_a_row_lose_no_row(run: Run, crash: Crash, landing: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-2")])
    deliver(
        landing, "2025-01-03", "b.csv", [usage("2025-01-02T10:00:00Z", "u1", "-3"), usage("2025-01-03T10:00:00Z", "u2")]
    )
    run(steps=STEPS)
    deliver(landing, "2025-01-04", "c.csv", [usage("2025-01-04T10:00:00Z", "u4", "-4")])
    crash("lakehouse.steps.publication.Refinement.complete")
    # The ledger knew the outcome: nothing is undone. The correction brings an outranked row back.
    deliver(landing, "2025-01-03", "b.csv", [usage("2025-01-03T10:00:00Z", "u2", "-1.7")])
    crash("lakehouse.storage.winners._commit_table")
    assert [note[-18:] for note in run(steps=STEPS).notes] == ["had begun is undone"[-18:]]
    assert credits_of(lake) == [("u1", "-2.00"), ("u2", "-1.70"), ("u4", "-4.00")]
    assert credits_of(lake, "outranked/usage") == []
    assert verify(workspace(lake)).holds


def test_a_replay_that_a_crash_cut_off_is_finished_when_it_is_given_again(
    run: Run, crash: Crash, landing: Path, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    good = [usage("2025-01-02T10:00:00Z", f"u{number}", "-2") for number in range(2, 30)]
    deliver(landing, "2025-01-02", "a.csv", [*good, usage("2025-01-02T11:00:00Z", "u1", "1")])
    deliver(landing, "2025-01-03", "b.csv", [usage("2025-01-03T10:00:00Z", "u2")])
    run(steps=STEPS)
    row = quarantined(lake)[29]
    repair = patches(tmp_path, lake, {"quarantine_id": row.quarantine_id, "column": "credit_usage", "value": "-1"})
    crash("lakehouse.storage.winners._commit_table", decide=patch(repair), only=frozenset([row.delivery_id]))
    assert quarantined(lake)[29].status == "replayed"
    # No row is open now, so that the same command asks for none.
    run(steps=STEPS, decide=patch(repair), only=frozenset())
    assert (quarantined(lake)[29].status, ("u1", "-1.00") in credits_of(lake)) == ("replayed", True)


def test_a_file_that_goes_after_a_crash_was_delivered_all_the_same(
    run: Run, crash: Crash, landing: Path, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    path = deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-1.5")])
    crash("lakehouse.steps.ingest._finish")
    path.unlink()
    assert not run(steps=STEPS).nothing_new
    assert credits_of(lake) == [("u1", "-1.50")]
    assert verify(workspace(lake)).holds


def test_a_type_that_was_wrong_at_first_can_be_mended(
    run: Run, crash: Crash, landing: Path, tmp_path: Path, conf: Path
) -> None:
    lake = tmp_path / "lake"
    edit(conf, "silver/usage.yml", '"decimal(20,8)"', '"int"')
    deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-1.5")])
    assert run(steps=STEPS).exit_code == 3
    edit(conf, "silver/usage.yml", '"int"', '"decimal(20,8)"')
    assert (run(steps=STEPS).exit_code, credits_of(lake)) == (0, [("u1", "-1.50")])
    edit(conf, "silver/usage.yml", '"decimal(20,8)"', '"decimal(22,10)"')
    crash("lakehouse.storage.winners.overwrite", full_refresh=True)
    run(steps=STEPS, full_refresh=True)
    assert credits_of(lake) == [("u1", "-1.50")]
    assert verify(workspace(lake)).holds


def test_columns_come_and_go_in_bronze(run: Run, landing: Path, tmp_path: Path, conf: Path) -> None:
    lake = tmp_path / "lake"
    deliver(
        landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", operation_type="stop") + ",hello"],
        f"{HEADER},note",
    )  # fmt: skip
    run(steps=STEPS)
    edit(conf, "bronze/usage.yml", "columns:\n", "columns:\n  note: {description: A note}\n")
    edit(conf, "silver/usage.yml", "  region: {type", "  note: {type: string, description: A note}\n  region: {type")
    run(steps=STEPS)
    assert [row["note"] for row in table(lake, "silver/usage")] == ["hello"]
    # A column gets another name: what was delivered under the old one is found by its alias.
    edit(conf, "bronze/usage.yml", "  operation_type: {desc", "  action: {aliases: [operation_type], desc")
    edit(conf, "silver/usage.yml", "  operation_type: {type: string,", "  operation_type: {type: string, from: action,")
    deliver(landing, "2025-01-03", "b.csv", [usage("2025-01-03T10:00:00Z", operation_type="start")])
    run(steps=STEPS)
    assert sorted(row["operation_type"] for row in table(lake, "silver/usage")) == ["start", "stop"]
    assert verify(workspace(lake)).holds


def test_a_refused_correction_does_not_keep_its_predecessor_from_new_rules(
    run: Run, landing: Path, tmp_path: Path, conf: Path
) -> None:
    lake = tmp_path / "lake"
    good = [usage(f"2025-01-02T10:{minute:02}:00Z", "u1", "-1") for minute in range(40)]
    deliver(landing, "2025-01-02", "a.csv", [*good, usage("2025-01-02T11:00:00Z", "u9", "-150")])
    run(steps=STEPS)
    deliver(landing, "2025-01-02", "a.csv", [*good[:10], "12:30", "12:31"])
    assert run(steps=STEPS).exit_code == 3
    rule = "row_rules:\n  not_huge: {assert: credit_usage > -100, because: nobody uses so much}\n"
    edit(conf, "silver/usage.yml", "row_rules:\n", rule)
    assert run(steps=STEPS).exit_code == 3
    assert (len(credits_of(lake)), ("u9", "-150.00") in credits_of(lake)) == (40, False)
    assert bad_rows(lake) == [(1, 41, "open"), (2, 11, "open"), (2, 12, "open")]
    assert verify(workspace(lake)).holds
    assert run(steps=STEPS).nothing_new
    run(steps=STEPS, full_refresh=True)
    assert len(credits_of(lake)) == 40
    run(steps=("refine",), decide=retract(A, "ann", "test"))
    assert credits_of(lake) == []
    assert {status for _, _, status in bad_rows(lake)} == {"superseded"}
    assert verify(workspace(lake)).holds


def test_what_an_attempt_that_was_killed_had_refused_is_told_by_the_next_one(
    run: Run, crash: Crash, landing: Path, conf: Path
) -> None:
    deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", f"u{number}") for number in range(3)])
    run(steps=STEPS)
    edit(
        conf, "silver/usage.yml", "row_rules:\n", "row_rules:\n  big: {assert: credit_usage < -9, because: not small}\n"
    )
    # The ledger has the verdict; nobody has seen it.
    crash("lakehouse.steps.publication.Refinement.complete", run_id="lakehouse_replay.manual.replay.1-0123abcd")
    again = run(steps=STEPS, run_id="lakehouse_replay.manual.replay.2-4567cdef", only=frozenset())
    assert (again.exit_code, again.nothing_new, again.standing) == (3, True, [])
    assert [(one.delivery_id, one.state, one.rows_quarantined) for one in again.deliveries] == [(A, "refused", 3)]
    (broken,) = [one for one in again.verdicts if one["passed"] == "no" and one["severity"] == "error"]
    told = (broken["table_id"], broken["delivery_id"], broken["reason"])
    assert told == ("billing.silver.usage", A, "100 % of the rows are quarantined; more than 5 % is refused")
    assert again.notes[-1] == f"{A} was refused by an earlier attempt at this run"
    # Another command says only that it is still out, and so does an attempt after it was published.
    other = run(steps=STEPS, run_id="lakehouse_replay.manual_2.replay.2-4567cdef")
    assert (other.exit_code, other.deliveries, len(other.standing)) == (0, [], 1)
    run(steps=STEPS, decide=release(A, "ann", "all right"))
    assert run(steps=STEPS, run_id="lakehouse_replay.manual.replay.3-89abef01").exit_code == 0
