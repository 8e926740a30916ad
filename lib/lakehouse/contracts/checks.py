"""What must hold between the parts of a contract, and between contracts, before any data is read.

Everything here is decided by names alone; what needs SQL to be understood is in ``contracts.sql``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from lakehouse.contracts.columns import DELIVERY_COLUMNS, HISTORY_COLUMNS, RESERVED, TOLD_COLUMNS
from lakehouse.contracts.computed_checks import check_computed
from lakehouse.contracts.names import TableId
from lakehouse.contracts.shared_checks import check_gates, check_known, check_once, check_upkeep
from lakehouse.contracts.tables import AnyTable, BronzeTable, GoldTable, SilverTable, input_ids
from lakehouse.contracts.writes import Scd2
from lakehouse.errors import ConfigurationError, nearest

_QUARANTINED = "quarantined"
_READING_REASONS = ("required", "unreadable", "excess_scale", "out_of_range")
"""A column's name and one of these words name a reason that the engine itself gives."""


def check_tables(tables: Mapping[TableId, AnyTable]) -> None:
    """Raise ConfigurationError for the first contract that contradicts itself or another one."""
    for table in tables.values():
        for name in table.columns:
            if name in _added_columns(table):
                raise _taken(table, f"columns.{name}")
        for source in input_ids(table):
            if source.owner not in tables:
                known = [str(table_id) for table_id in tables]
                raise ConfigurationError(
                    f"{table.file}: inputs: there is no table '{source}'.{nearest(str(source), known)} "
                    f"Tables: {', '.join(known)}."
                )
        match table:
            case BronzeTable():
                _check_bronze(table)
            case SilverTable():
                _check_silver(table, tables[table.bronze.owner])
            case GoldTable():
                check_computed(table, tables)
    _check_sources([table for table in tables.values() if isinstance(table, BronzeTable)])


def foreign_partition(table: SilverTable, name: str) -> ConfigurationError:
    """The error about a partition column that is not a function of the key."""
    return ConfigurationError(
        f"{table.file}: write.partition_by: '{name}' is not a function of the key ({', '.join(table.write.keys)}): "
        "two rows of one key could lie in two partitions and both stay. "
        f"Partition by a key column or by a column derived from key columns alone. "
        "Example: usage_date: {type: date, derived: to_date(usage_timestamp), description: ...}"
    )


def _added_columns(table: AnyTable) -> set[str]:
    """Columns that the engine adds to a table, or to its rows on their way there; to computed ones it adds none."""
    if isinstance(table, GoldTable):
        return set()
    working = TOLD_COLUMNS if isinstance(table, SilverTable) else ()
    return {*RESERVED, *working, *(HISTORY_COLUMNS if isinstance(table.write, Scd2) else ())}


def _taken(table: AnyTable, field: str) -> ConfigurationError:
    return ConfigurationError(f"{table.file}: {field}: this name is the engine's own. Choose another one.")


def _check_bronze(table: BronzeTable) -> None:
    owners: dict[str, str] = {}
    for name, column in table.columns.items():
        for spelling in (name, *column.aliases):
            owner = owners.setdefault(spelling.strip().casefold(), name)
            if owner != name:
                raise ConfigurationError(
                    f"{table.file}: columns.{name}.aliases: '{spelling}' already means the column '{owner}'. "
                    "A name in a header must mean one column."
                )
    check_known(table, "write.partition_by", table.write.partition_by, ["delivery_date"])


def _check_sources(tables: Sequence[BronzeTable]) -> None:
    """Raise ConfigurationError when the same file could be a delivery of two sources."""
    for one, other in combinations(tables, 2):
        if one.source.shares_files(other.source):
            raise ConfigurationError(
                f"{other.file}: source.files: a file can be named as '{other.source.pattern}' says and as "
                f"'{one.source.pattern}', the files of '{one.id}': it would be a delivery of both. Name folders or "
                f"files that differ. Example: folder: {other.id.domain}_{other.id.name}"
            )


def _check_silver(table: SilverTable, bronze: AnyTable) -> None:
    if not isinstance(bronze, BronzeTable) or bronze.id != table.bronze:
        raise ConfigurationError(
            f"{table.file}: inputs: '{table.bronze}' is not a bronze table; silver refines bronze. "
            f"Example: inputs: {{{table.id.name}: {table.id.domain}.bronze.{table.id.name}}}"
        )
    _check_markers(table)
    for name, source in table.sources().items():
        if source not in bronze.columns:
            raise ConfigurationError(
                f"{table.file}: columns.{name}: '{bronze.id}' has no column '{source}'."
                f"{nearest(source, bronze.columns)} Say from: <bronze column>, derived: <SQL>, or computed: true. "
                f"Columns: {', '.join(bronze.columns)}."
            )
    for name, column in table.columns.items():
        if column.mapped:
            known = [other for other in (*table.columns, *DELIVERY_COLUMNS) if other != name]
            check_known(table, f"columns.{name}.mapped.from", [column.mapped.source], known)
    write = table.write
    for field, names in (("keys", write.keys), ("order_by", write.order_by), ("partition_by", write.partition_by)):
        check_known(table, f"write.{field}", names, table.columns)
        check_once(table, f"write.{field}", names)
    for name in write.keys:
        if not table.columns[name].required:
            raise ConfigurationError(
                f"{table.file}: columns.{name}: a column of the key must be required. "
                f"Example: {name}: {{type: {table.columns[name].type}, required: true, description: ...}}"
            )
    for name in write.partition_by:
        if name not in write.keys and not table.columns[name].sql:
            raise foreign_partition(table, name)
    if isinstance(write, Scd2):
        _check_history(table, write, bronze)
    _check_rule_names(table)
    check_upkeep(table)
    check_gates(table, [*table.columns, *DELIVERY_COLUMNS, _QUARANTINED])


