"""Whether the deliveries of some days have landed, all of them and whole. Looks at names, sizes and times alone."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from lakehouse.contracts.domains import Domain
from lakehouse.contracts.tables import BronzeTable
from lakehouse.landing.listing import LandedFile, list_source

Signature = Mapping[str, str]
"""Delivery id to size and time: any change of it means that the file is still being written."""


@dataclass(frozen=True)
class Look:
    """What one look at the landing zone saw of the days that are waited for."""

    missing: tuple[str, ...]
    """Days without a delivery; with several sources, the source's name stands beside its day."""
    files: Signature
    youngest: float | None
    """Seconds since a file was last written; None when a file's time is not known, or there is none."""

    @property
    def complete(self) -> bool:
        """Whether every day has a delivery."""
        return not self.missing

    def settled(self, before: Look | None, settle_seconds: float, between: float) -> bool:
        """Whether nothing is being written: two looks saw the same, far enough from each other or from the writing."""
        if before is None or dict(before.files) != dict(self.files):
            return False
        quiet = max(between, self.youngest if self.youngest is not None else 0.0)
        return quiet >= settle_seconds


def look(domain: Domain, landing: str, first: date, last: date) -> Look:
    """List the sources of a domain whose paths name a day, and compare with the days that are waited for."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    sources = [table for table in domain.bronze() if _dated(table)]
    missing: list[str] = []
    found: list[LandedFile] = []
    for table in sources:
        files = [f for f in list_source(landing, table).files if f.delivery_date and first <= f.delivery_date <= last]
        present = {file.delivery_date for file in files}
        missing += [f"{day} ({table.id.name})" if len(sources) > 1 else str(day) for day in days if day not in present]
        found += files
    return Look(tuple(missing), {f.delivery_id: f"{f.size} {f.modified}" for f in found}, _youngest(found))


def _dated(table: BronzeTable) -> bool:
    return any(placeholder in table.source.files for placeholder in ("{date}", "{day}"))


def _youngest(files: Sequence[LandedFile]) -> float | None:
    ages = [_age(file) for file in files]
    known = [age for age in ages if age is not None]
    return min(known) if known and len(known) == len(ages) else None


def _age(file: LandedFile) -> float | None:
    try:
        written = float(file.modified)
    except ValueError:
        # An object store says something else; then the time between two looks is all that is known.
        return None
    return max(0.0, time.time() - written)
