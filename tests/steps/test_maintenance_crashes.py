"""Maintenance that ends at any of its commits and is given again: as if nothing had happened. No Spark."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable, Field
from deltalake.schema import PrimitiveType

from lakehouse.ledger.retention import retention_properties, write_checkpoint
from lakehouse.steps.order import new_run_id, run_steps
from lakehouse.steps.summary import RunSummary
from tests.contracts.places import DOMAIN, Change, change
from tests.faults.crashes import CrashError, crashing
from tests.ledger.aging import age, append, log, parquet
from tests.steps.lived_in import SILVER, LivedIn

OPERATIONS = {"alter", "vacuum", "checkpoint", "clean", "append", "delete", "compact"}
"""All that maintenance commits, but what Spark does: that is killed in tests/faults/test_kill_matrix.py."""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LivedIn:
    """A lake in which all of it is called for."""
    found = LivedIn(tmp_path)
    monkeypatch.setenv("LAKEHOUSE_CONF", str(found.conf))
    change(found.conf, Change(DOMAIN, "owner:", "keep_ledger_days: 400\nowner:"))
    silver, runs = (Path(folder) for folder in (found.lake.table(SILVER), found.lake.ledger("billing", "runs")))
    for number in range(31):
        append(silver, number, configuration=retention_properties(30))
    age(silver, 40)
    write_checkpoint(str(silver))
    DeltaTable(str(silver)).optimize.compact()
    append(silver, 31)
    DeltaTable(str(silver)).alter.add_columns(Field("user_id", PrimitiveType("string")))
    age(silver, 40)
    for number in range(60):
        found.run(f"run-{number}", {"state": "started"})
    DeltaTable(str(runs)).update({"recorded_at": "recorded_at - interval '431 days'"}, predicate="entry <= 10")
    return found


def maintained(place: LivedIn) -> RunSummary:
    work = place.work()
    work.reads_only, work.run_id = False, new_run_id()
    return run_steps(work, ["maintain"], False, lambda step: None)


def state(place: LivedIn) -> dict[str, Any]:
    """What a lake holds, and what lies there for it, without the runs that brought it there."""
    silver, runs = (Path(folder) for folder in (place.lake.table(SILVER), place.lake.ledger("billing", "runs")))
    table = DeltaTable(str(silver))
    return {
        "rows": sorted(table.scan().read_all().column("n").to_pylist()),
        "files": (len(table.file_uris()), parquet(silver)),
        "properties": table.metadata().configuration,
        "oldest entry": log(silver)[0],
        "runs": [row["entry"] for row in place.ledger.rows("runs") if row["run_id"].startswith("run-")],
        "ledger": len(DeltaTable(str(runs)).file_uris()) < 10,
    }


def test_a_crash_at_any_commit_costs_only_time(place: LivedIn, tmp_path: Path) -> None:
    root, untouched = Path(place.lake.root), tmp_path / "untouched"
    shutil.copytree(root, untouched)
    with crashing(1000) as passed:
        maintained(place)
    assert {point.split(":")[1].split()[0] for point in passed} == OPERATIONS
    expected = state(place)
    assert (expected["rows"], expected["runs"]) == ([*range(32)], [*range(11, 61)])
    # Between the end of a commit and the beginning of the next one nothing is written.
    for number in (0, *range(1, len(passed), 2)):
        shutil.rmtree(root)
        shutil.copytree(untouched, root)
        with pytest.raises(CrashError), crashing(number):
            maintained(place)
        maintained(place)
        assert (passed[number], state(place)) == (passed[number], expected)
        assert maintained(place).nothing_new, passed[number]
