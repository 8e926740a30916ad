"""How long one waits: for the first rows of `make run`, and for the commands that need no Spark."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

from benchmarks.measuring import Cost
from benchmarks.measuring import measure as measured
from benchmarks.records import Records

_ROOT = Path(__file__).parents[1]
_WARM = {"PYTHONDONTWRITEBYTECODE": ""}
"""On a checkout that was used before, Python's bytecode is there, wherever this is measured."""
_NO_JAVA = {**_WARM, "JAVA_HOME": "/nonexistent"}


def measure(work: Path, records: Records, repeats: int) -> None:
    """Run `make run` on the sample of billing in an empty place, then ask about the lake that it made."""
    place = work / "startup"
    for repeat in range(repeats):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        _make("sample", place)
        began = time.time()
        cost = _make("run", place)
        first = {layer: round(_first_rows(place / "lake", layer) - began, 2) for layer in ("bronze", "silver", "gold")}
        records.add("first rows", repeat=repeat, wall=round(cost.wall, 2), cpu=round(cost.cpu, 2), **first)
    landing, lake = ("--landing", place / "landing"), ("--lake", place / "lake")
    commands: dict[str, tuple[str | Path, ...]] = {
        "validate": ("validate",),
        "plan": ("plan", "billing", *landing, *lake),
        "status": ("status", "billing", *lake),
        "sql": ("sql", "SELECT * FROM billing_gold.daily_usage LIMIT 5", *lake),
        "run, nothing new": ("run", "billing", *landing, *lake),
    }
    for _ in range(5 * repeats):
        for name, arguments in commands.items():
            cost = measured([str(_ROOT / ".venv/bin/lakehouse"), *map(str, arguments)], _NO_JAVA)
            if cost.exit_code:
                raise SystemExit(f"lakehouse {name} ended with {cost.exit_code}:\n{cost.printed}")
            records.add("command", name=name, wall=round(cost.wall, 3), cpu=round(cost.cpu, 3))
    shutil.rmtree(place)


def _make(target: str, place: Path) -> Cost:
    cost = measured(["make", target, "DOMAIN=billing", f"LANDING={place}/landing", f"LAKE={place}/lake"], _WARM, _ROOT)
    if cost.exit_code:
        raise SystemExit(f"make {target} ended with {cost.exit_code}:\n{cost.printed}")
    return cost


def _first_rows(lake: Path, layer: str) -> float:
    """When the first rows of a layer were committed, in seconds since 1970."""
    moments: list[float] = []
    for commit in (lake / "billing" / layer).glob("*/_delta_log/*.json"):
        actions = [json.loads(line) for line in commit.read_text("utf-8").splitlines()]
        if any("add" in action for action in actions):
            moments += [action["commitInfo"]["timestamp"] / 1000 for action in actions if "commitInfo" in action]
    return min(moments)
