"""What contracts of several layers have to fulfil: names of columns, what maintenance sorts by, gates."""

from __future__ import annotations

from collections.abc import Iterable

from lakehouse.contracts.tables import AnyTable, GoldTable, SilverTable
from lakehouse.contracts.writes import ReplacePeriods
from lakehouse.errors import ConfigurationError, nearest


def check_known(table: AnyTable, field: str, names: Iterable[str], columns: Iterable[str]) -> None:
    """Raise ConfigurationError for the first name that is none of these columns."""
    columns = list(columns)
    for name in names:
        if name not in columns:
            raise ConfigurationError(
                f"{table.file}: {field}: there is no column '{name}'.{nearest(name, columns)} "
                f"Columns: {', '.join(columns)}."
            )


def check_once(table: AnyTable, field: str, names: Iterable[str]) -> None:
    """Raise ConfigurationError for the first name that stands there twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ConfigurationError(f"{table.file}: {field}: '{name}' stands there twice. Name each column once.")
        seen.add(name)


def check_upkeep(table: SilverTable | GoldTable) -> None:
    """Raise ConfigurationError when files cannot be sorted as ``maintain`` says."""
    check_known(table, "maintain.zorder_by", table.maintain.zorder_by, table.columns)
    for name in table.maintain.zorder_by:
        if name in table.write.partition_by:
            raise ConfigurationError(
                f"{table.file}: maintain.zorder_by: '{name}' is a partition column; "
                "files are arranged inside a partition. Name another column."
            )
        if table.columns[name].type == "boolean":
            raise ConfigurationError(
                f"{table.file}: maintain.zorder_by: '{name}' is a boolean: no ranges are kept of its values, so that "
                "no file could be skipped. Name another column."
            )


def check_gates(table: SilverTable | GoldTable, columns: Iterable[str]) -> None:
    """Raise ConfigurationError for the first gate that cannot be judged on such a table."""
    columns = list(columns)
    for number, gate in enumerate(table.gates):
        if isinstance(table, GoldTable) and gate.on != "staged":
            raise ConfigurationError(
                f"{table.file}: gates.{number}.on: '{gate.on}' is not allowed here: gold has no text to conform. "
                "Allowed: 'staged'."
            )
        problem = gate.unfit_for_deliveries() if isinstance(table, SilverTable) else None
        if isinstance(table.write, ReplacePeriods):
            problem = gate.unfit_for_periods(table.write.partition_by)
        if problem:
            raise ConfigurationError(f"{table.file}: gates.{number}.rule: '{gate.rule}' {problem}")
        check_known(table, f"gates.{number}.rule", gate.columns, columns)
