"""One more full day on ever longer histories, by the pipeline and by the hand-written job, as processes of their own.

There are too many rows for the independent computation; the two, which share no code, have to make the same tables.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import duckdb

from benchmarks import pipeline
from benchmarks.answers import alike
from benchmarks.landings import arrived, day_file, kept
from benchmarks.measuring import Cost
from benchmarks.records import Records

_AT_ONCE = 120
"""Days that the pipeline takes at once while a history is made."""


def measure(work: Path, records: Records, lengths: Sequence[int], rows: int) -> None:
    """Make each history from the one before it, then run one more day on copies of it."""
    longest = max(lengths)
    source = kept(work / f"long-{longest + 1}x{rows}", longest + 1, rows)
    setup = pipeline.prepare(work)
    place = work / "long"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    landing, lake = place / "landing", place / "lake"
    before = 0
    for length in sorted(lengths):
        for first in range(before, length, _AT_ONCE):
            _deliver(source, range(first, min(first + _AT_ONCE, length)), landing)
            _keep(records, "history made", "pipeline", length, pipeline.run(setup, landing, lake))
        before = length
        tables = place / f"hand-written-{length}"
        files = [day_file(source, day) for day in range(length)]
        _keep(records, "history made", "hand-written", length, _by_hand(setup, files, tables))
        _one_more_day(setup, records, source, length, place)
        shutil.rmtree(tables)
    shutil.rmtree(place)


def _one_more_day(setup: pipeline.Setup, records: Records, source: Path, length: int, place: Path) -> None:
    new, landing = day_file(source, length), place / "landing"
    lake = pipeline.clone(place / "lake", place / "more")
    with arrived([(new, day_file(landing, length))]):
        cost = pipeline.run(setup, landing, lake)
    tables = place / f"hand-written-{length}"
    others = _by_hand(setup, [new], tables)
    wrong = alike(duckdb.connect(), lake / "billing" / "gold", tables / "gold")
    _keep(records, "one more day", "pipeline", length, cost, wrong)
    _keep(records, "one more day", "hand-written", length, others, wrong)
    shutil.rmtree(lake)


def _by_hand(setup: pipeline.Setup, files: Sequence[Path], tables: Path) -> Cost:
    listed = tables.with_suffix(".txt")
    listed.write_text("\n".join(map(str, files)))
    return pipeline.script(setup, "others.hand_written", [listed, tables])


def _deliver(source: Path, days: Sequence[int], landing: Path) -> None:
    """Links, which are no touch to a file that no run has seen."""
    for day in days:
        path = day_file(landing, day)
        path.parent.mkdir(parents=True, exist_ok=True)  # a day that was tried leaves its folder
        os.link(day_file(source, day), path)


def _keep(records: Records, scenario: str, who: str, days: int, cost: Cost, wrong: Sequence[str] = ()) -> None:
    records.add("long", scenario=scenario, who=who, days=days, wrong=list(wrong), **cost.figures())
