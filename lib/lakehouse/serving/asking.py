"""What `lakehouse sql` lets people ask: questions of the lake's tables, and nothing that writes or reads elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lakehouse.serving.sql import QueryError

if TYPE_CHECKING:
    import duckdb

_ROWS_FROM_NOWHERE = {"generate_series", "generate_subscripts", "json_each", "json_tree", "range", "unnest"}
"""Table functions that read neither tables nor files."""

_EXPLAIN = re.compile(r"\s*explain(\s+analyze)?\b", re.IGNORECASE)
_PLACE = re.compile(r"[/\\.:*?]")
"""In the name of a table: DuckDB would read a file of that name."""


def check_question(connection: duckdb.DuckDBPyConnection, statement: str) -> None:
    """Raise QueryError for a statement that is more than one, that writes, or that reads anything but tables.

    What is no SQL at all passes: the answer says it better.
    """
    import duckdb

    asked = _EXPLAIN.sub("", statement, count=1)
    try:
        found = connection.extract_statements(asked)
    except duckdb.ParserException:
        return
    if len(found) > 1 and all(one.type == duckdb.StatementType.SELECT for one in found):
        raise QueryError(f"One statement at a time, found {len(found)}. Nothing was asked.")
    row = connection.execute("SELECT json_serialize_sql(?)", [asked]).fetchone()
    tree = json.loads(row[0]) if row else {}
    if tree.get("error"):
        raise QueryError(
            "Only questions are answered here: SELECT, FROM, WITH, DESCRIBE, SUMMARIZE, SHOW, EXPLAIN. "
            "Nothing was done. A PIVOT has to name its values: PIVOT ... ON column IN (...)."
        )
    for kind, name in _sources(tree):
        if (kind == "TABLE_FUNCTION" and name not in _ROWS_FROM_NOWHERE) or (
            kind == "BASE_TABLE" and _PLACE.search(name)
        ):
            raise QueryError(
                f"'{name}' is no table of the lake, and nothing else can be read here. "
                "'lakehouse sql \"show all tables\"' lists the tables. Files are for DuckDB's own command line."
            )


def _sources(node: Any) -> Iterator[tuple[str, str]]:
    """Kind and name of everything that a serialized statement reads."""
    if isinstance(node, Mapping):
        if node.get("type") == "BASE_TABLE":
            yield "BASE_TABLE", str(node.get("table_name"))
        if node.get("type") == "TABLE_FUNCTION":
            yield "TABLE_FUNCTION", str((node.get("function") or {}).get("function_name"))
        for value in node.values():
            yield from _sources(value)
    elif isinstance(node, list):
        for value in node:
            yield from _sources(value)
