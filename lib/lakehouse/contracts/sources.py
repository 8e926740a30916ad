"""Sources: where the deliveries of a bronze table lie, and how their files are written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, field_validator
from pydantic_core import PydanticCustomError

from lakehouse.contracts.declaration import Declaration
from lakehouse.errors import nearest

_PLACEHOLDERS = {
    "year": "(?P<year>[0-9]{4})",
    "month": "(?P<month>[0-9]{1,2})",
    "day": "(?P<day>[0-9]{1,2})",
    "date": "(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8})",
}
ENCODINGS = (
    "utf-8", "utf-16", "us-ascii", "iso-8859-1", "iso-8859-2", "iso-8859-5", "iso-8859-7", "iso-8859-9", "iso-8859-15",
    "windows-1250", "windows-1251", "windows-1252", "windows-1253", "windows-1254", "koi8-r", "big5", "gb18030",
    "euc-jp", "euc-kr", "shift_jis",
)  # fmt: skip
"""Names that Python and Java both know and mean the same by."""

_TOKEN = re.compile(r"\{(\w+)\}|(\*)|([^{*]+|\{)")


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

    @field_validator("folder", "files")
    @classmethod
    def _check_path(cls, path: str) -> str:
        if path.startswith("/") or "://" in path or ".." in path.split("/") or not path.strip("/"):
            raise PydanticCustomError(
                "path",
                "'{found}' is not a path below the landing zone. Example: billing/usage.",
                {"found": path},
            )
        return path.rstrip("/")

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
            if name not in _PLACEHOLDERS:
                raise PydanticCustomError(
                    "placeholder",
                    "'{name}' is not a placeholder.{hint} Allowed: {year}, {month}, {day}, {date}. "
                    "Example: files: 'year={year}/month={month}/day={day}/*.csv'.",
                    {"name": f"{{{name}}}", "hint": nearest(name, _PLACEHOLDERS)},
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
                    "Example: delimiters: [',', ';'].",
                    {"found": delimiter},
                )
        return delimiters

    @property
    def dated(self) -> bool:
        """Whether its paths name a day of delivery."""
        return "{date}" in self.files or "{day}" in self.files

    def match(self, path: str) -> MatchedPath | None:
        """What a path below the folder says of its delivery, or None when it is not one of this source's.

        A path whose numbers are no calendar day (month=13) does not match.
        """
        expression = self._expression()
        found = re.fullmatch(expression, path) or re.fullmatch(expression, path.removesuffix(".gz"))
        if not found:
            return None
        parts = found.groupdict()
        try:
            if "date" in parts:
                digits = parts["date"].replace("-", "")
                return MatchedPath(date(int(digits[:4]), int(digits[4:6]), int(digits[6:])))
            if {"year", "month", "day"} <= set(parts):
                return MatchedPath(date(int(parts["year"]), int(parts["month"]), int(parts["day"])))
        except ValueError:
            return None
        return MatchedPath(None)

    def _expression(self) -> str:
        seen: set[str] = set()
        parts = []
        for name, star, literal in _TOKEN.findall(self.files):
            if star:
                parts.append("[^/]*")
            elif name:
                parts.append(f"(?P={name})" if name in seen else _PLACEHOLDERS[name])
                seen.add(name)
            else:
                parts.append(re.escape(literal))
        return "".join(parts)


Source = CsvSource
"""Every kind of source; a further one makes this a union discriminated by ``kind``."""
