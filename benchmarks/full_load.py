"""Full load: from landing files to four gold tables, by the pipeline and by others, in turn."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from benchmarks import pipeline
from benchmarks.answers import Truth, differences
from benchmarks.landings import day_file, kept
from benchmarks.measuring import Cost
from benchmarks.records import Records

OTHERS = {"hand-written": "others.hand_written", "DuckDB": "others.duck", "Polars": "others.polar"}
"""Those that make the same gold tables, and their modules."""


def measure(work: Path, records: Records, days: int, rows: int, repeats: int) -> None:
    """Load everything into an empty place, each in turn, and compare the gold tables each time."""
    landing = kept(work / f"landing-full-{days}x{rows}", days, rows)
    listed = work / "full-files.txt"
    listed.write_text("\n".join(str(day_file(landing, day)) for day in range(days)))
    expected = Truth(landing, work / f"truth-full-{days}x{rows}.duckdb").of(range(days))
    setup = pipeline.prepare(work)
    contestants = _contestants(setup, landing, listed)
    for repeat in range(repeats):
        for name, load in contestants.items():
            place = work / "full"
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            cost = load(place)
            gold = place / "billing" / "gold" if name == "pipeline" else place / "gold"
            wrong = [] if name == "bare copy" else differences(expected, gold)
            records.add("full", who=name, repeat=repeat, wrong=wrong, **cost.figures())
    shutil.rmtree(work / "full", ignore_errors=True)


def _contestants(setup: pipeline.Setup, landing: Path, listed: Path) -> dict[str, Callable[[Path], Cost]]:
    """Each loads the listed files into the place that it is given."""

    def other(module: str) -> Callable[[Path], Cost]:
        return lambda place: pipeline.script(setup, module, [listed, place])

    return {
        "bare copy": other("others.bare_copy"),
        "pipeline": lambda place: pipeline.run(setup, landing, place),
        **{name: other(module) for name, module in OTHERS.items()},
    }
