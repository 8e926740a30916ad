"""How many rows lie in quarantine, by rule, day and status: counted from the Delta tables without Spark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from lakehouse.contracts.lakes import Lake
from lakehouse.contracts.names import TableId
from lakehouse.ledger.entries import open_table
from lakehouse.storage.asking import ask_rows

Key = TypeVar("Key")

STATUSES = ("open", "replayed", "discarded", "superseded")

Counts = Mapping[str, int]
"""Rows by status; every status is a key."""


@dataclass(frozen=True)
class QuarantineCounts:
    """The quarantine of one silver table. A row that breaks several rules counts once under each of them."""

    table: TableId
    rows: Counts
    rules: Mapping[str, Counts]
    """By rule, most open rows first."""
    days: Mapping[date | None, Counts]
    """By delivery day, newest first: days with open rows, and days with rows that were quarantined in the window."""
    cells: Mapping[tuple[str, date | None], Counts]
    """By rule and day, of the same days."""

    @property
    def open(self) -> int:
        """Rows that nobody has dealt with."""
        return self.rows["open"]


_BY_DAY = """
SELECT delivery_date, status, count(*) AS found, max(quarantined_at) AS newest
FROM asked GROUP BY delivery_date, status
"""

_BY_RULE = """
SELECT rule, delivery_date, status, count(DISTINCT quarantine_id) AS found FROM (
    SELECT quarantine_id, delivery_date, status, reason['rule'] AS rule
    FROM (SELECT quarantine_id, delivery_date, status, unnest(reasons) AS reason FROM asked)
) GROUP BY rule, delivery_date, status
"""


def quarantine_counts(lake: Lake, table: TableId, since: datetime) -> QuarantineCounts | None:
    """The counts of a silver table's quarantine; None when it was never made."""
    path = lake.quarantine(table)
    if open_table(path) is None:
        return None
    by_day, by_rule = ask_rows(path, _BY_DAY), ask_rows(path, _BY_RULE)
    fresh = {row["delivery_date"] for row in by_day if row["status"] == "open" or row["newest"] >= since}
    rules = _counts((row["rule"], row) for row in by_rule)
    days = _counts((row["delivery_date"], row) for row in by_day)
    cells = _counts(((row["rule"], row["delivery_date"]), row) for row in by_rule)
    return QuarantineCounts(
        table=table,
        rows=_counts(("", row) for row in by_day).get("", dict.fromkeys(STATUSES, 0)),
        rules=dict(sorted(rules.items(), key=lambda item: (-item[1]["open"], item[0]))),
        days={day: days[day] for day in sorted(fresh, key=str, reverse=True)},
        cells={cell: cells[cell] for cell in sorted(cells, key=str) if cell[1] in fresh},
    )


def _counts(found: Iterable[tuple[Key, Mapping[str, Any]]]) -> dict[Key, dict[str, int]]:
    counts: dict[Key, dict[str, int]] = {}
    for key, row in found:
        by_status = counts.setdefault(key, dict.fromkeys(STATUSES, 0))
        by_status[row["status"]] = by_status.get(row["status"], 0) + row["found"]
    return counts
