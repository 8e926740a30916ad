"""How the text of a date or timestamp is written: iso8601, or a pattern of Spark's letters that leaves nothing open.

The letters are those that Spark parses: https://spark.apache.org/docs/3.5.7/sql-ref-datetime-pattern.html. Spark fills
in what a pattern does not name - the first of January, midnight, the morning - which would be a guess.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from lakehouse.errors import nearest

ISO = "iso8601"

_LENGTHS = {
    "G": range(1, 5), "y": range(1, 7), "M": range(1, 5), "L": range(1, 5), "d": range(1, 3), "a": (1,),
    "H": range(1, 3), "h": range(1, 3), "K": range(1, 3), "k": range(1, 3), "m": range(1, 3), "s": range(1, 3),
    "S": range(1, 10), "V": (2,), "z": range(1, 5), "O": (1, 4), "X": range(1, 6), "x": range(1, 6), "Z": range(1, 6),
}  # fmt: skip
"""Letters of a day and a time of day, and how often each may stand in a row. Spark knows D, Q, E and F too: they are
mistaken for others more often than they are meant."""

_NEEDED = (("y", "year (y)"), ("ML", "month (M)"), ("d", "day (d)"))
_TOGETHER = (
    ("hK", "a", "it names an hour of twelve (h or K) without am or pm (a)"),
    ("a", "hKHk", "it names am or pm (a) without an hour (h)"),
    ("m", "hKHk", "it names minutes (m) without an hour (H)"),
    ("s", "m", "it names seconds (s) without minutes (m)"),
    ("S", "s", "it names a fraction (S) without seconds (s)"),
)
"""What is ambiguous alone, what has to stand beside it, and what is said when that is missing."""

_QUOTED = re.compile(r"'(?:[^']|'')*'")
_OPTIONAL = re.compile(r"\[[^\[\]]*\]")
_RUN = re.compile(r"([A-Za-z])\1*")


def _checked(form: str) -> str:
    problem = None if form == ISO else _problem(form)
    if problem:
        raise PydanticCustomError(
            "date_format",
            "'{form}' is not a format that can be read: {problem}.{hint} Allowed: iso8601, or a pattern with y year, "
            "M month, d day, H hour (or h with a for am and pm), m minute, s second, S fraction, X offset; other words "
            'stand in single quotes. Example: formats: ["M/d/yyyy H:mm"].',
            {"form": form, "problem": problem, "hint": nearest(form.lower(), [ISO])},
        )
    return form


def _problem(form: str) -> str | None:
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
    missing = next((name for letters, name in _NEEDED if not set(letters) & set(always)), None)
    if missing:
        return f"it names no {missing}"
    for held in (set(bare), set(always)):
        for letters, others, text in _TOGETHER:
            if held & set(letters) and not held & set(others):
                return text
    return None


def _some(forms: tuple[str, ...]) -> tuple[str, ...]:
    if not forms:
        raise PydanticCustomError("date_format", "one at least is needed. Example: formats: [iso8601].")
    return forms


DateFormats = Annotated[tuple[Annotated[str, AfterValidator(_checked)], ...], AfterValidator(_some)]
"""Formats that are tried one after the other."""
