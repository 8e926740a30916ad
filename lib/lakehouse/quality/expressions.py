"""SQL in contracts as Spark understands it: unknown functions and wrong types are found before there are rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pyspark.errors import AnalysisException, IllegalArgumentException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse.contracts.columns import DELIVERY_COLUMNS
from lakehouse.contracts.domains import Domain
from lakehouse.contracts.sql import conditions, derived_place
from lakehouse.contracts.tables import BronzeTable, GoldTable, SilverTable
from lakehouse.errors import ConfigurationError
from lakehouse.storage.tables import empty_rows

_NOT_UNDERSTOOD = (AnalysisException, IllegalArgumentException)


@dataclass(frozen=True)
class _Expression:
    place: str
    """File and key, for messages."""
    sql: str
    kind: str
    """The type that it has to give."""
    asked: str
    """The SQL whose type is looked at."""


def check_expressions(spark: SparkSession, domain: Domain) -> None:
    """Raise ConfigurationError for the first expression in a domain's contracts that Spark does not understand.

    One analysis a table, no job; a second look for the guilty one only when that fails.
    """
    for table in domain.tables.values():
        if isinstance(table, BronzeTable):
            continue
        expressions = list(_expressions(table))
        if expressions:
            rows = _no_rows(spark, table)
            try:
                kinds = _kinds(rows, expressions)
            except _NOT_UNDERSTOOD:
                kinds = [_kind_alone(rows, expression) for expression in expressions]
            _check_kinds(expressions, kinds)


def _expressions(table: SilverTable | GoldTable) -> Iterator[_Expression]:
    if isinstance(table, SilverTable):
        for name, sql in table.derived():
            kind = table.columns[name].type
            # A comment at the end of the SQL ends with its line.
            yield _Expression(derived_place(table, name), sql, kind, f"try_cast(({sql}\n) AS {kind})")
    for place, sql in conditions(table):
        yield _Expression(place, sql, "boolean", sql)


def _no_rows(spark: SparkSession, table: SilverTable | GoldTable) -> DataFrame:
    columns = {name: (column.type, column.description) for name, column in table.columns.items()}
    return empty_rows(spark, columns | DELIVERY_COLUMNS if isinstance(table, SilverTable) else columns)


def _kinds(rows: DataFrame, expressions: Sequence[_Expression]) -> list[str]:
    # In an array, beside a plain column: what makes several rows of one, or one of several, is not understood there.
    asked = (F.array(F.expr(one.asked)).alias(f"kind {number}") for number, one in enumerate(expressions))
    found = rows.select(rows.columns[0], *asked)
    return [kind.removeprefix("array<").removesuffix(">") for _, kind in found.dtypes[1:]]


def _kind_alone(rows: DataFrame, expression: _Expression) -> str:
    try:
        return _kinds(rows, [expression])[0]
    except _NOT_UNDERSTOOD as error:
        said = str(error).strip().splitlines()[0]
        raise ConfigurationError(
            f"{expression.place}: Spark does not understand '{expression.sql}': {said} Example: credit_usage < 0"
        ) from error


def _check_kinds(expressions: Sequence[_Expression], kinds: Sequence[str]) -> None:
    for expression, kind in zip(expressions, kinds, strict=True):
        if kind != expression.kind:
            raise ConfigurationError(
                f"{expression.place}: '{expression.sql}' gives {kind}, and true or false is needed. "
                "Example: credit_usage < 0"
            )
