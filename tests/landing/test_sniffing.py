"""What a file's bytes say: readable and how, or unreadable and why."""

from __future__ import annotations

import gzip
import hashlib
import random
import tracemalloc
from pathlib import Path

import pytest

from lakehouse.contracts.names import TableId
from lakehouse.contracts.tables import BronzeTable
from lakehouse.landing.listing import LandedFile
from lakehouse.landing.records import LineEnd
from lakehouse.landing.sniffing import Content, Layout, sniff

TABLE = TableId.parse("shop.bronze.orders")
COLUMNS = ("order_id", "amount")
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01"
UNKNOWN = "no usable header: none of the columns order_id, amount is named in the first record "


def contract(**source: object) -> BronzeTable:
    return BronzeTable.model_validate(
        {
            "id": TABLE,
            "file": "orders.yml",
            "description": "Orders",
            "source": {"kind": "csv", "folder": "shop", "files": "*.csv", **source},
            "columns": {"order_id": {"aliases": ["number"]}, "amount": {}},
        }
    )


def sniffed(folder: Path, data: bytes, name: str = "a.csv", **source: object) -> Content:
    path = folder / name
    path.write_bytes(data)
    file = LandedFile(TABLE, f"orders/{name}", None, str(path), len(data), "1")
    return sniff(file, contract(**source))


@pytest.mark.parametrize(
    ("data", "header", "delimiter"),
    [
        (b"order_id,amount\n1,2\n", COLUMNS, ","),
        (b"order_id,amount\r\n1,2\r\n", COLUMNS, ","),
        (b"order_id,amount\r1,2\r", COLUMNS, ","),
        (b"\xef\xbb\xbforder_id,amount\n1,2\n", COLUMNS, ","),
        (b"order_id;amount\n1,5;2\n", COLUMNS, ";"),
        (b"amount,order_id\n", ("amount", "order_id"), ","),
        (b"order_id,amount", COLUMNS, ","),
        (b"\n\norder_id,amount\n1,2\n", COLUMNS, ","),
        (b'order_id,"a note\nin two lines",amount\n1,x,2\n', ("order_id", "a note\nin two lines", "amount"), ","),
        (b'"order_id","amount"\n"1","2"\n', COLUMNS, ","),
        (b" Order_ID ,AMOUNT,more\n1,2,3\n", (" Order_ID ", "AMOUNT", "more"), ","),
        (b"number,more\n1,2\n", ("number", "more"), ","),
        (b"order_id,number\n1,2\n", ("order_id", "number"), ","),
        (b'order_id,amount\n"5"" pipe",2\n', COLUMNS, ","),
        (b'order_id,amount\n5" pipe,2\n', COLUMNS, ","),
        ("order_id,amount\nb\u00fccher,2\n".encode(), COLUMNS, ","),
    ],
)
def test_a_readable_file(data: bytes, header: tuple[str, ...], delimiter: str, tmp_path: Path) -> None:
    assert sniffed(tmp_path, data) == Content(
        hashlib.sha256(data).hexdigest(), Layout(header, delimiter, "utf-8", line_end(data)), None
    )


