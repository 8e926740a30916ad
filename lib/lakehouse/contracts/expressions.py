"""SQL in contracts, parsed without Spark so that unknown columns and syntax errors are found by ``validate``.

sqlglot takes longer to import than all the rest of a short command: it waits until an expression is to be read.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
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

_TIMES = {"date", "timestamp"}
_OF_TIMES = re.compile(
    r"date|time|day|week|month|quarter|year|hour|minute|second|unix|trunc|^extract$|^from_|^ts_", re.IGNORECASE
)
"""Names of functions that take or give a date or time; ``ts_`` is sqlglot's own, for several of them."""

_SIGNS = {"SEMICOLON", "DCOLON", "PLACEHOLDER", "PARAMETER", "DARROW"}
"""What sqlglot understands and Spark does not, in an expression that stands for itself."""


def check_expression(where: str, sql: str, columns: Mapping[str, str], gives: str = "boolean") -> set[str]:
    """Columns that one Spark SQL expression uses, of those with the given types.

    Raises ConfigurationError for a syntax error, for an unknown column (with the nearest known one), and for what a
    rule over one row cannot hold: a sub-query, an aggregate, a window, a clock or a random number.
    """
    from sqlglot import exp

    tree = _parsed(where, sql)
    forbidden = next(_forbidden(tree, columns, gives), None)
    if forbidden:
        raise ConfigurationError(f"{where}: '{sql}' holds {forbidden}; it must depend on one row alone. {_EXAMPLE}")
    for column in tree.find_all(exp.Column):
        name = column.name.lower()
        if column.table or name not in columns:
            spelled = ".".join(part.name for part in column.parts)
            raise ConfigurationError(
                f"{where}: '{sql}' names the column '{spelled}', which does not exist.{nearest(name, columns)} "
                f"Columns: {', '.join(sorted(columns))}."
            )
    return _named(tree)


def columns_used(where: str, sql: str) -> set[str]:
    """Columns that an expression uses that was checked before."""
    return _named(_parsed(where, sql))


def _named(tree: exp.Expr) -> set[str]:
    from sqlglot import exp

    return {column.name.lower() for column in tree.find_all(exp.Column)}


def _parsed(where: str, sql: str) -> exp.Expr:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import ParseError, SqlglotError

    # It warns about what it would keep as an opaque command; such a tree is refused below.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    try:
        tree = sqlglot.parse_one(f"SELECT {sql}", read="spark")
        tokens = sqlglot.tokenize(sql, read="spark")
        # Behind the number of a literal such as 5L sqlglot puts a :: that nobody wrote.
        signs = [t.text for t in tokens if t.token_type.name in _SIGNS and sql[t.start : t.end + 1] == t.text]
        # Spark knows the colon in the type of a struct, and the arrow of a function, and not that into JSON.
        structs = [kind for kind in tree.find_all(exp.DataType) if kind.this == exp.DataType.Type.STRUCT]
        colon = not structs and any(token.token_type.name == "COLON" for token in tokens)
        signs += [":"] if colon or tree.find(exp.Slice) or (not signs and tree.find(exp.Placeholder)) else []
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


def _forbidden(tree: exp.Expr, columns: Mapping[str, str], gives: str) -> Iterator[str]:
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
        if _name(function) in _CHANGING_FUNCTIONS:
            yield f"{_name(function)}()"
    for text in tree.find_all(exp.Literal, exp.RawString):
        # LIKE and RLIKE compare texts, whatever stands beside it.
        texts = isinstance(text.parent, exp.Like | exp.ILike | exp.RegexpLike)
        if text.is_number or texts or not _RELATIVE.fullmatch(text.name):
            continue
        if _beside_times(text, columns, gives):
            yield f"'{text.name}', which stands for the time of the run beside dates (texts: LIKE '{text.name}')"


def _name(function: exp.Func) -> str:
    from sqlglot import exp

    return (function.name if isinstance(function, exp.Anonymous) else function.sql_name()).lower()


def _beside_times(text: exp.Expr, columns: Mapping[str, str], gives: str) -> bool:
    """Whether dates or times are in the comparison that a text stands in, or in all that its value may get into.

    A comparison gives true or false, as what AND, OR and NOT join: the text gets no further than that.
    """
    from sqlglot import exp

    # What a function is given by the name of a parameter has no type here.
    function = text.find_ancestor(exp.Lambda)
    part = function or text
    ends = (exp.Connector, exp.Not, exp.Select)
    while part.parent and not isinstance(part, exp.Predicate) and not isinstance(part.parent, ends):
        part = part.parent
    # What is compared beside the text, as in a WHEN, gives true or false: the dates in it get no further either.
    closed = None if function else lambda node: isinstance(node, exp.Predicate) and node is not part
    given = gives in _TIMES and isinstance(part.parent, exp.Select)
    return given or any(_of_times(node, columns) for node in part.walk(prune=closed))


def _of_times(node: exp.Expr, columns: Mapping[str, str]) -> bool:
    from sqlglot import exp

    if isinstance(node, exp.DataType):
        return node.this in exp.DataType.TEMPORAL_TYPES
    if isinstance(node, exp.Column):
        return columns.get(node.name.lower()) in _TIMES
    return isinstance(node, exp.Interval) or (isinstance(node, exp.Func) and bool(_OF_TIMES.search(_name(node))))
