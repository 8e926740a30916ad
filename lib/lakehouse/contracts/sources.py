"""Sources: where the deliveries of a bronze table lie, and how their files are written."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, field_validator, model_validator
from pydantic_core import PydanticCustomError

from lakehouse.contracts.declaration import Declaration
from lakehouse.contracts.manifests import DeclaredManifest
from lakehouse.contracts.patterns import PLACEHOLDERS, checked_path, expression, share_a_path
from lakehouse.errors import nearest

ENCODINGS = (
    "utf-8", "utf-16", "us-ascii", "iso-8859-1", "iso-8859-2", "iso-8859-5", "iso-8859-7", "iso-8859-9", "iso-8859-15",
    "windows-1250", "windows-1251", "windows-1252", "windows-1253", "windows-1254", "koi8-r", "big5", "gb18030",
    "euc-jp", "euc-kr", "shift_jis",
)  # fmt: skip
"""Names that Python and Java both know and mean the same by."""


@dataclass(frozen=True)
class MatchedPath:
    """A path that fits a source's pattern: the day it was delivered for, if the path names one."""

    delivery_date: date | None


def _checked_encoding(found: object) -> str:
    name = str(found).lower()
    if name not in ENCODINGS:
        raise PydanticCustomError(
            "encoding",
            "'{found}' is not an encoding that can be read.{hint} Allowed: {allowed}. Example: encoding: windows-1252.",
            {"found": str(found), "hint": nearest(name, ENCODINGS), "allowed": ", ".join(ENCODINGS)},
        )
    return name


_PLACES = {"kind", "folder", "files", "manifest", "every_day"}
"""What says where files lie, when they come and what confirms them; the rest says how they are read."""


class CsvSource(Declaration):
    """Delimited text files with a header, one delivery a file, plain or gzip-compressed."""

    example: ClassVar[str] = "source: {kind: csv, folder: billing, files: 'year={year}/month={month}/day={day}/*.csv'}"

    kind: Literal["csv"]
    folder: str
    """Folder below the landing zone."""
    files: str
    """Path below the folder: * matches within one name; {year} {month} {day} or {date} give the delivery's day."""
    delimiters: tuple[str, ...] = (",", ";")
    """Delimiters that a file may use; the one under which most known columns are found is taken."""
    encoding: Annotated[str, BeforeValidator(_checked_encoding)] = "utf-8"
    every_day: bool = True
    """Whether something is delivered for every day, so that a day without a delivery is missing one."""
    manifest: DeclaredManifest | None = None
    """Files beside the deliveries that say what is delivered; none is looked for when this is left out."""

    @field_validator("folder", "files")
    @classmethod
    def _check_path(cls, path: str) -> str:
        return checked_path(path)

    @field_validator("files")
    @classmethod
    def _check_placeholders(cls, files: str) -> str:
        if "**" in files:
            raise PydanticCustomError(
                "pattern",
                "'**' in '{found}' does not reach into folders: * matches within one name. Write one * per folder. "
                "Example: files: '*/*/*.csv'.",
                {"found": files},
            )
        names = re.findall(r"\{(\w+)\}", files)
        for name in names:
            if name not in PLACEHOLDERS:
                raise PydanticCustomError(
                    "placeholder",
                    "'{name}' is not a placeholder.{hint} Allowed: {year}, {month}, {day}, {date}. "
                    "Example: files: 'year={year}/month={month}/day={day}/*.csv'.",
                    {"name": f"{{{name}}}", "hint": nearest(name, PLACEHOLDERS)},
                )
        some = [f"{{{name}}}" for name in ("year", "month", "day") if name in names]
        if 0 < len(some) < 3:
            raise PydanticCustomError(
                "placeholder",
                "'{found}' names {some} without the rest of the day: use year, month and day together, or {date}, "
                "or * where a part does not matter. Example: files: 'year={year}/month={month}/day={day}/*.csv'.",
                {"found": files, "some": " and ".join(some)},
            )
        return files

    @field_validator("delimiters")
    @classmethod
    def _check_delimiters(cls, delimiters: tuple[str, ...]) -> tuple[str, ...]:
        if not delimiters:
            raise PydanticCustomError("delimiter", "one at least is needed. Example: delimiters: [',', ';'].")
        for delimiter in delimiters:
            if len(delimiter) != 1 or delimiter in '"\r\n_' or delimiter.isalnum():
                raise PydanticCustomError(
                    "delimiter",
                    "'{found}' cannot delimit columns: one character, no letter, digit, _, quote or line end. "
                    "Example: delimiters: {example}.",
                    {"found": delimiter, "example": '["\\t"]' if delimiter == "\\t" else "[',', ';']"},
                )
        return delimiters

    @model_validator(mode="after")
    def _check_manifest(self) -> CsvSource:
        for name in self.manifest.day_words if self.manifest else ():
            word = f"{{{name}}}"
            if word not in self.files:
                raise PydanticCustomError(
                    "manifest",
                    "the manifest lies at a {word}, which the paths of the deliveries do not have: '{found}'. "
                    "Use {path}, {folder} or placeholders of 'files'. "
                    "Example: manifest: {files: '{path}.manifest.json'}",
                    {"word": word, "found": self.files},
                )
        return self

    @property
    def pattern(self) -> str:
        """The pattern of its files below the landing zone."""
        return str(PurePosixPath(self.folder, self.files))

    def shares_files(self, other: CsvSource) -> bool:
        """Whether one file can be a delivery of both sources."""
        mine, theirs = self.pattern, other.pattern
        pairs = ((mine, theirs), (f"{mine}.gz", theirs), (mine, f"{theirs}.gz"))
        return any(share_a_path(*pair) for pair in pairs)

    @property
    def dated(self) -> bool:
        """Whether its paths name a day of delivery."""
        return "{date}" in self.files or "{day}" in self.files

    @property
    def daily(self) -> bool:
        """Whether a day without a delivery is missing one."""
        return self.dated and self.every_day

    def match(self, path: str) -> MatchedPath | None:
        """What a path below the folder says of its delivery, or None when it is not one of this source's.

        A path whose numbers are no calendar day (month=13) does not match.
        """
        parts = self._parts(path)
        if parts is None:
            return None
        try:
            if "date" in parts:
                digits = parts["date"].replace("-", "")
                return MatchedPath(date(int(digits[:4]), int(digits[4:6]), int(digits[6:])))
            if {"year", "month", "day"} <= set(parts):
                return MatchedPath(date(int(parts["year"]), int(parts["month"]), int(parts["day"])))
        except ValueError:
            return None
        return MatchedPath(None)

    def _parts(self, path: str) -> dict[str, str] | None:
        wanted = expression(self.files)
        found = re.fullmatch(wanted, path) or re.fullmatch(wanted, path.removesuffix(".gz"))
        return found.groupdict() if found else None

    def reading(self) -> str:
        """The settings that decide how a file is read, as text; empty for the usual ones."""
        settings = self.model_dump(mode="json", exclude=_PLACES, exclude_defaults=True)
        return json.dumps(settings, sort_keys=True) if settings else ""

    def manifest_of(self, path: str) -> str | None:
        """Path of the manifest of a delivery, both below the folder; None when the source declares none."""
        return self.manifest.of(path, self._parts(path) or {}) if self.manifest else None

    def is_manifest(self, path: str) -> bool:
        """Whether a path below the folder is that of a manifest."""
        return self.manifest is not None and bool(re.fullmatch(self.manifest.expression(self.files), path))


Source = CsvSource
"""Every kind of source; a further one makes this a union discriminated by ``kind``."""
