"""Compare the landing zone with the ledger: what is new, corrected or touched."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from lakehouse.contracts.domains import Domain
from lakehouse.contracts.personal import personal_columns
from lakehouse.contracts.sources import Source
from lakehouse.contracts.tables import BronzeTable
from lakehouse.landing.days import Days
from lakehouse.landing.listing import LandedFile, Listing, is_hidden, list_source
from lakehouse.landing.seals import Seal, is_resealed, orphans, rows_contradiction, seals
from lakehouse.landing.sniffing import Content, sniff
from lakehouse.ledger.deliveries import Delivery, Register


@dataclass(frozen=True)
class Arrival:
    """A file whose content the ledger does not know yet."""

    file: LandedFile
    content: Content
    corrects: Delivery | None
    """The content that it replaces, when one of the same identity was taken before."""
    seal: Seal | None = None
    unconfirmed: bool = False
    """Whether its manifest keeps it out; the content's reason says why."""


@dataclass(frozen=True)
class News:
    """What a look at the landing zone found."""

    landed: tuple[LandedFile, ...] = ()
    candidates: tuple[LandedFile, ...] = ()
    """Files that may hold something new: unknown, or with another size, time or manifest than recorded."""
    strangers: tuple[str, ...] = field(default=())
    seals: Mapping[str, Seal] = field(default_factory=dict)
    """What the manifests say of the candidates, by delivery id; nothing where a source declares none."""
    orphans: tuple[str, ...] = ()
    """Manifests of which no file has landed."""


def look(domain: Domain, landing: str, register: Register, days: Days) -> News:
    """List the sources of a domain and pick the files that may hold something new, by path, size and time alone."""
    landed: list[LandedFile] = []
    candidates: list[LandedFile] = []
    listings: list[tuple[BronzeTable, Listing]] = []
    found: dict[str, Seal] = {}
    sealed: list[tuple[BronzeTable, Listing]] = []
    for table in domain.bronze():
        listing = list_source(landing, table)
        listings.append((table, listing))
        mine = [file for file in listing.files if days.holds(file.delivery_date)]
        fresh = [file for file in mine if not _known(file, register, table, domain.fingerprints[table.id], listing)]
        if table.source.manifest:
            sealed.append((table, listing))
            found |= seals(table, listing, fresh, register)
        landed += mine
        candidates += fresh
    alone = orphans(sealed, register)
    return News(tuple(landed), tuple(candidates), _strangers(listings), found, tuple(alone))


def _strangers(listings: Sequence[tuple[BronzeTable, Listing]]) -> tuple[str, ...]:
    """Paths below the landing zone that no source knows, each once: sources may share a folder."""
    found: set[str] = set()
    for table, listing in listings:
        others = [other.source for other, _ in listings if other is not table]
        paths = (PurePosixPath(table.source.folder, path) for path in listing.strangers)
        found |= {str(path) for path in paths if not any(_belongs(path, source) for source in others)}
    return tuple(sorted(found))


def _belongs(path: PurePosixPath, source: Source) -> bool:
    if not path.is_relative_to(source.folder):
        return False
    below = str(path.relative_to(source.folder))
    return source.is_manifest(below) or (source.match(below) is not None and not is_hidden(below))


def _known(file: LandedFile, register: Register, table: BronzeTable, fingerprint: str, listing: Listing) -> bool:
    known = register.latest.get(file.delivery_id)
    if known is None or known.state in {"ingesting", "torn"}:
        return False
    if table.source.manifest and is_resealed(known, table, file, listing):
        return False
    if known.sequence is not None and not _read_alike(known, table):
        return False
    # A changed contract may make an unreadable file readable (another delimiter, a new alias in the header).
    return is_unchanged(file, known) and (known.state == "ingested" or known.fingerprint == fingerprint)


def _read_alike(known: Delivery, table: BronzeTable) -> bool:
    """Whether a content was read as the contract now says: with another encoding it holds other values."""
    return bool(known.details.get("reading", "") == table.source.reading())


