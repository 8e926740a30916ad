"""Read a manifest: what it says of each file, or why it cannot be used. JSON, CSV, or the lines of sha256sum."""

from __future__ import annotations

import csv
import io
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lakehouse.contracts.json_text import BrokenJsonError, read_json, shown
from lakehouse.contracts.manifests import Form
from lakehouse.errors import nearest
from lakehouse.landing.listing import is_hidden

LARGEST = 16 << 20
"""Bytes of the largest manifest that is read."""

_KEYS = ("file", "size", "rows", "sha256")
_EXAMPLE = '{"files": [{"file": "usage-1.csv", "rows": 1204}]}'
_MOST = (1 << 63) - 1
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
_SUM = re.compile(r"([0-9a-fA-F]{64}) [ *](.+)")


@dataclass(frozen=True)
class Entry:
    """What a manifest says of one file; None where it says nothing."""

    size: int | None = None
    """Bytes, as they lie there: of a compressed file, compressed."""
    rows: int | None = None
    """Records without the header; a quoted line end ends none."""
    sha256: str | None = None


class BrokenManifestError(Exception):
    """Why a manifest cannot be used."""


def read_entries(data: bytes, form: Form, folder: str) -> dict[str, Entry]:
    """What a manifest says, by path below the source's folder; its names are relative to ``folder``, its own.

    Raises BrokenManifestError for anything else than such a list, or when a file is named twice.
    """
    if len(data) > LARGEST:
        raise BrokenManifestError(f"it is larger than {LARGEST >> 20} MB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BrokenManifestError(f"not UTF-8 text: byte 0x{data[error.start]:02x} at offset {error.start}") from error
    rows = {"json": _json_rows, "csv": _csv_rows, "sha256": _sum_rows}[form](text)
    found: dict[str, Entry] = {}
    for place, row in rows:
        name = _path(place, row.get("file"), folder)
        if name in found:
            raise BrokenManifestError(f"{place}: {shown(row['file'])} stands there twice")
        found[name] = _entry(place, row)
    return found


def _json_rows(text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        content = read_json(text)
    except BrokenJsonError as error:
        raise BrokenManifestError(str(error)) from error
    files = [content] if isinstance(content, dict) and "file" in content else content
    if isinstance(files, dict):
        for key in files:
            if key != "files":
                raise BrokenManifestError(f"unknown key {shown(key)}. Example: {_EXAMPLE}")
        files = files.get("files")
    if not isinstance(files, list):
        raise BrokenManifestError(f"no list of files, found {shown(files)}. Example: {_EXAMPLE}")
    for number, row in enumerate(files):
        place = f"files[{number}]"
        if not isinstance(row, dict):
            raise BrokenManifestError(f"{place}: expected an object, found {shown(row)}. Example: {_EXAMPLE}")
        yield place, row


def _csv_rows(text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        if len(set(names)) < len(names) or "file" not in names:
            raise BrokenManifestError(
                f"the first line names the columns, each once: {', '.join(_KEYS)}; found {shown(','.join(names))}"
            )
        for values in reader:
            place = f"line {reader.line_num}"
            if values and len(values) != len(names):
                raise BrokenManifestError(f"{place}: {len(values)} values for {len(names)} columns")
            if values:
                yield place, {key: _number(key, value) for key, value in zip(names, values, strict=True) if value}
    except csv.Error as error:
        raise BrokenManifestError(f"not CSV: {error} in line {reader.line_num}") from error


def _number(key: str, value: str) -> str | int:
    plain = key in {"size", "rows"} and re.fullmatch("[0-9]{1,19}", value)
    return int(value) if plain else value


def _sum_rows(text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, line in enumerate(text.split("\n"), 1):
        found = _SUM.fullmatch(line.removesuffix("\r"))
        if found:
            yield f"line {number}", {"file": found[2], "sha256": found[1]}
        elif line.strip():
            raise BrokenManifestError(
                f"line {number}: expected 64 hexadecimal digits, two spaces and a name, found {shown(line)}"
            )


def _path(place: str, name: object, folder: str) -> str:
    if not isinstance(name, str) or not name:
        raise BrokenManifestError(f"{place}: 'file' is missing, the name of a file. Example: {_EXAMPLE}")
    path = posixpath.normpath(name)
    if not name.isprintable() or path.startswith(("/", "../")) or path in {".", ".."} or "\\" in name:
        raise BrokenManifestError(f"{place}.file: {shown(name)} is no path below the folder of the manifest")
    path = posixpath.join(folder, path)
    if is_hidden(path):
        raise BrokenManifestError(
            f"{place}.file: {shown(name)} is never a delivery: its name begins with . or _ or ends in .tmp"
        )
    return path


def _entry(place: str, row: Mapping[str, Any]) -> Entry:
    for key in row:
        if key not in _KEYS:
            raise BrokenManifestError(
                f"{place}: unknown key {shown(key)}.{nearest(key, _KEYS)} Allowed: {', '.join(_KEYS)}"
            )
    for key in ("size", "rows"):
        value = row.get(key, 0)
        if type(value) is not int or not 0 <= value <= _MOST:
            raise BrokenManifestError(f"{place}.{key}: expected a whole number such as 1204, found {shown(value)}")
    digest = row.get("sha256", "")
    if "sha256" in row and not (isinstance(digest, str) and _DIGEST.fullmatch(digest)):
        raise BrokenManifestError(f"{place}.sha256: expected 64 hexadecimal digits, found {shown(digest)}")
    if not {"size", "rows", "sha256"} & set(row):
        raise BrokenManifestError(f"{place}: nothing is said of {shown(row['file'])}: size, rows or sha256 is needed")
    return Entry(row.get("size"), row.get("rows"), digest.lower() or None)
