"""Small questions of one table - how many rows, which partitions - answered by delta-rs.

It needs milliseconds where planning a query alone takes Spark a good part of a second, and reads only the columns that
are named, of the files whose partitions and ranges fit. For whole rows there is Spark.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deltalake import DeltaTable, QueryBuilder

from lakehouse.errors import TableError
from lakehouse.ledger.entries import in_short


def ask(path: str, statement: str) -> list[tuple[Any, ...]]:
    """The rows that a SQL statement finds in a table's newest version, which it calls ``asked``.

    Raises TableError when the table's files cannot be read.
    """
    return _answered(path, statement)[1]


def ask_rows(path: str, statement: str) -> list[dict[str, Any]]:
    """The same, each row with its values by column."""
    names, rows = _answered(path, statement)
    return [dict(zip(names, row, strict=True)) for row in rows]


def _answered(path: str, statement: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    builder = QueryBuilder().register("asked", DeltaTable(path))
    try:
        found = builder.execute(statement).read_all()
    except Exception as error:  # a data file that is gone comes as a bare Exception
        raise TableError(f"The table {path} cannot be read: {in_short(error)}.") from error
    names = found.column_names
    return names, list(zip(*(found.column(name).to_pylist() for name in names), strict=True))


def counts_by(path: str, columns: Sequence[str], where: str) -> dict[tuple[Any, ...], int]:
    """Numbers of the rows that fulfil a condition, by the values of some columns."""
    names = ", ".join(f'"{name}"' for name in columns)
    found = ask(path, f"SELECT {names}, count(*) AS rows_found FROM asked WHERE {where} GROUP BY {names}")
    return {tuple(values): rows for *values, rows in found}


def texts_of(path: str, columns: Sequence[str], where: str) -> set[tuple[str | None, ...]]:
    """What values some columns have together in the rows that fulfil a condition, as texts."""
    texts = ", ".join(f'CAST("{name}" AS varchar)' for name in columns)
    return set(ask(path, f"SELECT DISTINCT {texts} FROM asked WHERE {where}"))
