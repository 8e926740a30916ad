"""Charts as SVG: what is in them, and that nothing in the data can break out of a text."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from datetime import date
from typing import Any

import pytest

from lakehouse.serving.charts import Point, bar_chart, line_chart, stacked_bar_chart

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "</text></svg><script>alert(1)</script>\"'&\u0007"


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}text")]


def marks(svg: str, kind: str) -> list[dict[str, str]]:
    """Bars or lines with the attributes of their paths."""
    groups = [group for group in ET.fromstring(svg).iter(f"{SVG}g") if kind in group.get("class", "").split()]
    return [path.attrib for group in groups for path in group.iter(f"{SVG}path")]


def heights(svg: str) -> list[float]:
    """Heights of upright bars, from their paths."""
    return [
        round(float(found), 3) for mark in marks(svg, "mark-rect") for found in re.findall(r"v([\d.]+)h", mark["d"])
    ]


def test_bars_stand_in_the_order_of_the_answer_with_their_figures() -> None:
    svg = bar_chart([("eu", 200.0, "200.00"), ("us", 50.0, "50.00"), ("ap", 100.0, "100.00")])
    assert texts(svg) == ["eu", "us", "ap", "200.00", "50.00", "100.00"]
    widths = [float(found) for mark in marks(svg, "mark-rect") for found in re.findall(r"h([\d.]+)v", mark["d"])]
    assert [round(width / widths[0], 6) for width in widths] == [1.0, 0.25, 0.5]


@pytest.mark.parametrize("values", [[0.0, 0.0], [-5.0, 3.0], [-5.0, -1.0]])
def test_bars_of_nothing_and_of_less_than_nothing_are_drawn(values: list[float]) -> None:
    svg = bar_chart([(str(value), value, str(value)) for value in values])
    assert len(marks(svg, "mark-rect")) == len(values)


def test_long_names_that_begin_alike_stay_two_bars() -> None:
    name = "a name that is much longer than there is room for"
    svg = bar_chart([(name, 2.0, "2"), (f"{name}, too", 1.0, "1")])
    assert [text.rstrip("\u200b") for text in texts(svg)] == ["a name that is much lon…"] * 2 + ["2", "1"]
    assert len(marks(svg, "mark-rect")) == 2


def test_figures_behind_the_bars_stay_inside() -> None:
    svg = bar_chart([("a name of twenty-four le", 9e11, "900,000,000,000.25"), ("b", 1.0, "1.00")])
    (width,) = [float(found) for found in re.findall(r'^<svg [^>]*width="([\d.]+)"', svg)]
    ends = [float(found) for mark in marks(svg, "mark-rect") for found in re.findall(r"h([\d.]+)v", mark["d"])]
    left = max(float(found) for found in re.findall(r'<g [^>]*transform="translate\(([\d.]+),', svg))
    assert left + max(ends) + 5 + len("900,000,000,000.25") * 7 <= width


def day(number: int, value: float, series: str = "a") -> Point:
    return Point(date(2025, 1, number), value, series)


def test_stacked_bars_add_up_and_show_days_without_one() -> None:
    svg = stacked_bar_chart([day(1, 30), day(1, 10, "b"), day(3, 20), day(3, 20, "b")], ["a", "b"])
    assert [text for text in texts(svg) if "Jan" in text] == ["01 Jan", "02 Jan", "03 Jan"]
    tallest = max(heights(svg))
    assert sorted(round(height / tallest, 3) for height in heights(svg)) == [0.333, 0.667, 0.667, 1.0]
    assert [mark["fill"] for mark in marks(svg, "mark-rect")] == ["var(--c1)", "var(--c2)"] * 2


def test_the_first_series_is_at_the_bottom() -> None:
    svg = stacked_bar_chart([day(1, 1, "a"), day(1, 3, "z")], ["z", "a"])
    tops = {mark["fill"]: float(re.findall(r"^M[\d.]+,([\d.]+)", mark["d"])[0]) for mark in marks(svg, "mark-rect")}
    assert tops["var(--c2)"] < tops["var(--c1)"]


def test_bars_of_days_far_apart_stand_beside_each_other() -> None:
    svg = stacked_bar_chart([day(1, 1), Point(date(2025, 9, 30), 1, "a")], ["a"])
    assert [text for text in texts(svg) if text[0] in "03"][:2] == ["01 Jan", "30 Sep"]


def test_lines_have_the_colours_of_their_series() -> None:
    svg = line_chart([day(1, 1), day(2, 2), day(1, 5, "b"), day(2, 6, "b")], ["a", "b"])
    assert [mark["stroke"] for mark in marks(svg, "mark-line")] == ["var(--c1)", "var(--c2)"]
    assert {text for text in texts(svg) if "Jan" in text} == {"01 Jan", "02 Jan"}


def test_a_day_is_the_same_wherever_the_page_is_made() -> None:
    code = """\
from datetime import date
from lakehouse.serving.charts import Point, line_chart
print(line_chart([Point(date(2025, 1, number), 1.0, "a") for number in (1, 2, 3)], ["a"]))
"""
    west = {**os.environ, "TZ": "America/New_York"}
    made = subprocess.run([sys.executable, "-c", code], env=west, capture_output=True, text=True, check=True)
    assert [text for text in texts(made.stdout) if "a" in text or "e" in text] == ["01 Jan", "02 Jan", "03 Jan"]


def test_periods_keep_the_order_of_the_answer() -> None:
    points = [Point(period, 1.0, "a") for period in ("2004-W52", "2004-W53", "2005-W01")]
    shown = [text for text in texts(line_chart(points, ["a"])) if "W" in text]
    assert shown == ["2004-W52", "2004-W53", "2005-W01"]


def test_large_figures_are_short_on_the_axis() -> None:
    shown = texts(line_chart([day(1, 0), day(2, 40_000)], ["a"]))
    assert {"0", "10k", "40k"} <= set(shown)


DRAWN: list[Any] = [
    lambda text: bar_chart([(text, 1.0, text)]),
    lambda text: line_chart([Point(text, 1.0, text)], [text]),
    lambda text: stacked_bar_chart([Point(text, 1.0, text)], [text]),
]


@pytest.mark.parametrize("draw", DRAWN, ids=["bars", "line", "stacked bars"])
def test_texts_stay_texts(draw: Any) -> None:
    svg = draw(HOSTILE)
    assert "<script" not in svg
    assert any("alert(1)" in text or text.startswith("</text>") for text in texts(svg))
    names = {element.tag.removeprefix(SVG) for element in ET.fromstring(svg).iter()}
    assert names <= {"svg", "g", "path", "line", "text", "rect"}
