"""What a case of the corpus is: the bytes of one delivery, and what becomes of each of its records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

COLUMNS = ("id", "name", "note", "amount", "day", "at", "count", "ok")
HEADER = ",".join(COLUMNS)


@dataclass(frozen=True)
class Record:
    """One record and its fate."""

    values: Mapping[str, str]
    """As bronze keeps it, unknown columns too; what was not delivered is left out. Of a malformed one nothing."""
    reasons: tuple[tuple[str, str | None], ...] = ()
    """(rule, offending value); a record without any is in silver."""
    typed: Mapping[str, str] | None = None
    """The columns of silver that are no text, as text."""
    raw: str | None = None
    """The whole record, of a malformed one."""
    outranked: bool = False


@dataclass(frozen=True)
class Case:
    """One delivered file and its outcome: its records, or the reason why it is refused."""

    name: str
    data: bytes
    records: tuple[Record, ...] = ()
    unreadable: str | None = None
    refused: str | None = None
    source: str = "plain"
    """The source, and so the contract, by which it is read."""


def row(typed: Mapping[str, str] | None = None, /, **values: str) -> Record:
    """A record that reaches silver."""
    return Record(values, typed=typed)


def bad(*reasons: tuple[str, str | None], **values: str) -> Record:
    """A record that is quarantined, for these reasons."""
    return Record(values, reasons)


def outranked(**values: str) -> Record:
    """A good record whose key another one holds."""
    return Record(values, outranked=True)


def malformed(raw: str) -> Record:
    """A record with more or fewer values than the header names."""
    return Record({}, (("record_malformed", raw),), raw=raw)


def header_again(raw: str) -> Record:
    """The header among the records."""
    return Record({}, (("header_repeated", raw),), raw=raw)


def read(name: str, text: str | bytes, *records: Record, source: str = "plain") -> Case:
    """A file that is read; text is encoded as UTF-8."""
    return Case(name, text.encode() if isinstance(text, str) else text, records, source=source)


def unreadable(name: str, text: str | bytes, reason: str, source: str = "plain") -> Case:
    """A file that is refused as a whole, for this reason."""
    return Case(name, text.encode() if isinstance(text, str) else text, unreadable=reason, source=source)


ONE = row(id="1", name="ann")
TWO = row(id="2", name="bob")
THREE = row(id="3", name="eve")
"""The rows that most files hold beside what is the matter with them."""
