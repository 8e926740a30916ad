"""What manifests say, and why some cannot be used."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.contracts.manifests import Form
from lakehouse.contracts.sources import CsvSource
from lakehouse.landing.manifests import LARGEST, BrokenManifestError, Entry, read_entries

A64, B64 = "a" * 64, "0123456789abcdef" * 4
DAY = "year=2025/month=01/day=02"
DAYS = "year={year}/month={month}/day={day}/*.csv"
EXAMPLE = 'Example: {"files": [{"file": "usage-1.csv", "rows": 1204}]}'
FIRST_LINE = "the first line names the columns, each once: file, size, rows, sha256; found "
A_SUM = "expected 64 hexadecimal digits, two spaces and a name, found "
ALLOWED = "Allowed: file, size, rows, sha256"
HIDDEN = "is never a delivery: its name begins with . or _ or ends in .tmp"


def problem(data: bytes, form: Form = "json") -> str:
    with pytest.raises(BrokenManifestError) as caught:
        read_entries(data, form, DAY)
    return str(caught.value)


# --- Where they lie


def source(files: str, manifest: str) -> CsvSource:
    return CsvSource.model_validate({"kind": "csv", "folder": "b", "files": files, "manifest": {"files": manifest}})


@pytest.mark.parametrize(
    ("files", "manifest", "delivery", "expected"),
    [
        ("*.csv", "{path}.manifest.json", "a.csv.gz", "a.csv.gz.manifest.json"),
        ("*.csv", "{path}.sha256", "{date}.csv", "{date}.csv.sha256"),
        ("*.csv", "{folder}/_manifest.json", "a.csv", "_manifest.json"),
        ("*/*.csv", "{folder}/SHA256SUMS", "x/a.csv", "x/SHA256SUMS"),
        (DAYS, "{folder}/_manifest.json", f"{DAY}/a.csv", f"{DAY}/_manifest.json"),
        ("usage_{date}_*.csv", "lists/{date}.csv", "usage_20250102_x.csv", "lists/20250102.csv"),
        ("{year}-{month}-{day}.csv", "m-{day}.{month}.{year}.json", "2025-01-02.csv", "m-02.01.2025.json"),
    ],
)  # fmt: skip
def test_where_the_manifest_of_a_delivery_lies(files: str, manifest: str, delivery: str, expected: str) -> None:
    found = source(files, manifest)
    assert found.manifest_of(delivery) == expected
    assert found.is_manifest(expected)
    assert not found.is_manifest(delivery)


def test_a_source_without_manifests_has_none() -> None:
    found = CsvSource.model_validate({"kind": "csv", "folder": "b", "files": "*.csv"})
    assert (found.manifest_of("a.csv"), found.is_manifest("a.csv")) == (None, False)


# --- What they say


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        ("json", '{"files": []}', {}),
        ("json", '\ufeff{"file": "a.csv", "rows": 0}', {"a.csv": Entry(rows=0)}),
        (
            "json",
            json.dumps({"files": [{"file": "a.csv", "size": 5, "rows": 7, "sha256": A64.upper()},
                                  {"file": "./more/b é.csv", "size": 0}]}),
            {"a.csv": Entry(5, 7, A64), "more/b é.csv": Entry(size=0)},
        ),
        (
            "csv",
            f'rows,File ,sha256\r\n7,a.csv,\r\n\r\n,"b, c.csv",{B64}\r\n',
            {"a.csv": Entry(rows=7), "b, c.csv": Entry(sha256=B64)},
        ),
        ("csv", "file,size\n", {}),
        ("sha256", "", {}),
        (
            "sha256",
            f"{A64}  a.csv\r\n\n{B64.upper()} *b c.csv\n",
            {"a.csv": Entry(sha256=A64), "b c.csv": Entry(sha256=B64)},
        ),
    ],
)  # fmt: skip
def test_what_a_manifest_says(form: Form, text: str, expected: dict[str, Entry]) -> None:
    found = read_entries(text.encode(), form, DAY)
    assert found == {f"{DAY}/{name}": entry for name, entry in expected.items()}
    assert read_entries(text.encode(), form, "") == expected


def one(**entry: Any) -> bytes:
    return json.dumps({"files": [{"file": "a.csv", "rows": 1}, entry]}).encode()


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "not JSON: Expecting value in line 1, column 1"),
        (b'{"files": [{"file": "a.csv",\n "rows": 12', "not JSON: Expecting ',' delimiter in line 2, column 12"),
        (b'{"files": [{"file": "a.csv", "rows": 1},]}', "not JSON: Expecting value in line 1, column 41"),
        (b"{'files': []}", "not JSON: Expecting property name enclosed in double quotes in line 1, column 2"),
        (b'{"files": []} {}', "not JSON: Extra data in line 1, column 15"),
        (b'{"files": [{"file": "a.csv", "rows": NaN}]}', "not JSON: NaN is no number there"),
        (b'{"files": [{"file": "a.csv", "rows": -Infinity}]}', "not JSON: -Infinity is no number there"),
        (b'{"files": [], "files": []}', "the key 'files' stands there twice in one object"),
        (b'{"files": [{"rows": 1, "rows": 2}]}', "the key 'rows' stands there twice in one object"),
        (b'{"file": "\x00.csv"}', "not JSON: Invalid control character at in line 1, column 11"),
        (b'{"files": "\xff"}', "not UTF-8 text: byte 0xff at offset 11"),
        ('{"files": []}'.encode("utf-16"), "not UTF-8 text: byte 0xff at offset 0"),
        (b"[" * 10_000, "lists and objects in one another too deeply"),
        (b'{"a":' * 10_000, "lists and objects in one another too deeply"),
        (b'{"files": 1' + b"0" * 5_000 + b"}", "a number has too many digits"),
        (b" " * (LARGEST + 1), "it is larger than 16 MB"),
        (b"null", f"no list of files, found null. {EXAMPLE}"),
        (b'"a.csv"', f"no list of files, found 'a.csv'. {EXAMPLE}"),
        (b"{}", f"no list of files, found null. {EXAMPLE}"),
        (b'{"files": {"a.csv": 5}}', f"no list of files, found an object. {EXAMPLE}"),
        (b'{"files": [], "made": 1}', f"unknown key 'made'. {EXAMPLE}"),
        (b'[["a.csv"]]', f"files[0]: expected an object, found a list. {EXAMPLE}"),
        (one(), f"files[1]: 'file' is missing, the name of a file. {EXAMPLE}"),
        (one(file=5, rows=1), f"files[1]: 'file' is missing, the name of a file. {EXAMPLE}"),
        (one(file="", rows=1), f"files[1]: 'file' is missing, the name of a file. {EXAMPLE}"),
        (one(file="b.csv"), "files[1]: nothing is said of 'b.csv': size, rows or sha256 is needed"),
        (one(file="b.csv", rowz=1), f"files[1]: unknown key 'rowz'. Did you mean 'rows'? {ALLOWED}"),
        (one(file="b.csv", rows="1"), "files[1].rows: expected a whole number such as 1204, found '1'"),
        (one(file="b.csv", rows=1.0), "files[1].rows: expected a whole number such as 1204, found 1.0"),
        (one(file="b.csv", rows=None), "files[1].rows: expected a whole number such as 1204, found null"),
        (one(file="b.csv", size=True), "files[1].size: expected a whole number such as 1204, found true"),
        (one(file="b.csv", size=-1), "files[1].size: expected a whole number such as 1204, found -1"),
        (one(file="b.csv", size=1e400), "not JSON: Infinity is no number there"),
        (one(file="b.csv", size=10**30), f"files[1].size: expected a whole number such as 1204, found 1{'0' * 30}"),
        (one(file="b.csv", size=[[[1]]]), "files[1].size: expected a whole number such as 1204, found a list"),
        (one(file="b.csv", sha256="ab"), "files[1].sha256: expected 64 hexadecimal digits, found 'ab'"),
        (one(file="b.csv", sha256=None), "files[1].sha256: expected 64 hexadecimal digits, found null"),
        (one(file="b.csv", sha256="x" * 64), f"files[1].sha256: expected 64 hexadecimal digits, found '{'x' * 59}..."),
        (one(file="a.csv", rows=1), "files[1]: 'a.csv' stands there twice"),
        (one(file="./a.csv", rows=1), "files[1]: './a.csv' stands there twice"),
        (one(file="../a.csv", rows=1), "files[1].file: '../a.csv' is no path below the folder of the manifest"),
        (one(file="/a.csv", rows=1), "files[1].file: '/a.csv' is no path below the folder of the manifest"),
        (one(file="x\\a.csv", rows=1), "files[1].file: 'x\\a.csv' is no path below the folder of the manifest"),
        (one(file="..", rows=1), "files[1].file: '..' is no path below the folder of the manifest"),
        (one(file="a\ud800", rows=1), "files[1].file: 'a\\ud800' is no path below the folder of the manifest"),
        (one(file="a\n.csv", rows=1), "files[1].file: 'a\\n.csv' is no path below the folder of the manifest"),
        (one(file="_a.csv", rows=1), f"files[1].file: '_a.csv' {HIDDEN}"),
    ],
)  # fmt: skip
def test_json_that_is_no_manifest(data: bytes, text: str) -> None:
    assert problem(data) == text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", FIRST_LINE + "''"),
        (b"name,rows\na.csv,1\n", FIRST_LINE + "'name,rows'"),
        (b"file,rows,Rows\na,1,1\n", FIRST_LINE + "'file,rows,rows'"),
        (b"file,rows,note\na.csv,1,x\n", "line 2: unknown key 'note'. Allowed: file, size, rows, sha256"),
        (b"file,rows\na.csv,1\nb.csv\n", "line 3: 1 values for 2 columns"),
        (b"file,rows\na.csv,1.5\n", "line 2.rows: expected a whole number such as 1204, found '1.5'"),
        (b"file,rows\na.csv,\xd9\xa3\n", "line 2.rows: expected a whole number such as 1204, found '\u0663'"),
        (b"file,rows\na.csv,\n", "line 2: nothing is said of 'a.csv': size, rows or sha256 is needed"),
        (b"file,rows\n,5\n", f"line 2: 'file' is missing, the name of a file. {EXAMPLE}"),
        (b'file,rows\n"a.csv,5\n', "not CSV: unexpected end of data in line 2"),
        (b'file,rows\n"a"b,5\n', "not CSV: ',' expected after '\"' in line 2"),
        (b"file,rows\na.csv,5\na.csv,5\n", "line 3: 'a.csv' stands there twice"),
    ],
)  # fmt: skip
def test_csv_that_is_no_manifest(data: bytes, text: str) -> None:
    assert problem(data, "csv") == text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"hello\n", f"line 1: {A_SUM}'hello'"),
        (f"{A64}  a\n{A64}\n".encode(), f"line 2: {A_SUM}'{A64[:59]}..."),
        (f"{A64}  a\n{B64}  a\n".encode(), "line 2: 'a' stands there twice"),
    ],
)  # fmt: skip
def test_checksums_that_are_no_manifest(data: bytes, text: str) -> None:
    assert problem(data, "sha256") == text


# --- Whatever it holds


NAMES = st.text("ab.-é ", min_size=1, max_size=8).map(lambda name: f"f{name}.csv")
ENTRIES = st.dictionaries(
    NAMES,
    st.builds(Entry, st.integers(0, 10**18), st.none() | st.integers(0, 10**18), st.none() | st.just(A64)),
    max_size=5,
)


@given(ENTRIES)
def test_json_and_csv_say_the_same(entries: dict[str, Entry]) -> None:
    rows = [
        {"file": name, **{key: value for key, value in vars(entry).items() if value is not None}}
        for name, entry in entries.items()
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, ["sha256", "rows", "file", "size"])
    writer.writeheader()
    writer.writerows(rows)
    assert read_entries(json.dumps({"files": rows}).encode(), "json", "") == entries
    assert read_entries(text.getvalue().encode(), "csv", "") == entries


ANYTHING = st.binary(max_size=40) | st.text('{}[]",:\\ufile0 sz', max_size=40).map(str.encode)


@given(ANYTHING, st.sampled_from(["json", "csv", "sha256"]))
def test_whatever_it_holds_it_is_read_or_explained(data: bytes, form: Form) -> None:
    try:
        read_entries(data, form, DAY)
    except BrokenManifestError as error:
        assert str(error).isprintable()
