"""The text of a delivered file, a piece at a time; or why its bytes are no text."""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Iterator
from itertools import chain
from pathlib import PurePosixPath

from lakehouse.landing.signatures import HEAD, binary_kind, is_unmarked_utf16, marked_encoding

CHUNK = 1 << 20
"""Bytes that are looked at in one go."""

_COMPRESSED = {".deflate", ".bz2", ".lz4", ".snappy", ".zst"}
"""Endings of names whose files Spark unpacks, besides .gz."""


class UnreadableError(Exception):
    """Why a file cannot be read; becomes the reason in the ledger."""


def check_name(path: str) -> None:
    """Raise UnreadableError for a file that Spark would not open, or not as it is, because of its name."""
    name = PurePosixPath(path)
    if ":" in name.name and "://" not in path:
        raise UnreadableError("its name holds a ':', which Spark cannot open: deliver it under another name")
    if name.suffix in _COMPRESSED:
        raise UnreadableError(f"its name ends in {name.suffix}: of compressed files only .gz is read")


def decoded(chunks: Iterator[bytes], path: str, encoding: str) -> Iterator[str]:
    """The pieces of a file's text, without a byte order mark; raises UnreadableError."""
    plain = _unzipped(chunks) if path.endswith(".gz") else chunks
    head = b""
    for chunk in plain:
        head += chunk
        if len(head) >= HEAD:
            break
    _check_head(head, encoding, path)
    yield from _texts(chain([head], plain), encoding)


def _check_head(head: bytes, encoding: str, path: str) -> None:
    kind = binary_kind(head[:HEAD])
    if kind:
        hint = ": its name has to end in .gz" if kind.startswith("gzip") and not path.endswith(".gz") else ""
        raise UnreadableError(f"not CSV but {kind}{hint}")
    mark = marked_encoding(head)
    if mark and mark != encoding:
        raise UnreadableError(f"its first bytes mark it as {mark} text, and the contract says {encoding}")
    if encoding == "utf-16" and head and not mark:
        raise UnreadableError("utf-16 text begins with a byte order mark, and this file with none")
    if not mark and is_unmarked_utf16(head[:HEAD]):
        raise UnreadableError(f"it looks like utf-16 text without a byte order mark, and the contract says {encoding}")


def _texts(chunks: Iterator[bytes], encoding: str) -> Iterator[str]:
    # A mark was checked before, and is no part of the text.
    decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)()
    wide = encoding == "utf-16"
    position, chunk = 0, b""
    try:
        for chunk in chunks:
            zero = -1 if wide else chunk.find(b"\0")
            if zero >= 0:
                raise UnreadableError(f"not text: a zero byte at offset {position + zero}")
            text = decoder.decode(chunk)
            if wide and "\0" in text:
                raise UnreadableError("not text: it holds a zero character")
            yield text
            position += len(chunk)
        chunk = b""
        yield decoder.decode(chunk, final=True)
    except UnicodeDecodeError as error:
        # The decoder's own count begins with what it kept of the chunk before.
        kept = len(error.object) - len(chunk) if error.object.endswith(chunk) else 0
        offset = position - kept + error.start
        byte = error.object[error.start]
        raise UnreadableError(f"not {encoding} text: byte 0x{byte:02x} at offset {offset}") from error


def _unzipped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    started, members = False, 0
    try:
        for chunk in chunks:
            waiting = chunk
            while waiting:
                started = True
                # A megabyte can inflate to a gigabyte: it is taken in pieces.
                yield inflater.decompress(waiting, CHUNK)
                waiting = inflater.unconsumed_tail
                if inflater.eof:
                    # A gzip file may hold several members, one after the other.
                    waiting = inflater.unused_data
                    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
                    started = False
                    members += 1
    except zlib.error as error:
        raise UnreadableError(_damage(str(error), members)) from error
    if started:
        raise UnreadableError("truncated gzip: the compressed data ends too early")


def _damage(error: str, members: int) -> str:
    what = error.rpartition(": ")[2]
    if what == "incorrect header check":
        return "damaged gzip: more bytes follow the compressed data" if members else "not gzip, although named .gz"
    return f"damaged gzip: {what}"
