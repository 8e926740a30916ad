"""The SQL of a report, understood without a lake: what it may read, what it answers, that no currencies are mixed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from lakehouse.contracts.domains import Domain
from lakehouse.contracts.reports import PlainTable, Report, Section
from lakehouse.errors import ConfigurationError, nearest
from lakehouse.ledger.entries import TABLES
from lakehouse.serving.tables import nearest_table

if TYPE_CHECKING:
    import duckdb
    from sqlglot import exp

CURRENCY = "currency"
"""The column by which a contract tells amounts of different currencies apart."""

Types = Mapping[str, str]
"""DuckDB's type by column."""

_OTHER_LAYERS = ("_bronze", "_silver", "_outranked", "_quarantine")
_TYPES = {"string": "VARCHAR", "int": "INTEGER", "timestamp": "TIMESTAMPTZ", "json": "VARCHAR"}
_NUMBER = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL.*)\Z")


def readable(domain: Domain) -> dict[str, Types]:
    """The tables that a report may read, by their names in SQL: gold and the ledger."""
    computed = (table for table in domain.gold() if table.id.layer == "gold")
    gold = {t.id.view: {name: _type(column.type) for name, column in t.columns.items()} for t in computed}
    ledger = {
        f"{domain.name}_ledger.{table}": {name: _type(kind) for name, kind in columns.items()}
        for table, columns in TABLES.items()
    }
    return {**gold, **ledger}


def _type(kind: str) -> str:
    return _TYPES.get(kind, kind.upper())


def create_missing(connection: duckdb.DuckDBPyConnection, domain: Domain, there: Iterable[str]) -> None:
    """Give a connection the tables that are not there yet, without rows, so that every question can be asked."""
    for view, columns in readable(domain).items():
        if view not in there:
            schema, _, name = view.partition(".")
            declared = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
            connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
            connection.execute(f'CREATE TABLE "{schema}"."{name}" ({declared})')


def tables_read(section: Section) -> list[str]:
    """The names in SQL of the tables that a checked section reads, in alphabetic order."""
    tree = _parsed("", section.sql)
    return sorted({f"{table.db}.{table.name}".lower() for table in _tables(tree)})


def check_report(domain: Domain, report: Report) -> None:
    """Raise ConfigurationError for the first section whose SQL or chart cannot work.

    Refused are syntax errors, tables beside gold and ledger, unknown columns, charts of columns that the answer does
    not have or that are no numbers, and amounts whose currency is lost.
    """
    import duckdb

    connection = duckdb.connect()
    create_missing(connection, domain, ())
    # Nothing but the tables above can be read, whatever the statement says.
    connection.execute("SET enable_external_access = false")
    shapes = readable(domain)
    for name, section in report.sections.items():
        where = f"{report.file}: sections.{name}"
        tree = _parsed(f"{where}.sql", section.sql)
        read = _checked_tables(f"{where}.sql", tree, shapes)
        answer = _answer(f"{where}.sql", connection, section, read)
        _check_chart(where, section, answer)
        _check_currencies(where, section, tree, read, answer)


# --- Reading SQL ---


def _parsed(where: str, sql: str) -> exp.Query:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        trees = sqlglot.parse(sql, read="duckdb")
    except SqlglotError as error:
        word = (getattr(error, "errors", None) or [{}])[0].get("highlight")
        place = f": it cannot be understood from '{word}' on" if word else ": a quote or a bracket is never closed"
        raise ConfigurationError(f"{where}: this is not SQL{place}.") from error
    tree = trees[0] if len(trees) == 1 else None
    if not isinstance(tree, exp.Query):
        raise ConfigurationError(f"{where}: expected one SELECT, found '{sql[:60]}'. Example: SELECT ... FROM ...")
    return tree


def _tables(tree: exp.Query) -> Iterator[exp.Table]:
    """What a query reads, but for names that it gives to its own parts."""
    from sqlglot import exp

    own = {part.alias.lower() for part in tree.find_all(exp.CTE)}
    yield from (table for table in tree.find_all(exp.Table) if table.db or table.name.lower() not in own)


def _checked_tables(where: str, tree: exp.Query, shapes: Mapping[str, Types]) -> dict[str, Types]:
    from sqlglot import exp

    read = {}
    for table in _tables(tree):
        name = f"{table.db}.{table.name}".lower().lstrip(".")
        if not isinstance(table.this, exp.Identifier) or table.catalog:
            raise ConfigurationError(
                f"{where}: '{table.sql(dialect='duckdb')}': a report reads gold and the ledger alone."
            )
        if name not in shapes:
            hint = "" if table.db.lower().endswith(_OTHER_LAYERS) else nearest_table(name, [*shapes])
            raise ConfigurationError(
                f"{where}: there is no table '{name}' that a report can read: gold and the ledger alone.{hint} "
                f"Tables: {', '.join(shapes)}."
            )
        read[name] = shapes[name]
    return read


def _answer(where: str, connection: duckdb.DuckDBPyConnection, section: Section, read: Mapping[str, Types]) -> Types:
    """The columns that an answer has, with their types."""
    import duckdb

    try:
        rows = connection.execute(f"DESCRIBE {section.sql}").fetchall()
    except duckdb.Error as error:
        message = re.split(r"\n\n|\n\tCandidate functions", str(error))[0]
        missing = re.search(r'(?:column "|have a column named ")(\w+)"', message)
        if missing is None:
            raise ConfigurationError(f"{where}: {message}") from error
        columns = list(dict.fromkeys(name for types in read.values() for name in types))
        raise ConfigurationError(
            f"{where}: there is no column '{missing[1]}'.{nearest(missing[1], columns)} Columns: {', '.join(columns)}."
        ) from error
    return {row[0]: row[1] for row in rows}


