"""The page: tables and plots of the figures, and which goals are met."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.counters import COUNTERS
from benchmarks.records import Found, middle, names, of
from benchmarks.summaries import Growth, goals, growths, ratio
from lakehouse.serving.charts import Point, bar_chart, line_chart

_WHO = ("pipeline", "hand-written")


@dataclass(frozen=True)
class Plot:
    """A drawing, and the names of its series in the order of their colours."""

    title: str
    svg: str
    series: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """A heading, a table, plots."""

    title: str
    says: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    plots: tuple[Plot, ...] = ()


def write_page(content: Found, to: Path) -> None:
    """Write all that was measured so far as one HTML file that loads nothing."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=folder, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    page = environment.get_template("page.html").render(
        machine=_machine(content), options=content["options"], sections=[s for s in sections(content) if s.rows]
    )
    to.write_text(page, "utf-8")


def _machine(content: Found) -> Found:
    """The machine, and how many processes wanted to run at a time: more than cores, and wall seconds say little."""
    loads = [one["load"] for one in content["measurements"] if "load" in one]
    return {**content["machine"], **({"load": f"{min(loads)} to {max(loads)}"} if loads else {})}


def sections(content: Found) -> list[Section]:
    """Everything that the page shows; a section without rows was not measured."""
    return [
        _goals(content),
        _full(content),
        _scenarios(content),
        *(_alone(content, kind) for kind in _PROCESSES),
        _exponents(content, "pipeline"),
        _exponents(content, "hand-written"),
        _tables(content),
        _questions(content),
        _startup(content),
    ]


def _goals(content: Found) -> Section:
    rows = [(goal.what, goal.limit, _number(goal.found), goal.verdict) for goal in goals(content)]
    return Section("Goals", "At most the limit.", ("goal", "limit", "found", ""), rows)


def _full(content: Found) -> Section:
    runs, options = of(content, "full"), content["options"]
    whole = {who: [one for one in runs if one["who"] == who] for who in names(runs, "who")}
    copy = middle(whole.get("bare copy", []), "wall")
    rows, bars = [], []
    for who, mine in whole.items():
        wall = middle(mine, "wall")
        right = "" if who == "bare copy" else f"{sum(not one['wrong'] for one in mine)} of {len(mine)}"
        figures = [middle(mine, name) for name in ("wall", "cpu", "peak_mb")]
        rows.append((who, *map(_number, figures), _number(ratio(wall, copy)), right))
        if wall is not None:
            bars.append((who, wall, f"{wall:.1f} s"))
    says = (
        f"{options['days']} days of {options['rows']:,} rows with 1 % dirt, medians of {options['repeats']}; "
        "only runs whose four gold tables equal the independent computation count."
    )
    columns = ("who", "wall s", "CPU s", "peak MB", "times the copy", "equal")
    return Section("Full load", says, columns, rows, (Plot("Wall seconds", bar_chart(bars)),) if bars else ())


def _scenarios(content: Found) -> Section:
    runs = of(content, "history")
    rows = []
    for scenario in names(runs, "scenario"):
        for who in _WHO:
            for days in names(runs, "days"):
                mine = [one for one in runs if (one["scenario"], one["who"], one["days"]) == (scenario, who, days)]
                if mine:
                    counters = [{**one["counters"], "wrong": one["wrong"]} for one in mine]
                    read = [middle(counters, name) for name in ("bytes_read", "rows_read", "bytes_written")]
                    files = [middle(counters, name) for name in ("files_added", "files_removed")]
                    right = f"{sum(not one['wrong'] for one in mine)} of {len(mine)}"
                    costs = [middle(mine, name) for name in ("wall", "cpu")]
                    rows.append((scenario, who, days, *map(_number, [*costs, *read, *files]), right))
    columns = ("scenario", "who", "days before", "wall s", "CPU s", "bytes read", "rows read", "bytes written",
               "files added", "files removed", "equal")  # fmt: skip
    says = f"Days of {content['options']['history_rows']:,} rows on ever longer histories."
    plots = [
        Plot(title, _lines(found), tuple(names([vars(one) for one in found], "scenario")))
        for title, found in (
            ("CPU seconds of the pipeline by days of history", growths(content, "pipeline", ["cpu"])),
            ("CPU seconds of the hand-written job", growths(content, "hand-written", ["cpu"])),
            ("Rows that the pipeline reads", growths(content, "pipeline", ["rows_read"])),
            ("Rows that the hand-written job reads", growths(content, "hand-written", ["rows_read"])),
        )
        if found
    ]
    return Section("With more history", says, columns, rows, tuple(plots))


