"""Tell from the beginning of a file that it is something else than delimited text."""

from __future__ import annotations

import re

HEAD = 1 << 10
"""Bytes at the start of a file that are enough to tell."""

_BINARY = (
    (rb"PAR1[\0-\x08\x0e-\x1f]", "a Parquet file"),
    (rb"PK\x03\x04(?s:.*)(?:xl/|\[Content_Types\])", "an Excel workbook"),
    (rb"PK(?:\x03\x04|\x05\x06)", "a zip archive"),
    (rb"\xd0\xcf\x11\xe0", "an Excel or Word file of the old kind"),
    (rb"\x1f\x8b", "gzip-compressed"),
    (rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)", "bzip2-compressed"),
    (rb"\x28\xb5\x2f\xfd", "zstd-compressed"),
    (rb"\xfd7zXZ\0", "xz-compressed"),
    (rb"7z\xbc\xaf", "a 7z archive"),
    (rb"Rar!\x1a", "a rar archive"),
    (rb"(?s:.{257})ustar", "a tar archive"),
    (rb"\x89PNG|\xff\xd8\xff|GIF8[79]a", "a picture"),
    (rb"%PDF-", "a PDF document"),
    (rb"Obj\x01", "an Avro file"),
    (rb"ORC[\0-\x08\x0e-\x1f]", "an ORC file"),
    (rb"SQLite format 3\0", "an SQLite database"),
)

_TEXT = (
    (r"(?i)\s*<(?:!doctype\s+html|html|head|body)\b", "an HTML page"),
    (r"\s*<(?:\?xml\b|!--|!DOCTYPE\b)", "XML"),
    (r'\s*(?:\{\s*["}]|\[\s*["\[{])', "JSON"),
)

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


def binary_kind(head: bytes) -> str | None:
    """What a file is whose first bytes are these; None for text and for what nobody knows."""
    return next((kind for pattern, kind in _BINARY if re.match(pattern, head)), None)


def text_kind(head: str) -> str | None:
    """What a text is that begins so, when it is no table."""
    return next((kind for pattern, kind in _TEXT if re.match(pattern, head)), None)


def marked_encoding(head: bytes) -> str | None:
    """The encoding that a byte order mark at the start of a file stands for; None without a mark."""
    return next((encoding for mark, encoding in _MARKS if head.startswith(mark)), None)


def is_unmarked_utf16(head: bytes) -> bool:
    """Whether every second byte is zero, as in utf-16 text without a byte order mark."""
    shares = sorted(part.count(0) / max(1, len(part)) for part in (head[::2], head[1::2]))
    return shares[0] < 0.05 and shares[1] > 0.5
