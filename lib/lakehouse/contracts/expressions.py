"""SQL in contracts, parsed without Spark so that unknown columns and syntax errors are found by ``validate``.

sqlglot takes longer to import than all the rest of a short command: it waits until an expression is to be read.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from lakehouse.errors import ConfigurationError, nearest

if TYPE_CHECKING:
    from sqlglot import exp

_EXAMPLE = "Example: credit_usage < 0"

_CHANGING_FUNCTIONS = {
    "current_catalog", "current_database", "current_schema", "current_timezone", "input_file_block_length",
    "input_file_block_start", "input_file_name", "java_method", "monotonically_increasing_id", "now", "randstr",
    "reflect", "session_user", "spark_partition_id", "try_reflect", "uniform", "unix_timestamp", "user", "version",
}  # fmt: skip
"""Functions whose value is not decided by their arguments, besides those that sqlglot has classes for."""

_RELATIVE = re.compile(r"\s*(?:now|today|yesterday|tomorrow)(?:\W+\S*)?\s*", re.IGNORECASE)
"""Texts that Spark puts the day or time of the run in place of where a date or time is meant; a zone may follow."""

_SIGNS = {"SEMICOLON", "DCOLON", "COLON", "PLACEHOLDER", "PARAMETER", "DARROW"}
"""What sqlglot understands and Spark does not, in an expression that stands for itself."""


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
        signs = [token.text for token in sqlglot.tokenize(sql, read="spark") if token.token_type.name in _SIGNS]
        # Spark knows the arrow of a function, and not that into JSON.
        signs += ["->"] if tree.find(exp.JSONExtract) else []
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
    if signs:
        cast = "; a type is changed by CAST(... AS ...)" if "::" in signs else ""
        raise ConfigurationError(
            f"{where}: '{sql}' holds '{signs[0]}', which Spark does not take in an expression{cast}. {_EXAMPLE}"
        )
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
    for function in tree.find_all(exp.Func):
        name = (function.name if isinstance(function, exp.Anonymous) else function.sql_name()).lower()
        if name in _CHANGING_FUNCTIONS:
            yield f"{name}()"
    for text in tree.find_all(exp.Literal):
        # LIKE compares texts, whatever stands beside it.
        if text.is_string and _RELATIVE.fullmatch(text.name) and not isinstance(text.parent, exp.Like | exp.ILike):
            yield f"'{text.name}', which stands for the time of the run beside dates (texts: LIKE '{text.name}')"