_PROCESSES = {
    "alone": "Days of {history_rows:,} rows, with the start of Python and of Spark.",
    "long": "Days of {long_rows:,} rows; the tables of both are compared with each other.",
}


def _alone(content: Found, kind: str) -> Section:
    rows = [
        (one["scenario"], one["who"], one["days"], *map(_number, (one["wall"], one["cpu"], one["peak_mb"])),
         "; ".join(one["wrong"]) or "yes")
        for one in of(content, kind)
    ]  # fmt: skip
    columns = ("scenario", "who", "days before", "wall s", "CPU s", "peak MB", "equal")
    title = "As a process of its own" + (", with days of full size" if kind == "long" else "")
    return Section(title, _PROCESSES[kind].format(**content["options"]), columns, rows)


def _lines(found: Iterable[Growth]) -> str:
    points = [
        Point(str(days), value, one.scenario) for one in found for days, value in zip(one.days, one.values, strict=True)
    ]
    return line_chart(points, list(dict.fromkeys(point.series for point in points)))


def _exponents(content: Found, who: str) -> Section:
    rows = [
        (
            one.scenario,
            one.figure,
            *map(_number, (one.fitted.constant, one.fitted.per_day)),
            f"{one.fitted.exponent:.3f}",
        )
        for one in growths(content, who, ("cpu", "wall", *COUNTERS))
    ]
    says = "Least squares of constant + k times days, and the slope of log(cost) over log(days)."
    return Section(f"Growth: {who}", says, ("scenario", "figure", "constant", "k", "exponent"), rows)


def _tables(content: Found) -> Section:
    rows = [
        (one["table"], one["state"], one["files"], one["bytes"], one["log_files"], one["log_bytes"])
        for one in sorted(of(content, "table"), key=lambda one: (one["table"], one["state"]))
    ]
    says = "; ".join(
        f"{kind}: {one['wall']:.0f} s, {one['cpu']:.0f} CPU s{'; TABLES DIFFER' if one['wrong'] else ''}"
        for kind in ("increments", "maintain")
        for one in of(content, kind)
    )
    columns = ("table", "lake", "files", "bytes", "log files", "log bytes")
    return Section("Many days one by one", says, columns, rows, _daily(content))


def _daily(content: Found) -> tuple[Plot, ...]:
    days = [day for one in of(content, "increments") for day in one["daily"]]
    if len(days) < 2:
        return ()
    points = [Point(str(number), day["cpu"], "CPU s") for number, day in enumerate(days[1:], start=2)]
    return (Plot("CPU seconds of each day's run, from the second on", line_chart(points, ["CPU s"])),)


def _questions(content: Found) -> Section:
    asked = of(content, "question")
    rows = []
    for name in names(asked, "name"):
        by = {(one["engine"], one["state"]): one["seconds"] for one in asked if one["name"] == name}
        rows.append(
            (name, *(by[engine, state] for engine in ("DuckDB", "Spark") for state in ("as it is", "maintained")))
        )
    columns = ("question", "DuckDB, as it is", "DuckDB, maintained", "Spark, as it is", "Spark, maintained")
    return Section("Ten questions", "Seconds, medians of three, warm.", columns, rows)


def _startup(content: Found) -> Section:
    commands, runs = of(content, "command"), of(content, "first rows")
    rows: list[tuple[Any, ...]] = [
        (f"lakehouse {name}", _number(middle(mine, "wall")), _number(middle(mine, "cpu")))
        for name in names(commands, "name")
        for mine in ([one for one in commands if one["name"] == name],)
    ]
    rows += [(f"make run: first rows in {layer}", _number(middle(runs, layer)), "") for layer in _LAYERS if runs]
    rows += [("make run: all", _number(middle(runs, "wall")), _number(middle(runs, "cpu")))] if runs else []
    return Section("How long one waits", "Medians.", ("what", "wall s", "CPU s"), rows)


_LAYERS: Sequence[str] = ("bronze", "silver", "gold")


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.2f}"
