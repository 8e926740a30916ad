"""Small questions of one table - how many rows, which partitions - answered by delta-rs.

It needs milliseconds where planning a query alone takes Spark a good part of a second, and reads only the columns that
are named, of the files whose partitions and ranges fit. For whole rows there is Spark.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

from deltalake import DeltaTable, QueryBuilder

from lakehouse.errors import TableError
from lakehouse.ledger.entries import in_short


def ask(path: str, statement: str) -> list[tuple[Any, ...]]:
    """The rows that a SQL statement finds in a table's newest version, which it calls ``asked``.

    Raises TableError when the table's files cannot be read.
    """
    builder = QueryBuilder().register("asked", DeltaTable(path))
    try:
        found = builder.execute(statement).read_all()
    except Exception as error:  # a data file that is gone comes as a bare Exception
        raise TableError(f"The table {path} cannot be read: {in_short(error)}.") from error
    return list(zip(*(found.column(name).to_pylist() for name in found.column_names), strict=True))


def counts_by(path: str, columns: Sequence[str], where: str) -> dict[tuple[Any, ...], int]:
    """Numbers of the rows that fulfil a condition, by the values of some columns."""
    names = ", ".join(map(_quoted, columns))
    found = ask(path, f"SELECT {names}, count(*) AS rows_found FROM asked WHERE {where} GROUP BY {names}")
    return {tuple(values): rows for *values, rows in found}


def among(column: str, values: Iterable[object]) -> str:
    """The condition that a column has one of some values, null included, with literals of their types."""
    known = set(values)
    plain = ", ".join(sorted(_literal(value) for value in known - {None}))
    parts = [f"{_quoted(column)} IN ({plain})"] if plain else []
    parts += [f"{_quoted(column)} IS NULL"] if None in known else []
    return f"({' OR '.join(parts)})" if parts else "false"


def _quoted(column: str) -> str:
    return f'"{column}"'


def _literal(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case float():
            return f"CAST('{value}' AS double)"
        case int() | Decimal():
            return str(value)
        case datetime():
            # Spark gives times of this process's zone without saying so.
            return f"CAST('{value.astimezone(timezone.utc).isoformat()}' AS timestamp)"
        case date():
            return f"DATE '{value.isoformat()}'"
    return "'" + str(value).replace("'", "''") + "'"
