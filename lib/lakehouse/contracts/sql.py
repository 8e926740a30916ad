"""The SQL in a domain's contracts: every expression is understood, and partitions are functions of their keys."""

from __future__ import annotations

from collections.abc import Iterator

from lakehouse.contracts.checks import foreign_partition
from lakehouse.contracts.columns import DELIVERY_COLUMNS
from lakehouse.contracts.domains import Domain
from lakehouse.contracts.expressions import check_expression
from lakehouse.contracts.tables import GoldTable, SilverTable
from lakehouse.errors import ConfigurationError

_DELIVERED = {name: kind for name, (kind, _) in DELIVERY_COLUMNS.items() if name != "delivery_sequence"}
"""What SQL may use of a delivery. Its sequence tells in which order deliveries came, which nothing may depend on."""


def check_sql(domain: Domain) -> None:
    """Raise ConfigurationError for the first derived column, row rule or partition that cannot work.

    Loading a domain does not do this, because reading SQL costs more than all else that a run with nothing new does.
    """
    for table in domain.silver():
        _check_derived(table)
        for place, condition in conditions(table):
            check_expression(place, condition, _types(table) | _DELIVERED)
    for gold in domain.gold():
        for place, condition in conditions(gold):
            check_expression(place, condition, _types(gold))


def _types(table: SilverTable | GoldTable) -> dict[str, str]:
    return {name: column.type for name, column in table.columns.items()}


def conditions(table: SilverTable | GoldTable) -> Iterator[tuple[str, str]]:
    """The SQL booleans of a contract, each with its file and key."""
    if isinstance(table, SilverTable):
        for name, rule in table.row_rules.items():
            yield f"{table.file}: row_rules.{name}.assert", rule.condition
        return
    for number, threshold in enumerate(table.thresholds):
        if threshold.where:
            yield f"{table.file}: thresholds.{number}.where", threshold.where
    for number, gate in enumerate(table.gates):
        for condition in gate.filters:
            yield f"{table.file}: gates.{number}.rule", condition


def derived_place(table: SilverTable, name: str) -> str:
    """File and key of the SQL of a column."""
    return f"{table.file}: columns.{name}.{'mapped' if table.columns[name].mapped else 'derived'}"


def _check_derived(table: SilverTable) -> None:
    # A derived column may use those that are derived before it.
    known = {name for name, column in table.columns.items() if not column.sql} | set(_DELIVERED)
    of_key = set(table.write.keys)
    for name, sql in table.derived():
        mapped = table.columns[name].mapped
        where = derived_place(table, name)
        # Of a mapping only its source is the contract's own SQL: its texts are texts, whatever they say.
        asked, gives = (mapped.source, "string") if mapped else (sql, table.columns[name].type)
        used = check_expression(where, asked, _types(table) | _DELIVERED, gives)
        for later in sorted(used - known):
            raise ConfigurationError(
                f"{where}: '{sql}' uses '{later}', which is derived here or below. Move it above '{name}'."
            )
        known.add(name)
        if used <= of_key:
            of_key.add(name)
        if name in table.write.partition_by and name not in of_key:
            raise foreign_partition(table, name)
