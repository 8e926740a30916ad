"""What lies in a landing zone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import IO, Any

from lakehouse.contracts.names import TableId
from lakehouse.contracts.tables import BronzeTable
from lakehouse.errors import ConfigurationError, ObstacleError

_HIDDEN = (".", "_")


@dataclass(frozen=True)
class LandedFile:
    """One file of a source, as listed."""

    table: TableId
    delivery_id: str
    """Source and path below its folder; the identity of the delivery."""
    delivery_date: date | None
    path: str
    size: int
    modified: str

    @property
    def name(self) -> str:
        """Path below the source's folder."""
        return self.delivery_id.partition("/")[2]


@dataclass(frozen=True)
class LandedManifest:
    """A manifest, as listed."""

    name: str
    """Path below the source's folder."""
    path: str
    size: int
    modified: str


@dataclass(frozen=True)
class Listing:
    """The files of one source, and those in its folder that do not belong to it."""

    files: tuple[LandedFile, ...]
    strangers: tuple[str, ...]
    """Paths that do not fit the source's pattern, or that no ledger can hold because they are no text; hidden and
    temporary files are not among them."""
    manifests: Mapping[str, LandedManifest] = field(default_factory=dict)
    """By path below the folder; none where the source declares none."""

    @cached_property
    def names(self) -> frozenset[str]:
        """Paths of all that has landed, below the source's folder."""
        return frozenset([*(file.name for file in self.files), *self.strangers])


def _filesystem(address: str) -> tuple[Any, str]:
    """The file system that an address belongs to, and the path in it.

    Raises ConfigurationError for an address of a kind that is unknown, or whose library is not installed.
    """
    # Commands that look at no landing zone do without this import.
    from fsspec.core import url_to_fs

    try:
        filesystem, path = url_to_fs(address)
    except (ImportError, ValueError) as error:
        raise ConfigurationError(
            f"The landing zone {address} cannot be read: {error}. Name a folder, or install what reads such addresses."
        ) from error
    return filesystem, str(path)


def open_landed(file: LandedFile | LandedManifest) -> IO[bytes]:
    """The bytes of a landed file."""
    filesystem, path = _filesystem(file.path)
    stream: IO[bytes] = filesystem.open(path, "rb")
    return stream


def landing_root(place: str) -> str:
    """A landing zone's address without a trailing slash, as given otherwise."""
    return place.rstrip("/") or "/"


def list_source(landing: str, table: BronzeTable) -> Listing:
    """All files of a bronze table's source, in the order of their delivery ids.

    Raises nothing for a folder that does not exist: then there are no deliveries. Raises ObstacleError for one that
    cannot be listed: nobody can tell what lies in it.
    """
    filesystem, root = _filesystem(f"{landing_root(landing)}/{table.source.folder}")

    def below(path: str) -> str:
        return path[len(root) :].lstrip("/")

    def passed_over(folder: str) -> bool:
        return table.source.manifest is None and below(folder).rpartition("/")[2].startswith(_HIDDEN)

    files, strangers = [], []
    manifests = {}
    for facts in _found(filesystem, root, passed_over):
        path = facts["name"]
        relative = below(path)
        if table.source.is_manifest(relative):
            manifests[relative] = LandedManifest(relative, path, int(facts["size"]), _modified(facts))
            continue
        if is_hidden(relative):
            continue
        matched = table.source.match(relative)
        if matched is None or not _is_text(relative):
            strangers.append(_printable(relative))
            continue
        delivery_id = f"{table.id.name}/{relative}"
        files.append(
            LandedFile(table.id, delivery_id, matched.delivery_date, path, int(facts["size"]), _modified(facts))
        )
    return Listing(tuple(sorted(files, key=lambda file: file.delivery_id)), tuple(sorted(strangers)), manifests)


