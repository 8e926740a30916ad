"""SQL in contracts, parsed without Spark so that unknown columns and syntax errors are found by ``validate``.

sqlglot takes longer to import than everything else here together; it waits until an expression is to be read.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from lakehouse.errors import ConfigurationError, nearest

if TYPE_CHECKING:
    from sqlglot import exp

_TERMINAL_CODES = re.compile(r"\x1b\[\d*m")


def check_expression(where: str, sql: str, columns: Collection[str]) -> set[str]:
    """Columns that one Spark SQL expression uses.

    Raises ConfigurationError for a syntax error, for an unknown column (with the nearest known one),
    and for what a rule over one row cannot hold: a sub-query, an aggregate or a window.
    """
    from sqlglot import exp

    tree = _parsed(where, sql)
    if tree.find(exp.Star):
        raise ConfigurationError(f"{where}: '{sql}' holds *, not a column. Example: credit_usage < 0")
    for kind, word in (
        (exp.Query, "a sub-query"),
        (exp.Window, "a window"),
        (exp.AggFunc, "an aggregate"),
    ):
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


def _parsed(where: str, sql: str) -> exp.Expression:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    # What it cannot read it would keep as a 'command' and only warn about; that case is refused below.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    try:
        tree = sqlglot.parse_one(f"SELECT {sql}", read="spark")
    except SqlglotError as error:
        raise ConfigurationError(
            f"{where}: '{sql}' is not a SQL expression: {_detail(error)}. Example: credit_usage < 0"
        ) from error
    # A WHERE, a FROM or a second column after the expression would be arguments of this SELECT.
    if not isinstance(tree, exp.Select) or len(tree.expressions) != 1 or any(
        value for name, value in tree.args.items() if name != "expressions"
    ):
        raise ConfigurationError(f"{where}: '{sql}' is not one SQL expression. Example: credit_usage < 0")
    expression: exp.Expression = tree.expressions[0]
    return expression


def _detail(error: Exception) -> str:
    problems = getattr(error, "errors", None)
    text = problems[0]["description"] if problems else _TERMINAL_CODES.sub("", str(error)).splitlines()[0]
    return str(text).rstrip(". ")
