"""Patch files: what should have been delivered in single columns of quarantined rows, by whom and why."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakehouse.contracts.json_text import BrokenJsonError, read_json, shown
from lakehouse.errors import ConfigurationError, nearest
from lakehouse.spreadsheets import as_meant

NEEDED = ("quarantine_id", "column", "value", "who", "why")
_EXAMPLE = '{"quarantine_id": "9f86d081884c7d65", "column": "user_id", "value": "u17", "who": "ann", "why": "typo"}'
_DELIMITERS = ",;\t"
"""What spreadsheets write between values, by the country they are set to."""

_LONGEST = 1 << 26
"""Characters of the longest cell; exports hold whole rows in one."""


@dataclass(frozen=True)
class Patch:
    """One line of a patch file."""

    place: str
    """File and line, for messages."""
    quarantine_id: str
    column: str
    value: str
    who: str
    why: str


def read_patches(path: Path, ignored: Sequence[str] = ()) -> list[Patch]:
    """The patches of a CSV or JSON file; raises ConfigurationError that names the file and the line.

    ``ignored`` names columns that may stand there besides, as exports have them.
    """
    found = []
    for place, entry in _entries(path):
        unknown = [name for name in entry if name not in NEEDED and name not in ignored]
        if unknown:
            raise ConfigurationError(
                f"{place}: {shown(unknown[0])} is not a field of a patch.{nearest(unknown[0], NEEDED)} "
                f"Allowed: {', '.join(NEEDED)}. Example: {_EXAMPLE}"
            )
        missing = [name for name in NEEDED if name not in entry]
        if missing:
            raise ConfigurationError(f"{place}: '{missing[0]}' is missing. Example: {_EXAMPLE}")
        texts = {name: _text(place, name, entry[name]) for name in NEEDED}
        if not texts["quarantine_id"]:
            raise ConfigurationError(f"{place}: 'quarantine_id' is empty. Example: {_EXAMPLE}")
        found.append(Patch(place, **texts))
    if not found:
        raise ConfigurationError(f"{path}: there is no patch in it. Example of one: {_EXAMPLE}")
    return found


def _text(place: str, name: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        # A number would lose digits or zeros on its way through JSON: 1.10, 007.
        hint = f'write it as text: "{json.dumps(value)}"' if isinstance(value, int | float) else "expected a text"
        raise ConfigurationError(f"{place}: '{name}' is {shown(value)}; {hint}. Example: {_EXAMPLE}")
    if any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in value):
        raise ConfigurationError(f"{place}: '{name}' is {shown(value)}, which holds a character that no file can hold.")
    return value


def _entries(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    read = {".csv": _csv_entries, ".json": _json_entries}.get(path.suffix.lower())
    if read is None:
        raise ConfigurationError(f"{path}: a patch file's name ends in .csv or .json.")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{path}: the patch file cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{path}: the patch file cannot be read: it is not UTF-8 text (byte 0x{error.object[error.start]:02x} at "
            f'offset {error.start}). Spreadsheets call the right kind "CSV UTF-8".'
        ) from error
    return read(path, text)


def _csv_entries(path: Path, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    first = next(iter(text.splitlines()), "")
    delimiter = max(_DELIMITERS, key=first.count)
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        if text.strip() and "quarantine_id" not in names:
            raise ConfigurationError(
                f"{path}, line 1: the first line names the columns {', '.join(NEEDED)}; found {shown(first)}."
            )
        doubled = next((name for name in names if name and names.count(name) > 1), None)
        if doubled:
            raise ConfigurationError(f"{path}, line 1: the column {shown(doubled)} is named twice.")
        for values in reader:
            place = f"{path}, line {reader.line_num}"
            if not any(values):
                continue  # spreadsheets leave such lines where rows were cleared
            if len(values) != len(names):
                raise ConfigurationError(f"{place}: {len(values)} values, but the first line names {len(names)}.")
            # Exports put an apostrophe before what a spreadsheet would take for a formula.
            cells = zip(names, map(as_meant, values), strict=True)
            yield place, {name: value for name, value in cells if name or value}
    except csv.Error as error:
        raise ConfigurationError(f"{path}, line {reader.line_num}: not CSV: {error}.") from error


def _json_entries(path: Path, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        entries = read_json(text)
    except BrokenJsonError as error:
        raise ConfigurationError(f"{path}: {error}. Example: [{_EXAMPLE}]") from error
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ConfigurationError(f"{path}: expected a list of patches. Example: [{_EXAMPLE}]")
    for number, entry in enumerate(entries, start=1):
        yield f"{path}, entry {number}", entry
