"""What had taken a content away from readers is taken back: the content returns, as if that had never been."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.steps.decisions import release, retract
from lakehouse.steps.verify import verify
from tests.conftest import Run, deliver, usage
from tests.steps.test_decisions import A
from tests.steps.test_publish import credits_of
from tests.steps.test_recovery import STEPS, bad_rows, edit
from tests.steps.test_replay import workspace
from tests.steps.test_restore import back

pytestmark = pytest.mark.slow

LENIENT, STRICT = "{assert: credit_usage <= 0,", "{assert: credit_usage < -5,"
SILVER = "silver/usage.yml"


def refused_correction(run: Run, landing: Path) -> None:
    """Readers see the first content of a delivery, because gates refuse the second one."""
    deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-2")])
    run(steps=STEPS)
    deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-9"), usage("12:30")])
    assert run(steps=STEPS).exit_code == 3


@pytest.mark.parametrize("full_refresh", [False, True])
def test_a_contract_that_was_too_strict_for_a_while_leaves_readers_where_they_were(
    run: Run, landing: Path, tmp_path: Path, conf: Path, full_refresh: bool
) -> None:
    lake = tmp_path / "lake"
    refused_correction(run, landing)
    assert (credits_of(lake), bad_rows(lake)) == ([("u1", "-2.00")], [(2, 2, "open")])
    edit(conf, SILVER, LENIENT, STRICT)
    assert run(steps=STEPS).exit_code == 3
    assert (credits_of(lake), bad_rows(lake)) == ([], [(1, 1, "superseded"), (2, 2, "open")])
    assert run(steps=STEPS).nothing_new
    edit(conf, SILVER, STRICT, LENIENT)
    assert run(steps=STEPS, full_refresh=full_refresh).exit_code == 3
    assert (credits_of(lake), bad_rows(lake)) == ([("u1", "-2.00")], [(1, 1, "superseded"), (2, 2, "open")])
    assert run(steps=STEPS).nothing_new


def test_a_release_brings_back_what_readers_saw_before_the_retraction(run: Run, landing: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    refused_correction(run, landing)
    run(steps=("refine",), decide=retract(A, "ann", "test data"))
    assert credits_of(lake) == []
    assert run(steps=("refine",), decide=release(A, "bob", "was real")).exit_code == 3
    assert (credits_of(lake), bad_rows(lake)) == ([("u1", "-2.00")], [(2, 2, "open")])
    assert verify(workspace(lake)).holds
    assert run(steps=STEPS).nothing_new


def test_a_restore_knows_what_readers_had_seen_last_then(run: Run, landing: Path, tmp_path: Path, conf: Path) -> None:
    lake = tmp_path / "lake"
    refused_correction(run, landing)
    edit(conf, SILVER, LENIENT, STRICT)
    then = run(steps=STEPS)
    run(steps=("refine",), decide=release(A, "ann", "as agreed"))
    assert credits_of(lake) == [("u1", "-9.00")]
    back(lake, then.run_id)
    assert credits_of(lake) == []
    assert run(steps=STEPS).nothing_new
    edit(conf, SILVER, STRICT, LENIENT)
    run(steps=STEPS)
    assert credits_of(lake) == [("u1", "-2.00")]
