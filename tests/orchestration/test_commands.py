"""Commands that people paste into a shell."""

from __future__ import annotations

import os
import subprocess
from datetime import date
from pathlib import Path

import pytest

from lakehouse.orchestration.commands import backfill_command, backfill_script

JANUARY = [(date(2025, 1, 3), date(2025, 1, 4)), (date(2025, 1, 6), date(2025, 1, 6)), (date(2025, 1, 9),) * 2]

AIRFLOW = """\
#!/bin/sh
# Airflow while a backfill runs: refuses as often as the file `busy` has lines; refuses day 9 when told to.
echo "$*" >> said
case "$*" in *"$FORBIDDEN"*) echo "there is no such DAG" >&2; exit 1 ;; esac
if [ -s busy ]; then
    sed -i 1d busy
    echo "AlreadyRunningBackfill: There can be only one running backfill per Dag." >&2
    exit 1
fi
"""


def test_one_backfill() -> None:
    assert backfill_command("billing_daily", date(2025, 1, 3), date(2025, 1, 4)) == (
        "airflow backfill create --dag-id billing_daily --from-date 2025-01-03 --to-date 2025-01-04 "
        "--reprocess-behavior completed"
    )


def test_airflow_takes_the_command() -> None:
    pytest.importorskip("airflow", reason="Airflow needs Python 3.11")
    from airflow.cli.cli_parser import get_parser

    command = backfill_command("billing_daily", date(2025, 1, 3), date(2025, 1, 4))
    found = get_parser().parse_args(command.split()[1:])
    assert (found.dag_id, str(found.from_date.date()), str(found.to_date.date()), found.reprocess_behavior) == (
        "billing_daily", "2025-01-03", "2025-01-04", "completed",
    )  # fmt: skip


def test_no_range_is_no_command() -> None:
    assert backfill_script("billing_daily", []) == []


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an airflow and a sleep of our own."""
    for name, text in (("airflow", AIRFLOW), ("sleep", '#!/bin/sh\necho "sleep $*" >> said\n')):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("FORBIDDEN", "nothing at all")
    return tmp_path


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    script = "\n".join(backfill_script("billing_daily", JANUARY)) + "\n"
    return subprocess.run(["sh"], input=script, cwd=folder, capture_output=True, text=True, check=False)


def said(folder: Path) -> list[str]:
    lines = (folder / "said").read_text().splitlines()
    return [line if line.startswith("sleep") else line.split()[5] for line in lines]


def test_several_ranges_run_one_after_the_other(shell: Path) -> None:
    done = run(shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert said(shell) == ["2025-01-03", "2025-01-06", "2025-01-09"]


def test_a_range_waits_for_its_turn(shell: Path) -> None:
    script = backfill_script("billing_daily", JANUARY)
    (shell / "busy").write_text("1\n2\n")
    second = subprocess.run(["sh", "-c", script[1]], cwd=shell, capture_output=True, text=True, check=False)
    assert (second.returncode, second.stderr) == (0, "")
    assert said(shell) == ["2025-01-06", "sleep 20", "2025-01-06", "sleep 20", "2025-01-06"]


def test_the_first_range_waits_too(shell: Path) -> None:
    (shell / "busy").write_text("1\n")
    done = run(shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert said(shell) == ["2025-01-03", "sleep 20", "2025-01-03", "2025-01-06", "2025-01-09"]


@pytest.mark.parametrize(
    ("forbidden", "tried"), [("2025-01-03", ["2025-01-03"]), ("2025-01-06", ["2025-01-03", "2025-01-06"])]
)
def test_any_other_refusal_ends_the_script(
    forbidden: str, tried: list[str], shell: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORBIDDEN", forbidden)
    done = run(shell)
    assert (done.returncode, done.stderr) == (1, "there is no such DAG\n")
    assert said(shell) == tried
