"""What commands that a scheduler starts for people leave in the lake, under the name that it gave the run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import Lakehouse, commands
from tests.conftest import Run, deliver, usage

A = "usage/year=2025/month=01/day=02/a.csv"
GOOD = [usage(f"2025-01-02T10:{minute:02}:00Z", f"u{minute}") for minute in range(25)]


@pytest.fixture
def lakehouse(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lakehouse:
    return commands(monkeypatch, capsys)


def kept(lake: Path, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((lake / "billing" / "results" / f"{run_id}.json").read_text())
    return found


@pytest.mark.slow
def test_a_replay_and_a_retraction_leave_their_results(
    lakehouse: Lakehouse, run: Run, landing: Path, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    deliver(landing, "2025-01-02", "a.csv", [*GOOD, usage("2025-01-02T11:00:00Z", "")])
    run()
    places = ("--lake", str(lake))

    tried = lakehouse("quarantine", "replay", "billing", "--rule", "user_id_required", "--dry-run",
                      "--run-id", "tried", *places)  # fmt: skip
    assert (tried[0], "0 of 1 rows would pass; 1 would stay in quarantine" in tried[1]) == (0, True)
    assert kept(lake, "tried") == {
        "run_id": "tried", "domain": "billing", "lake": str(lake), "steps": ["refine", "aggregate"], "dry_run": True,
        "notes": [
            "0 of 1 rows would pass; 1 would stay in quarantine",
            "billing.silver.usage: user_id_required is still broken by 1",
        ],
        "exit_code": 0,
    }  # fmt: skip

    assert (
        lakehouse("retract", "billing", A, "--because", "test data", "--who", "ann", "--run-id", "r1", *places)[0] == 0
    )
    found = kept(lake, "r1")
    assert (found["exit_code"], found["notes"][0]) == (0, f"{A} is retracted")
    assert [(d["delivery_id"], d["state"]) for d in found["deliveries"]] == [(A, "withdrawn")]

    released = ("release", "billing", A, "--because", "was real", "--who", "ann", *places)
    code, _, error = lakehouse(*released, "--run-id", "r1")
    assert (code, "--run-id: the domain 'billing' has had a run 'r1'." in error) == (2, True)
    assert lakehouse(*released, "--run-id", "r2")[0] == 0
    assert kept(lake, "r2")["notes"][0] == f"{A} counts again"


def test_a_command_that_finds_no_lake_says_so_in_its_result_too(
    lakehouse: Lakehouse, conf: Path, tmp_path: Path
) -> None:
    place = tmp_path / "result.json"
    code, _, error = lakehouse(
        "quarantine", "replay", "billing", "--lake", str(tmp_path / "none"), "--run-id", "r", "--result", str(place)
    )
    found = json.loads(place.read_text())
    assert (code, found["exit_code"]) == (2, 2)
    assert found["reason"] in error
    assert found["reason"].startswith(f"There is no lake at {tmp_path}/none")
    assert kept(tmp_path / "none", "r") == found


def test_a_result_that_cannot_be_written_hides_nothing(lakehouse: Lakehouse, conf: Path) -> None:
    """Libraries of object stores have errors of their own."""
    lake = "foo://bucket/lake"
    assert lakehouse("quarantine", "replay", "billing", "--lake", lake, "--run-id", "r") == (
        2,
        "",
        f"error the result could not be written to {lake}/billing/results/r.json: Protocol not known: foo\n"
        f"error There is no lake at {lake}. Run 'lakehouse run DOMAIN --lake {lake} --landing ...' first, or name "
        "another folder with --lake.\n",
    )
