"""Which columns hold personal data: those that a contract marks ``pii: true``, and the same data in other tables."""

from __future__ import annotations

from collections.abc import Mapping

from lakehouse.contracts.columns import Column, DeliveredColumn
from lakehouse.contracts.domains import Domain
from lakehouse.contracts.names import TableId
from lakehouse.contracts.tables import BronzeTable, SilverTable, input_ids


def personal_columns(domain: Domain) -> dict[TableId, frozenset[str]]:
    """The personal columns of every table of a domain.

    A mark is good for the same data elsewhere, so that one that was forgotten shows nothing: for the bronze column that
    a marked silver column is read from, for the silver column that is read from a marked bronze column, and for columns
    of the same name in tables made from that one. ``pii: false`` says that a column is not meant; null markers are not.
    """
    found: dict[TableId, frozenset[str]] = {}
    for table in domain.tables.values():
        inherited = {name for source in input_ids(table) for name in found[source.owner]}
        if isinstance(table, BronzeTable):
            inherited = {source for silver in domain.silver() if silver.bronze == table.id for source in _read(silver)}
        elif isinstance(table, SilverTable):
            of_bronze = found[table.bronze]
            markers = {name for name, column in table.columns.items() if column.null_marker_of}
            inherited |= {name for name, source in table.sources().items() if source in of_bronze} - markers
        found[table.id] = _personal(table.columns, inherited)
    return found


def _read(silver: SilverTable) -> set[str]:
    """Bronze columns that the marked columns of a silver table are read from."""
    return {source for name, source in silver.sources().items() if silver.columns[name].pii}


def _personal(columns: Mapping[str, Column] | Mapping[str, DeliveredColumn], inherited: set[str]) -> frozenset[str]:
    return frozenset(
        name
        for name, column in columns.items()
        if column.pii or (name in inherited and "pii" not in column.model_fields_set)
    )
