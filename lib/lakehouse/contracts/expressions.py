"""SQL in contracts, parsed without Spark so that unknown columns and syntax errors are found by ``validate``."""

from __future__ import annotations

import logging
from collections.abc import Collection

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from lakehouse.errors import ConfigurationError, nearest

logging.getLogger("sqlglot").setLevel(logging.ERROR)


def check_expression(where: str, sql: str, columns: Collection[str]) -> set[str]:
    """Columns that one Spark SQL expression uses.

    Raises ConfigurationError for a syntax error, for an unknown column (with the nearest known one),
    and for what a rule over one row cannot hold: a sub-query, an aggregate or a window.
    """
    try:
        tree = sqlglot.parse_one(f"SELECT {sql}", read="spark")
    except SqlglotError as error:
        problem = getattr(error, "errors", None)
        detail = problem[0]["description"] if problem else str(error).splitlines()[0]
        raise ConfigurationError(f"{where}: '{sql}' is not a SQL expression: {detail}.") from error
    if not isinstance(tree, exp.Select) or len(tree.expressions) != 1 or tree.args.get("from_"):
        raise ConfigurationError(f"{where}: '{sql}' is not one SQL expression. Example: credit_usage < 0")
    for kind, word in ((exp.Subquery, "a sub-query"), (exp.AggFunc, "an aggregate"), (exp.Window, "a window")):
        if tree.find(kind):
            raise ConfigurationError(f"{where}: '{sql}' holds {word}; a rule sees one row. Example: credit_usage < 0")
    used = {column.name for column in tree.find_all(exp.Column)}
    for name in sorted(used):
        if name not in columns:
            raise ConfigurationError(
                f"{where}: '{sql}' names the column '{name}', which does not exist.{nearest(name, columns)} "
                f"Columns: {', '.join(sorted(columns))}."
            )
    return used
