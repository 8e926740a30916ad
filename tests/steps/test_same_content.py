"""A content that is there again is the same content: what people decided about it and its rows holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.steps.decisions import Decide, Ruling, patch, release, release_all, retract
from lakehouse.steps.restore import restore
from tests.conftest import Run, deliver, usage
from tests.steps.test_decisions import A
from tests.steps.test_manifests import LOADING, declare, say
from tests.steps.test_publish import credits_of, table
from tests.steps.test_recovery import Crash, CrashError, crash
from tests.steps.test_replay import GOOD, STEPS, patches, quarantined, workspace

__all__ = ["Crash", "CrashError", "crash"]

pytestmark = pytest.mark.slow

ONE = [usage("2025-01-02T10:00:00Z", "u1", "-2")]
BROKEN = [*GOOD, usage("12:30", "u77", "-7")]


def repaired(run: Run, landing: Path, folder: Path) -> str:
    """Deliver 50 good rows and a bad one, and repair that; the run that took the repair in."""
    deliver(landing, "2025-01-02", "a.csv", BROKEN)
    run()
    done = run(steps=STEPS, decide=repair(folder))
    assert len(table(folder / "lake", "silver/usage")) == 51
    return done.run_id


def repair(folder: Path) -> Decide:
    """Give the bad row a day."""
    bad = quarantined(folder / "lake")[51].quarantine_id
    text = {"quarantine_id": bad, "column": "usage_timestamp", "value": "2025-01-03T12:30:00Z"}
    return patch(patches(folder, folder / "lake", text))


def test_half_a_file_in_between_makes_no_correction_of_it(run: Run, landing: Path, tmp_path: Path) -> None:
    repaired(run, landing, tmp_path)
    path = deliver(landing, "2025-01-02", "a.csv", BROKEN)
    text = path.read_text()
    path.write_text("")
    run()
    path.write_text(text)
    run()
    assert len(table(tmp_path / "lake", "silver/usage")) == 51
    run(steps=STEPS, decide=retract(A, "ann", "test data"))
    path.write_text("")
    run()
    path.write_text(text)
    run()
    assert (credits_of(tmp_path / "lake"), run().nothing_new) == ([], True)


def test_half_a_file_that_changes_while_it_is_read_makes_no_correction_of_it(
    run: Run, landing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repaired(run, landing, tmp_path)
    path = deliver(landing, "2025-01-02", "a.csv", BROKEN)
    text = path.read_text()
    path.write_text(text[:400])
    with monkeypatch.context() as patched:
        patched.setattr("lakehouse.steps.ingest.relist_delivery", lambda delivery: None)
        assert [one.state for one in run(steps=LOADING).deliveries] == ["torn"]
    path.write_text(text)
    run(steps=LOADING)
    assert (len(table(tmp_path / "lake", "silver/usage")), run(steps=LOADING).nothing_new) == (51, True)


def test_a_file_that_is_put_back_after_a_run_was_killed_stays_retracted(
    run: Run, crash: Crash, landing: Path, tmp_path: Path
) -> None:
    deliver(landing, "2025-01-02", "a.csv", ONE)
    run(steps=LOADING)
    run(steps=("refine",), decide=retract(A, "ann", "test data"))
    deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-7")])
    crash("lakehouse.steps.ingest._append")
    deliver(landing, "2025-01-02", "a.csv", ONE)
    run(steps=LOADING)
    assert (credits_of(tmp_path / "lake"), run(steps=LOADING).nothing_new) == ([], True)


def test_a_repair_of_what_readers_see_hides_no_refusal_of_its_correction(
    run: Run, landing: Path, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    deliver(landing, "2025-01-02", "a.csv", BROKEN)
    run()
    deliver(landing, "2025-01-02", "a.csv", [usage("12:30", f"u{number}") for number in range(9)])
    assert run().exit_code == 3
    repairing = run(steps=STEPS, decide=repair(tmp_path))
    assert (repairing.exit_code, len(table(lake, "silver/usage"))) == (3, 51)
    assert run().nothing_new
    (said,) = release(A, "ann", "as agreed")(workspace(lake)).notes
    assert said == f"{A} is published although gates refused it"


def test_a_release_brings_nothing_back_that_the_file_holds_no_more(run: Run, landing: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    deliver(landing, "2025-01-02", "a.csv", ONE)
    first = run()
    deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-3")])
    run()
    work = workspace(lake)
    work.run_id = "restoring"
    restore(work, first.run_id, "ann", "wrong prices")
    deliver(landing, "2025-01-02", "a.csv", ONE)
    run()
    assert release_all("ann", "prices are right")(workspace(lake)) == Ruling([], ["0 deliveries count again"])
    assert release(A, "ann", "prices are right")(workspace(lake)) == Ruling(
        (), [f"{A} was delivered again as it counts now; the other content, which was there in between, stays held"]
    )
    assert credits_of(lake) == [("u1", "-2.00")]


def test_a_manifest_that_says_otherwise_for_a_while_ends_no_retraction(
    run: Run, landing: Path, tmp_path: Path, conf: Path
) -> None:
    declare(conf)
    path = deliver(landing, "2025-01-02", "a.csv", ONE)
    say(path, a=1)
    run()
    run(steps=STEPS, decide=retract(A, "ann", "test data"))
    for rows in (2, 1):
        say(path, a=rows)
        run()
        assert credits_of(tmp_path / "lake") == []


def test_the_right_file_is_put_back_after_a_restore(run: Run, landing: Path, tmp_path: Path) -> None:
    good = repaired(run, landing, tmp_path)
    deliver(landing, "2025-01-02", "a.csv", GOOD[:40])
    run()
    work = workspace(tmp_path / "lake")
    work.run_id = "restoring"
    restore(work, good, "ann", "wrong file")
    assert run().nothing_new
    deliver(landing, "2025-01-02", "a.csv", BROKEN)
    run()
    assert len(table(tmp_path / "lake", "silver/usage")) == 51


def test_a_link_is_taken_once_and_again_when_its_target_changes(run: Run, landing: Path, tmp_path: Path) -> None:
    path = deliver(landing, "2025-01-02", "a.csv", ONE)
    target = path.rename(tmp_path / "elsewhere.csv")
    path.symlink_to(target)
    assert [(one.state, one.rows_in) for one in run().deliveries if one.table == "billing.bronze.usage"] == [("new", 1)]
    assert (credits_of(tmp_path / "lake"), run().nothing_new) == ([("u1", "-2.00")], True)
    target.write_text(target.read_text().replace(",-2,", ",-3,"))
    run()
    assert (credits_of(tmp_path / "lake"), run().nothing_new) == ([("u1", "-3.00")], True)


def test_a_retraction_covers_what_a_crash_kept_from_the_ledger(
    run: Run, crash: Crash, landing: Path, tmp_path: Path
) -> None:
    deliver(landing, "2025-01-02", "a.csv", ONE)
    run()
    deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-7")])
    crash("lakehouse.steps.ingest._finish")
    run(steps=STEPS, decide=retract(A, "ann", "test data"))
    assert (credits_of(tmp_path / "lake"), run().nothing_new) == ([], True)
