"""All tables of a domain go back together, and stay there until people release what came since."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from lakehouse.contracts.lakes import Lake
from lakehouse.errors import ConfigurationError, TableError
from lakehouse.ledger.book import Ledger, restore_version
from lakehouse.steps import restore as module
from lakehouse.steps.decisions import discard, release_all, retract
from lakehouse.steps.restore import restore
from lakehouse.steps.verify import verify
from tests.conftest import Run, deliver, usage
from tests.steps.test_decisions import A, B, daily
from tests.steps.test_publish import credits_of, table
from tests.steps.test_replay import quarantined, statuses, workspace

pytestmark = pytest.mark.slow

STEPS = ("refine", "aggregate")
GOOD = [usage(f"2025-01-02T10:{minute:02}:00Z", f"u{minute}") for minute in range(30)]


def back(lake: Path, run_id: str) -> Any:
    work = workspace(lake)
    work.run_id = "restoring"
    return restore(work, run_id, "ann", "wrong prices")


def state(lake: Path) -> Any:
    """Everything that readers see, without what changes from version to version."""
    return (
        credits_of(lake), credits_of(lake, "outranked/usage"), statuses(lake), daily(lake),
        sorted((row["user_id"], str(row["credits_used"])) for row in table(lake, "gold/user_totals")),
    )  # fmt: skip


def test_a_domain_goes_back_and_forth(run: Run, landing: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    deliver(landing, "2025-01-02", "a.csv", [*GOOD, usage("12:30")])
    first = run()
    then = state(lake)
    # A correction, a new delivery, a decision about a row: all of it is taken back.
    deliver(landing, "2025-01-02", "a.csv", [*GOOD[1:], usage("2025-01-02T10:01:00Z", "u1", "-9"), usage("12:31")])
    deliver(landing, "2025-01-03", "b.csv", [usage("2025-01-02T10:05:00Z", "u5", "-6")])
    second = run()
    run(steps=STEPS, decide=discard([quarantined(lake)[31]], "bob", "no time"))
    later = state(lake)
    assert later != then

    found = back(lake, first.run_id)
    assert (sorted(found.tables)[:2], found.held) == (
        ["billing.gold.daily_usage", "billing.gold.daily_user_usage"],
        [A, B],
    )
    assert state(lake) == then
    assert len(table(lake, "bronze/usage")) == 31 + 31 + 1
    assert run().nothing_new
    assert verify(workspace(lake)).holds
    assert back(lake, first.run_id).notes == [
        f"the tables are as the run {first.run_id} left them; nothing was changed"
    ]

    run(steps=STEPS, decide=release_all("ann", "prices were right"))
    assert verify(workspace(lake)).holds
    assert (credits_of(lake), daily(lake)) == (later[0], later[3])
    back(lake, second.run_id)
    assert (credits_of(lake), daily(lake)) == (later[0], later[3])
    with pytest.raises(ConfigurationError) as error:
        back(lake, first.run_id[:-1] + "x")
    assert str(error.value).startswith(
        f"--to: the ledger of 'billing' knows no finished run '{first.run_id[:-1]}x'. Did you mean '"
    )


def test_an_interrupted_restore_is_finished_by_the_next_run(
    run: Run, landing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = tmp_path / "lake"
    deliver(landing, "2025-01-02", "a.csv", GOOD)
    first = run()
    then = state(lake)
    deliver(landing, "2025-01-03", "b.csv", [usage("2025-01-02T10:05:00Z", "u5", "-6")])
    run()
    run(steps=STEPS, decide=retract(A, "bob", "test"))

    def crash(*_: Any) -> None:
        raise KeyboardInterrupt

    for place in ("empty_table", "_record_deliveries", "_record_publications"):
        with monkeypatch.context() as patch:
            if place == "empty_table":
                patch.setattr(module, "restore_version", _once(restore_version))
            else:
                patch.setattr(module, place, crash)
            with pytest.raises(KeyboardInterrupt):
                back(lake, first.run_id)
    summary = run()
    assert summary.notes == [f"finished the interrupted restore to {first.run_id}"]
    assert state(lake) == then
    assert verify(workspace(lake)).holds
    assert run().nothing_new


def _once(action: Any) -> Any:
    done: list[str] = []

    def act(path: str, version: int, run_id: str) -> None:
        if done:
            raise KeyboardInterrupt
        done.append(path)
        action(path, version, run_id)

    return act


def test_versions_whose_files_are_gone_are_refused_by_name(run: Run, landing: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    deliver(landing, "2025-01-02", "a.csv", GOOD)
    first = run()
    deliver(landing, "2025-01-02", "a.csv", GOOD[1:])
    run()
    now = state(lake)
    version = next(
        row["summary"]["versions"]["billing.gold.user_totals"]
        for row in Ledger(Lake.at(str(lake)), "billing").rows("runs")
        if row["run_id"] == first.run_id and row["state"] == "finished"
    )
    for path in (lake / "billing/gold/user_totals").glob("*.parquet"):
        shutil.move(path, tmp_path / path.name)
    with pytest.raises(TableError) as error:
        back(lake, first.run_id)
    assert str(error.value) == (
        f"The tables cannot go back to the run {first.run_id}: billing.gold.user_totals version {version}: 1 of its 1 "
        "files are gone. Nothing was changed. VACUUM removes what no version within keep_days of the contract needs; "
        "name a later run."
    )
    for path in tmp_path.glob("*.parquet"):
        shutil.move(path, lake / "billing/gold/user_totals" / path.name)
    assert state(lake) == now
