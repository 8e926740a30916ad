"""What manifests keep out of silver, and let in, in whole runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lakehouse.cli.screen import show_run
from lakehouse.contracts.domains import load_domain
from lakehouse.contracts.environments import load_environment
from lakehouse.contracts.lakes import Lake
from lakehouse.landing.news import look
from lakehouse.steps.order import STEPS
from lakehouse.steps.plans import plan
from lakehouse.steps.summary import RunSummary
from lakehouse.steps.verify import verify
from lakehouse.steps.workspace import Workspace
from tests.conftest import Run, deliver, usage
from tests.steps.test_publish import credits_of, table

pytestmark = pytest.mark.slow

LOADING = ("ingest", "refine")
DAY = "usage/year=2025/month=01/day=02"


@pytest.fixture
def conf(conf: Path) -> Path:
    declare(conf)
    return conf


def declare(conf: Path) -> None:
    """Let the contract of usage expect a manifest beside its files."""
    contract = conf / "billing/bronze/usage.yml"
    declared = "  manifest: {files: '{folder}/_manifest.json'}\ncolumns:"
    contract.write_text(contract.read_text().replace("columns:", declared, 1))


def say(delivered: Path, **rows: int) -> None:
    files = [{"file": f"{name}.csv", "rows": count} for name, count in rows.items()]
    (delivered.parent / "_manifest.json").write_text(json.dumps({"files": files}))


def told(summary: RunSummary) -> dict[str, str]:
    """State and reason of every delivery in bronze."""
    mine = [d for d in summary.deliveries if d.table == "billing.bronze.usage"]
    return {d.delivery_id.rpartition("/")[2]: d.state + (f": {d.reason}" if d.reason else "") for d in mine}


def looking(landing: Path, lake: Path, **choices: Any) -> Workspace:
    environment = load_environment("local")
    return Workspace(load_domain("billing"), environment, Lake.at(str(lake)), str(landing), "look", **choices)


def planned(landing: Path, lake: Path) -> dict[str, str]:
    work = looking(landing, lake)
    found = plan(work, STEPS, look(work.domain, work.landing, work.ledger.deliveries(), work.days))
    return {d.delivery_id.rpartition("/")[2]: f"{d.state}: {d.reason}" for d in found.deliveries}


def test_rows_that_are_missing_keep_a_delivery_out_until_file_or_manifest_is_right(
    run: Run, landing: Path, tmp_path: Path, spark: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = tmp_path / "lake"
    # A quoted line end ends no record, and a record of the wrong length is one.
    rows = [usage(f"2025-01-02T10:{minute:02}:00Z", operation_type='"two\nlines"') for minute in range(30)]
    say(deliver(landing, "2025-01-02", "a.csv", [*rows, "2025-01-02T12:00:00Z,r1"]), a=31, b=1204)
    bad = deliver(landing, "2025-01-02", "b.csv", [usage("2025-01-02T10:00:00Z", "u2")])
    assert planned(landing, lake) == {"a.csv": "new: ", "b.csv": "new: "}
    summary = run(steps=LOADING)
    reason = "_manifest.json says 1,204 rows, the file holds 1"
    assert told(summary) == {"a.csv": "new", "b.csv": f"unconfirmed: {reason}"}
    assert credits_of(lake) == [("u1", "-1.50")] * 30
    assert planned(landing, lake) == {"a.csv": "present: ", "b.csv": f"unconfirmed: {reason}"}
    again = run(steps=LOADING)
    assert (again.nothing_new, again.standing) == (True, [f"{DAY}/b.csv unconfirmed: {reason}"])
    show_run(summary)
    assert f"  unconfirmed {DAY}/b.csv: {reason}\n" in capsys.readouterr().out
    # The file was whole, the manifest was wrong.
    say(bad, a=31, b=1)
    assert planned(landing, lake) == {"a.csv": "present: ", "b.csv": "pending: its manifest confirms it now"}
    summary = run(steps=LOADING)
    assert told(summary) == {"b.csv": "new"}
    assert credits_of(lake) == [*[("u1", "-1.50")] * 30, ("u2", "-1.50")]
    assert verify(looking(landing, lake, reads_only=True, _spark=spark)).holds


def test_a_set_is_published_when_it_is_complete_and_taken_back_when_its_late_manifest_says_it_is_not(
    run: Run, landing: Path, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    first = deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1")])
    assert told(run(steps=LOADING)) == {"a.csv": "new"}
    assert credits_of(lake) == [("u1", "-1.50")]
    say(first, a=1, b=1)
    waits = "waits for b.csv that _manifest.json lists"
    assert planned(landing, lake) == {"a.csv": f"unconfirmed: {waits}"}
    summary = run(steps=LOADING)
    assert told(summary) == {"a.csv": f"unconfirmed: {waits}"}
    assert [(d.state, d.reason) for d in summary.deliveries if d.state == "withdrawn"] == [("withdrawn", waits)]
    assert (credits_of(lake), len(table(lake, "bronze/usage"))) == ([], 1)
    second = deliver(landing, "2025-01-02", "b.csv", [usage("2025-01-02T11:00:00Z", "u2")])
    assert told(run(steps=LOADING)) == {"a.csv": "new", "b.csv": "new"}
    assert credits_of(lake) == [("u1", "-1.50"), ("u2", "-1.50")]
    # Once confirmed, rows stay until what a changed manifest announces has come.
    say(first, a=1, b=2)
    reason = "_manifest.json says 2 rows, the file holds 1"
    assert told(run(steps=LOADING)) == {"b.csv": f"unconfirmed: {reason}"}
    assert credits_of(lake) == [("u1", "-1.50"), ("u2", "-1.50")]
    second.write_text(second.read_text() + usage("2025-01-02T12:00:00Z", "u3") + "\n")
    assert told(run(steps=LOADING)) == {"b.csv": "corrected"}
    assert credits_of(lake) == [("u1", "-1.50"), ("u2", "-1.50"), ("u3", "-1.50")]
