"""Many days, one after the other, and what questions cost afterwards, with and without maintenance."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from statistics import median
from typing import Any

import duckdb

from benchmarks import counters, pipeline
from benchmarks.answers import Truth, differences
from benchmarks.history import session
from benchmarks.landings import day_file, kept
from benchmarks.pipeline import GOLD
from benchmarks.questions import QUESTIONS
from benchmarks.records import Records

_ASKED = 3


def measure(work: Path, records: Records, days: int, rows: int) -> None:
    """Run every day by itself, then ask ten questions of the lake as it is and of a copy that was maintained."""
    landing = kept(work / f"landing-increments-{days}x{rows}", days, rows)
    setup = pipeline.prepare(work)
    scattered, tidy = work / "increments", work / "increments-maintained"
    for folder in (scattered, tidy):
        shutil.rmtree(folder, ignore_errors=True)
    daily = _day_by_day(work, setup, landing, days, scattered)
    expected = Truth(landing, landing.with_suffix(".duckdb")).of(range(days))
    wrong = differences(expected, scattered / "billing" / "gold")
    whole = {name: round(sum(day[name] for day in daily), 1) for name in ("wall", "cpu")}
    records.add("increments", wrong=wrong, **whole, daily=daily)
    pipeline.clone(scattered, tidy)
    upkeep = pipeline.lakehouse(setup, "maintain", "billing", "--lake", tidy)
    wrong = differences(expected, tidy / "billing" / "gold")
    records.add("maintain", wrong=wrong, wall=round(upkeep.wall, 1), cpu=round(upkeep.cpu, 1))
    lakes = {"as it is": scattered, "maintained": tidy}
    for state, lake in lakes.items():
        for table, sizes in counters.table_sizes(lake).items():
            records.add("table", state=state, table=table, **sizes)
    _ask(setup, records, lakes)
    for folder in (scattered, tidy):
        shutil.rmtree(folder)


def _day_by_day(work: Path, setup: pipeline.Setup, landing: Path, days: int, lake: Path) -> list[dict[str, float]]:
    """Run each day by itself in one session, without maintenance; the wall and CPU seconds of each."""
    zone = work / "increments-landing"
    shutil.rmtree(zone, ignore_errors=True)
    steps = ["ingest", "refine", "aggregate"]
    runs = []
    for day in range(days):
        arrives = [(str(day_file(landing, day)), str(day_file(zone, day)))]
        run = {"who": "pipeline", "landing": str(zone), "lake": str(lake), "steps": steps}
        runs.append({**run, "arrives": arrives, "stay": True})
    found = session(setup, work / "runs.json", runs)
    shutil.rmtree(zone)
    return [{"wall": one["wall"], "cpu": one["cpu"]} for one in found]


def _ask(setup: pipeline.Setup, records: Records, lakes: dict[str, Path]) -> None:
    """Every question of every lake in both engines; the answers of both lakes must be the same."""
    asked = pipeline.script(setup, "asked_in_spark", [str(_ASKED), *lakes.values()])
    in_spark = json.loads(asked.printed.splitlines()[-1])
    answers: dict[str, Any] = {}
    for number, (state, lake) in enumerate(lakes.items()):
        connection = _opened(lake)
        for name, statement in QUESTIONS.items():
            rows, seconds = _timed(connection, statement)
            if answers.setdefault(name, rows) != rows:
                raise SystemExit(f"{name}: the maintained lake gives another answer")
            records.add("question", state=state, name=name, engine="DuckDB", seconds=seconds)
            records.add("question", state=state, name=name, engine="Spark", seconds=in_spark[number][name])


def _opened(lake: Path) -> duckdb.DuckDBPyConnection:
    from duckdb_extensions import import_extension

    connection = duckdb.connect()
    import_extension("delta", con=connection)
    connection.execute("LOAD delta")
    connection.execute("SET TimeZone = 'UTC'")
    for table in GOLD:
        connection.execute(f"CREATE VIEW {table} AS FROM delta_scan('{lake}/billing/gold/{table}')")
    return connection


def _timed(connection: duckdb.DuckDBPyConnection, statement: str) -> tuple[list[Any], float]:
    """The answer, and the median of the seconds after one question that is not timed."""
    rows, taken = connection.execute(statement).fetchall(), []
    for _ in range(_ASKED):
        began = time.monotonic()
        connection.execute(statement).fetchall()
        taken.append(time.monotonic() - began)
    return rows, round(median(taken), 4)
