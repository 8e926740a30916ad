"""Records of files as Python's csv module counts them."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from lakehouse.contracts.names import TableId
from lakehouse.landing.counting import count_records
from lakehouse.landing.listing import LandedFile
from lakehouse.landing.sniffing import Layout

COUNTED = {
    "line feeds": (b"user,region\na,b\nc,d\n", 2),
    "carriage returns and line feeds": (b"user,region\r\na,b\r\n\r\nc,d", 2),
    "carriage returns": (b"user,region\ra,b\rc,d\r", 2),
    "a carriage return within a value": (b"user,region\na,b\rx\nc,d\n", 2),
    "a header that ends otherwise than the records": (b"user,region\r\na,b\nc,d\n", 2),
    "line ends within quotes": (b'user,region\n"a\n\nx",b\n"c""q","d\r\ne"\n', 2),
    "an inch mark": (b'user,region\na 5" x,b\nc,d\n', 2),
    "empty lines": (b'\n\nuser,region\n\na,b\n\n   \n,\n""\nc,d', 5),
    "a mark at the beginning": (b"\xef\xbb\xbf\"user\",region\na,b\n", 1),
    "only a header": (b"user,region", 0),
    "nothing": (b"", 0),
    "a long value": (b"user,region\n" + b"x" * 200_000 + b",b\n", 1),
}  # fmt: skip


def landed(path: Path) -> LandedFile:
    return LandedFile(TableId.parse("billing.bronze.usage"), f"usage/{path.name}", None, str(path), 1, "")


@pytest.mark.parametrize("what", COUNTED)
def test_records_are_counted(tmp_path: Path, what: str) -> None:
    content, records = COUNTED[what]
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    assert count_records(landed(path), Layout(("user", "region"), ",", "utf-8")) == records
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress(content))
    assert count_records(landed(packed), Layout(("user", "region"), ",", "utf-8")) == records


def test_other_encodings_and_delimiters(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes('user;region\n"ä;ö";b\r\nc;d\n'.encode("utf-16"))
    assert count_records(landed(path), Layout(("user", "region"), ";", "utf-16")) == 2