# --- What is made of the answer ---


def _check_chart(where: str, section: Section, answer: Types) -> None:
    named = [(f"chart.{field}", name) for field, name in section.chart.columns()]
    named += [(f"columns.{name}", name) for name in section.columns]
    named += [(f"columns.{name}.per", figure.per) for name, figure in section.columns.items() if figure.per]
    for field, name in named:
        if name not in answer:
            raise ConfigurationError(
                f"{where}.{field}: the answer has no column '{name}'.{nearest(name, answer)} "
                f"Columns: {', '.join(answer)}."
            )
    for field, name in section.chart.figures():
        if not _NUMBER.match(answer[name]):
            raise ConfigurationError(
                f"{where}.chart.{field}: '{name}' is {answer[name]}, and a chart measures numbers. "
                f"Numbers: {', '.join(n for n, kind in answer.items() if _NUMBER.match(kind)) or 'none'}."
            )


def _check_currencies(where: str, section: Section, tree: exp.Query, read: Mapping[str, Types], answer: Types) -> None:
    """Amounts are decimals out of a table that has a currency; a sum of them must not leave the currency out."""
    amounts = {
        name for types in read.values() if CURRENCY in types for name, kind in types.items() if "DECIMAL" in kind
    }
    if not amounts:
        return
    for mixed in _mixed_sums(tree, amounts):
        raise ConfigurationError(
            f"{where}.sql: '{mixed}' mixes currencies. Group by {CURRENCY} and keep the figures apart. "
            f"Example: SELECT {CURRENCY}, {mixed} ... GROUP BY {CURRENCY}"
        )
    drawn = {name for _, name in section.chart.figures()}
    decimals = [name for name, kind in answer.items() if "DECIMAL" in kind]
    if isinstance(section.chart, PlainTable):
        if decimals and CURRENCY not in answer:
            raise ConfigurationError(
                f"{where}.sql: the answer has '{decimals[0]}' and no column {CURRENCY}, so nobody can tell which "
                f"amounts are alike. Select {CURRENCY} too."
            )
        return
    for name in decimals:
        figure = section.columns.get(name)
        if name in drawn and not (figure and figure.per):
            raise ConfigurationError(
                f"{where}.columns.{name}: it is read from a table with a {CURRENCY}; say which column tells it. "
                f"Example: columns: {{{name}: {{unit: credits, per: {CURRENCY}}}}}"
            )


def _mixed_sums(tree: exp.Query, amounts: set[str]) -> Iterator[str]:
    """Aggregates of amounts that are not made for each currency by itself."""
    from sqlglot import exp

    for aggregate in tree.find_all(exp.AggFunc):
        names = {column.name.lower() for column in aggregate.find_all(exp.Column)}
        if isinstance(aggregate, exp.Count) or not names & amounts:
            continue
        window = aggregate.find_ancestor(exp.Window, exp.Select)
        select = aggregate.find_ancestor(exp.Select)
        if isinstance(window, exp.Window):
            parts: Iterable[exp.Expr] = window.args.get("partition_by") or ()
        else:
            parts = _grouped(select) if select else ()
        if not any(map(_is_currency, parts)) and not (select and _holds_one(select)):
            yield aggregate.sql(dialect="duckdb")


def _is_currency(part: exp.Expr) -> bool:
    """Whether a part is the column itself: what is computed from it may be alike for two currencies."""
    from sqlglot import exp

    column = part.unnest()
    return isinstance(column, exp.Column) and column.name.lower() == CURRENCY


def _grouped(select: exp.Select) -> Iterator[exp.Expr]:
    """What a SELECT is grouped by; positions and aliases are resolved."""
    from sqlglot import exp

    group = select.args.get("group")
    for part in group.expressions if group else ():
        place = int(part.name) if isinstance(part, exp.Literal) and part.is_int else 0
        yield select.selects[place - 1].unalias() if 0 < place <= len(select.selects) else _unaliased(part, select)
    if group and group.args.get("all"):
        yield from (part.unalias() for part in select.selects if not part.find(exp.AggFunc))


def _unaliased(part: exp.Expr, select: exp.Select) -> exp.Expr:
    from sqlglot import exp

    named = {item.alias.lower(): item.this for item in select.selects if isinstance(item, exp.Alias)}
    meant = named.get(part.name.lower()) if isinstance(part, exp.Column) and not part.table else None
    # A column goes before an alias of its name, and what is computed from it shows that it is there.
    shadowed = meant is not None and _is_currency(part) and any(map(_is_currency, meant.find_all(exp.Column)))
    return part if meant is None or shadowed else meant


def _holds_one(select: exp.Select) -> bool:
    """Whether the WHERE of a SELECT lets the rows of one currency pass and no others."""
    from sqlglot import exp

    where = select.args.get("where")
    conditions = [where.this] if where else []
    while conditions:
        condition = conditions.pop().unnest()
        if isinstance(condition, exp.And):
            conditions += [condition.left, condition.right]
        elif isinstance(condition, exp.EQ):
            sides = [condition.left.unnest(), condition.right.unnest()]
            if any(map(_is_currency, sides)) and any(isinstance(side, exp.Literal) for side in sides):
                return True
    return False
