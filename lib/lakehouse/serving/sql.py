"""SQL over every table of a lake through DuckDB's Delta reader: no server, no JVM."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb

from lakehouse.contracts.lakes import Lake
from lakehouse.errors import ConfigurationError, LakehouseError, nearest

_LAYERS = ("bronze", "silver", "gold", "outranked", "quarantine", "ledger")


class QueryError(LakehouseError):
    """A statement that cannot be answered."""


def open_lake(lake: Lake) -> duckdb.DuckDBPyConnection:
    """A connection with one view per table: ``billing_gold.daily_usage`` and so on.

    Raises ConfigurationError when there is no table at the lake's place.
    """
    from duckdb_extensions import import_extension

    views = dict(_tables(lake))
    if not views:
        raise ConfigurationError(
            f"There is no lake at {lake.root}. Run 'lakehouse run DOMAIN --lake {lake.root} --landing ...' first, "
            "or name another folder with --lake."
        )
    connection = duckdb.connect()
    import_extension("delta", con=connection)
    connection.execute("LOAD delta")
    # Else days would begin at this machine's midnight, and the same question would have other answers elsewhere.
    connection.execute("SET TimeZone = 'UTC'")
    for name, path in views.items():
        schema, _, table = name.partition(".")
        connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        quoted = path.replace("'", "''")
        connection.execute(f"""CREATE VIEW "{schema}"."{table}" AS SELECT * FROM delta_scan('{quoted}')""")
    return connection


def _tables(lake: Lake) -> Iterator[tuple[str, str]]:
    root = Path(lake.root)
    for log in sorted(root.glob("*/*/*/_delta_log")):
        domain, layer, name = log.parent.relative_to(root).parts
        if layer in _LAYERS:
            yield f"{domain}_{layer}.{name}", str(log.parent)


def query(connection: duckdb.DuckDBPyConnection, statement: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Column names and rows of a statement's answer; raises QueryError with the nearest view for an unknown one."""
    try:
        answer = connection.execute(statement)
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


def _explained(connection: duckdb.DuckDBPyConnection, statement: str, message: str) -> str:
    missing = re.search(r'Table with name "?([^\s"]+)"? does not exist', message)
    if missing:
        views = view_names(connection)
        # The message leaves the schema out where that exists.
        asked = re.search(rf'(?:[\w"]+\.)*"?\b{re.escape(missing[1])}\b', statement, re.IGNORECASE)
        name = asked[0].replace('"', "") if asked else missing[1]
        by_name = {view.partition(".")[2]: view for view in views}
        return f"There is no table '{name}'.{_nearest_view(name, by_name)} Tables: {', '.join(views)}."
    return message.split("\n\n", maxsplit=1)[0]


def _nearest_view(name: str, by_name: Mapping[str, str]) -> str:
    """A name is compared with views as a whole; one without a schema, with their names alone."""
    close = nearest(name, by_name.values()) or nearest(name.rpartition(".")[2], by_name)
    found = re.search("'(.*)'", close)
    return f" Did you mean '{by_name.get(found[1], found[1])}'?" if found else ""
