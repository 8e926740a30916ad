"""Compare the landing zone with the ledger: what is new, corrected or touched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from lakehouse.contracts.domains import Domain
from lakehouse.landing.listing import LandedFile, list_source
from lakehouse.landing.sniffing import Content, sniff
from lakehouse.ledger.deliveries import Delivery, Register


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


@dataclass(frozen=True)
class Arrival:
    """A file whose content the ledger does not know yet."""

    file: LandedFile
    content: Content
    corrects: Delivery | None
    """The content that it replaces, when one of the same identity was taken before."""


@dataclass(frozen=True)
class News:
    """What a look at the landing zone found."""

    landed: tuple[LandedFile, ...] = ()
    candidates: tuple[LandedFile, ...] = ()
    """Files that may hold something new: unknown, or with another size or time than recorded."""
    strangers: tuple[str, ...] = field(default=())


def look(domain: Domain, landing: str, register: Register, days: Days) -> News:
    """List the sources of a domain and pick the files that may hold something new, by path, size and time alone."""
    landed: list[LandedFile] = []
    strangers: list[str] = []
    for table in domain.bronze():
        listing = list_source(landing, table)
        landed += [file for file in listing.files if days.holds(file.delivery_date)]
        strangers += [f"{table.source.folder}/{path}" for path in listing.strangers]
    candidates = [file for file in landed if not _known(file, register, domain.fingerprints[file.table])]
    return News(tuple(landed), tuple(candidates), tuple(strangers))


def _known(file: LandedFile, register: Register, fingerprint: str) -> bool:
    known = register.latest.get(file.delivery_id)
    if known is None or known.state in {"ingesting", "torn"}:
        return False
    same = (known.size, known.modified) == (file.size, file.modified)
    # A changed contract may make an unreadable file readable (another delimiter, a new alias in the header).
    return same and (known.state == "ingested" or known.fingerprint == fingerprint)


def examine(
    candidates: Sequence[LandedFile], domain: Domain, register: Register, progress: Callable[[], None]
) -> tuple[list[Arrival], list[Delivery]]:
    """Read the candidates: those with unknown content, and ledger entries for those that were only touched."""
    arrivals, touched = [], []
    for file in candidates:
        content = sniff(file, domain.bronze_table(file.table))
        progress()
        current = register.current.get(file.delivery_id)
        latest = register.latest.get(file.delivery_id)
        if latest and latest.state == "ingested" and latest.content_hash == content.content_hash:
            touched.append(replace(latest, size=file.size, modified=file.modified))
        else:
            arrivals.append(Arrival(file, content, current))
    return arrivals, touched
