"""Days of deliveries: a range of them, and ranges in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class Days:
    """A range of delivery days, both ends included; open where an end is None."""

    first: date | None = None
    last: date | None = None

    def holds(self, day: date | None) -> bool:
        """Whether a delivery of that day is meant; deliveries without a day always are."""
        if day is None:
            return True
        return (self.first is None or day >= self.first) and (self.last is None or day <= self.last)


def ranges_of(days: Iterable[date]) -> list[tuple[date, date]]:
    """Days in their order as ranges of days that follow one another, both ends included."""
    ranges: list[tuple[date, date]] = []
    for day in days:
        if ranges and day - ranges[-1][1] == timedelta(days=1):
            ranges[-1] = (ranges[-1][0], day)
        else:
            ranges.append((day, day))
    return ranges


def span(first: date, last: date) -> str:
    """A range of days, both ends included, in words."""
    return str(first) if first == last else f"{first} to {last}"
