"""Texts as spreadsheets show them: nothing is computed, no digit is lost; and the same texts back again.

A text that a spreadsheet would take for something else gets an apostrophe in front, and so does what might stand in a
cell of its own where semicolons or tabs are taken for delimiters. See https://owasp.org/www-community/attacks/CSV_Injection.
"""

from __future__ import annotations

import re

_FORMULA = re.compile(r"'*[\s\ufeff\u200b]*[=+\-@|%\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b]")
"""The last ones are the wide and small forms of = + - @, which some spreadsheets take for the plain ones."""

_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*\Z")
_CHANGED = re.compile(r"'*[+-]?(?:[\d.,]{16,}|[\d.,]+[eE][+-]?\d+|0\d+)\Z")
"""Numbers that come back with other digits: more than fifteen, an exponent, zeros at the start."""

_ENDS = re.compile(r"([;\t\r\n])")
_SPACE_FIRST = re.compile(r"'*[\t\r\n]")


def as_shown(text: str) -> str:
    """The text for a cell of a CSV file; ``as_meant`` gives it back."""
    parts = _ENDS.split(text)
    parts[::2] = [f"'{part}" if _is_taken_wrong(part) else part for part in parts[::2]]
    return ("'" if _SPACE_FIRST.match(text) else "") + "".join(parts)


def as_meant(text: str) -> str:
    """The text that a cell of a CSV file stands for."""
    if text.startswith("'") and _SPACE_FIRST.match(text):
        text = text[1:]
    parts = _ENDS.split(text)
    parts[::2] = [part[1:] if part.startswith("'") and _is_wrong_after(part) else part for part in parts[::2]]
    return "".join(parts)


def _is_taken_wrong(part: str) -> bool:
    return bool(_CHANGED.match(part) or (_FORMULA.match(part) and not _NUMBER.match(part)))


def _is_wrong_after(part: str) -> bool:
    """Whether what follows the apostrophes of a text would be taken wrong, or be a number that people shielded."""
    return bool(_CHANGED.match(part) or _FORMULA.match(part))
