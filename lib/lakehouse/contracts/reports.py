"""Reports: which questions a domain's page answers, in SQL over gold and the ledger, and how the answers are drawn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from lakehouse.contracts.columns import ColumnName
from lakehouse.contracts.declaration import Declaration
from lakehouse.contracts.domains import check_domain_name, domain_names
from lakehouse.contracts.locations import conf_dir
from lakehouse.contracts.messages import explain
from lakehouse.contracts.yaml_files import read_mapping
from lakehouse.errors import ConfigurationError

FILE = "report.yml"


class Figure(Declaration):
    """How a column of an answer is called and written."""

    example: ClassVar[str] = "credits_used: {label: Credits used, unit: credits, decimals: 2, per: currency}"

    label: str | None = None
    """Its name for readers; that of the column when absent."""
    unit: str | None = None
    decimals: Annotated[int, Field(ge=0, le=12)] | None = None
    """Digits after the point, rounded half up; all that there are when absent."""
    per: ColumnName | None = None
    """The column that says what the figure is counted in, such as its currency."""


class _Chart(Declaration):
    def figures(self) -> Iterator[tuple[str, str]]:
        """Field and column of what is measured."""
        yield from ()

    def names(self) -> Iterator[tuple[str, str]]:
        """Field and column of what the measured things are called; each row has its own combination of these."""
        yield from ()

    def columns(self) -> Iterator[tuple[str, str]]:
        """Field and column of everything that is named."""
        yield from self.names()
        yield from self.figures()

    @model_validator(mode="after")
    def _check_columns(self) -> _Chart:
        seen: dict[str, str] = {}
        for field, name in self.columns():
            if name in seen:
                raise PydanticCustomError(
                    "chart",
                    "the column '{name}' is {first} and {field} at once. Name each column once. Example: {example}",
                    {"name": name, "first": seen[name], "field": field, "example": self.example},
                )
            seen[name] = field
        return self


class _Drawing(_Chart):
    apart: ColumnName | None = None
    """A column whose values get a chart, or a group of tiles, each: figures of different ones share no axis."""

    def names(self) -> Iterator[tuple[str, str]]:
        if self.apart:
            yield "apart", self.apart


class _Plot(_Drawing):
    x: ColumnName
    y: tuple[ColumnName, ...] = Field(min_length=1)
    series: ColumnName | None = None
    """A column whose values get a colour each; with one column in ``y`` only, because several are that already."""

    def figures(self) -> Iterator[tuple[str, str]]:
        yield from (("y", name) for name in self.y)

    def names(self) -> Iterator[tuple[str, str]]:
        yield from super().names()
        yield "x", self.x
        if self.series:
            yield "series", self.series

    @model_validator(mode="after")
    def _check_series(self) -> _Plot:
        if self.series and len(self.y) > 1:
            raise PydanticCustomError(
                "chart",
                "'series' goes with one column in y, found {count}: each of several is a series already. "
                "Example: {example}",
                {"count": len(self.y), "example": self.example},
            )
        return self


class LineChart(_Plot):
    """Lines over days, periods or numbers."""

    example: ClassVar[str] = "chart: {kind: line, x: usage_date, y: [credits_used], apart: currency}"

    kind: Literal["line"]


class StackedBarChart(_Plot):
    """Bars over days or periods, made of parts that add up."""

    example: ClassVar[str] = "chart: {kind: stacked_bar, x: usage_date, y: [operations], series: operation_type}"

    kind: Literal["stacked_bar"]


class BarChart(_Drawing):
    """A bar per row with its name before and its figure behind it, in the order of the answer."""

    example: ClassVar[str] = "chart: {kind: bar, label: region, value: credits_used, apart: currency}"

    kind: Literal["bar"]
    label: ColumnName
    value: ColumnName

    def figures(self) -> Iterator[tuple[str, str]]:
        """What the bars measure."""
        yield "value", self.value

    def names(self) -> Iterator[tuple[str, str]]:
        """What the bars are called."""
        yield from super().names()
        yield "label", self.label


class Tiles(_Drawing):
    """Big figures: a tile per column in ``values``; the answer is one row, or one per value of ``apart``."""

    example: ClassVar[str] = "chart: {kind: tiles, values: [credits_used, operations], apart: currency}"

    kind: Literal["tiles"]
    values: tuple[ColumnName, ...] = Field(min_length=1)

    def figures(self) -> Iterator[tuple[str, str]]:
        """What the tiles say."""
        yield from (("values", name) for name in self.values)


class PlainTable(_Chart):
    """The whole answer as a table."""

    example: ClassVar[str] = "chart: {kind: table}"

    kind: Literal["table"]


Drawing = LineChart | BarChart | StackedBarChart | Tiles

Chart = Annotated[Drawing | PlainTable, Field(discriminator="kind")]


class Section(Declaration):
    """One question, and how its answer is shown."""

    example: ClassVar[str] = (
        "regions: {title: Regions, says: Who uses most., sql: 'SELECT region, credits_used FROM ...', "
        "chart: {kind: bar, label: region, value: credits_used}}"
    )

    title: str
    says: str
    """One sentence: what the figures are."""
    sql: str
    """A SELECT (DuckDB) over ``<domain>_gold`` and ``<domain>_ledger``."""
    chart: Chart
    columns: dict[ColumnName, Figure] = {}

    @model_validator(mode="after")
    def _check_units(self) -> Section:
        if isinstance(self.chart, PlainTable):
            return self
        measured = {name for _, name in self.chart.figures()}
        for name, figure in self.columns.items():
            if figure.per and name in measured and figure.per != self.chart.apart:
                raise PydanticCustomError(
                    "chart",
                    "'{name}' is counted per {per}, so figures of two of them have no common axis or sum. "
                    "Say in the chart: apart: {per}.",
                    {"name": name, "per": figure.per},
                )
        return self


class Report(Declaration):
    """A page about one domain."""

    example: ClassVar[str] = "title: Billing, description: Who used what., sections: {...}"

    domain: str
    file: str
    """The contract's file, for messages."""
    title: str
    description: str
    sections: dict[ColumnName, Section] = Field(min_length=1)

    @classmethod
    def _hidden(cls) -> set[str]:
        return {"domain", "file"}


def report_file(domain: str) -> Path:
    """Where the contract of a domain's report lies."""
    return conf_dir() / domain / FILE


def load_report(domain: str) -> Report:
    """The report of a domain; raises ConfigurationError listing every mistake, or when the domain declares none.

    SQL in it is not read here.
    """
    check_domain_name(domain)
    path = report_file(domain)
    if not path.is_file():
        others = [name for name in domain_names() if report_file(name).is_file()]
        raise ConfigurationError(
            f"The domain '{domain}' declares no report: there is no {path}. Domains with one: "
            f"{', '.join(others) or 'none'}. Example of a file: {Report.example}"
        )
    content = read_mapping(path)
    for key in {"domain", "file"} & set(content):
        raise ConfigurationError(f"{path}: unknown key '{key}': a report is named by its file's folder.")
    try:
        return Report.model_validate({**content, "domain": domain, "file": str(path)})
    except ValidationError as error:
        raise explain(str(path), error, Report) from error
