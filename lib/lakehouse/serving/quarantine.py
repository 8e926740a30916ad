"""The quarantine for people: which rows lie there and why, read without Spark, and as a file for a spreadsheet.

Nothing is masked here: who mends a row has to see it.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.contracts.lakes import Lake
from lakehouse.contracts.names import TableId
from lakehouse.errors import ConfigurationError
from lakehouse.serving.masks import NO_MASKS
from lakehouse.serving.sql import open_lake, query
from lakehouse.serving.tables import lake_tables
from lakehouse.spreadsheets import as_shown

if TYPE_CHECKING:
    import duckdb

STATUSES = ("open", "replayed", "discarded", "superseded")

EXPORTED = (
    "quarantine_id", "column", "value", "who", "why", "rule", "message", "status", "table", "delivery_id",
    "delivery_date", "record_number", "payload",
)  # fmt: skip
"""Columns of an export: one line per broken rule; the first five are what a patch file needs."""


@dataclass(frozen=True)
class Reason:
    """A rule that a row broke."""

    rule: str
    column: str
    value: str | None
    message: str


@dataclass(frozen=True)
class QuarantinedRow:
    """A row that was kept out of a silver table."""

    table: TableId
    quarantine_id: str
    delivery_id: str
    delivery_date: date | None
    sequence: int
    record_number: int
    status: str
    reasons: tuple[Reason, ...]
    payload: dict[str, Any]
    """The row as delivered, by bronze column; columns without a value are left out."""
    run_id: str


@dataclass(frozen=True)
class Selection:
    """Which quarantined rows are meant; an empty field does not narrow."""

    rule: str | None = None
    delivery: str | None = None
    first: date | None = None
    last: date | None = None
    status: str | None = None
    ids: tuple[str, ...] = ()


def quarantined_rows(
    lake: Lake, domain: str, selection: Selection, limit: int | None = None
) -> tuple[list[QuarantinedRow], int]:
    """The selected rows by table, delivery and record number, at most ``limit`` of them, and how many there are."""
    found: list[QuarantinedRow] = []
    total = 0
    connection, views = _opened(lake, domain)
    for view in views:
        condition, values = _condition(selection)
        _, ((count,),) = query(connection, f"SELECT count(*) FROM {view} WHERE {condition}", values)
        total += count
        room = "" if limit is None else f" LIMIT {max(0, limit - len(found))}"
        _, rows = query(
            connection,
            "SELECT quarantine_id, delivery_id, delivery_date, delivery_sequence, record_number, status, reasons, "
            f"payload, run_id FROM {view} WHERE {condition} "
            f"ORDER BY delivery_date, delivery_id, delivery_sequence, record_number{room}",
            values,
        )
        table = TableId(domain, "silver", view.partition(".")[2])
        found += [_row(table, row) for row in rows]
    return found, total


def counts(lake: Lake, domain: str, selection: Selection) -> list[tuple[str, str, date | None, str, int]]:
    """Rows by table, rule, day of delivery and status; a row that broke several rules counts for each."""
    found: list[tuple[str, str, date | None, str, int]] = []
    connection, views = _opened(lake, domain)
    for view in views:
        condition, values = _condition(selection)
        _, rows = query(
            connection,
            "SELECT rule, delivery_date, status, count(*) FROM "
            f"(SELECT unnest(reasons).rule AS rule, * FROM {view} WHERE {condition}) "
            "WHERE $rule IS NULL OR rule = $rule GROUP BY ALL ORDER BY ALL",
            values,
        )
        found += [(f"{domain}.silver.{view.partition('.')[2]}", *row) for row in rows]
    return found


def _opened(lake: Lake, domain: str) -> tuple[duckdb.DuckDBPyConnection, list[str]]:
    """A connection to the quarantine of one domain, and the names of its tables, those that cannot be read included."""
    tables = [table for table in lake_tables(lake) if (table.domain, table.layer) == (domain, "quarantine")]
    return open_lake(lake, NO_MASKS, tables), [table.view for table in tables]


def _condition(selection: Selection) -> tuple[str, dict[str, Any]]:
    return (
        "($rule IS NULL OR list_contains(list_transform(reasons, lambda r: r.rule), $rule)) "
        "AND ($delivery IS NULL OR delivery_id = $delivery) "
        "AND ($first IS NULL OR delivery_date >= $first) AND ($last IS NULL OR delivery_date <= $last) "
        "AND ($status IS NULL OR status = $status) "
        "AND (len($ids) = 0 OR list_contains($ids, quarantine_id))",
        {
            "rule": selection.rule,
            "delivery": selection.delivery,
            "first": selection.first,
            "last": selection.last,
            "status": selection.status,
            "ids": list(selection.ids),
        },
    )


def _row(table: TableId, row: Sequence[Any]) -> QuarantinedRow:
    number, delivery, day, sequence, record, status, reasons, payload, run_id = row
    return QuarantinedRow(
        table, number, delivery, day, sequence, record, status,
        tuple(Reason(r["rule"], r["column"], r["value"], r["message"]) for r in reasons),
        json.loads(payload), run_id,
    )  # fmt: skip


def export(rows: Iterable[QuarantinedRow], path: Path) -> int:
    """Write rows as CSV, or JSON where the name ends so: one line per broken rule; returns the number of lines.

    In CSV a value that a spreadsheet would take for a formula begins with an apostrophe; patch files take it off. All
    cells are quoted, so that none falls apart where semicolons delimit.
    """
    check_ending(path)
    lines = list(_lines(rows))
    if path.suffix.lower() == ".json":
        path.write_text(json.dumps(lines, indent=2, default=str, ensure_ascii=False) + "\n", "utf-8")
    else:
        # Without the mark at its start, spreadsheets take the file for one of their country's old encoding.
        with path.open("w", encoding="utf-8-sig", newline="") as stream:
            writer = csv.DictWriter(stream, EXPORTED, quoting=csv.QUOTE_ALL)
            writer.writeheader()
            writer.writerows(
                {name: as_shown("" if value is None else str(value)) for name, value in line.items()} for line in lines
            )
    return len(lines)


def check_ending(path: Path) -> None:
    """Raise ConfigurationError for a file name that says no format of an export."""
    if path.suffix.lower() not in (".csv", ".json"):
        raise ConfigurationError(f"--out: '{path}' ends neither in .csv nor in .json. Example: --out quarantine.csv")


def _lines(rows: Iterable[QuarantinedRow]) -> Iterator[dict[str, Any]]:
    for row in rows:
        for reason in row.reasons:
            yield {
                "quarantine_id": row.quarantine_id,
                "column": reason.column,
                "value": reason.value,
                "who": "",
                "why": "",
                "rule": reason.rule,
                "message": reason.message,
                "status": row.status,
                "table": str(row.table),
                "delivery_id": row.delivery_id,
                "delivery_date": row.delivery_date,
                "record_number": row.record_number,
                "payload": json.dumps(row.payload, ensure_ascii=False),
            }
