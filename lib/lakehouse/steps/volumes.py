"""Deliveries that hold suspiciously few rows: compared with what they replace, and with their neighbours in time.

The only judgement that looks beyond the delivery: it depends on what else had been delivered when it was made. Both
figures come from the ledger, so that it costs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from statistics import median

from lakehouse.contracts.tables import SilverTable
from lakehouse.ledger.deliveries import Delivery, Register
from lakehouse.quality.gates import Verdict

_NEIGHBOURS = 7
"""So many deliveries of the same series, those nearest in time, tell what is usual."""
_ENOUGH = 3
"""With fewer of them nothing is usual yet."""


def volume_verdicts(table: SilverTable, pending: Sequence[Delivery], register: Register) -> list[Verdict]:
    """Verdicts on the number of rows of each delivery; none for a table that asks for none."""
    drop = table.row_count_drop
    if drop is None:
        return []
    found = []
    for delivery in pending:
        for expected, what in _expected(delivery, register):
            lost = 1 - (delivery.rows or 0) / expected
            for severity, limit in (("warn", drop.warn), ("error", drop.error)):
                if limit is not None:
                    rule = f"RowCount >= {1 - limit:g} of {what}"
                    told = f"{delivery.rows or 0:,} rows, {100 * lost:.3g} % fewer than the {expected:,} of {what}"
                    passed = lost <= limit
                    found.append(
                        Verdict(delivery.sequence, "delivery", rule, severity, passed, None if passed else told, {})
                    )
    return found


def _expected(delivery: Delivery, register: Register) -> Iterator[tuple[int, str]]:
    before = [
        content.rows
        for sequence, content in sorted(register.contents.items())
        if content.delivery_id == delivery.delivery_id and sequence < (delivery.sequence or 0) and content.rows
    ]
    if before:
        yield before[-1], "its predecessor"
    near = _neighbours(delivery, register)
    if len(near) >= _ENOUGH:
        yield round(median(near)), "its neighbours"


def _neighbours(delivery: Delivery, register: Register) -> list[int]:
    """Rows of the deliveries of the same series that are nearest in time, on both sides."""
    day = delivery.delivery_date
    if day is None:
        return []
    others = [
        (abs((other.delivery_date - day).days), other.delivery_id, other.rows)
        for other in register.current.values()
        if other.table == delivery.table and other.delivery_date and other.delivery_date != day and other.rows
        and series(other.delivery_id) == series(delivery.delivery_id)
    ]  # fmt: skip
    return [rows for _, _, rows in sorted(others)[:_NEIGHBOURS]]


def series(delivery_id: str) -> str:
    """What the deliveries of a series have in common: their path without its numbers."""
    return re.sub(r"\d+", "#", delivery_id)
