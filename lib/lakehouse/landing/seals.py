"""Seals: what the manifest of a delivery says of it, and whether the delivery may be taken."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lakehouse.contracts.tables import BronzeTable
from lakehouse.landing.listing import LandedFile, LandedManifest, Listing, open_landed
from lakehouse.landing.manifests import LARGEST, BrokenManifestError, Entry, read_entries
from lakehouse.ledger.deliveries import Delivery, Register

_NAMED = 3
"""Files that are named in a reason; the others are counted."""


@dataclass(frozen=True)
class Seal:
    """What is known of a delivery from its manifest alone."""

    facts: Mapping[str, Any]
    """For the ledger: which manifest it is, the rows that it says, what it waits for. Empty without a manifest."""
    manifest: str
    """The manifest's name, as it is called in reasons."""
    entry: Entry
    waits: str | None
    """Why the delivery cannot be taken, whatever its file holds."""

    def contradiction(self, size: int, content_hash: str) -> str | None:
        """How the bytes of the file differ from what the manifest says, or None."""
        if self.entry.size is not None and self.entry.size != size:
            return f"{self.manifest} says {self.entry.size:,} bytes, the file holds {size:,}"
        if self.entry.sha256 is not None and self.entry.sha256 != content_hash:
            return f"{self.manifest} says sha256 {self.entry.sha256[:12]}..., the file has {content_hash[:12]}..."
        return None


def rows_contradiction(details: Mapping[str, Any], delivery_id: str, rows: int) -> str | None:
    """How the rows of a delivery differ from what its manifest says, or None; ``details`` are those of the ledger."""
    facts = details.get("manifest") or {}
    said = facts.get("rows")
    if said is None or said == rows:
        return None
    return f"{_called(facts['file'], delivery_id.partition('/')[2])} says {said:,} rows, the file holds {rows:,}"


def is_resealed(known: Delivery, table: BronzeTable, file: LandedFile, listing: Listing) -> bool:
    """Whether a delivery has to be judged again: its manifest has changed, or something that it waits for landed.

    A manifest that is gone changes nothing about what was taken.
    """
    recorded = known.details.get("manifest") or {}
    found = listing.manifests.get(table.source.manifest_of(file.name) or "")
    if found is None:
        return known.state == "unconfirmed" and bool(recorded)
    if (found.size, found.modified) != (recorded.get("size"), recorded.get("modified")):
        return True
    return any(name in listing.names for name in recorded.get("waits_for", ()))


def seals(table: BronzeTable, listing: Listing, files: Iterable[LandedFile], register: Register) -> dict[str, Seal]:
    """The seals of some files, by delivery id; each manifest is read once."""
    read: dict[str, Mapping[str, Entry] | str] = {}
    found = {}
    for file in files:
        name = table.source.manifest_of(file.name) or ""
        manifest = listing.manifests.get(name)
        if manifest and name not in read:
            read[name] = _read(manifest, table)
        found[file.delivery_id] = _seal(table, file, manifest, read.get(name, {}), listing, register)
    return found


def _read(manifest: LandedManifest, table: BronzeTable) -> Mapping[str, Entry] | str:
    """What a manifest says, or why it cannot be used."""
    assert table.source.manifest is not None
    try:
        with open_landed(manifest) as stream:
            data = stream.read(LARGEST + 1)
        return read_entries(data, table.source.manifest.form, posixpath.dirname(manifest.name))
    except BrokenManifestError as error:
        return str(error)
    except OSError as error:
        return f"it cannot be read: {error.strerror or error}"


def _seal(
    table: BronzeTable,
    file: LandedFile,
    manifest: LandedManifest | None,
    said: Mapping[str, Entry] | str,
    listing: Listing,
    register: Register,
) -> Seal:
    name = table.source.manifest_of(file.name) or ""
    called = _called(name, file.name)
    if manifest is None:
        required = table.source.manifest is not None and table.source.manifest.required
        return Seal({}, called, Entry(), f"waits for its manifest {called}" if required else None)
    facts: dict[str, Any] = {"file": name, "size": manifest.size, "modified": manifest.modified}
    if isinstance(said, str):
        return Seal(facts, called, Entry(), f"{called} cannot be used: {said}")
    if file.name not in said:
        return Seal(facts, called, Entry(), f"{called} does not list it")
    entry = said[file.name]
    if entry.rows is not None:
        facts["rows"] = entry.rows
    missing = [
        other for other in said if other not in listing.names and not register.is_taken(f"{table.id.name}/{other}")
    ]
    if not missing:
        return Seal(facts, called, entry, None)
    names = [posixpath.relpath(other, posixpath.dirname(name) or ".") for other in missing]
    # As long as the first ones are missing, the set is: no need to keep them all.
    facts["waits_for"] = missing[:_NAMED]
    return Seal(facts, called, entry, f"waits for {_listed(names)} that {called} lists")


def _called(manifest: str, delivery: str) -> str:
    """A manifest's name beside its delivery; its path when it lies elsewhere."""
    folder, name = posixpath.split(manifest)
    return name if folder == posixpath.dirname(delivery) else manifest


def _listed(names: Sequence[str]) -> str:
    if len(names) > _NAMED:
        return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def orphans(tables: Sequence[tuple[BronzeTable, Listing]], register: Register) -> list[str]:
    """Manifests of which no file of any source has landed or was ever taken: path below the landing zone."""
    folders = {table.id.name: table.source.folder for table, _ in tables}
    left = {f"{table.source.folder}/{name}" for table, listing in tables for name in listing.manifests}
    for table, listing in tables:
        left -= {f"{table.source.folder}/{table.source.manifest_of(file.name)}" for file in listing.files}
    if left:
        for delivery in register.latest.values():
            name = (delivery.details.get("manifest") or {}).get("file", "")
            left.discard(f"{folders.get(delivery.table.name)}/{name}")
    return sorted(left)
