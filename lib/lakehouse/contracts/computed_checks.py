"""What must hold of the contract of a computed table: its inputs, its columns and the periods that are made anew."""

from __future__ import annotations

from collections.abc import Mapping

from lakehouse.contracts.names import TableId
from lakehouse.contracts.shared_checks import check_gates, check_known, check_once, check_upkeep
from lakehouse.contracts.tables import AnyTable, BronzeTable, GoldTable, SilverTable
from lakehouse.contracts.writes import ReplacePeriods
from lakehouse.errors import ConfigurationError, nearest

_ORIGINS = (
    "from", "derived", "computed", "mapped", "null_marker_of", "formats", "true_values", "false_values", "null_values",
)  # fmt: skip
"""Keys of a column that say where its values are from."""


def check_computed(table: GoldTable, tables: Mapping[TableId, AnyTable]) -> None:
    """Raise ConfigurationError when a contract contradicts itself or those of its inputs."""
    for name, source in table.inputs.items():
        if source != source.owner:
            _check_beside(table, name, source, tables[source.owner])
        if isinstance(tables[source.owner], BronzeTable):
            raise ConfigurationError(
                f"{table.file}: inputs.{name}: '{source}' is a bronze table; {_made_from(table)}. "
                f"Example: inputs: {{{name}: {source.domain}.silver.{source.name}}}"
            )
        if table.id.layer == "silver" and source.layer == "gold":
            raise ConfigurationError(
                f"{table.file}: inputs.{name}: '{source}' is a gold table; {_made_from(table)}. "
                f"Put this contract into {table.id.domain}/gold."
            )
    for name, column in table.columns.items():
        for key in _ORIGINS:
            if ("source" if key == "from" else key) in column.model_fields_set:
                raise ConfigurationError(
                    f"{table.file}: columns.{name}.{key}: the transform makes every column of a gold table, "
                    f"so '{key}' has no meaning here. Allowed: type, description, required, pii."
                )
    for field, names in (("keys", table.write.keys), ("partition_by", table.write.partition_by)):
        check_known(table, f"write.{field}", names, table.columns)
        check_once(table, f"write.{field}", names)
    _check_periods(table, tables)
    check_upkeep(table)
    check_gates(table, [*table.columns])
    for number, threshold in enumerate(table.thresholds):
        check_known(table, f"thresholds.{number}", [threshold.figure, threshold.says], table.columns)
        figure = table.columns[threshold.figure]
        if figure.type not in ("int", "bigint") and not figure.decimal:
            raise ConfigurationError(
                f"{table.file}: thresholds.{number}.figure: '{threshold.figure}' is {figure.type}, and a figure is a "
                "number: int, bigint or decimal(precision,scale). Name a column of such a type."
            )


def _check_beside(table: GoldTable, name: str, source: TableId, owner: AnyTable) -> None:
    if not isinstance(owner, SilverTable):
        raise ConfigurationError(
            f"{table.file}: inputs.{name}: no rows lie beside '{owner.id}', which is computed. "
            f"Example: inputs: {{{name}: {owner.id}}}"
        )
    if isinstance(table.write, ReplacePeriods):
        raise ConfigurationError(
            f"{table.file}: inputs.{name}: '{source}' does not tell which of its rows changed: a table that is made "
            f"from it is made as a whole. Allowed: strategy: replace_all."
        )


def _made_from(table: GoldTable) -> str:
    return "gold is made from silver and gold" if table.id.layer == "gold" else "silver is computed from silver"


def _check_periods(table: GoldTable, tables: Mapping[TableId, AnyTable]) -> None:
    write = table.write
    periods = set(write.partition_by) if isinstance(write, ReplacePeriods) else set()
    first = next(iter(table.inputs))
    if set(table.periods) != periods:
        example = ", ".join(f"{name}: {first}.{name}" for name in write.partition_by)
        raise ConfigurationError(
            f"{table.file}: periods: expected exactly the partition columns ({', '.join(sorted(periods)) or 'none'}), "
            f"found {', '.join(sorted(table.periods)) or 'none'}. "
            + (f"Example: periods: {{{example}}}" if example else "Leave the key out.")
        )
    if len(periods) > 1:
        raise ConfigurationError(
            f"{table.file}: write.strategy: replace_periods takes one partition column, found {len(periods)}. "
            "Allowed with more: strategy: replace_all."
        )
    for name in write.partition_by:
        if name not in write.keys:
            raise ConfigurationError(
                f"{table.file}: write.keys: the partition column '{name}' must be part of the key. "
                f"Example: keys: [{', '.join((name, *write.keys))}]"
            )
    for name in table.periods:
        source, column = table.period_source(name)
        if source not in table.inputs or not column:
            raise ConfigurationError(
                f"{table.file}: periods.{name}: there is no input '{source}'.{nearest(source, table.inputs)} "
                f"Inputs: {', '.join(table.inputs)}. Example: {name}: {first}.{name}"
                if source not in table.inputs
                else f"{table.file}: periods.{name}: '{source}' names no column. Example: {name}: {source}.{name}"
            )
        columns = tables[table.inputs[source]].columns
        check_known(table, f"periods.{name}", [column], columns)
        kind, found = table.columns[name].type, getattr(columns[column], "type", None)
        if found != kind:
            raise ConfigurationError(
                f"{table.file}: periods.{name}: '{source}.{column}' is {found}, and '{name}' is {kind}: what changed "
                f"in the one tells what to make anew of the other. Derive a {kind} in {table.inputs[source]}."
            )
