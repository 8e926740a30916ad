"""How many records a file holds, counted by Python's csv module: shares nothing with what reads deliveries."""

from __future__ import annotations

import csv
import gzip
import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from lakehouse.landing.listing import LandedFile, open_landed
from lakehouse.landing.sniffing import Layout

_HEAD = 1 << 16
"""Characters within which the first line ends."""


def count_records(file: LandedFile, layout: Layout) -> int:
    """Records of a file; its header and empty lines do not count."""
    with _text(file, layout.encoding, newline="") as text:
        first = re.search("[\r\n]\n?", text.read(_HEAD))
    # Where lines end in a line feed, a carriage return alone is part of a value; the csv module would end a line there.
    fed = first is not None and first[0].endswith("\n")
    with _text(file, layout.encoding, newline="\n" if fed else "") as text, _long_values():
        lines = (line.rstrip("\r\n").replace("\r", " ") for line in text) if fed else text
        records = sum(1 for record in csv.reader(lines, delimiter=layout.delimiter) if record)
    return max(records - 1, 0)


@contextmanager
def _text(file: LandedFile, encoding: str, newline: str) -> Iterator[io.TextIOWrapper]:
    # A mark at the beginning says how a file is encoded, and belongs to no name.
    spelled = "utf-8-sig" if encoding == "utf-8" else encoding
    with open_landed(file) as stream:
        plain: IO[bytes] | gzip.GzipFile = gzip.GzipFile(fileobj=stream) if file.path.endswith(".gz") else stream
        yield io.TextIOWrapper(plain, encoding=spelled, newline=newline)


@contextmanager
def _long_values() -> Iterator[None]:
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)
