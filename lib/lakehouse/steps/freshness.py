"""How fresh every table is: the newest delivery day that its readers see, and when that was published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from lakehouse.contracts.names import TableId
from lakehouse.contracts.tables import AnyTable, BronzeTable, GoldTable, SilverTable
from lakehouse.ledger.book import LOST, REFUSED, row_count, table_version
from lakehouse.ledger.deliveries import Register, register
from lakehouse.ledger.entries import Row
from lakehouse.steps.workspace import Workspace

KEPT_OUT = "a gate refused it"
"""How it begins why a computed table is behind, or not made, when no run will change that by itself."""

TableState = Literal["up to date", "behind", "not made"]


@dataclass(frozen=True)
class TableFreshness:
    """A table as its readers find it."""

    table: TableId
    state: TableState
    """``behind``: deliveries wait for it, or its inputs or its contract have changed since it was made."""
    why: str
    """Why it is behind; empty otherwise."""
    newest_day: date | None
    """The newest delivery day that is in it; of gold, the newest that is in all its inputs."""
    published_at: datetime | None
    """When the ledger last recorded it (UTC)."""
    age_seconds: float | None
    version: int | None
    rows: int | None
    run_id: str | None


def freshness(
    work: Workspace, deliveries: Register, entries: Sequence[Row], behind: Mapping[TableId, str], now: datetime
) -> list[TableFreshness]:
    """Every table of the domain, inputs first; ``entries`` are those of the ledger's ``deliveries``."""
    publications = _publications(work.ledger.rows("publications"))
    days = _Days(work.domain.tables, deliveries, entries, publications)
    return [_table(work, table, days, publications.get(table, []), behind.get(table, ""), now) for table in days.tables]


def _publications(rows: Iterable[Row]) -> dict[TableId, list[Row]]:
    found: dict[TableId, list[Row]] = {}
    for row in (row for row in rows if row["step"] not in {REFUSED, LOST}):
        found.setdefault(TableId.parse(row["table_id"]), []).append(row)
    return found


def _table(
    work: Workspace, table: TableId, days: _Days, publications: Sequence[Row], why: str, now: datetime
) -> TableFreshness:
    path = work.lake.table(table)
    version = table_version(path)
    newest = publications[-1] if publications else None
    published_at = newest["recorded_at"] if newest else None
    made = version is not None and newest is not None
    return TableFreshness(
        table=table,
        state=("behind" if why else "up to date") if made else "not made",
        why=why if made or why.startswith(KEPT_OUT) else "",
        newest_day=days.newest(table, published_at) if published_at else None,
        published_at=published_at,
        age_seconds=round((now - published_at).total_seconds(), 1) if published_at else None,
        version=version,
        rows=row_count(path) if version is not None else None,
        run_id=newest["run_id"] if newest else None,
    )


@dataclass(frozen=True)
class _Days:
    """What is needed to tell the newest delivery day of a table as it was at some moment."""

    tables: Mapping[TableId, AnyTable]
    register: Register
    entries: Sequence[Row]
    publications: Mapping[TableId, Sequence[Row]]

    def newest(self, table: TableId, at: datetime) -> date | None:
        """The newest delivery day in a table that was published at that moment."""
        match self.tables[table]:
            case BronzeTable():
                days = [d.delivery_date for d in self.register.current.values() if d.table == table]
            case SilverTable():
                seen = self._register(at)
                days = [seen.latest[name].delivery_date for owner, name in seen.published if owner == table]
            case GoldTable() as gold:
                return self._of_inputs(gold, at)
        return max((day for day in days if day), default=None)

    def _register(self, at: datetime) -> Register:
        """The deliveries as they were at that moment."""
        if not self.entries or self.entries[-1]["recorded_at"] <= at:
            return self.register
        return register(row for row in self.entries if row["recorded_at"] <= at)

    def _of_inputs(self, gold: GoldTable, at: datetime) -> date | None:
        found = []
        for source in (given.owner for given in gold.inputs.values()):
            made = [row["recorded_at"] for row in self.publications.get(source, []) if row["recorded_at"] <= at]
            found.append(self.newest(source, made[-1]) if made else None)
        return min((day for day in found if day), default=None)
