"""Records as a whole file is gone through: quoted values that are never closed, line ends, headers in the middle."""

from __future__ import annotations

import csv
import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.contracts.names import TableId
from lakehouse.contracts.tables import BronzeTable
from lakehouse.landing.decoding import UnreadableError
from lakehouse.landing.headers import Header, meant_columns
from lakehouse.landing.records import RecordScan

TABLE = BronzeTable.model_validate(
    {
        "id": TableId.parse("shop.bronze.orders"),
        "file": "orders.yml",
        "description": "Orders",
        "source": {"kind": "csv", "folder": "shop", "files": "*.csv"},
        "columns": {"id": {"aliases": ["number"]}, "name": {}, "price": {}},
    }
)
MIDDLE = "runs over the end of its line and is closed in the middle of a value: a quote is missing or stands alone"


def scanned(text: str, size: int = 1 << 20, delimiter: str = ",", names: tuple[str, ...] = ()) -> RecordScan:
    columns, known = meant_columns(list(names), TABLE)
    scan = RecordScan(Header(names, delimiter, columns, known), TABLE)
    for start in range(0, len(text), size):
        scan.feed(text[start : start + size])
    return scan


def problem(text: str, size: int = 1 << 20, delimiter: str = ",", names: tuple[str, ...] = ()) -> str | None:
    try:
        scanned(text, size, delimiter, names).finish()
    except UnreadableError as error:
        return str(error)
    return None


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("text", "record"),
    [
        ("", None),
        ("a,b\n1,2\n", None),
        ('a,b\n"1",2\n', None),
        ('a,b\n"1\n1",2\n', None),
        ('a,b\n"1""1",2\n', None),
        ('a,b\n"",2\n', None),
        ('a,b\n"""",2\n', None),
        ('a,b\n5",2\n', None),
        ('a,b\n"5"" pipe",2\n', None),
        ('a,b\n"5"x,2\n', None),
        ('a,b\n"5\n5" ,2\n', None),
        ('a,b\n"5\n5"\r\n', None),
        ('a,b\n1,"2', 1),
        ('a,b\n1,2\n"1,2\n1,2\n', 2),
        ('a,b\r\n\r\n1,2\r\n1,"2\r\n1,2\r\n', 2),
        ('a,b\n"1\n1",2\n1,"2\n', 2),
        ('a,b\n"1""', 1),
        ('a,b\n"1"""', None),
        ('a,b\n1,"', 1),
        ('a,b\n5",2\n1,"2\n1,2"\n', None),
        ('a,b\n5",2\n1,2\n1,"2\n', 3),
        ('a,b\n5",1,"2\n1,2\n', 1),
    ],
)
def test_the_record_whose_quoted_value_is_open(text: str, record: int | None, size: int) -> None:
    # The first piece holds the header.
    scan = scanned(text[:5], names=("a", "b"))
    for start in range(5, len(text), size):
        scan.feed(text[start : start + size])
    if record is None:
        scan.finish()
        return
    with pytest.raises(UnreadableError) as caught:
        scan.finish()
    assert str(caught.value) == f"a quoted value that begins in record {record} is never closed"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('a,"b\n1,2\n', "a quoted value in the header is never closed"),
        ('"a,b\n1,2\n', "a quoted value in the header is never closed"),
        ('a,b\r1,2\r1,2\r"x\r', "a quoted value that begins in record 3 is never closed"),
        ('a,b\n1,"2\n3,4\n5,"6"\n', f"a quoted value that begins in record 1 {MIDDLE}"),
        ('a,b\n1,2\n"2\n3"x,4\n', f"a quoted value that begins in record 2 {MIDDLE}"),
        ('a,b\n1,2\n"2\n3" x\n', f"a quoted value that begins in record 2 {MIDDLE}"),
    ],
)
def test_quotes_that_make_rows_disappear(text: str, found: str) -> None:
    assert problem(text) == found


def test_a_quote_after_another_delimiter_opens_nothing() -> None:
    assert problem('a;b\n1,"2;3\n', delimiter=";") is None
    assert problem('a;b\n1;"2,3\n', delimiter=";") == "a quoted value that begins in record 1 is never closed"
    assert problem('a\\b\n1\\"2\\3"\\"4\n', delimiter="\\") == "a quoted value that begins in record 1 is never closed"


