"""SQL over every table of a lake through DuckDB's Delta reader: no server, no JVM."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lakehouse.contracts.lakes import Lake
from lakehouse.errors import LakehouseError
from lakehouse.serving.masks import Mask, Masks, masked, masks
from lakehouse.serving.tables import LakeTable, lake_tables, nearest_table

if TYPE_CHECKING:
    # A tenth of a second that other commands do without.
    import duckdb


_UNREAD = "lakehouse_unread"
"""Variable of a connection: what is said of tables that could not be opened, by their names in SQL."""


class QueryError(LakehouseError):
    """A statement that cannot be answered."""


def open_lake(
    lake: Lake, shown: Masks | None = None, tables: Sequence[LakeTable] | None = None
) -> duckdb.DuckDBPyConnection:
    """A connection with one view per table: ``billing_gold.daily_usage`` and so on.

    Personal data is masked as the contracts say, unless ``shown`` says otherwise (``NO_MASKS``). ``tables`` are those
    that are wanted; all of the lake when absent. One that cannot be read has no view, and is told of when it is asked
    for. Raises ConfigurationError when there is no table at the lake's place.
    """
    import duckdb
    from duckdb_extensions import import_extension

    tables = lake_tables(lake) if tables is None else tables
    shown = masks(tables) if shown is None else shown
    connection = duckdb.connect()
    import_extension("delta", con=connection)
    connection.execute("LOAD delta")
    # Else days would begin at this machine's midnight, and the same question would have other answers elsewhere.
    connection.execute("SET TimeZone = 'UTC'")
    unread: dict[str, str] = {}
    for table in tables:
        try:
            _add_view(connection, table, shown.of(table))
        except duckdb.Error as error:
            # It comes with deltalake, which takes a tenth of a second.
            from lakehouse.ledger.entries import unreadable

            unread[table.view] = str(unreadable(table.path, error))
    if unread:
        connection.execute(f"SET VARIABLE {_UNREAD} = $told", {"told": json.dumps(unread)})
    return connection


def _add_view(connection: duckdb.DuckDBPyConnection, table: LakeTable, mask: Mask) -> None:
    schema = f"{table.domain}_{table.layer}"
    connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
    scan = "delta_scan('" + table.path.replace("'", "''") + "')"
    selected = "*"
    if mask != Mask():
        types = {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()}
        selected = masked(types, mask)
    connection.execute(f'CREATE VIEW "{schema}"."{table.name}" AS SELECT {selected} FROM {scan}')


def query(
    connection: duckdb.DuckDBPyConnection, statement: str, values: Mapping[str, Any] | None = None
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Column names and rows of a statement's answer; raises QueryError with the nearest view for an unknown one.

    ``values`` stand in for ``$name`` in the statement.
    """
    import duckdb

    try:
        answer = connection.execute(statement, dict(values)) if values else connection.execute(statement)
        rows = answer.fetchall() if answer else []
    except duckdb.Error as error:
        raise QueryError(_explained(connection, statement, str(error))) from error
    return [column[0] for column in connection.description or []], rows


def view_names(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Every view, as ``schema.name``."""
    rows = connection.execute(
        "SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE NOT internal ORDER BY ALL"
    ).fetchall()
    return [row[0] for row in rows]


def no_such_table(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    """The sentence about a table that is not there, with the nearest one and all that there are, or cannot be read."""
    ((told,),) = connection.execute(f"SELECT getvariable('{_UNREAD}')").fetchall()
    asked = ".".join(name.lower().split(".")[-2:])
    for view, why in json.loads(told or "{}").items():
        if f".{view.lower()}".endswith(f".{asked}"):
            return str(why)
    views = view_names(connection)
    return f"There is no table '{name}'.{nearest_table(name, views)} Tables: {', '.join(views)}."


def _explained(connection: duckdb.DuckDBPyConnection, statement: str, message: str) -> str:
    missing = re.search(r'Table with name "?([^\s"]+)"? does not exist', message)
    if missing:
        # The message leaves the schema out where that exists.
        asked = re.search(rf'(?:[\w"]+\.)*"?\b{re.escape(missing[1])}\b', statement, re.IGNORECASE)
        name = asked[0].replace('"', "") if asked else missing[1]
        return no_such_table(connection, name)
    return message.split("\n\n", maxsplit=1)[0]
