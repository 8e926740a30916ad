"""What a section of a report shows beside its numbers: charts with captions and alternative texts, or tiles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import isfinite
from typing import Any

from lakehouse.contracts.reports import BarChart, LineChart, PlainTable, Section, StackedBarChart, Tiles
from lakehouse.serving.charts import COLORS, Point, bar_chart, line_chart, stacked_bar_chart
from lakehouse.serving.figures import exact, label, unit, written

_MOST_PANELS = 12
_MOST_BARS = 40
_NAMED = 3
"""How many bars an alternative text tells; all of them are in the numbers."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """What the lake says to a question."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Panel:
    """One chart."""

    caption: str
    """What is measured, and in what unit."""
    alt: str
    svg: str


@dataclass(frozen=True)
class Tile:
    """One big figure."""

    label: str
    text: str
    exact: str
    unit: str


@dataclass(frozen=True)
class TileGroup:
    """The figures of one row."""

    caption: str
    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class Drawing:
    """Everything that is drawn for a section."""

    panels: tuple[Panel, ...] = ()
    legend: tuple[str, ...] = ()
    """What the colours mean, in their order; empty when there is one."""
    tiles: tuple[TileGroup, ...] = ()
    refused: str = ""
    """Why nothing is drawn although there are rows."""


def draw(section: Section, answer: Answer) -> Drawing:
    """Draw an answer. What would be unreadable or ambiguous is not drawn, and said instead."""
    chart = section.chart
    if isinstance(chart, PlainTable) or not answer.rows:
        return Drawing()
    names = [name for _, name in chart.names()]
    doubled = _doubled(answer.rows, names)
    if doubled:
        return Drawing(refused=f"Not drawn: {doubled}.")
    groups = _groups(answer.rows, chart.apart)
    if isinstance(chart, Tiles):
        return Drawing(tiles=tuple(_tiles(section, chart, counted_in, rows[0]) for counted_in, rows in groups.items()))
    if len(groups) > _MOST_PANELS:
        return Drawing(refused=f"Not drawn: {len(groups)} charts would be needed, {_MOST_PANELS} at most are readable.")
    if isinstance(chart, BarChart):
        most = max(len(rows) for rows in groups.values())
        if most > _MOST_BARS:
            return Drawing(refused=f"Not drawn: {most} bars would be needed, {_MOST_BARS} at most are readable.")
        return Drawing(tuple(_bars(section, chart, value, rows) for value, rows in groups.items()))
    series = _series(section, chart, answer.rows)
    if len(series) > COLORS:
        return Drawing(refused=f"Not drawn: {len(series)} colours would be needed, {COLORS} at most can be told apart.")
    panels = tuple(_plot(section, chart, value, rows, series) for value, rows in groups.items())
    return Drawing(panels, tuple(series) if len(series) > 1 else ())


def _doubled(rows: Sequence[Row], names: Sequence[str]) -> str:
    """Why rows cannot be told apart, if they cannot."""
    seen: set[tuple[Any, ...]] = set()
    for row in rows:
        key = tuple(row[name] for name in names)
        if key in seen:
            told = " and ".join(f"{name} {written(value)}" for name, value in zip(names, key, strict=True))
            return f"the answer has several rows with {told}" if told else f"the answer has {len(rows)} rows, not one"
        seen.add(key)
    return ""


def _groups(rows: Iterable[Row], column: str | None) -> dict[Any, list[Row]]:
    """Rows by the value that keeps them apart, in the order of the answer."""
    found: dict[Any, list[Row]] = {}
    for row in rows:
        found.setdefault(row[column] if column else None, []).append(row)
    return found


def _caption(section: Section, column: str, apart: str | None, value: Any) -> str:
    told = unit(section, column, value)
    name = written(value) if apart and written(value) not in told else ""
    return " · ".join(part for part in (name, label(section, column), told) if part)


# --- Tiles ---


def _tiles(section: Section, chart: Tiles, counted_in: Any, row: Row) -> TileGroup:
    tiles = []
    for name in chart.values:
        text, measured = written(row[name], section.columns.get(name)), unit(section, name, counted_in)
        if measured == "%":
            text, measured = f"{text} %", ""
        tiles.append(Tile(label(section, name), text, exact(row[name]), measured))
    return TileGroup(written(counted_in) if chart.apart else "", tuple(tiles))


# --- Bars with names ---


def _bars(section: Section, chart: BarChart, counted_in: Any, rows: Sequence[Row]) -> Panel:
    figure = section.columns.get(chart.value)
    bars = [
        (written(row[chart.label]), float(row[chart.value]), written(row[chart.value], figure))
        for row in rows
        if _drawable(row[chart.value])
    ]
    caption = _caption(section, chart.value, chart.apart, counted_in)
    told = "; ".join(f"{name} {text}" for name, _, text in bars[:_NAMED])
    more = f"; and {len(bars) - _NAMED} more" if len(bars) > _NAMED else ""
    alt = f"Bars of {caption} by {label(section, chart.label).lower()}: {told}{more}."
    return Panel(caption, alt, bar_chart(bars) if bars else "")


# --- Plots ---


def _series(section: Section, chart: LineChart | StackedBarChart, rows: Sequence[Row]) -> list[str]:
    """What gets a colour, in the order of the answer, the same in every panel."""
    if chart.series:
        return list(dict.fromkeys(written(row[chart.series]) for row in rows))
    return [label(section, name) for name in chart.y]


def _plot(
    section: Section, chart: LineChart | StackedBarChart, counted_in: Any, rows: Sequence[Row], series: Sequence[str]
) -> Panel:
    points = list(_points(section, chart, rows))
    stacked = isinstance(chart, StackedBarChart)
    caption = _caption(section, chart.y[0], chart.apart, counted_in)
    if len(chart.y) > 1:
        told = unit(section, chart.y[0], counted_in)
        name = written(counted_in) if chart.apart and written(counted_in) not in told else ""
        caption = " · ".join(part for part in (name, told[:1].upper() + told[1:]) if part)
    return Panel(
        caption,
        _plot_alt(section, chart, caption, points, series),
        (stacked_bar_chart if stacked else line_chart)(points, series) if points else "",
    )


def _points(section: Section, chart: LineChart | StackedBarChart, rows: Iterable[Row]) -> Iterator[Point]:
    for row in rows:
        for name in chart.y:
            if _drawable(row[name]):
                series = written(row[chart.series]) if chart.series else label(section, name)
                x = row[chart.x]
                yield Point(x if isinstance(x, date) else written(x), float(row[name]), series)


def _drawable(value: Any) -> bool:
    return value is not None and isfinite(value)


def _plot_alt(
    section: Section,
    chart: LineChart | StackedBarChart,
    caption: str,
    points: Sequence[Point],
    series: Sequence[str],
) -> str:
    what = "Stacked bars" if isinstance(chart, StackedBarChart) else "Lines" if len(series) > 1 else "Line"
    measured = " and ".join(label(section, name).lower() for name in chart.y) if len(chart.y) > 1 else caption
    text = f"{what} of {measured} by {label(section, chart.x).lower()}"
    if not points:
        return f"{text}: no values."
    text += f", from {written(points[0].x)} to {written(points[-1].x)}"
    if len(series) > 1:
        return f"{text}, for {', '.join(series)}."
    figure = section.columns.get(chart.y[0])
    low, high = (choose(points, key=lambda point: point.y) for choose in (min, max))
    return (
        f"{text}; lowest {written(low.y, figure)} ({written(low.x)}), highest {written(high.y, figure)} "
        f"({written(high.x)})."
    )
