"""Drift: where the headers of deliveries differ from their contract, and from the delivery before."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain, pairwise
from typing import Literal

from lakehouse.contracts.domains import Domain
from lakehouse.contracts.tables import BronzeTable
from lakehouse.ledger.entries import Row

DriftKind = Literal["unknown", "missing", "renamed", "retyped"]
"""Of a column: not in the contract, not in the header, delivered under another of its names, or with values most of
which cannot be read as its type."""

_MOST = 0.5
"""Share of a delivery's rows, above which unreadable values mean that the column has another type now."""
_UNREADABLE = re.compile(r"quarantined\.(.+)_(?:unreadable|excess_scale)")


Difference = tuple[DriftKind, str, str | None]


@dataclass(frozen=True)
class ColumnDrift:
    """One way in which the headers of a source's deliveries differ from its contract."""

    source: str
    kind: DriftKind
    column: str
    """As declared; of unknown columns, as delivered."""
    delivered_as: str | None
    """The name in the header, of renamed columns."""
    deliveries: int
    first_day: date | None
    last_day: date | None


@dataclass(frozen=True)
class HeaderChange:
    """A delivery whose header has other columns than that of the delivery before; their order does not count."""

    source: str
    delivery_id: str
    day: date | None
    previous: str
    """Id of the delivery before, by day and path."""
    added: tuple[str, ...]
    gone: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]
    """Old and new names of what is the same column by the contract, or by its place when it is the only one."""


@dataclass(frozen=True)
class Drift:
    """What changed in the headers of deliveries."""

    columns: tuple[ColumnDrift, ...]
    changes: tuple[HeaderChange, ...]
    """Newest first."""


def drift(domain: Domain, entries: Sequence[Row], metrics: Sequence[Row], since: datetime) -> Drift:
    """The drift in the current contents that were taken since a moment, by the ledger's entries about deliveries.

    ``metrics`` are the ledger's figures, which tell of values that could not be read.
    """
    retyped = _retyped(domain, metrics)
    columns: list[ColumnDrift] = []
    changes: list[HeaderChange] = []
    for table in domain.bronze():
        taken = {row["delivery_id"]: row for row in entries if row["table_id"] == str(table.id) and _has_header(row)}
        ordered = sorted(taken.values(), key=lambda row: (str(row["delivery_date"]), row["delivery_id"]))
        columns += _columns(table, [row for row in ordered if row["recorded_at"] >= since], retyped)
        found = (_change(table, before, row) for before, row in pairwise(ordered) if row["recorded_at"] >= since)
        changes += [change for change in found if change]
    return Drift(tuple(columns), tuple(sorted(changes, key=lambda one: (str(one.day), one.delivery_id), reverse=True)))


def _has_header(row: Row) -> bool:
    return row["state"] == "ingested" and "header" in (row["details"] or {})


def _retyped(domain: Domain, metrics: Sequence[Row]) -> dict[str, list[str]]:
    """By delivery: bronze columns most of whose values could not be read as their type when it was last judged."""
    newest = {(row["table_id"], row["delivery_id"]): row["run_id"] for row in metrics}
    current = [row for row in metrics if newest[row["table_id"], row["delivery_id"]] == row["run_id"]]
    rows_in = {(row["table_id"], row["delivery_id"]): row["value"] for row in current if row["name"] == "rows_in"}
    sources = {(str(table.id), name): source for table in domain.silver() for name, source in table.sources().items()}
    found: dict[str, list[str]] = {}
    for row in current:
        match = _UNREADABLE.fullmatch(row["name"])
        source = sources.get((row["table_id"], match[1])) if match else None
        of_all = rows_in.get((row["table_id"], row["delivery_id"]))
        if source and of_all and row["value"] > _MOST * of_all:
            found.setdefault(row["delivery_id"], []).append(source)
    return found


def _columns(table: BronzeTable, rows: Iterable[Row], retyped: Mapping[str, Sequence[str]]) -> Iterator[ColumnDrift]:
    seen: dict[Difference, list[date | None]] = {}
    for row in rows:
        own = ((column, None) for column in retyped.get(row["delivery_id"], ()))
        other: Iterator[Difference] = (("retyped", *one) for one in own)
        for difference in chain(header_differences(table, row["details"]["header"]), other):
            seen.setdefault(difference, []).append(row["delivery_date"])
    for (kind, column, delivered_as), days in sorted(seen.items(), key=lambda item: (item[0][0], item[0][1])):
        known = [day for day in days if day]
        first, last = min(known, default=None), max(known, default=None)
        yield ColumnDrift(table.id.name, kind, column, delivered_as, len(days), first, last)


def header_differences(table: BronzeTable, header: Sequence[str]) -> Iterator[Difference]:
    """Where a header differs from its contract: kind, column, and the name in the header of a renamed one."""
    meant = {name: table.column_of(name) for name in header}
    for name, column in meant.items():
        if column is None:
            yield "unknown", name, None
        elif name.strip().casefold() != column.casefold():
            yield "renamed", column, name
    for column in table.columns:
        if column not in meant.values():
            yield "missing", column, None


def _change(table: BronzeTable, before: Row, row: Row) -> HeaderChange | None:
    old, new = before["details"]["header"], row["details"]["header"]
    gone = [name for name in old if _spelled(name) not in map(_spelled, new)]
    added = [name for name in new if _spelled(name) not in map(_spelled, old)]
    meanings = {column: name for name in added if (column := table.column_of(name))}
    renamed = [(name, meanings[column]) for name in gone if (column := table.column_of(name)) in meanings]
    if not renamed and len(gone) == len(added) == 1 and old.index(gone[0]) == new.index(added[0]):
        renamed = [(gone[0], added[0])]
    if not gone and not added:
        return None
    return HeaderChange(
        source=table.id.name,
        delivery_id=row["delivery_id"],
        day=row["delivery_date"],
        previous=before["delivery_id"],
        added=tuple(name for name in added if name not in {to for _, to in renamed}),
        gone=tuple(name for name in gone if name not in {name for name, _ in renamed}),
        renamed=tuple(renamed),
    )


def _spelled(name: str) -> str:
    return name.strip().casefold()
