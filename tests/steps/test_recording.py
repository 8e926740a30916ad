"""What the ledger keeps of a run."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from lakehouse.cli.decisions import decided_by
from lakehouse.steps.recording import record_run
from lakehouse.steps.summary import RunSummary
from tests.steps.lived_in import LivedIn


def test_a_user_without_a_name_writes_and_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container may run under a number that has no name."""

    def no_name() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr("getpass.getuser", no_name)
    place = LivedIn(tmp_path)
    monkeypatch.setenv("LAKEHOUSE_CONF", str(place.conf))
    record_run(place.work(), "started", RunSummary("run-9", "billing", str(tmp_path / "lake"), "", ["refine"]))
    (row,) = place.ledger.rows("runs")
    assert row["host"] == f"user {os.getuid()}@{socket.gethostname()}"
    assert decided_by(None) == f"user {os.getuid()}"
    assert decided_by("ann") == "ann"
