"""What the lines of a retail delivery add up to, once corrections have replaced what they correct."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from lakehouse.samples.retail_orders import LARGE, Line
from lakehouse.samples.truth import Figure


class Tally:
    """Counts the lines of one delivery that stand: good ones that no later line replaced."""

    def __init__(self) -> None:
        self._sums: Counter[str] = Counter()
        self._known_from: Counter[int | None] = Counter()

    def add(self, line: Line) -> None:
        """Count a line."""
        self._count(line, 1)

    def remove(self, line: Line) -> None:
        """Count a line no more, because another one with its key stands in its place."""
        self._count(line, -1)

    def figures(self, days: int) -> dict[str, Figure]:
        """The figures of the delivery in a sample of so many days.

        lines, sale_lines, refund_lines, zero_lines; gross_sales and gross_refunds (both positive); units_sold,
        units_refunded; large_lines (absolute amount of at least 5,000); orphan_lines (no delivered customer file
        has the buyer); lines_outside_calendar.
        """
        unknown = (count for day, count in self._known_from.items() if day is None or day >= days)
        return {
            **{name: self._sums[name] for name in _COUNTS},
            **{name: Decimal(self._sums[name]).scaleb(-2) for name in ("gross_sales", "gross_refunds")},
            "orphan_lines": sum(unknown),
        }

    def _count(self, line: Line, times: int) -> None:
        self._known_from[line.buyer.known_from] += times
        self._sums["lines"] += times
        self._sums["large_lines"] += times * (abs(line.cents) >= LARGE)
        self._sums["lines_outside_calendar"] += times * line.outside_calendar
        if line.cents == 0:
            self._sums["zero_lines"] += times
            return
        lines, gross, units = _SALE if line.cents > 0 else _REFUND
        self._sums[lines] += times
        self._sums[gross] += times * abs(line.cents)
        self._sums[units] += times * line.quantity


_SALE = ("sale_lines", "gross_sales", "units_sold")
_REFUND = ("refund_lines", "gross_refunds", "units_refunded")
_COUNTS = (
    "lines",
    "sale_lines",
    "refund_lines",
    "zero_lines",
    "units_sold",
    "units_refunded",
    "large_lines",
    "lines_outside_calendar",
)