@given(st.text('ab,"\n', max_size=30), st.integers(1, 7), st.sampled_from(["\n", "\r\n", "\r"]))
def test_it_reads_as_the_csv_module_does(text: str, size: int, end: str) -> None:
    text = ("a,b\n" + text).replace("\n", end)
    # Where a quoted value is open, another line is taken for the rest of it.
    rows = list(csv.reader(io.StringIO(f"{text}{end}last,row{end}", newline="")))
    scan = scanned(text[:6])
    try:
        for start in range(6, len(text), size):
            scan.feed(text[start : start + size])
        scan.finish()
    except UnreadableError as error:
        assert rows[-1] != ["last", "row"] or str(error).endswith(MIDDLE)
    else:
        assert rows[-1] == ["last", "row"]


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("a,b", "\n"),
        ("a,b\n1,2\n3,4", "\n"),
        ("a,b\r\n1,2\r\n3,4", "\r\n"),
        ("\r\n\r\na,b\r\n1,2\r\n", "\r\n"),
        ("\r\na,b", "\r\n"),
        ("\n\na,b\n1,2\r\n", "mixed"),
        ("a,b\r1,2\r3,4\r", "\r"),
        ('"a\n",b\r\n1,2\r\n', "\r\n"),
        ('"a\r",b\n1,2\n', "\n"),
        ('a,b\n"1\r\n1",2\n3,4\n', "\n"),
        ('a,b\r\n"1\n1",2\r\n3,4\r\n', "\r\n"),
        ('a,b\r"1\n1",2\r3,4\r', "\r"),
        ("a,b\n1,\r2\n", "\n"),
        ("a,b\n1,2\r\n", "mixed"),
        ("a,b\r\n1,2\n", "mixed"),
        ("a,b\r\n\n1,2\r\n", "mixed"),
        ("a,b\n1,2\r", "mixed"),
        ("a,b\r\r\n1,2\r\r\n", "mixed"),
    ],
)
def test_what_ends_the_records(text: str, end: str) -> None:
    assert scanned(text).finish() == end
    # In a long file, where most lines are looked at together.
    first, _, rest = text.rpartition("\n" if "\n" in text else "\r")
    if rest == "" and first:
        long = scanned(text)
        long.feed(text.replace("a,b", "5,6", 1) * 50)
        assert long.finish() == end


@pytest.mark.parametrize("text", ["\r\na,b\n1,2\n", "\na,b\r\n1,2\r\n", "\r\n\na,b\r\n1,2\n"])
def test_empty_lines_before_the_header_that_would_be_taken_for_it(text: str) -> None:
    assert problem(text) == "empty lines before the header end otherwise than the header"


def test_line_feeds_among_carriage_returns_are_no_guess() -> None:
    found = problem("a,b\r1,2\n3,4\r5,6\r")
    assert found == (
        "record 1 holds a line feed, but the header ends with a carriage return alone: the ends of lines differ"
    )


@pytest.mark.parametrize(
    ("text", "again"),
    [
        ("id,name\n1,x\nid,name\n2,y\n", True),
        ("id,name\n1,x\n\ufeffid,name\n2,y\n", True),
        ("id,name\n1,x\nNumber, NAME \n2,y\n", True),
        ('id,name\n1,x\n"id","name"\n2,y\n', True),
        ("id,name\n1,x\nidea,name\n2,y\n", False),
        ("id,name\n1,x\nname,x\n2,y\n", False),
        ('id,name\n1,x\n2,"\nid,name\n"\n', False),
    ],
)
def test_the_header_again(text: str, again: bool) -> None:
    scan = scanned(text, names=("id", "name"))
    scan.finish()
    assert scan.repeats_header is again
    # In a long file, where most lines are looked at together.
    header, _, rest = text.partition("\n")
    scan = scanned(header + "\n", names=("id", "name"))
    scan.feed(rest * 20)
    scan.finish()
    assert scan.repeats_header is again


@pytest.mark.parametrize(
    ("text", "record", "header"),
    [
        ("id,name,price\n1,x,2\nname,id,price\n", 2, "name,id,price"),
        ("id,name,price\n1,x,2\nid,price\n", 2, "id,price"),
        ('id,name,price\n1,x,2\n"price","name",x\n', 2, '"price","name",x'),
        ("id,name,price\n1,x,2\n\nline,id,price\n", 2, "line,id,price"),
        ("id,5\nof,May\nid,name,price\n1,x,2\n", 2, "id,name,price"),
    ],
)
def test_another_header(text: str, record: int, header: str) -> None:
    assert problem(text, names=tuple(text.split("\n", 1)[0].split(","))) == (
        f"record {record} is another header, '{header}': lines before the header, or several tables in one file"
    )


def test_a_record_of_too_many_values() -> None:
    assert problem("a,b\n1" + "," * 19_999 + "\n") is None
    assert problem("a,b\n1,2\n1" + "," * 20_000 + "\n") == "record 2 has more than 20,000 values"
    assert problem('a,b\n"1' + "," * 20_000 + '",2\n') is None


def test_a_record_without_an_end() -> None:
    scan = scanned("a,b\n1,2\n")
    with pytest.raises(UnreadableError, match=r"^record 2 has more than 16,777,216 characters$"):
        for _ in range(17):
            scan.feed("1" * (1 << 20))
    scan = scanned('a,b\n1,"2\n')
    with pytest.raises(UnreadableError) as caught:
        for _ in range(17):
            scan.feed("1" * (1 << 20) + "\n")
    assert str(caught.value) == (
        "record 1 has more than 16,777,216 characters: a quoted value that begins in record 1 is not closed before"
    )


def test_memory_stays_small_behind_an_open_quote() -> None:
    scan = scanned('a,b\n"1\n')
    tracemalloc.start()
    for _ in range(50):
        scan.feed('""' * 1000)
        scan.feed("1,2\n" * 1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
    with pytest.raises(UnreadableError, match=r"^a quoted value that begins in record 1 is never closed$"):
        scan.finish()
