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

from fsspec.core import url_to_fs

from lakehouse.contracts.tables import BronzeTable
from lakehouse.landing.listing import LandedFile

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
    """Read a file once, whole: its hash, and its layout if it is readable as the table's source."""
    filesystem, path = url_to_fs(file.path)
    digest = hashlib.sha256()
    with filesystem.open(path, "rb") as stream:
        try:
            layout = _layout(_hashed(stream, digest), file, table)
            reason = None
        except _UnreadableError as error:
            layout, reason = None, str(error)
            for chunk in iter(lambda: stream.read(_CHUNK), b""):
                digest.update(chunk)
    return Content(digest.hexdigest(), layout, reason)


def _hashed(stream: IO[bytes], digest: hashlib._Hash) -> Iterator[bytes]:
    for chunk in iter(lambda: stream.read(_CHUNK), b""):
        digest.update(chunk)
        yield chunk


def _layout(chunks: Iterator[bytes], file: LandedFile, table: BronzeTable) -> Layout:
    head = ""
    empty = True
    for text in _decoded(chunks, file, table.source.encoding):
        empty = False
        if len(head) < _HEAD:
            head += text
    if empty:
        raise _UnreadableError("the file is empty (0 bytes)")
    return _header(head[:_HEAD].removeprefix("\ufeff"), table)


def _decoded(chunks: Iterator[bytes], file: LandedFile, encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)()
    position = 0
    plain = _unzipped(chunks) if file.path.endswith(".gz") else chunks
    try:
        for chunk in plain:
            zero = chunk.find(b"\0")
            if zero >= 0 and "16" not in encoding and "32" not in encoding:
                raise _UnreadableError(f"not text: a zero byte at offset {position + zero}")
            yield decoder.decode(chunk)
            position += len(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        offset = position + error.start
        raise _UnreadableError(f"not {encoding} text: byte 0x{error.object[error.start]:02x} near offset {offset}") from error


def _unzipped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    started = False
    try:
        for chunk in chunks:
            while chunk:
                started = True
                yield inflater.decompress(chunk)
                # A gzip file may hold several members, one after the other.
                chunk = inflater.unused_data
                if inflater.eof:
                    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
                    started = bool(chunk)
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
    columns = [table.column_of(name) for name in names]
    doubled = sorted({name for name, column in zip(names, columns, strict=True) if names.count(name) > 1})
    if doubled:
        raise _UnreadableError(f"no usable header: the column '{doubled[0]}' is named twice")
    return Layout(tuple(names), delimiter, table.source.encoding)


def _first_record(head: str, delimiter: str) -> list[str]:
    reader = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter)
    try:
        return next((record for record in reader if record), [])
    except csv.Error:
        return []
