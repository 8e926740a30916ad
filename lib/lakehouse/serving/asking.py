"""What `lakehouse sql` lets people ask: questions of the lake's tables, and nothing that writes or reads elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lakehouse.serving.sql import QueryError, no_such_table

if TYPE_CHECKING:
    import duckdb

_ROWS_FROM_NOWHERE = {"generate_series", "generate_subscripts", "json_each", "json_tree", "range", "unnest"}
"""Table functions that read neither tables nor files."""

_OPTION = r"(?:analyze|format)(?:\s+(?:\w+|'\w+'))?"
_EXPLAIN = re.compile(rf"\s*explain\b(?:\s+analyze\b|\s*\(\s*{_OPTION}(?:\s*,\s*{_OPTION})*\s*\))?", re.IGNORECASE)
_PLACE = re.compile(r"[/\\.:*?]")
"""In the name of a table: DuckDB would read a file of that name."""


def check_question(connection: duckdb.DuckDBPyConnection, statement: str) -> None:
    """Raise QueryError for a statement that is more than one, that writes, or that reads anything but tables.

    What is no SQL at all passes: the answer says it better.
    """
    import duckdb

    try:
        found = connection.extract_statements(statement)
    except duckdb.ParserException:
        return
    if not found:
        return
    kinds = {one.type for one in found}
    if len(found) > 1 and kinds <= {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}:
        raise QueryError(f"One statement at a time, found {len(found)}. Nothing was asked.")
    asked = statement
    if kinds == {duckdb.StatementType.EXPLAIN}:
        # ANALYZE carries out what it explains, so that this is looked at: what follows the word at the very beginning.
        # After a comment there the rest would have to be read as DuckDB reads it.
        explains = _EXPLAIN.match(statement)
        asked = statement[explains.end() :] if explains else ""
    row = connection.execute("SELECT json_serialize_sql(?)", [asked]).fetchone()
    tree = json.loads(row[0]) if row else {}
    if tree.get("error") or len(tree.get("statements", ())) != 1:
        raise QueryError(
            "Only questions are answered here: SELECT, FROM, WITH, DESCRIBE, SUMMARIZE, SHOW, EXPLAIN. "
            "Nothing was done. A PIVOT has to name its values: PIVOT ... ON column IN (...)."
        )
    known = _views(connection)
    for kind, name in _sources(tree):
        if kind == "TABLE_FUNCTION":
            refused = name[-1] not in _ROWS_FROM_NOWHERE
        else:
            # DuckDB reads the file `a/b.csv` for "a/b".csv and for "a/b.csv", unless there is such a table.
            refused = any(_PLACE.search(part) for part in name)
        if refused:
            raise QueryError(
                f"'{'.'.join(name)}' is no table of the lake, and nothing else can be read here. "
                "'lakehouse sql \"show all tables\"' lists the tables. Files are for DuckDB's own command line."
            )
        if kind == "BASE_TABLE" and len(name) > 1 and tuple(part.lower() for part in name[-2:]) not in known:
            raise QueryError(no_such_table(connection, ".".join(name)))


def _views(connection: duckdb.DuckDBPyConnection) -> set[tuple[str, str]]:
    """Schema and name of everything that can be read, DuckDB's own views among them, in lower case."""
    rows = connection.execute("SELECT lower(schema_name), lower(view_name) FROM duckdb_views()").fetchall()
    return {(schema, name) for schema, name in rows}


def _sources(node: Any) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Kind, and parts of the name, of everything that a serialized statement reads."""
    if isinstance(node, Mapping):
        if node.get("type") in ("BASE_TABLE", "SHOW_REF"):
            parts = (str(node.get(f"{part}_name") or "") for part in ("catalog", "schema", "table"))
            yield node["type"], tuple(part for part in parts if part)
        if node.get("type") == "TABLE_FUNCTION":
            yield "TABLE_FUNCTION", (str((node.get("function") or {}).get("function_name")),)
        for value in node.values():
            yield from _sources(value)
    elif isinstance(node, list):
        for value in node:
            yield from _sources(value)
