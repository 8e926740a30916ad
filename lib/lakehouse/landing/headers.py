"""Find the header of a delivered file: which names it has, under which delimiter; or what stands in its place."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from lakehouse.contracts.tables import BronzeTable
from lakehouse.landing.decoding import UnreadableError
from lakehouse.landing.signatures import text_kind

HEAD = 1 << 16
"""Characters at the start of a file within which its header must end."""

_LOOKED_AT = 50
"""Records at the start of a file among which a header is looked for, to say where it is."""

_OTHERS = "\t|;,:^~"
"""Delimiters that people use, for hints."""

_VALUE = re.compile(r"[+-]\d+|[+-]?\d+\.\d+|\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?")
"""What no column is called: amounts and dates. Whole numbers may be names, years for example."""

_WORD = re.compile(r"(\w)\w*")


@dataclass(frozen=True)
class Header:
    """The names in a file's first record, and what they mean."""

    names: tuple[str, ...]
    """As delivered; one that is empty is told by its place."""
    delimiter: str
    columns: tuple[str, ...]
    """Under each name the declared column that it means, else the name itself in small letters."""
    known: int
    """How many declared columns it names."""


def read_header(head: str, whole: bool, table: BronzeTable, personal: bool) -> Header:
    """The header of a file that begins so; raises UnreadableError when there is none.

    ``whole`` says that this is all of the file, ``personal`` that what is said must not quote it.
    """
    kind = text_kind(head)
    if kind:
        raise UnreadableError(f"not CSV but {kind}")
    if not head.strip():
        raise UnreadableError("the file holds no text")
    found = _best(head, table.source.delimiters, table)
    if not found.known:
        raise UnreadableError(f"no usable header: {_instead(head, table, personal)}")
    if not whole and not _ends(head, found.delimiter):
        raise UnreadableError(f"no usable header: it does not end within {HEAD:,} characters")
    _check_names(found, personal)
    return found


def meant_columns(names: list[str], table: BronzeTable) -> tuple[tuple[str, ...], int]:
    """What the values of a record mean if they are names, and how many declared columns are among them."""
    plain = [name.replace("\ufeff", "").strip() for name in names]
    meant = [(table.column_of(name), name.casefold()) for name in plain]
    known = {column for column, _ in meant if column is not None}
    return tuple(column or name for column, name in meant), len(known)


def _best(head: str, delimiters: tuple[str, ...], table: BronzeTable) -> Header:
    best = Header((), "", (), 0)
    for delimiter in delimiters:
        names = next(_records(head, delimiter), [])
        columns, known = meant_columns(names, table)
        if known > best.known:
            best = Header(tuple(names), delimiter, columns, known)
    placed = tuple(name if name.strip() else f"column {place}" for place, name in enumerate(best.names, 1))
    columns = tuple(column or f"column {place}" for place, column in enumerate(best.columns, 1))
    return Header(placed, best.delimiter, columns, best.known)


def _check_names(header: Header, personal: bool) -> None:
    value = next((name for name in header.names if _VALUE.fullmatch(name.strip())), None)
    if value is not None and 2 * header.known < len(header.names):
        shown = _shown(value, personal)
        raise UnreadableError(
            f"no usable header: '{shown}' in the first record is a value and no name, so the header is missing"
        )
    spelled = [name.strip().casefold() for name in header.names]
    doubled = next((name for name in spelled if spelled.count(name) > 1), None)
    if doubled is not None:
        raise UnreadableError(f"no usable header: the column '{doubled}' is named twice")


def _instead(head: str, table: BronzeTable, personal: bool) -> str:
    """What stands where the header should be, and where the header may be."""
    first = _shown(head.lstrip("\r\n"), personal)
    for delimiter in _OTHERS:
        found = _best(head, (delimiter,), table)
        if found.known > 1 or 0 < found.known == len(found.names):
            return (
                f"with another delimiter the first record would name {', '.join(found.names)[:80]}: "
                f"the contract's source may say delimiters: [{json.dumps(delimiter)}]"
            )
    for delimiter in table.source.delimiters:
        for number, record in enumerate(_records(head, delimiter), 1):
            _, known = meant_columns(record, table)
            if known > 1 or 0 < known == len(record):
                return f"the first record is '{first}', and a header seems to stand in record {number}"
            if number == _LOOKED_AT:
                break
    return f"none of the columns {', '.join(table.columns)} is named in the first record '{first}'"


def _shown(text: str, personal: bool) -> str:
    """The start of a text, for a message that is kept; of each word the first letter where there is personal data."""
    first = text.splitlines()[0] if text.strip() else ""
    if personal:
        first = _WORD.sub(r"\1***", first)
    return first[:80]


def _ends(head: str, delimiter: str) -> bool:
    """Whether the first record ends within a text, and not with it."""
    lines = io.StringIO(head, newline="")
    records = _records_of(csv.reader(lines, delimiter=delimiter))
    next(records, None)
    return bool(lines.read(1))


def _records(text: str, delimiter: str) -> Iterator[list[str]]:
    return _records_of(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def _records_of(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    """Records that hold something; none after the first that the module cannot read."""
    try:
        yield from (record for record in reader if record)
    except csv.Error:
        return
