"""Files that are something else than CSV, broken archives, odd names."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.corpus.cases import ONE, THREE, TWO, Case, header_again, read, unreadable

TEXT = b"id,name\n1,ann\n2,bob\n"
PLAIN_GZ = gzip.compress(TEXT, mtime=0)
LONG_GZ = gzip.compress(b"id,name\n" + b"1,ann\n" * 5000, mtime=0)
LATE = "truncated gzip: the compressed data ends too early"
NO_ROWS = "conformed rows: RowCount > 0 failed (RowCount is 0)"
MORE = "damaged gzip: more bytes follow the compressed data"


def _zip(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, TEXT)
    return out.getvalue()


def _parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"id": [1, 2], "name": ["ann", "bob"]}), out)
    return out.getvalue()


def _flipped(data: bytes, place: int) -> bytes:
    changed = bytearray(data)
    changed[place] ^= 0xFF
    return bytes(changed)


CASES: list[Case] = [
    unreadable("zero_bytes.csv", b"", "the file is empty (0 bytes)"),
    unreadable("only_bom.csv", b"\xef\xbb\xbf", "the file holds no text"),
    unreadable("only_blanks.csv", b"\r\n \r\n\t\n", "the file holds no text"),
    Case("header_only.csv", b"id,name\n", refused=NO_ROWS),
    Case("header_only_without_end.csv", b"id,name", refused=NO_ROWS),
    # --- Something else
    unreadable("parquet.csv", _parquet(), "not CSV but a Parquet file"),
    unreadable("parquet.csv.gz", gzip.compress(_parquet()), "not CSV but a Parquet file"),
    unreadable("zip.csv", _zip("a.csv"), "not CSV but a zip archive"),
    unreadable("xlsx.csv", _zip("[Content_Types].xml", "xl/workbook.xml"), "not CSV but an Excel workbook"),
    unreadable("png.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1", "not CSV but a picture"),
    unreadable("pdf.csv", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", "not CSV but a PDF document"),
    unreadable("gz_named.csv", PLAIN_GZ, "not CSV but gzip-compressed: its name has to end in .gz"),
    unreadable("twice.csv.gz", gzip.compress(PLAIN_GZ), "not CSV but gzip-compressed"),
    unreadable("zstd.csv", b"\x28\xb5\x2f\xfd\x04\x00", "not CSV but zstd-compressed"),
    unreadable("object.csv", b'{"id": 1, "name": "ann"}\n', "not CSV but JSON"),
    unreadable("lines_of_json.csv", b'{"id": 1}\n{"id": 2}\n', "not CSV but JSON"),
    unreadable("arrays.csv", b'[["id","name"],["1","ann"]]', "not CSV but JSON"),
    unreadable(
        "error_page.csv",
        b"<!DOCTYPE html>\n<html><body>id,name,502 Bad Gateway</body></html>",
        "not CSV but an HTML page",
    ),
    unreadable("error.csv", b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "not CSV but XML"),
    unreadable(
        "prose.csv",
        b"Dear all,\nplease find the data attached.\n",
        "no usable header: none of the columns id, name, note, amount, day, at, count, ok is named in the first record "
        "'Dear all,'",
    ),
    unreadable("nul_bytes.csv", b"id,name\n1,a\0b\n", "not text: a zero byte at offset 11"),
    unreadable("random.csv", bytes(range(1, 256)), "not utf-8 text: byte 0x80 at offset 127"),
    # --- gzip
    read("plain.csv.gz", PLAIN_GZ, ONE, TWO),
    read("two_members.csv.gz", PLAIN_GZ + gzip.compress(b"") + gzip.compress(b"3,eve\n"), ONE, TWO, THREE),
    read("two_files.csv.gz", PLAIN_GZ + gzip.compress(b"id,name\n3,eve\n"), ONE, TWO, header_again("id,name"), THREE),
    unreadable("cut_in_the_head.csv.gz", PLAIN_GZ[:7], LATE),
    unreadable("cut_in_the_middle.csv.gz", LONG_GZ[: len(LONG_GZ) // 2], LATE),
    unreadable("cut_before_the_trailer.csv.gz", LONG_GZ[:-8], LATE),
    unreadable("cut_in_the_trailer.csv.gz", LONG_GZ[:-3], LATE),
    unreadable("second_member_cut.csv.gz", PLAIN_GZ + LONG_GZ[:30], LATE),
    unreadable("bad_crc.csv.gz", _flipped(PLAIN_GZ, -8), "damaged gzip: incorrect data check"),
    unreadable("bad_length.csv.gz", _flipped(PLAIN_GZ, -1), "damaged gzip: incorrect length check"),
    unreadable("garbage_behind.csv.gz", PLAIN_GZ + b"garbage", MORE),
    unreadable("zeros_behind.csv.gz", PLAIN_GZ + b"\0" * 512, MORE),
    unreadable("not_gz.csv.gz", TEXT, "not gzip, although named .gz"),
    unreadable("picture.csv.gz", b"\x89PNG\r\n\x1a\n", "not gzip, although named .gz"),
    unreadable("nothing.csv.gz", gzip.compress(b""), "the file holds no text"),
    # --- Names
    read("p%20q #1 [a]{b,c}*?;é.csv", TEXT, ONE, TWO),
    read("a new\nline.csv", TEXT, ONE, TWO),
    unreadable("at 12:30.csv", TEXT, "its name holds a ':', which Spark cannot open: deliver it under another name"),
    unreadable("text.bz2", TEXT, "its name ends in .bz2: of compressed files only .gz is read"),
    unreadable("text.deflate", TEXT, "its name ends in .deflate: of compressed files only .gz is read"),
]


def place_strangers(folder: Path) -> tuple[str, ...]:
    """Put what is no delivery into a source's folder: names that are no text; returns how runs name them."""
    (folder / "b\udcfccher.csv").write_bytes(TEXT)
    return ("plain/b\\xfccher.csv",)
