"""A domain's report: the questions of its contract, asked of the lake through DuckDB, as one HTML page. No Spark.

The page stands alone: no script, no font, no image, nothing from a network. Personal data is masked as in SQL.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from lakehouse.contracts.domains import Domain
from lakehouse.contracts.lakes import Lake
from lakehouse.contracts.locations import PACKAGE
from lakehouse.contracts.reports import PlainTable, Report, Section
from lakehouse.errors import ConfigurationError
from lakehouse.ledger.book import Ledger
from lakehouse.ledger.entries import Row
from lakehouse.serving.drawings import Answer, Drawing, draw
from lakehouse.serving.figures import exact, is_number, label, unit, written
from lakehouse.serving.masks import domain_masks
from lakehouse.serving.questions import check_report, create_missing, tables_read
from lakehouse.serving.sql import QueryError, open_lake, query
from lakehouse.serving.tables import lake_tables

if TYPE_CHECKING:
    import duckdb

MOST_ROWS = 2_000
"""Rows of an answer that a page can hold and a person can read."""

_MANY_COLUMNS = 4


@dataclass(frozen=True)
class Cell:
    """A value in a table of numbers."""

    text: str
    exact: str
    number: bool


@dataclass(frozen=True)
class Numbers:
    """An answer as a table."""

    headers: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Part:
    """A section of the page."""

    name: str
    title: str
    says: str
    drawing: Drawing
    numbers: Numbers
    open: bool
    """Whether the numbers are the section and not behind a fold."""
    notes: tuple[str, ...] = ()
    failed: bool = False
    """Whether the question could not be answered; the notes say why."""

    @property
    def wide(self) -> bool:
        """Whether it needs the page's whole width."""
        many = self.open and len(self.numbers.headers) >= _MANY_COLUMNS
        return many or len(self.drawing.panels) > 1 or bool(self.drawing.tiles)


@dataclass(frozen=True)
class Page:
    """Everything that the page says."""

    title: str
    description: str
    facts: tuple[tuple[str, str], ...]
    """Lake, domain, when it was made, the last run, the newest day of data."""
    parts: tuple[Part, ...]
    masked: tuple[str, ...]
    """Tables that are masked as a whole, and why."""


def check_installed() -> None:
    """Raise ConfigurationError when what draws the page is not installed: it is a set of requirements of its own."""
    try:
        import jinja2
        import vl_convert
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"The package '{error.name}', which reports are made with, is not installed. Run 'make report' in the "
            "checkout, or install requirements/report.txt."
        ) from error
    del jinja2, vl_convert


def make_page(lake: Lake, domain: Domain, report: Report, now: datetime) -> Page:
    """Ask every question of a report; a question that fails, or has no answer yet, leaves the others alone.

    Raises ConfigurationError for a wrong report or when there is no lake, TableError for a ledger that cannot be read.
    """
    check_report(domain, report)
    tables = [table for table in lake_tables(lake) if table.domain == domain.name]
    shown = domain_masks(domain, tables)
    connection = open_lake(lake, shown, tables)
    there = {table.view for table in tables}
    create_missing(connection, domain, there)
    parts = tuple(_part(connection, name, section, there) for name, section in report.sections.items())
    return Page(report.title, report.description, tuple(_facts(lake, domain.name, now)), parts, shown.notes)


def render(page: Page) -> str:
    """The page as HTML; values from the lake are text in it, whatever they hold."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(PACKAGE / "serving"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html").render(page=page)


# --- Sections ---


def _part(connection: duckdb.DuckDBPyConnection, name: str, section: Section, there: set[str]) -> Part:
    missing = [table for table in tables_read(section) if table not in there]
    notes = [f"Not in the lake yet: {', '.join(missing)}."] if missing else []
    try:
        answer = _ask(connection, section)
    except QueryError as error:
        notes.append(f"This could not be answered: {error}")
        return _shown(name, section, Answer((), ()), notes, failed=True)
    if not answer.rows:
        notes.append("There is nothing to show: the answer has no rows.")
    return _shown(name, section, answer, notes)


def _ask(connection: duckdb.DuckDBPyConnection, section: Section) -> Answer:
    columns, rows = query(connection, section.sql)
    if len(rows) > MOST_ROWS:
        raise QueryError(f"the answer has {len(rows):,} rows, {MOST_ROWS:,} at most fit a page. Sum up, or LIMIT.")
    return Answer(tuple(columns), tuple(dict(zip(columns, row, strict=True)) for row in rows))


def _shown(name: str, section: Section, answer: Answer, notes: Sequence[str], failed: bool = False) -> Part:
    drawing = draw(section, answer)
    return Part(
        name,
        section.title,
        section.says,
        drawing,
        _numbers(section, answer),
        isinstance(section.chart, PlainTable) or bool(drawing.refused),
        tuple(note for note in (*notes, drawing.refused) if note),
        failed,
    )


def _numbers(section: Section, answer: Answer) -> Numbers:
    numeric = {name: any(is_number(row[name]) for row in answer.rows) for name in answer.columns}
    headers = []
    for name in answer.columns:
        measured = unit(section, name)
        headers.append(Cell(label(section, name) + (f" ({measured})" if measured else ""), "", numeric[name]))
    rows = [tuple(_cell(section, name, row[name], numeric[name]) for name in answer.columns) for row in answer.rows]
    return Numbers(tuple(headers), tuple(rows))


def _cell(section: Section, name: str, value: Any, numeric: bool) -> Cell:
    return Cell(written(value, section.columns.get(name)), exact(value), numeric)


# --- What the page is about ---


def _facts(lake: Lake, domain: str, now: datetime) -> Iterator[tuple[str, str]]:
    ledger = Ledger(lake, domain)
    ledger.check_format()
    yield "Domain", domain
    yield "Lake", lake.root
    yield "Data up to", _newest_day(ledger)
    yield "Last run", _last_run(ledger.rows("runs"))
    yield "Made", f"{written(now)} UTC"


def _newest_day(ledger: Ledger) -> str:
    """The newest delivery day that readers see."""
    register = ledger.deliveries()
    days: list[date] = []
    for _, delivery_id in register.published:
        day = register.latest[delivery_id].delivery_date
        days += [day] if day else []
    return written(max(days)) if days else "no delivery is published"


def _last_run(rows: Sequence[Row]) -> str:
    if not rows:
        return "none is recorded"
    last = rows[-1]
    when = f"{written(last['recorded_at'])} UTC"
    if last["state"] == "started":
        return f"began {when} and has not ended ({last['run_id']})"
    code = f", exit code {last['exit_code']}" if last["exit_code"] else ""
    return f"{last['state']} {when}{code} ({last['run_id']})"