def _found(filesystem: Any, root: str, passed_over: Callable[[str], bool]) -> Iterator[dict[str, Any]]:
    """What its file system says of each file below a folder; a link to a folder is one too, and is not followed.

    Folders that are passed over are not looked into, where looking into folders is how files are found.
    """
    from fsspec.implementations.local import LocalFileSystem

    if isinstance(filesystem, LocalFileSystem):
        yield from _found_here(filesystem, root, passed_over)
        return
    try:
        listed = filesystem.find(root, detail=True)
    except Exception as error:  # Missing credentials are no OSError for all libraries of object stores.
        raise _unlistable(root, error) from error
    yield from listed.values()


def _found_here(filesystem: Any, folder: str, passed_over: Callable[[str], bool]) -> Iterator[dict[str, Any]]:
    # fsspec's own way takes a folder that it cannot list for an empty one.
    try:
        with os.scandir(folder) as entries:
            listed = [facts for entry in entries if (facts := _facts(filesystem, entry))]
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unlistable(folder, error) from error
    for facts in listed:
        if facts["type"] != "directory" or facts["islink"]:
            yield facts
        elif not passed_over(facts["name"]):
            yield from _found_here(filesystem, facts["name"], passed_over)


def _facts(filesystem: Any, entry: os.DirEntry[str]) -> dict[str, Any] | None:
    """What is said of an entry of a folder: of a link, what is said of its target. None when it has gone meanwhile."""
    if entry.is_symlink():
        # Where it leads to nothing, what is said of the link itself stands, with a size of 0.
        with suppress(OSError):
            return dict(filesystem.info(entry.path))
    with suppress(FileNotFoundError):
        return dict(filesystem.info(entry))
    return None


def _unlistable(folder: str, error: Exception) -> ObstacleError:
    reason = getattr(error, "strerror", None) or error
    return ObstacleError(
        f"The folder {_printable(folder)} of the landing zone cannot be listed: {reason}. "
        "What lies in it is not known, so this command goes no further: make the folder readable, then give the same "
        "command again."
    )


def is_hidden(relative: str) -> bool:
    """Whether a file is passed over without a word: still being written, or put there by a tool for itself."""
    return any(part.startswith(_HIDDEN) for part in relative.split("/")) or relative.endswith(".tmp")


def _is_text(path: str) -> bool:
    """Whether a path is text: file systems let names be any bytes, and Python hands on those that are no UTF-8."""
    return path.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in path)


def _printable(path: str) -> str:
    return path if _is_text(path) else path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def relist(file: LandedFile) -> LandedFile | None:
    """The same file as it is now, or None when it is gone."""
    filesystem, path = _filesystem(file.path)
    try:
        facts = filesystem.info(path)
    except FileNotFoundError:
        return None
    return LandedFile(file.table, file.delivery_id, file.delivery_date, file.path, int(facts["size"]), _modified(facts))


def _modified(facts: dict[str, Any]) -> str:
    # Local file systems say mtime, object stores LastModified or an ETag; any change of the text means "look again".
    if "ino" in facts:
        # Copies may keep the time of the original: another file, or a change of its entry, is a reason to look too.
        return f"{facts['mtime']} {facts['created']} {facts['ino']}"
    found = facts.get("ETag") or facts.get("mtime") or facts.get("LastModified") or ""
    return found.isoformat() if isinstance(found, datetime) else str(found)


@dataclass(frozen=True)
class MissingDay:
    """A day for which a source has no delivery."""

    day: date
    source: str
    """Name of its bronze table; empty when no other source of the domain has days, so that there is nothing to tell
    apart."""

    def __str__(self) -> str:
        return f"{self.day} ({self.source})" if self.source else str(self.day)


def missing_days(
    tables: Iterable[BronzeTable], delivered: Iterable[tuple[TableId, date | None]], first: date, last: date
) -> list[MissingDay]:
    """Days of a range, both ends included, for which a source has no delivery: each source is judged by itself.

    ``delivered`` pairs bronze tables with days. Sources whose paths name no day cannot miss one, nor
    can those that do not deliver every day.
    """
    present = set(delivered)
    sources = [table.id for table in tables if table.source.daily]
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    named = len(sources) > 1
    return [MissingDay(day, s.name if named else "") for day in days for s in sources if (s, day) not in present]
