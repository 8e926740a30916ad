"""Charts as SVG without scripts, whose colours and fonts are those of the page around them.

Vega-Lite draws them (through vl-convert: no browser, no network). Columns go by neutral names there, because Vega-Lite
reads dots and brackets in names as paths; and values are only ever data, never a part of an expression.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any

COLORS = 8
"""How many colours the page's style has: --c1 and so on. More are not told apart."""

_WIDTH, _HEIGHT, _BAR_STEP = 400, 220, 26
_MANY_POINTS = 40
_MOST_LABELS = 5
_LONGEST_LABEL = 24
_LETTER = 7.4
"""Pixels that a letter takes at most: readers' fonts are wider than the one that the drawing is measured with."""

_LARGE = 10_000
_IN_FULL = "format(datum.value, ',~f')"
_IN_SHORT = "datum.value == 0 ? '0' : format(datum.value, '~s')"
_ONE_YEAR = timedelta(days=366)
_MOST_OF_TIME = 4
"""How many days there may be for each that has a bar, for the others to be shown as gaps."""

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_CONFIG = {
    "aria": False,  # the page describes the chart as a whole
    "font": "sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelFontSize": 12, "labelColor": "var(--muted)", "gridColor": "var(--line)", "domainColor": "var(--line)",
        "tickColor": "var(--line)", "labelLimit": 0, "title": None,
    },
}  # fmt: skip


@dataclass(frozen=True)
class Point:
    """A mark of a plot."""

    x: date | str
    """A day or moment, or the name of a period or thing."""
    y: float
    series: str


def line_chart(points: Sequence[Point], series: Sequence[str]) -> str:
    """Lines over ``x``, in the colours of their place in ``series``."""
    mark = {"type": "line", "strokeWidth": 2, "point": len(points) <= _MANY_POINTS * len(series)}
    days = [point.x for point in points if isinstance(point.x, date)]
    if len(days) < len(points):
        return _svg(_plot(points, series, mark, _in_order([point.x for point in points])))
    # A day is where it is in time: a gap in the days is one in the picture.
    moments = sorted({_epoch(day) for day in days})
    axis = {"values": _some(moments), "format": _day_format(days), "labelFlush": True}
    return _svg(_plot(points, series, mark, {"type": "temporal", "scale": {"type": "utc"}, "axis": axis}))


def stacked_bar_chart(points: Sequence[Point], series: Sequence[str]) -> str:
    """Bars over ``x`` whose parts are stacked in the order of ``series``."""
    days = [point.x for point in points if isinstance(point.x, date)]
    dated = len(days) == len(points)
    along = _in_order(_without_gaps(days) if dated else [point.x for point in points])
    if dated:
        along["axis"]["labelExpr"] = f"utcFormat(toDate(datum.value), '{_day_format(days)}')"
    spec = _plot(points, series, {"type": "bar"}, along)
    spec["encoding"]["order"] = {"field": "place", "type": "quantitative"}
    return _svg(spec)


def bar_chart(bars: Sequence[tuple[str, float, str]]) -> str:
    """A bar per name, with its figure as it is written behind it."""
    rows: list[dict[str, Any]] = []
    for name, value, text in bars:
        shown = name if len(name) <= _LONGEST_LABEL else f"{name[: _LONGEST_LABEL - 1]}…"
        # Names that look alike when they are shortened are two all the same: what tells them apart takes no room.
        twins = sum(row["label"].rstrip("\u200b") == shown for row in rows)
        rows.append({"label": shown + "\u200b" * twins, "value": value, "text": text})
    low, high = min(0.0, *(value for _, value, _ in bars)), max(0.0, *(value for _, value, _ in bars))
    room = max(len(row["label"]) for row in rows) * _LETTER
    # The longest bar leaves room for the figures behind the bars.
    behind = max(len(text) for _, _, text in bars) * _LETTER + 10
    width = max(_WIDTH - room - 20, behind * 1.5)
    scale = {"domain": [low, low + (high - low) * width / (width - behind) or 1], "nice": False}
    name_axis = {"ticks": False, "domain": False, "minExtent": room, "labelPadding": 6}
    figure = {"type": "text", "align": "left", "dx": 5, "fontSize": 12, "color": "var(--ink)"}
    return _svg(
        {
            "height": _BAR_STEP * len(bars) + 10,
            "data": {"values": rows},
            "encoding": {
                "y": {"field": "label", "type": "nominal", "sort": None, "axis": name_axis},
                "x": {"field": "value", "type": "quantitative", "axis": None, "scale": scale},
            },
            "layer": [
                {"mark": {"type": "bar", "color": "var(--c1)", "height": {"band": 0.7}}},
                {"mark": figure, "encoding": {"text": {"field": "text"}}},
            ],
        }
    )