def _check_markers(table: SilverTable) -> None:
    for name, column in table.columns.items():
        if column.null_marker_of:
            check_known(table, f"columns.{name}.null_marker_of", [column.null_marker_of], table.columns)
            owner = table.columns[column.null_marker_of]
            if owner.null_marker_of or not owner.null_values:
                what = "is a null marker" if owner.null_marker_of else "is not read from bronze with null markers"
                raise ConfigurationError(
                    f"{table.file}: columns.{name}.null_marker_of: '{column.null_marker_of}' {what}. "
                    "Name a column that has null_values. "
                    'Example: phone: {type: string, null_values: ["n/a"], description: ...}'
                )


def _check_history(table: SilverTable, write: Scd2, bronze: BronzeTable) -> None:
    check_once(table, "write.type_1", write.type_1)
    check_known(table, "write.type_1", write.type_1, table.columns)
    for name in write.type_1:
        if name in write.keys:
            raise ConfigurationError(
                f"{table.file}: write.type_1: '{name}' is part of the key, which is the same in all versions. "
                "Leave it out."
            )
        if name == write.valid_from:
            raise ConfigurationError(
                f"{table.file}: write.type_1: '{name}' is the day from which a version holds, and each version's own. "
                "Leave it out."
            )
    check_known(table, "write.valid_from", [write.valid_from], [*table.columns, "delivery_date"])
    if write.valid_from == "delivery_date":
        if not bronze.source.dated:
            raise ConfigurationError(
                f"{table.file}: write.valid_from: the deliveries of '{bronze.id}' have no day: their paths "
                f"({bronze.source.files}) name none. Name it in {bronze.file}, or name a date column here. "
                "Example: files: '*{date}.csv'"
            )
        return
    column = table.columns[write.valid_from]
    if column.type != "date" or not column.required:
        raise ConfigurationError(
            f"{table.file}: write.valid_from: '{write.valid_from}' must be a required date: a version holds from a day "
            f"on. Example: {write.valid_from}: {{type: date, required: true, description: ...}}"
        )


def _check_rule_names(table: SilverTable) -> None:
    given = {f"{name}_{word}" for name in table.columns for word in _READING_REASONS}
    given |= {"record_malformed", "header_repeated"}
    for name in table.row_rules:
        if name in {*table.columns, *DELIVERY_COLUMNS}:
            raise ConfigurationError(
                f"{table.file}: row_rules.{name}: a column has this name, and broken rules are counted under theirs "
                f"while gates are judged. Choose another one. Example: {name}_is_known"
            )
        if name in {*given, *TOLD_COLUMNS}:
            raise _taken(table, f"row_rules.{name}")


def check_retention(
    tables: Mapping[TableId, AnyTable], restore_days: int, keep_ledger_days: int | None, facts: str
) -> None:
    """Raise ConfigurationError when something is kept for fewer days than a restore of the domain may need it."""
    if keep_ledger_days is not None and keep_ledger_days < restore_days:
        raise ConfigurationError(
            f"{facts}: keep_ledger_days: {keep_ledger_days} is below restore_days ({restore_days}): a restore goes "
            f"back to a run that the ledger tells of. Example: keep_ledger_days: {max(400, restore_days)}"
        )
    for table in tables.values():
        keep_days = table.maintain.keep_days
        if isinstance(table, BronzeTable):
            days, least = table.maintain.drop_superseded_days, max(restore_days, keep_days)
            if days is not None and days < least:
                raise ConfigurationError(
                    f"{table.file}: maintain.drop_superseded_days: {days} is too few: old versions of this table stay "
                    f"readable for {keep_days} days (keep_days), and 'lakehouse restore' can go back {restore_days} "
                    f"(restore_days in {facts}). Allowed: {least} or more. "
                    f"Example: drop_superseded_days: {max(400, least)}"
                )
        elif keep_days < restore_days:
            raise ConfigurationError(
                f"{table.file}: maintain.keep_days: {keep_days} is below the {restore_days} days that "
                "'lakehouse restore' can go back: all tables of a domain go back together, so none may lose its "
                f"versions earlier. Allowed: {restore_days} or more, or a smaller restore_days in {facts} "
                "(7 at least)."
            )
