"""Whether the deliveries of some days have landed, all of them and whole. Looks at names, sizes and times alone."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from lakehouse.contracts.domains import Domain
from lakehouse.landing.listing import LandedFile, list_source, missing_days

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
    files = [file for table in domain.bronze() if table.source.dated for file in list_source(landing, table).files]
    found = [file for file in files if file.delivery_date and first <= file.delivery_date <= last]
    missing = missing_days(domain.bronze(), ((file.table, file.delivery_date) for file in found), first, last)
    return Look(tuple(map(str, missing)), {f.delivery_id: f"{f.size} {f.modified}" for f in found}, _youngest(found))


def _youngest(files: Sequence[LandedFile]) -> float | None:
    ages = [_age(file) for file in files]
    known = [age for age in ages if age is not None]
    return min(known) if known and len(known) == len(ages) else None


def _age(file: LandedFile) -> float | None:
    try:
        written = float(file.modified.split()[0])
    except (ValueError, IndexError):
        # An object store says something else; then the time between two looks is all that is known.
        return None
    return max(0.0, time.time() - written)
