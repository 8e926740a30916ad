"""Tell from a file's bytes what it holds: hash, encoding, delimiter, header; or why it cannot be read."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from lakehouse.contracts.tables import BronzeTable
from lakehouse.landing.listing import LandedFile, open_landed
from lakehouse.landing.quotes import QuoteScan

_CHUNK = 1 << 20
_HEAD = 1 << 16
"""Characters at the start of a file within which its header must end."""


@dataclass(frozen=True)
class Layout:
    """How a readable file is written."""

    header: tuple[str, ...]
    delimiter: str
    encoding: str


@dataclass(frozen=True)
class Content:
    """What a file holds: the hash of its bytes, and its layout or the reason why it cannot be read."""

    content_hash: str
    layout: Layout | None
    reason: str | None


class _UnreadableError(Exception):
    """Why a file cannot be read; becomes the reason in the ledger."""


def sniff(file: LandedFile, table: BronzeTable) -> Content:
    """Read a file once, whole, a piece at a time: its hash, and its layout if it is readable as the table's source."""
    digest = hashlib.sha256()
    with open_landed(file) as stream:
        chunks = _hashed(stream, digest)
        try:
            layout = _layout(chunks, file, table)
            reason = None
        except _UnreadableError as error:
            layout, reason = None, str(error)
            for _ in _hashed(stream, digest):
                pass  # the hash is of the whole file, readable or not
    return Content(digest.hexdigest(), layout, reason)


def _hashed(stream: IO[bytes], digest: hashlib._Hash) -> Iterator[bytes]:
    for chunk in iter(lambda: stream.read(_CHUNK), b""):
        digest.update(chunk)
        yield chunk


def _layout(chunks: Iterator[bytes], file: LandedFile, table: BronzeTable) -> Layout:
    head, quotes = "", 0
    for text in _decoded(chunks, file.path, table.source.encoding):
        quotes += text.count('"')
        if len(head) < _HEAD:
            head += text
    if not head:
        raise _UnreadableError("the file is empty (0 bytes)" if file.size == 0 else "the file holds no text")
    layout = _header(head[:_HEAD].removeprefix("\ufeff"), table)
    if quotes % 2:
        _check_quotes(file, layout)
    return layout


def _check_quotes(file: LandedFile, layout: Layout) -> None:
    """Read the file again, to tell a quoted value that is never closed from an inch mark."""
    scan = QuoteScan(layout.delimiter)
    with open_landed(file) as stream:
        chunks = iter(lambda: stream.read(_CHUNK), b"")
        for text in _decoded(chunks, file.path, layout.encoding):
            scan.feed(text)
    record = scan.open_record()
    if record is not None:
        place = f"a quoted value that begins in record {record}" if record else "a quoted value in the header"
        raise _UnreadableError(f"{place} is never closed")


def _decoded(chunks: Iterator[bytes], path: str, encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)()
    position, chunk = 0, b""
    plain = _unzipped(chunks) if path.endswith(".gz") else chunks
    try:
        for chunk in plain:
            zero = -1 if encoding == "utf-16" else chunk.find(b"\0")
            if zero >= 0:
                raise _UnreadableError(f"not text: a zero byte at offset {position + zero}")
            yield decoder.decode(chunk)
            position += len(chunk)
        chunk = b""
        yield decoder.decode(chunk, final=True)
    except UnicodeDecodeError as error:
        # The decoder's own count begins with what it kept of the chunk before.
        kept = len(error.object) - len(chunk) if error.object.endswith(chunk) else 0
        offset = position - kept + error.start
        byte = error.object[error.start]
        raise _UnreadableError(f"not {encoding} text: byte 0x{byte:02x} at offset {offset}") from error


def _unzipped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    started = False
    try:
        for chunk in chunks:
            waiting = chunk
            while waiting:
                started = True
                # A megabyte can inflate to a gigabyte: it is taken in pieces.
                yield inflater.decompress(waiting, _CHUNK)
                waiting = inflater.unconsumed_tail
                if inflater.eof:
                    # A gzip file may hold several members, one after the other.
                    waiting = inflater.unused_data
                    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
                    started = False
    except zlib.error as error:
        raise _UnreadableError(f"damaged gzip: {error}") from error
    if started:
        raise _UnreadableError("truncated gzip: the compressed data ends too early")


def _header(head: str, table: BronzeTable) -> Layout:
    best: tuple[int, str, list[str]] = (0, "", [])
    for delimiter in table.source.delimiters:
        names = _first_record(head, delimiter)
        known = len({table.column_of(name) for name in names} - {None})
        if known > best[0]:
            best = (known, delimiter, names)
    known, delimiter, names = best
    if not known:
        first = head.splitlines()[0][:80] if head.strip() else ""
        raise _UnreadableError(
            f"no usable header: none of the columns {', '.join(table.columns)} is named in the first record '{first}'"
        )
    spelled = [name.strip().casefold() for name in names]
    doubled = next((name for name in spelled if spelled.count(name) > 1), None)
    if doubled is not None:
        raise _UnreadableError(f"no usable header: the column '{doubled}' is named twice")
    return Layout(tuple(names), delimiter, table.source.encoding)


def _first_record(head: str, delimiter: str) -> list[str]:
    reader = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter)
    try:
        return next((record for record in reader if record), [])
    except csv.Error:
        return []
