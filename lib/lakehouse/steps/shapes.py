"""From contracts to the Delta tables that keep them."""

from __future__ import annotations

from lakehouse.contracts.columns import BRONZE_COLUMNS, DELIVERY_COLUMNS
from lakehouse.contracts.lakes import Lake
from lakehouse.contracts.tables import BronzeTable, GoldTable, SilverTable
from lakehouse.storage.tables import Shape
from lakehouse.storage.winners import KeyedTable


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
    )


def keyed_table(table: SilverTable, lake: Lake) -> KeyedTable:
    """The published table and the one with its outranked rows."""
    columns = {name: (column.type, column.description) for name, column in table.columns.items()}
    columns.update(DELIVERY_COLUMNS)
    partition_by = table.write.partition_by
    sorted_by = tuple(name for name in table.maintain.zorder_by if name not in partition_by)
    shape = Shape(
        path=lake.table(table.id),
        name=table.id.view,
        description=table.description,
        columns=columns,
        partition_by=partition_by,
        statistics=("delivery_sequence", *sorted_by),
        change_feed=True,
    )
    outranked = Shape(
        path=lake.outranked(table.id),
        name=f"{table.id.domain}_outranked.{table.id.name}",
        description=f"Good rows of {table.id} that lost their key to another row.",
        columns=columns,
        partition_by=partition_by,
        statistics=("delivery_sequence",),
    )
    return KeyedTable(shape, outranked, table.write.keys, table.write.order_by)


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
    )
