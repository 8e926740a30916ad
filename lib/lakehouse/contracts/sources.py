"""Sources: where the deliveries of a bronze table lie, and how their files are written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal

from pydantic import field_validator
from pydantic_core import PydanticCustomError

from lakehouse.contracts.declaration import Declaration
from lakehouse.errors import nearest

_PLACEHOLDERS = {
    "year": r"(?P<year>\d{4})",
    "month": r"(?P<month>\d{1,2})",
    "day": r"(?P<day>\d{1,2})",
    "date": r"(?P<date>\d{4}-?\d{2}-?\d{2})",
}
_TOKEN = re.compile(r"\{(\w+)\}|(\*)|([^{*]+|\{)")


@dataclass(frozen=True)
class MatchedPath:
    """A path that fits a source's pattern: the day it was delivered for, if the path names one."""

    delivery_date: date | None


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
    encoding: str = "utf-8"

    @field_validator("files")
    @classmethod
    def _check_placeholders(cls, files: str) -> str:
        for name in re.findall(r"\{(\w+)\}", files):
            if name not in _PLACEHOLDERS:
                raise PydanticCustomError(
                    "placeholder",
                    "'{{{name}}}' is not a placeholder.{hint} Allowed: {{year}}, {{month}}, {{day}}, {{date}}. "
                    "Example: files: 'year={{year}}/month={{month}}/day={{day}}/*.csv'.",
                    {"name": name, "hint": nearest(name, _PLACEHOLDERS)},
                )
        return files

    @field_validator("delimiters")
    @classmethod
    def _check_delimiters(cls, delimiters: tuple[str, ...]) -> tuple[str, ...]:
        for delimiter in delimiters:
            if len(delimiter) != 1 or delimiter in '"\r\n' or delimiter.isalnum():
                raise PydanticCustomError(
                    "delimiter",
                    "'{found}' cannot delimit columns: one character, no letter, digit, quote or line end. "
                    "Example: delimiters: [',', ';'].",
                    {"found": delimiter},
                )
        return delimiters

    def match(self, path: str) -> MatchedPath | None:
        """What a path below the folder says of its delivery, or None when it is not one of this source's.

        A path whose numbers are no calendar day (month=13) does not match.
        """
        found = re.fullmatch(self._expression(), path.removesuffix(".gz"))
        if not found:
            return None
        parts = found.groupdict()
        try:
            if "date" in parts:
                return MatchedPath(date.fromisoformat(parts["date"]))
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
