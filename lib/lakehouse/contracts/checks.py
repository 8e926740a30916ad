"""What must hold between the parts of a contract, and between contracts, before any data is read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from lakehouse.contracts.columns import DELIVERY_COLUMNS, RESERVED
from lakehouse.contracts.expressions import check_expression
from lakehouse.contracts.names import TableId
from lakehouse.contracts.tables import AnyTable, BronzeTable, GoldTable, SilverTable, input_ids
from lakehouse.contracts.writes import ReplacePeriods
from lakehouse.errors import ConfigurationError, nearest

_QUOTED = re.compile(r'"([^"]+)"')


def check_tables(tables: Mapping[TableId, AnyTable]) -> None:
    """Raise ConfigurationError for the first contract that contradicts itself or another one."""
    for table in tables.values():
        _check_names(table)
        for source in input_ids(table):
            if source not in tables:
                known = [str(table_id) for table_id in tables]
                raise ConfigurationError(
                    f"{table.file}: inputs: there is no table '{source}'.{nearest(str(source), known)} "
                    f"Tables: {', '.join(known)}."
                )
        match table:
            case BronzeTable():
                _check_bronze(table)
            case SilverTable():
                _check_silver(table, tables[table.bronze])
            case GoldTable():
                _check_gold(table, tables)


def _check_names(table: AnyTable) -> None:
    for name in table.columns:
        if name in RESERVED:
            raise ConfigurationError(f"{table.file}: columns.{name}: this name is the engine's own. Choose another one.")


def _known(table: AnyTable, field: str, names: Iterable[str], columns: Iterable[str]) -> None:
    columns = list(columns)
    for name in names:
        if name not in columns:
            raise ConfigurationError(
                f"{table.file}: {field}: there is no column '{name}'.{nearest(name, columns)} "
                f"Columns: {', '.join(columns)}."
            )


def _check_bronze(table: BronzeTable) -> None:
    owners: dict[str, str] = {}
    for name, column in table.columns.items():
        for spelling in (name, *column.aliases):
            owner = owners.setdefault(spelling.casefold(), name)
            if owner != name:
                raise ConfigurationError(
                    f"{table.file}: columns.{name}.aliases: '{spelling}' already means the column '{owner}'."
                )
    _known(table, "write.partition_by", table.write.partition_by, ["delivery_date"])


def _check_silver(table: SilverTable, bronze: AnyTable) -> None:
    if not isinstance(bronze, BronzeTable):
        raise ConfigurationError(f"{table.file}: inputs: '{bronze.id}' is not a bronze table; silver refines bronze.")
    for name, column in table.conformed():
        source = column.source or name
        if source not in bronze.columns:
            raise ConfigurationError(
                f"{table.file}: columns.{name}: '{bronze.id}' has no column '{source}'."
                f"{nearest(source, bronze.columns)} Say from: <bronze column>, derived: <SQL>, or computed: true. "
                f"Columns: {', '.join(bronze.columns)}."
            )
    before = {name for name, column in table.columns.items() if not column.derived} | set(DELIVERY_COLUMNS)
    used_by: dict[str, set[str]] = {}
    for name, sql in table.derived():
        used_by[name] = check_expression(f"{table.file}: columns.{name}.derived", sql, before)
        before.add(name)
    everything = {*table.columns, *DELIVERY_COLUMNS}
    for name, rule in table.row_rules.items():
        check_expression(f"{table.file}: row_rules.{name}.assert", rule.condition, everything)
        if name == "record_malformed":
            raise ConfigurationError(f"{table.file}: row_rules.{name}: this name is the engine's own. Choose another one.")
    write = table.write
    for field, names in (("keys", write.keys), ("order_by", write.order_by), ("partition_by", write.partition_by)):
        _known(table, f"write.{field}", names, table.columns)
    for name in write.keys:
        if not table.columns[name].required:
            raise ConfigurationError(f"{table.file}: write.keys: '{name}' is part of the key and must say required: true.")
    _check_partitions(table, used_by)
    _known(table, "maintain.zorder_by", table.maintain.zorder_by, table.columns)
    _check_gate_columns(table, {*everything, "quarantined"})


def _check_partitions(table: SilverTable, used_by: Mapping[str, set[str]]) -> None:
    keys = set(table.write.keys)
    for name in table.write.partition_by:
        if name not in keys and not (used_by.get(name) and used_by[name] <= keys):
            raise ConfigurationError(
                f"{table.file}: write.partition_by: '{name}' is not a function of the key "
                f"({', '.join(table.write.keys)}): two rows of one key could lie in two partitions and both stay. "
                "Partition by a key column or by a column derived from key columns alone."
            )


def _check_gold(table: GoldTable, tables: Mapping[TableId, AnyTable]) -> None:
    write = table.write
    _known(table, "write.keys", write.keys, table.columns)
    _known(table, "write.partition_by", write.partition_by, table.columns)
    _known(table, "maintain.zorder_by", table.maintain.zorder_by, table.columns)
    periods = set(write.partition_by) if isinstance(write, ReplacePeriods) else set()
    if set(table.periods) != periods:
        raise ConfigurationError(
            f"{table.file}: periods: expected exactly the partition columns ({', '.join(sorted(periods)) or 'none'}), "
            f"found {', '.join(sorted(table.periods)) or 'none'}. Example: periods: {{usage_date: usage.usage_date}}"
        )
    if not periods <= set(write.keys):
        raise ConfigurationError(f"{table.file}: write.keys: the partition columns must be part of the key.")
    for name in table.periods:
        source, column = table.period_source(name)
        if source not in table.inputs:
            raise ConfigurationError(
                f"{table.file}: periods.{name}: there is no input '{source}'.{nearest(source, table.inputs)} "
                f"Inputs: {', '.join(table.inputs)}. Example: {name}: {next(iter(table.inputs))}.{name}"
            )
        _known(table, f"periods.{name}", [column], tables[table.inputs[source]].columns)
    _check_gate_columns(table, set(table.columns))


def _check_gate_columns(table: SilverTable | GoldTable, columns: set[str]) -> None:
    for number, gate in enumerate(table.gates):
        if isinstance(table, GoldTable) and gate.on != "staged":
            raise ConfigurationError(
                f"{table.file}: gates.{number}.on: '{gate.on}' is not allowed here: gold has no text to conform. "
                "Allowed: 'staged'."
            )
        head = gate.rule.split(" in [")[0].split(" matches ")[0]
        names = _QUOTED.findall(head)
        _known(table, f"gates.{number}.rule", names, sorted(columns))
