"""Tell from a file's bytes what it holds: hash, encoding, delimiter, header; or why it cannot be read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from lakehouse.contracts.tables import BronzeTable
from lakehouse.landing.decoding import CHUNK, UnreadableError, check_name, decoded
from lakehouse.landing.headers import HEAD, read_header
from lakehouse.landing.listing import LandedFile, open_landed
from lakehouse.landing.records import LineEnd, RecordScan


@dataclass(frozen=True)
class Layout:
    """How a readable file is written."""

    header: tuple[str, ...]
    """The names as delivered; one that is empty is told by its place."""
    delimiter: str
    encoding: str
    line_end: LineEnd = "\n"
    repeats_header: bool = False
    """Whether the header stands there again among the records, as where files were put one behind the other."""


@dataclass(frozen=True)
class Content:
    """What a file holds: the hash of its bytes, and its layout or the reason why it cannot be read."""

    content_hash: str
    layout: Layout | None
    reason: str | None


def sniff(file: LandedFile, table: BronzeTable, personal: bool = False) -> Content:
    """Read a file once, whole, a piece at a time: its hash, and its layout if it is readable as the table's source.

    Where there is ``personal`` data, the reason why it is not quotes none of it. Raises FileNotFoundError for a file
    that has gone.
    """
    digest = hashlib.sha256()
    if file.size == 0:
        # Pipes and links to nothing are listed so, and are better not opened.
        return Content(digest.hexdigest(), None, "the file is empty (0 bytes)")
    try:
        stream = open_landed(file)
    except (PermissionError, IsADirectoryError) as error:
        return Content("", None, f"it cannot be opened: {error.strerror}")
    with stream:
        chunks = _hashed(stream, digest)
        try:
            layout = _layout(chunks, file, table, personal)
            reason = None
        except UnreadableError as error:
            layout, reason = None, str(error)
            for _ in _hashed(stream, digest):
                pass  # the hash is of the whole file, readable or not
    return Content(digest.hexdigest(), layout, reason)


def _hashed(stream: IO[bytes], digest: hashlib._Hash) -> Iterator[bytes]:
    for chunk in iter(lambda: stream.read(CHUNK), b""):
        digest.update(chunk)
        yield chunk


def _layout(chunks: Iterator[bytes], file: LandedFile, table: BronzeTable, personal: bool) -> Layout:
    check_name(file.path)
    encoding = table.source.encoding
    texts = decoded(chunks, file.path, encoding)
    head = ""
    for text in texts:
        head += text
        if len(head) > HEAD:
            break
    header = read_header(head[:HEAD], len(head) <= HEAD, table, personal)
    scan = RecordScan(header, table)
    scan.feed(head)
    for text in texts:
        scan.feed(text)
    return Layout(header.names, header.delimiter, encoding, scan.finish(), scan.repeats_header)
