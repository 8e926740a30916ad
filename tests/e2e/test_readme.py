"""What the README says under "Add a rule and a table", done to a copy of the product, and run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lakehouse.contracts.lakes import Lake
from lakehouse.serving.masks import NO_MASKS
from lakehouse.serving.sql import open_lake, query
from tests.conftest import deliver, usage
from tests.test_docs import ROOT, apply_readme, copies

__all__ = ["copies"]

pytestmark = [pytest.mark.slow, pytest.mark.e2e]


def test_the_added_table_is_computed_and_the_added_rule_is_obeyed(copies: tuple[Path, Path], tmp_path: Path) -> None:
    conf, package = copies
    apply_readme(conf, package)
    for contract in (conf / "billing" / "gold").glob("*.yml"):
        if contract.stem not in ("daily_usage", "monthly_usage"):
            contract.unlink()
    landing = tmp_path / "landing"
    january = [usage(f"2025-01-31T{hour:02}:00:00Z", credit="-1.25") for hour in range(20)]
    blank = usage("2025-01-31T23:00:00Z", resource_id=" ")
    deliver(landing, "2025-01-31", "usage.csv", [*january, blank])
    deliver(landing, "2025-02-01", "usage.csv", [usage("2025-02-01T00:00:00Z", credit="-0.5")])
    command = [sys.executable, "-c", "from lakehouse.cli import main; main()", "run", "billing"]
    done = subprocess.run(
        [*command, "--landing", str(landing), "--lake", "lake"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={
            **os.environ, "PYTHONPATH": str(package.parent), "LAKEHOUSE_CONF": str(conf),
            "LAKEHOUSE_JARS": os.environ.get("LAKEHOUSE_JARS", str(ROOT / ".jars")),
        },
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    lake = open_lake(Lake.at(str(tmp_path / "lake")), NO_MASKS)
    months = query(lake, "select * from billing_gold.monthly_usage order by 1")[1]
    assert [tuple(map(str, row)) for row in months] == [
        ("2025-01-01", "USD", "25.00000000", "20"),
        ("2025-02-01", "USD", "0.50000000", "1"),
    ]
    bad = query(
        lake, "select delivery_id, record_number, reasons[1].rule, reasons[1].value from billing_quarantine.usage"
    )
    assert [tuple(row) for row in bad[1]] == [
        ("usage/year=2025/month=01/day=31/usage.csv", 21, "resource_id_is_not_blank", " ")
    ]
