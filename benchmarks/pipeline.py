"""The pipeline as it is measured: its own command, on a configuration with the four compared gold tables."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import Cost, measure
from lakehouse.contracts.locations import conf_dir

GOLD = ("daily_usage", "daily_user_usage", "daily_service_usage", "user_totals")
"""The gold tables that everyone makes: three of days, and one of all time."""

_BETWEEN = "monthly_user_usage"
"""What this pipeline makes the last of them from."""

_COMMAND = (sys.executable, "-c", "from lakehouse.cli import main; main()")


@dataclass(frozen=True)
class Setup:
    """The configuration for measuring."""

    conf: Path

    def variables(self) -> dict[str, str]:
        """The environment variables that choose it."""
        return {"LAKEHOUSE_CONF": str(self.conf)}


def prepare(folder: Path) -> Setup:
    """A copy of the checkout's configuration in which only the compared gold tables, and what they need, are left."""
    conf = folder / "conf"
    shutil.rmtree(conf, ignore_errors=True)
    shutil.copytree(conf_dir(), conf)
    for path in (conf / "billing" / "gold").glob("*.yml"):
        if path.stem not in (*GOLD, _BETWEEN):
            path.unlink()
    # The report shows all gold tables.
    (conf / "billing" / "report.yml").unlink()
    return Setup(conf)


def lakehouse(setup: Setup, *arguments: str | Path) -> Cost:
    """Run a command of ours; raises SystemExit with what it printed when it fails."""
    cost = measure([*_COMMAND, *map(str, arguments)], setup.variables())
    if cost.exit_code:
        raise SystemExit(f"lakehouse {' '.join(map(str, arguments))} ended with {cost.exit_code}:\n{cost.printed}")
    return cost


def run(setup: Setup, landing: Path, lake: Path) -> Cost:
    """Landing to gold."""
    return lakehouse(setup, "run", "billing", "--landing", landing, "--lake", lake)


def script(setup: Setup, module: str, arguments: Sequence[str | Path]) -> Cost:
    """Run a module of this folder as a process of its own, on the same settings of Spark."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)]
    cost = measure(command, setup.variables())
    if cost.exit_code:
        raise SystemExit(f"{' '.join(command)} ended with {cost.exit_code}:\n{cost.printed}")
    return cost


def clone(lake: Path, to: Path) -> Path:
    """A copy of a lake. Data files, which nobody ever changes, are shared."""
    shutil.copytree(lake, to, copy_function=_copied)
    return to


def _copied(source: str, to: str) -> str:
    if source.endswith(".parquet") and "_delta_log" not in source:
        os.link(source, to)
        return to
    return shutil.copy2(source, to)
