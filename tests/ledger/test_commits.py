"""What every commit passes through."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lakehouse.errors import WriterBusyError
from lakehouse.ledger.commits import committing, fenced

PROGRAM = """
from lakehouse.ledger.commits import committing
for number in range(3):
    with committing("/lake/billing/silver/usage", "merge"):
        print(number, flush=True)
"""


def program(fault: str, trace: Path) -> subprocess.CompletedProcess[str]:
    faults = {**os.environ, "LAKEHOUSE_FAULT": fault, "LAKEHOUSE_FAULT_TRACE": str(trace)}
    return subprocess.run([sys.executable, "-c", PROGRAM], env=faults, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("side", "printed"), [("before", "0\n"), ("after", "0\n1\n")])
def test_a_named_point_ends_the_process_before_or_after_its_commit(side: str, printed: str, tmp_path: Path) -> None:
    ended = program(f"{side}:merge silver/usage:2", tmp_path / "trace")
    assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, printed)
    passed = (tmp_path / "trace").read_text().splitlines()
    assert passed[:2] == ["before:merge silver/usage:1", "after:merge silver/usage:1"]
    assert passed[-1] == f"{side}:merge silver/usage:2"


def test_a_lost_claim_stops_commits_below_its_folder_only() -> None:
    def lost() -> None:
        raise WriterBusyError("another process writes the domain")

    with fenced("/lake/billing", lost):
        with (
            pytest.raises(WriterBusyError, match="another process writes the domain"),
            committing("/lake/billing/silver/usage", "merge"),
        ):
            pytest.fail("the commit was not stopped")
        with committing("/lake/billing2/silver/usage", "merge"):
            pass
    with committing("/lake/billing/silver/usage", "merge"):
        pass
