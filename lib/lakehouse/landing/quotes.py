"""Find a quoted value that is never closed: readers take all that follows it, to the end of the file, for its text."""

from __future__ import annotations

import re

_LINE_ENDS = "\r\n"
_BEGUN = re.compile(r"[\r\n][^\r\n]")
"""A record begins with the first character after a line end; empty lines are no records."""

_REST = re.compile(r'[^"]*(?:""[^"]*)*"(?!")')
"""The rest of a quoted value, up to the quote that closes it; two quotes stand for one in the text."""


class QuoteScan:
    """Follows quoted values through a text that comes in pieces, in constant memory.

    A value is quoted when its first character is a quote: inch marks inside a value mean nothing. After the closing
    quote, more text up to the delimiter belongs to the value, as Spark and Python's csv module read it.
    """

    def __init__(self, delimiter: str) -> None:
        opening = rf'(?<=[{re.escape(delimiter)}\r\n])"'
        self._opening = re.compile(opening)
        self._quoted = re.compile(opening + _REST.pattern)
        self._inside = False
        self._records = 0
        self._before = "\n"
        self._started = False
        self._held = ""

    def feed(self, text: str) -> None:
        """Look at the next piece of the text."""
        if not self._started and text:
            self._started = True
            text = text.removeprefix("\ufeff")
        text = self._held + text
        # Whether a quote at the end of a piece is one of two is known with the next piece only.
        whole = text.rstrip('"')
        run = len(text) - len(whole)
        # Of a long run only its being odd or even matters.
        self._held = '"' * (run if run < 3 else 2 - run % 2)
        self._scan(whole)

    def open_record(self) -> int | None:
        """At the end: the number of the record whose quoted value is not closed (the header is 0), or None."""
        self._scan(self._held)
        self._held = ""
        return self._records - 1 if self._inside else None

    def _scan(self, text: str) -> None:
        if self._inside:
            rest = _REST.match(text) if '"' in text else None
            if rest is None:
                return
            text = text[rest.end() :]
            self._before = '"'
            self._inside = False
        if not text:
            return
        text = self._before + text
        # One letter in place of every closed quoted value leaves delimiters and line ends outside of values only.
        plain = self._quoted.sub("v", text) if '"' in text else text
        opened = self._opening.search(plain) if '"' in plain else None
        if opened:
            self._inside = True
            plain = plain[: opened.end()]
        self._records += len(_BEGUN.findall(plain))
        self._before = plain[-1]