def _plot(points: Sequence[Point], series: Sequence[str], mark: dict[str, Any], x: dict[str, Any]) -> dict[str, Any]:
    rows = [
        {"x": _data(point.x), "y": point.y, "series": point.series, "place": series.index(point.series)}
        for point in points
    ]
    large = _highest(points) >= _LARGE
    y_axis = {"tickCount": 5, "domain": False, "ticks": False, "labelExpr": _IN_SHORT if large else _IN_FULL}
    colors = [f"var(--c{number + 1})" for number in range(len(series))]
    color = {"field": "series", "type": "nominal", "legend": None, "scale": {"domain": [*series], "range": colors}}
    return {
        "height": _HEIGHT,
        "data": {"values": rows},
        "mark": mark,
        "encoding": {
            "x": {"field": "x", **x, "axis": {"labelAngle": 0, "grid": False, **x["axis"]}},
            "y": {"field": "y", "type": "quantitative", "axis": y_axis},
            "color": color,
        },
    }


def _highest(points: Sequence[Point]) -> float:
    """The highest point or stack, roughly: what decides how the axis is labelled."""
    return max((abs(point.y) for point in points), default=0.0)


def _in_order(values: Sequence[date | str]) -> dict[str, Any]:
    """An axis of things beside each other, as they come."""
    domain = list(dict.fromkeys(_data(value) for value in values))
    return {"type": "ordinal", "scale": {"domain": domain, "padding": 0.2}, "axis": {"values": _some(domain)}}


def _without_gaps(days: Sequence[date]) -> list[date]:
    """The days with those between them, so that a day without a bar is seen; as they are when most would be missing."""
    first, last, there = min(days), max(days), sorted(set(days))
    many = (last - first).days + 1
    if any(isinstance(day, datetime) for day in days) or many > _MOST_OF_TIME * len(there):
        return there
    return [first + timedelta(days=number) for number in range(many)]


def _some(values: Sequence[Any]) -> list[Any]:
    """As many of the values as have room for their labels, evenly apart."""
    step = -(-len(values) // _MOST_LABELS)
    return list(values[::step])


def _day_format(days: Sequence[date]) -> str:
    return "%d %b" if _epoch(max(days)) - _epoch(min(days)) <= _ONE_YEAR.total_seconds() * 1000 else "%b %Y"


def _epoch(moment: date) -> int:
    """Milliseconds, as Vega counts time."""
    start = moment if isinstance(moment, datetime) else datetime(moment.year, moment.month, moment.day)
    return round((start if start.tzinfo else start.replace(tzinfo=timezone.utc)).timestamp() * 1000)


def _data(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _svg(spec: dict[str, Any]) -> str:
    import vl_convert

    whole = {"width": _WIDTH, "background": None, "autosize": {"type": "fit", "contains": "padding"}, "padding": 4}
    return vl_convert.vegalite_to_svg({**whole, "config": _CONFIG, **_legible(spec)})


def _legible(value: Any) -> Any:
    """The same without characters that XML cannot hold: one of them would end this process, not only the drawing."""
    match value:
        case str():
            return _NOT_XML.sub("\ufffd", value)
        case dict():
            return {name: _legible(item) for name, item in value.items()}
        case list():
            return [_legible(item) for item in value]
    return value
