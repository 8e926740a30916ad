"""The contract of one table: a frozen value per layer, checked for what can be known without data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, PlainSerializer
from pydantic_core import PydanticCustomError

from lakehouse.contracts.columns import Column, ColumnName, DeliveredColumn
from lakehouse.contracts.declaration import Declaration
from lakehouse.contracts.names import BESIDE, LAYERS, TableId
from lakehouse.contracts.rules import (
    BronzeMaintenance,
    Gate,
    Maintenance,
    QuarantineShare,
    RowCountDrop,
    RowRule,
    Threshold,
)
from lakehouse.contracts.sources import Source
from lakehouse.contracts.writes import Append, Merge, ReplaceAll, ReplacePeriods, Scd2
from lakehouse.errors import ConfigurationError


def _table_id(value: object) -> TableId:
    if isinstance(value, TableId):
        return value
    try:
        return TableId.parse(str(value), (*LAYERS, BESIDE))
    except ConfigurationError as error:
        raise PydanticCustomError("table_id", "{text}", {"text": str(error)}) from error


TableRef = Annotated[TableId, BeforeValidator(_table_id), PlainSerializer(str)]


_EXACT_DIGITS = 15
"""So many digits of a number with a point come out of YAML as they were written."""


def _parameter(value: object) -> Decimal | str:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise PydanticCustomError(
            "parameter",
            "a number or a text is expected, found {kind}. Example: parameters: {high_from: 10000}.",
            {"kind": type(value).__name__},
        )
    if isinstance(value, str):
        return value
    number = Decimal(str(value))
    if isinstance(value, float) and (not number.is_finite() or len(number.as_tuple().digits) > _EXACT_DIGITS):
        raise PydanticCustomError(
            "parameter",
            "{value} cannot be read exactly: at most 15 digits. Example: parameters: {high_from: 10000}.",
            {"value": str(value)},
        )
    return number


Parameter = Annotated[Decimal | str, BeforeValidator(_parameter), PlainSerializer(str)]
"""A number or text that a transform is given by its contract; numbers are exact, a number in quotes is text."""


class Table(Declaration):
    """What every table declares, whatever its layer."""

    id: TableRef
    file: str
    """The contract's file, for messages."""
    description: str

    @classmethod
    def _hidden(cls) -> set[str]:
        return {"id", "file"}


class BronzeTable(Table):
    """Deliveries of one source, kept as delivered."""

    example: ClassVar[str] = "description: ..., source: {kind: csv, ...}, columns: {...}"

    source: Source
    columns: dict[ColumnName, DeliveredColumn] = Field(min_length=1)
    write: Append = Append(strategy="append")
    maintain: BronzeMaintenance = BronzeMaintenance()

    def column_of(self, header_name: str) -> str | None:
        """The declared column that a header's name means, by name or alias; case and edges do not count."""
        wanted = header_name.strip().casefold()
        spellings = ((name, (name, *column.aliases)) for name, column in self.columns.items())
        return next((name for name, known in spellings if wanted in {word.strip().casefold() for word in known}), None)


class SilverTable(Table):
    """One row per key: conformed, checked, de-duplicated."""

    example: ClassVar[str] = "description: ..., inputs: {usage: billing.bronze.usage}, columns: {...}, write: {...}"

    inputs: dict[str, TableRef] = Field(min_length=1, max_length=1)
    columns: dict[ColumnName, Column] = Field(min_length=1)
    parameters: dict[ColumnName, Parameter] = {}
    """Numbers and texts for the transform, by the names of its keyword-only arguments."""
    write: Annotated[Merge | Scd2, Field(discriminator="strategy")]
    row_rules: dict[ColumnName, RowRule] = {}
    gates: tuple[Gate, ...] = ()
    quarantine_share: QuarantineShare = QuarantineShare()
    row_count_drop: RowCountDrop | None = None
    maintain: Maintenance = Maintenance()

    def conformed(self) -> Iterator[tuple[str, Column]]:
        """Columns that are read from bronze text, in order."""
        return ((n, c) for n, c in self.columns.items() if not c.sql and not c.computed)

    def sources(self) -> dict[str, str]:
        """The bronze column that each conformed column is read from."""
        owners = {name: column.null_marker_of or name for name, column in self.conformed()}
        return {name: self.columns[owner].source or owner for name, owner in owners.items()}

    def derived(self) -> Iterator[tuple[str, str]]:
        """Columns that the engine evaluates, with their SQL, in order."""
        return ((n, c.sql) for n, c in self.columns.items() if c.sql)

    @property
    def bronze(self) -> TableId:
        """The table that it is refined from."""
        return next(iter(self.inputs.values()))


class GoldTable(Table):
    """A table that is computed from others: a summary, or, in silver, a dimension that other silver tables imply."""

    example: ClassVar[str] = "description: ..., inputs: {usage: billing.silver.usage}, columns: {...}, write: {...}"

    inputs: dict[str, TableRef] = Field(min_length=1)
    columns: dict[ColumnName, Column] = Field(min_length=1)
    periods: dict[ColumnName, str] = {}
    """Partition column of this table -> ``<input>.<column>`` whose changed values are computed anew."""
    parameters: dict[ColumnName, Parameter] = {}
    """Numbers and texts for the transform, by the names of its keyword-only arguments."""
    write: Annotated[ReplacePeriods | ReplaceAll, Field(discriminator="strategy")]
    gates: tuple[Gate, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    maintain: Maintenance = Maintenance()

    def period_source(self, column: str) -> tuple[str, str]:
        """Input name and column that a period column follows."""
        source, _, name = self.periods[column].partition(".")
        return source, name


AnyTable = BronzeTable | SilverTable | GoldTable

AnyModel = type[BronzeTable] | type[SilverTable] | type[GoldTable]
MODELS: dict[str, AnyModel] = {"bronze": BronzeTable, "silver": SilverTable, "gold": GoldTable}


def model_of(layer: str, content: Mapping[str, Any]) -> AnyModel:
    """What a contract's content is to be read as: a silver table that replaces its rows is computed, as gold is."""
    write = content.get("write")
    strategy = write.get("strategy") if isinstance(write, dict) else None
    return GoldTable if layer == "silver" and strategy in ("replace_all", "replace_periods") else MODELS[layer]


def input_ids(table: AnyTable) -> tuple[TableId, ...]:
    """Tables that a table is made from; none for bronze."""
    return () if isinstance(table, BronzeTable) else tuple(table.inputs.values())


def declared_dump(table: AnyTable) -> dict[str, Any]:
    """The contract as plain data, without the file it was read from."""
    return table.model_dump(mode="json", exclude={"file"})
