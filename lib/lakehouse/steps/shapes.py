"""From contracts to the Delta tables that keep them."""

from __future__ import annotations

from lakehouse.contracts.columns import BRONZE_COLUMNS, DELIVERY_COLUMNS, HISTORY_COLUMNS
from lakehouse.contracts.domains import Domain
from lakehouse.contracts.expressions import columns_used
from lakehouse.contracts.lakes import Lake
from lakehouse.contracts.names import TableId
from lakehouse.contracts.tables import BronzeTable, GoldTable, SilverTable
from lakehouse.contracts.writes import Scd2
from lakehouse.storage.keyed import History, KeyedTable
from lakehouse.storage.tables import KEY, OBSERVED_AS, Shape


def bronze_shape(table: BronzeTable, lake: Lake) -> Shape:
    """Declared columns as text, then the address, then what did not fit."""
    declared = {name: ("string", column.description) for name, column in table.columns.items()}
    return Shape(
        path=lake.table(table.id),
        name=table.id.view,
        description=table.description,
        columns={**declared, **DELIVERY_COLUMNS, **BRONZE_COLUMNS},
        partition_by=table.write.partition_by,
        statistics=("delivery_sequence",),
        keeps_more=True,
        keep_days=table.maintain.keep_days,
    )


def keyed_table(table: SilverTable, lake: Lake) -> KeyedTable:
    """The published table and the one with the rows beside it."""
    declared = {name: (column.type, column.description) for name, column in table.columns.items()}
    history = _history(table)
    columns = {**declared, **(HISTORY_COLUMNS if history else {}), **DELIVERY_COLUMNS}
    partition_by = table.write.partition_by
    identity = {name: table.columns[name].sql or KEY for name in partition_by} | dict.fromkeys(table.write.keys, KEY)
    sorted_by = tuple(name for name in table.maintain.zorder_by if name not in partition_by)
    shape = Shape(
        path=lake.table(table.id),
        name=table.id.view,
        description=table.description,
        columns=columns,
        partition_by=partition_by,
        statistics=("delivery_sequence", *sorted_by),
        change_feed=True,
        keep_days=table.maintain.keep_days,
        identity=identity,
    )
    what = "lost their key to another row" if history is None else "its versions follow from, as delivered"
    became = {OBSERVED_AS: ("string", "What became of the row: version (it opened one), unchanged or outranked")}
    outranked = Shape(
        path=lake.outranked(table.id),
        name=f"{table.id.domain}_outranked.{table.id.name}",
        description=f"Good rows of {table.id} that {what}.",
        columns={**declared, **DELIVERY_COLUMNS, **(became if history else {})},
        partition_by=partition_by,
        statistics=("delivery_sequence",),
        keep_days=table.maintain.keep_days,
        identity=identity,
    )
    return KeyedTable(shape, outranked, table.write.keys, table.write.order_by, history)


def _history(table: SilverTable) -> History | None:
    write = table.write
    if not isinstance(write, Scd2):
        return None
    type_1 = _type_1(table, write)
    others = {*write.keys, *type_1, write.valid_from}
    return History(write.valid_from, type_1, tuple(name for name in table.columns if name not in others))


def _type_1(table: SilverTable, write: Scd2) -> tuple[str, ...]:
    """The declared columns, and those that follow from such columns alone: they change with them."""
    found = list(write.type_1)
    own = {*write.keys, write.valid_from}
    for name, column in table.columns.items():
        used = {column.null_marker_of} if column.null_marker_of else set()
        if column.sql:
            used = columns_used(f"columns.{name}", column.sql)
        if used and used <= set(found) and name not in own | set(found):
            found.append(name)
    return tuple(found)


def gold_shape(table: GoldTable, lake: Lake) -> Shape:
    """The declared columns; ranges are kept of the columns that the table is sorted by."""
    partition_by = table.write.partition_by
    return Shape(
        path=lake.table(table.id),
        name=table.id.view,
        description=table.description,
        columns={name: (column.type, column.description) for name, column in table.columns.items()},
        partition_by=partition_by,
        statistics=tuple(name for name in table.maintain.zorder_by if name not in partition_by),
        change_feed=True,
        keep_days=table.maintain.keep_days,
    )


def made_shape(domain: Domain, table_id: TableId, lake: Lake) -> Shape:
    """The shape of any table of a domain, as its readers see it."""
    match domain.tables[table_id.owner]:
        case BronzeTable() as table:
            return bronze_shape(table, lake)
        case SilverTable() as table:
            keyed = keyed_table(table, lake)
            return keyed.shape if table_id == table.id else keyed.outranked
        case GoldTable() as table:
            return gold_shape(table, lake)
