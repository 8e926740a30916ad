"""What a page says about figures: medians of right runs only, ratios, fits, goals; and that it can be written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.page import write_page
from benchmarks.records import middle
from benchmarks.summaries import goals, growths


def full(who: str, wall: float, wrong: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"kind": "full", "who": who, "repeat": 0, "wrong": list(wrong), "wall": wall, "cpu": 2 * wall, "peak_mb": 9}


def history(who: str, days: int, cpu: float, rows: int, wrong: tuple[str, ...] = ()) -> dict[str, Any]:
    counters = {
        "bytes_read": 100, "rows_read": rows, "bytes_written": 5, "rows_written": 5, "shuffled_bytes": 0, "tasks": 4,
        "files_added": 1, "files_removed": 0, "bytes_added": 10, "bytes_removed": 0, "commits": 1,
    }  # fmt: skip
    return {
        "kind": "history", "who": who, "scenario": "one more day", "days": days, "repeat": 0, "wrong": list(wrong),
        "wall": cpu, "cpu": cpu, "peak_mb": 9, "counters": counters,
    }  # fmt: skip


CONTENT: dict[str, Any] = {
    "machine": {"date": "2025-01-01", "cores": 2},
    "options": {"days": 2, "rows": 100, "repeats": 3, "history_rows": 50, "long_rows": 5_000},
    "measurements": [
        full("bare copy", 10), full("pipeline", 45), full("pipeline", 35), full("pipeline", 40),
        full("pipeline", 1, wrong=("daily_usage: 1 rows missing",)), full("hand-written", 80),
        *(history("pipeline", days, 20, 7) for days in (30, 120, 480)),
        *(history("hand-written", days, 10 + days, 50 * days) for days in (30, 120, 480)),
        history("pipeline", 480, 9000, 9000, wrong=("daily_usage is missing",)),
        {**history("pipeline", 480, 70, 0), "kind": "alone"},
        *({**history("pipeline", days, 8 + days / 60, 0), "kind": "long"} for days in (30, 480)),
        {**history("hand-written", 480, 160, 0), "kind": "long"},
        {"kind": "increments", "wrong": [], "wall": 9.0, "cpu": 9.0, "daily": [{"cpu": 9}, {"cpu": 3}, {"cpu": 3}]},
        {"kind": "table", "state": "as it is", "table": "g/t", "files": 9, "bytes": 9, "log_files": 3, "log_bytes": 3},
        {"kind": "command", "name": "sql", "wall": 1.6, "cpu": 1.0},
    ],
}  # fmt: skip


def test_a_timing_whose_tables_are_wrong_does_not_count() -> None:
    assert middle([one for one in CONTENT["measurements"] if one.get("who") == "pipeline"][:4], "wall") == 40


def test_goals_are_met_missed_or_not_measured() -> None:
    found = {goal.what: (goal.found, goal.verdict) for goal in goals(CONTENT)}
    assert found["full load: times the bare copy, by wall seconds"] == (4.0, "met")
    assert found["full load: times the hand-written job, by CPU seconds"] == (0.5, "met")
    assert found["lakehouse sql, without a JVM: seconds"] == (1.6, "missed")
    assert found["lakehouse plan, without a JVM: seconds"] == (None, "not measured")
    assert found["one more day after 480, in a warm session: times the hand-written job, by wall seconds"] == (
        20 / 490,
        "met",
    )
    assert found["one more day after 480, of full size: times the hand-written job, by wall seconds"] == (0.1, "met")
    assert found["one more day: exponent of CPU seconds"] == (0, "met")


def test_growth_is_told_apart_by_who_and_figure() -> None:
    (cpu, rows) = growths(CONTENT, "hand-written", ["cpu", "rows_read"])
    assert (cpu.days, cpu.values) == ((30, 120, 480), (40, 130, 490))
    assert (cpu.fitted.constant, cpu.fitted.per_day) == pytest.approx((10, 1))
    assert rows.fitted.exponent == pytest.approx(1)
    assert growths(CONTENT, "pipeline", ["rows_read"])[0].values == (7, 7, 7)


def test_the_page_shows_what_there_is(tmp_path: Path) -> None:
    write_page(CONTENT, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert page.count("<h2>") == 9  # no questions were asked
    assert "<td>one more day</td><td>pipeline</td><td>480</td><td>70</td><td>70</td><td>9</td><td>yes</td>" in page
    assert page.count("<svg") == 6
    assert "<td>pipeline</td><td>40</td><td>80</td><td>9</td><td>4</td><td>3 of 4</td>" in page
    assert "<td>full load: times the bare copy, by wall seconds</td><td>5.0</td><td>4</td><td>met</td>" in page


def test_a_page_about_nothing_can_be_written(tmp_path: Path) -> None:
    write_page({**CONTENT, "measurements": []}, tmp_path / "report.html")
    assert "not measured" in (tmp_path / "report.html").read_text("utf-8")
