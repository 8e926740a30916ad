"""How the text of a date or timestamp is written: iso8601, or a pattern of Spark's letters that leaves nothing open.

The letters are those that Spark parses: https://spark.apache.org/docs/3.5.7/sql-ref-datetime-pattern.html. Spark fills
in what a pattern does not name - the first of January, midnight, the morning - which would be a guess.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from lakehouse.errors import nearest

ISO = "iso8601"

_LENGTHS = {
    "G": range(1, 5), "y": range(1, 7), "M": range(1, 5), "L": range(1, 5), "d": range(1, 3), "D": range(1, 4),
    "a": (1,), "H": range(1, 3), "h": range(1, 3), "K": range(1, 3), "k": range(1, 3), "m": range(1, 3),
    "s": range(1, 3), "S": range(1, 10), "V": (2,), "z": range(1, 5), "O": (1, 4), "X": range(1, 6),
    "x": range(1, 6), "Z": range(1, 6),
}  # fmt: skip
"""Letters of a day and a time of day, and how often each may stand in a row. Spark knows Q, E and F too: they are
mistaken for others more often than they are meant."""

_NEEDED = (("y", "year (y)"), ("MLD", "month (M)"), ("dD", "day (d)"))
_TOGETHER = (
    ("a", "hKHk", "it names am or pm (a) without an hour (h)"),
    ("m", "hKHk", "it names minutes (m) without an hour (H)"),
    ("s", "m", "it names seconds (s) without minutes (m)"),
    ("S", "s", "it names a fraction (S) without seconds (s)"),
)
"""What is ambiguous alone, what has to stand beside it, and what is said when that is missing."""

_OFFSETS = set("VzOXxZ")
_QUOTED = re.compile(r"'(?:[^']|'')*'")
_OPTIONAL = re.compile(r"\[[^\[\]]*\]")
_RUN = re.compile(r"([A-Za-z])\1*")


def _checked(form: str, info: ValidationInfo) -> str:
    problem = None if form == ISO else _problem(form, info.data.get("type"))
    if problem:
        raise PydanticCustomError(
            "date_format",
            "'{form}' is not a format that can be read: {problem}.{hint} Allowed: iso8601, or a pattern with y year, "
            "M month, d day, H hour (or h with a for am and pm), m minute, s second, S fraction, X offset; other words "
            'stand in single quotes. Example: formats: ["M/d/yyyy H:mm"].',
            {"form": form, "problem": problem, "hint": nearest(form.lower(), [ISO])},
        )
    return form


def _problem(form: str, kind: str | None) -> str | None:
    """What is wrong with a pattern; None when it can be read in one way only."""
    bare = _QUOTED.sub(" ", form)
    always = bare
    while _OPTIONAL.search(always):
        always = _OPTIONAL.sub(" ", always)
    odd = set("'{}#") & set(bare) | set("[]") & set(always)
    if odd:
        return f"it holds a {min(odd)} that stands alone"
    for run in _RUN.finditer(bare):
        if len(run[0]) not in _LENGTHS.get(run[1], ()):
            return f"it holds '{run[0]}'"
    return _gap(bare, kind)


def _gap(form: str, kind: str | None) -> str | None:
    """What a pattern leaves open. One of groups alone is several patterns, of which a text fits one."""
    always, groups = _parts(form)
    if groups and not always:
        return next(filter(None, (_gap(group, kind) for group in groups)), None)
    days = re.search("D+", form)
    if days and set("MLd") & set(form):
        return f"it holds '{days[0]}', the day of the year, beside a month (M) or day (d)"
    for letters, name in _NEEDED:
        if not set(letters) & set(always):
            return f"it names no {name}" + (" outside of [...]" if set(letters) & set(form) else "")
    # Of a date the time is dropped, whatever half of the day it is in; an offset may move it into another day.
    if (kind != "date" or _OFFSETS & set(form)) and _half(form, ""):
        return "it names an hour of twelve (h or K) without am or pm (a)"
    for held in (set(form), set(always)):
        for letters, others, text in _TOGETHER:
            if held & set(letters) and not held & set(others):
                return text
    return None


def _half(form: str, around: str) -> bool:
    """Whether an hour of twelve may come without its half of the day."""
    always, groups = _parts(form)
    there = around + always
    return bool(set("hK") & set(always) and "a" not in there) or any(_half(group, there) for group in groups)


def _parts(form: str) -> tuple[str, list[str]]:
    """What is always there, and what stands in each of the outermost [...]."""
    groups: list[str] = []
    always, depth = "", 0
    for sign in form:
        depth -= sign == "]"
        if depth:
            groups[-1] += sign
        elif sign == "[":
            groups.append("")
        elif sign != "]":
            always += sign
        depth += sign == "["
    return always, groups


def _some(forms: tuple[str, ...]) -> tuple[str, ...]:
    if not forms:
        raise PydanticCustomError("date_format", "one at least is needed. Example: formats: [iso8601].")
    return forms


DateFormats = Annotated[tuple[Annotated[str, AfterValidator(_checked)], ...], AfterValidator(_some)]
"""Formats that are tried one after the other, of a column whose type is known."""
