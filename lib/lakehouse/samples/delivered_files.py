"""The bytes of delivered files: delimited text in dialects that people do send, and what nobody can read."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# The signature of a PNG and the start of its first chunk: no text, with NUL bytes, not valid UTF-8.
_PICTURE = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x01\x00\x00\x00\x01\x00\x08\x06\x00\x00\x00\xff\xfe\xc0\x80"


@dataclass(frozen=True)
class Dialect:
    """How a delimited file is written; the default is what RFC 4180 calls CSV, with LF.

    all_quoted: every value in quotes but whole numbers without leading zeros, as spreadsheets write them.
    """

    delimiter: str = ","
    line_end: str = "\n"
    byte_order_mark: bool = False
    gzipped: bool = False
    all_quoted: bool = False
    final_line_end: bool = True

    @property
    def suffix(self) -> str:
        """The ending of the file's name."""
        return ".csv.gz" if self.gzipped else ".csv"


def render(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    dialect: Dialect,
    misfits: Mapping[int, int] | None = None,
) -> bytes:
    """A header and rows as the bytes of a file.

    misfits: for a row's position the number of values it has too many (positive) or too few (negative).
    In a CR-only file a line break inside a value becomes a space: what such a break should be read as is
    nobody's promise.
    """
    lines = [_line(header, dialect)]
    lines.extend([_line(row, dialect) for row in rows])
    for position, surplus in (misfits or {}).items():
        row = list(rows[position])
        lines[position + 1] = _line(row[:surplus] if surplus < 0 else row + ["surplus"] * surplus, dialect)
    if dialect.line_end == "\r":
        lines = [line.replace("\n", " ") for line in lines]
    data = (dialect.line_end.join(lines) + (dialect.line_end if dialect.final_line_end else "")).encode()
    if dialect.byte_order_mark:
        data = b"\xef\xbb\xbf" + data
    # A fixed time keeps the bytes the same from one generation to the next.
    return gzip.compress(data, mtime=0) if dialect.gzipped else data


def truncated(data: bytes) -> bytes:
    """A gzip file that broke off half way through its upload."""
    return data[: len(data) // 2]


def picture(seed_bytes: bytes) -> bytes:
    """Bytes that are no text at all, as when a picture was uploaded under the wrong name."""
    return _PICTURE + seed_bytes


def _line(cells: Sequence[str], dialect: Dialect) -> str:
    delimiter = dialect.delimiter
    if dialect.all_quoted:
        return delimiter.join([cell if _is_number(cell) else _in_quotes(cell) for cell in cells])
    line = delimiter.join(cells)
    # Most rows need no quotes, and looking at the whole line is far cheaper than at each value.
    if '"' not in line and "\n" not in line and line.count(delimiter) == len(cells) - 1:
        return line
    return delimiter.join([_quoted(cell, delimiter) for cell in cells])


def _quoted(cell: str, delimiter: str) -> str:
    return _in_quotes(cell) if '"' in cell or "\n" in cell or delimiter in cell else cell


def _in_quotes(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


def _is_number(cell: str) -> bool:
    return cell.isascii() and cell.isdigit() and not cell.startswith("0")
