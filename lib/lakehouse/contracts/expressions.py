"""SQL in contracts, parsed without Spark so that unknown columns and syntax errors are found by ``validate``.

sqlglot takes longer to import than all the rest of a short command: it waits until an expression is to be read.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from lakehouse.errors import ConfigurationError, nearest

if TYPE_CHECKING:
    from sqlglot import exp

_EXAMPLE = "Example: credit_usage < 0"

_CHANGING_FUNCTIONS = {
    "current_catalog", "current_database", "current_schema", "current_timezone", "input_file_block_length",
    "input_file_block_start", "input_file_name", "monotonically_increasing_id", "now", "spark_partition_id",
    "unix_timestamp", "user", "version",
}  # fmt: skip
"""Functions whose value is not decided by their arguments, among those that sqlglot has no class for."""


def check_expression(where: str, sql: str, columns: Collection[str]) -> set[str]:
    """Columns that one Spark SQL expression uses.

    Raises ConfigurationError for a syntax error, for an unknown column (with the nearest known one), and for what a
    rule over one row cannot hold: a sub-query, an aggregate, a window, a clock or a random number.
    """
    from sqlglot import exp

    tree = _parsed(where, sql)
    forbidden = next(_forbidden(tree), None)
    if forbidden:
        raise ConfigurationError(f"{where}: '{sql}' holds {forbidden}; it must depend on one row alone. {_EXAMPLE}")
    used = set()
    for column in tree.find_all(exp.Column):
        name = column.name.lower()
        if column.table or name not in columns:
            spelled = ".".join(part.name for part in column.parts)
            raise ConfigurationError(
                f"{where}: '{sql}' names the column '{spelled}', which does not exist.{nearest(name, columns)} "
                f"Columns: {', '.join(sorted(columns))}."
            )
        used.add(name)
    return used


def _parsed(where: str, sql: str) -> exp.Expr:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import ParseError, SqlglotError

    # It warns about what it would keep as an opaque command; such a tree is refused below.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    try:
        tree = sqlglot.parse_one(f"SELECT {sql}", read="spark")
    except ParseError as error:
        raise ConfigurationError(f"{where}: '{sql}' is not a SQL expression{_place(error)}. {_EXAMPLE}") from error
    except SqlglotError as error:
        raise ConfigurationError(
            f"{where}: '{sql}' is not a SQL expression: a quote or a bracket is never closed. {_EXAMPLE}"
        ) from error
    # A WHERE, a FROM, an alias or a second column after the expression would belong to this SELECT.
    more = [name for name, value in tree.args.items() if value and name != "expressions"]
    if not isinstance(tree, exp.Select) or more or len(tree.expressions) != 1 or isinstance(tree.selects[0], exp.Alias):
        raise ConfigurationError(f"{where}: '{sql}' is not one SQL expression. {_EXAMPLE}")
    return tree.selects[0]


def _place(error: object) -> str:
    problems = getattr(error, "errors", None) or [{}]
    word = problems[0].get("highlight")
    return f": it cannot be understood from '{word}' on" if word else ""


def _forbidden(tree: exp.Expr) -> Iterator[str]:
    from sqlglot import exp

    clocks = (exp.CurrentDate, exp.CurrentTime, exp.CurrentTimestamp, exp.CurrentUser, exp.Localtimestamp)
    chances = (exp.Rand, exp.Randn, exp.Uuid, exp.Shuffle)
    for kinds, words in (
        ((exp.Query,), "a sub-query"),
        ((exp.Window,), "a window"),
        ((exp.AggFunc,), "an aggregate"),
        ((exp.Star,), "*"),
        (clocks, "the time or the user of the run"),
        (chances, "a random value"),
    ):
        if tree.find(*kinds):
            yield words
    for function in tree.find_all(exp.Anonymous):
        if function.name.lower() in _CHANGING_FUNCTIONS:
            yield f"{function.name.lower()}()"