def line_end(data: bytes) -> LineEnd:
    return "\r\n" if b"\r\n" in data else "\r" if b"\r" in data else "\n"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty (0 bytes)"),
        (b"\xef\xbb\xbf", "the file holds no text"),
        (b"\n \n", "the file holds no text"),
        (b"ab\x00\x01", "not text: a zero byte at offset 2"),
        (b"order_id,amount\n1,\x002\n", "not text: a zero byte at offset 18"),
        (b"order_id,amount\n1,\xfc\n", "not utf-8 text: byte 0xfc at offset 18"),
        (b"order_id,amount\n1,\xc3", "not utf-8 text: byte 0xc3 at offset 18"),
        (b"1,2\n3,4\n", UNKNOWN + "'1,2'"),
        (b"ordr,amnt\n1,2\n", UNKNOWN + "'ordr,amnt'"),
        (
            b"order_id|amount\n1|2\n",
            "no usable header: with another delimiter the first record would name order_id, amount: the contract's "
            'source may say delimiters: ["|"]',
        ),
        (
            b"order_id\tnote\n1\t2\n",
            UNKNOWN + "'order_id\tnote'",
        ),
        (
            b"Orders of May\n\nprinted 2025-06-01\nOrder_ID,note,amount\n1,x,2\n",
            "no usable header: the first record is 'Orders of May', and a header seems to stand in record 3",
        ),
        (
            b"x,amount,2025-06-01T10:00:00Z,4,5\n",
            "no usable header: '2025-06-01T10:00:00Z' in the first record is a value and no name, so the header is "
            "missing",
        ),
        (b"order_id,amount,amount\n1,2,3\n", "no usable header: the column 'amount' is named twice"),
        (b"order_id,amount, Amount\n1,2,3\n", "no usable header: the column 'amount' is named twice"),
        (b'order_id,amount\n1,2\n1,"2\n3,4\n', "a quoted value that begins in record 2 is never closed"),
        (b'order_id,amount,"x\n1,2\n', "a quoted value in the header is never closed"),
    ],
)
def test_an_unreadable_file(data: bytes, reason: str, tmp_path: Path) -> None:
    assert sniffed(tmp_path, data) == Content(hashlib.sha256(data).hexdigest(), None, reason)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"Ann,ann.lee@example.org\n", UNKNOWN + "'A***,a***.l***@e***.o***'"),
        ("Łucja Ó\nOrder_ID,note,amount\n".encode(), "no usable header: the first record is 'Ł*** Ó***', and a header "
         "seems to stand in record 2"),
        (b"x,amount,1990-05-17,4,5\n", "no usable header: '1***-0***-1***' in the first record is a value and no name, "
         "so the header is missing"),
    ],
)  # fmt: skip
def test_a_reason_quotes_no_personal_data(data: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    file = LandedFile(TABLE, "orders/a.csv", None, str(path), len(data), "1")
    assert sniff(file, contract(), personal=True).reason == reason


def test_a_header_alone_is_readable(tmp_path: Path) -> None:
    assert sniffed(tmp_path, b"order_id,amount\n").reason is None


def test_other_encodings_and_delimiters(tmp_path: Path) -> None:
    found = sniffed(tmp_path, "order_id|gr\u00f6\u00dfe\n".encode("latin-1"), delimiters=["|"], encoding="iso-8859-1")
    assert found.layout == Layout(("order_id", "gr\u00f6\u00dfe"), "|", "iso-8859-1")
    found = sniffed(tmp_path, "order_id,amount\n".encode("utf-16"), encoding="utf-16")
    assert found.layout == Layout(COLUMNS, ",", "utf-16")


def test_an_error_far_into_a_file_is_found_at_its_place(tmp_path: Path) -> None:
    start = b"order_id,amount\n" + b"1,2\n" * 600_000
    found = sniffed(tmp_path, start + b"1,\xff\n" + b"1,2\n" * 600_000)
    assert found.reason == "not utf-8 text: byte 0xff at offset 2400018"


def test_a_character_across_two_pieces_is_whole(tmp_path: Path) -> None:
    start = b"order_id,amount\n1,"
    filler = b"x" * ((1 << 20) - len(start) - 1)
    assert sniffed(tmp_path, start + filler + "\u00fc\n".encode()).reason is None
    # The broken character begins in one piece and is noticed in the next.
    found = sniffed(tmp_path, start + filler + b"\xc3\xff\n")
    assert found.reason == "not utf-8 text: byte 0xc3 at offset 1048575"


# --- gzip


def test_gzip(tmp_path: Path) -> None:
    data = gzip.compress(b"order_id,amount\n1,2\n")
    assert sniffed(tmp_path, data, "a.csv.gz") == Content(
        hashlib.sha256(data).hexdigest(), Layout(COLUMNS, ",", "utf-8"), None
    )


def test_gzip_in_several_members_is_one_text(tmp_path: Path) -> None:
    data = gzip.compress(b"order_id,am") + gzip.compress(b"") + gzip.compress(b'ount\n1,2\n3,"4\n')
    assert sniffed(tmp_path, data, "a.csv.gz").reason == "a quoted value that begins in record 2 is never closed"


@pytest.mark.parametrize("kept", [5, 15, 30])
def test_gzip_that_ends_early(kept: int, tmp_path: Path) -> None:
    data = gzip.compress(b"order_id,amount\n" + b"1,2\n" * 1000)
    assert len(data) > 40
    found = sniffed(tmp_path, data[:kept], "a.csv.gz")
    assert (found.layout, found.reason) == (None, "truncated gzip: the compressed data ends too early")
    assert found.content_hash == hashlib.sha256(data[:kept]).hexdigest()


def test_gzip_whose_second_member_ends_early(tmp_path: Path) -> None:
    data = gzip.compress(b"order_id,amount\n1,2\n") + gzip.compress(b"3,4\n" * 100)[:15]
    found = sniffed(tmp_path, data, "a.csv.gz")
    assert found.reason == "truncated gzip: the compressed data ends too early"


def test_gzip_that_is_damaged(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(random.Random(1).randbytes(2000).hex().encode()))
    data[400] ^= 0xFF
    assert sniffed(tmp_path, bytes(data), "a.csv.gz").reason == "damaged gzip: invalid distance too far back"
    assert sniffed(tmp_path, b"order_id,amount\n", "b.csv.gz").reason == "not gzip, although named .gz"
    data = bytearray(gzip.compress(b"order_id,amount\n1,2\n"))
    data[-8] ^= 0xFF
    assert sniffed(tmp_path, bytes(data), "c.csv.gz").reason == "damaged gzip: incorrect data check"
    more = gzip.compress(b"order_id,amount\n1,2\n") + b"\0\0\0\0"
    assert sniffed(tmp_path, more, "d.csv.gz").reason == "damaged gzip: more bytes follow the compressed data"


@pytest.mark.parametrize(
    ("data", "reason"),
    # Without the time, which would name the test otherwise from one second to the next.
    [(b"", "the file is empty (0 bytes)"), (gzip.compress(b"", mtime=0), "the file holds no text")],
)
def test_gzip_of_nothing(data: bytes, reason: str, tmp_path: Path) -> None:
    assert sniffed(tmp_path, data, "a.csv.gz").reason == reason


def test_a_file_that_inflates_a_thousand_times_is_read_in_pieces(tmp_path: Path) -> None:
    data = gzip.compress(b'order_id,amount\n1,"' + (b"2" * 999 + b"\n") * 30_000)
    assert len(data) < 70_000
    tracemalloc.start()
    found = sniffed(tmp_path, data, "a.csv.gz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.reason and found.reason.startswith("record 1 has more than 16,777,216 characters: a quoted value")
    # Lines of the piece that is looked at are the most that is kept.
    assert peak < 80_000_000