def is_unchanged(file: LandedFile, known: Delivery) -> bool:
    """Whether a file has the size and time that the ledger knows."""
    return (known.size, known.modified) == (file.size, file.modified)


def examine(
    candidates: Sequence[LandedFile],
    domain: Domain,
    register: Register,
    progress: Callable[[], None],
    seals: Mapping[str, Seal] | None = None,
) -> tuple[list[Arrival], list[Delivery]]:
    """Read the candidates: those with unknown content, and ledger entries for content that was taken before.

    The entries are of files that were only touched, and of deliveries that their manifest lets in or keeps out now.
    """
    arrivals, judged = [], []
    personal = personal_columns(domain)
    for file in candidates:
        table, seal = domain.bronze_table(file.table), (seals or {}).get(file.delivery_id)
        try:
            found = _examined(file, table, bool(personal[table.id]), seal, register)
        except FileNotFoundError:
            continue  # it has gone since it was listed: there is no such delivery
        progress()
        if isinstance(found, Arrival):
            arrivals.append(found)
        else:
            judged.append(found)
    return arrivals, judged


def _examined(
    file: LandedFile, table: BronzeTable, personal: bool, seal: Seal | None, register: Register
) -> Arrival | Delivery:
    corrects = register.current.get(file.delivery_id)
    if seal and (entry := judged_unread(file, seal, register)):
        return entry
    if seal and seal.waits:
        return Arrival(file, Content("", None, seal.waits), corrects, seal, unconfirmed=True)
    content = sniff(file, table, personal)
    for taken in _taken(file, register):
        if taken.content_hash == content.content_hash and _read_alike(taken, table):
            return _judged(file, taken, seal)
    contradiction = seal.contradiction(file.size, content.content_hash) if seal else None
    if contradiction:
        return Arrival(file, Content(content.content_hash, None, contradiction), corrects, seal, unconfirmed=True)
    return Arrival(file, content, corrects, seal)


def judged_unread(file: LandedFile, seal: Seal, register: Register) -> Delivery | None:
    """The ledger entry for an unchanged file in bronze whose manifest is what is new; None when it must be read."""
    unchanged = (taken for taken in _taken(file, register) if is_unchanged(file, taken))
    return next((_judged(file, taken, seal) for taken in unchanged), None)


def _taken(file: LandedFile, register: Register) -> list[Delivery]:
    """The contents in bronze that a file's may be once more: to be there again makes none of them a correction.

    The one that was looked at last, the one that counts, and where the last look found none in bronze (half a file, one
    that its manifest keeps out), the newest: it may be retracted or held, and people may have decided about its rows.
    """
    latest, counts = (found.get(file.delivery_id) for found in (register.latest, register.current))
    if latest is None:  # new, as most files are: all contents need not be looked through
        return []
    if latest.sequence in register.contents:
        return [latest, counts] if counts else [latest]
    mine = [
        content
        for sequence, content in register.contents.items()
        if content.delivery_id == file.delivery_id and sequence not in register.dropped
    ]
    newest = max(mine, key=lambda content: content.sequence or 0, default=None)
    return [content for content in (counts, newest) if content]


def _judged(file: LandedFile, taken: Delivery, seal: Seal | None) -> Delivery:
    """The ledger entry for content that lies in bronze, looked at again."""
    sealed = bool(taken.details.get("manifest")) and taken.state == "ingested"
    details = {key: value for key, value in taken.details.items() if key != "manifest"}
    entry = replace(taken, size=file.size, modified=file.modified)
    if seal is None:
        return replace(entry, state="ingested", reason=None, details=details)
    facts = {"manifest": dict(seal.facts)} if seal.facts else {}
    entry = replace(entry, details={**details, **facts})
    reason = (
        seal.waits
        or seal.contradiction(file.size, taken.content_hash)
        or rows_contradiction(entry.details, taken.delivery_id, taken.rows or 0)
    )
    if reason is None:
        return replace(entry, state="ingested", reason=None)
    # Content that agreed with a manifest stays until what the changed one announces has come: a correction.
    return replace(entry, state="unconfirmed", reason=reason, sequence=None if sealed else taken.sequence)
