"""Go through the records of a delivered text: how they end, and whether all of them can be told apart."""

from __future__ import annotations

import csv
import re
from typing import Literal

from lakehouse.contracts.tables import BronzeTable
from lakehouse.landing.decoding import UnreadableError
from lakehouse.landing.headers import Header, meant_columns

LineEnd = Literal["\n", "\r\n", "\r", "mixed"]
"""What ends the records of a file; mixed are LF and CRLF."""

LONGEST = 1 << 24
"""Characters of the longest record that is taken; more is what an unclosed quote or a missing line end makes."""

MOST_VALUES = 20_000
"""Values that a record may have; Spark's reader gives up the whole read at 20,480."""

_REST = re.compile(r'[^"]*(?:""[^"]*)*"(?!")')
"""The rest of a quoted value, up to the quote that closes it; two quotes stand for one in the text."""

_FIRST_END = re.compile(r"\r*\n|\r")
_PADDING = ' \t"\r\ufeff'


class RecordScan:
    """Follows the records of a text that comes in pieces, line by line.

    A value is quoted when its first character is a quote: inch marks inside a value mean nothing. After the closing
    quote, more text up to the delimiter belongs to the value, as Spark and Python's csv module read it.
    """

    def __init__(self, header: Header, table: BronzeTable) -> None:
        self._header, self._table = header, table
        self._delimiter = header.delimiter
        self._opening = f'{header.delimiter}"'
        self._quoted = re.compile(re.escape(self._opening) + _REST.pattern)
        self._closed = re.compile(rf"[ \t]*(?:\r*\Z|{re.escape(header.delimiter)})")
        self._value = header.delimiter.replace("\\", r"\\") + "v"
        words = [word.strip() for name, column in table.columns.items() for word in (name, *column.aliases)]
        self._initials = {letter for word in words if word for letter in (word[0].lower(), word[0].upper())}
        self._first = self._initials | set(_PADDING)
        self._cr: bool | None = None
        self._inside = self._after_blank = False
        self._record = -1
        self._length = 0
        self._tail = ""
        self._ends: set[str] = set()
        self._ends_before: set[str] = set()
        self.repeats_header = False
        """Whether the header was found again among the records."""

    def feed(self, text: str) -> None:
        """Look at the next piece of the text, the first of which holds the header; raises UnreadableError."""
        if self._cr is None:
            first = _FIRST_END.search(self._unquoted(text.lstrip("\r\n")))
            self._cr = first is not None and first[0] == "\r"
        text = self._tail + text
        *lines, self._tail = text.split("\r" if self._cr else "\n")
        if self._record < 0 or self._cr or self._inside or not self._is_plain(lines, text):
            for line in lines:
                self._take(line)
        if (self._length if self._inside else 0) + len(self._tail) > LONGEST:
            self._refuse_length(self._record if self._inside else self._record + 1)

    def finish(self) -> LineEnd:
        """At the end of the text: what ends its records; raises UnreadableError."""
        # The last record may have no end; a carriage return there is half of one.
        ends = self._ends | ({"", "\r"} if self._tail.endswith("\r") else set())
        if self._tail:
            self._take(self._tail)
        if self._inside:
            raise UnreadableError(f"{self._quoted_place()} is never closed")
        if self._cr:
            return "\r"
        ends = ends or self._ends_before
        found: LineEnd = "mixed" if len(ends) > 1 else "\r\n" if ends == {"\r"} else "\n"
        if ("" if found == "\r\n" else "\r") in self._ends_before:
            # A reader would take what is left of such a line for the header.
            raise UnreadableError("empty lines before the header end otherwise than the header")
        return found

    def _is_plain(self, lines: list[str], text: str) -> bool:
        """Whether each of these lines is one record, and nothing is the matter with it; then they are counted.

        This is for speed: almost all lines of almost all files are so, and a look at all at once is far cheaper.
        """
        if self._after_blank or "" in lines or max(map(len, lines), default=0) > MOST_VALUES:
            return False
        returns = [line[-2:].count("\r") for line in lines] if "\r" in text else []
        if returns and (set(returns) != {1} or "\r" in lines):
            return False
        opening = self._opening
        # The quotes of a line: in pairs, and those behind the last that opens a value close it.
        quoted = [line for line in lines if '"' in line] if '"' in text else []
        if any(q.count('"') & 1 or not q.count('"', q.rfind(opening) + 2) & 1 for q in quoted):
            return False
        if any(self._may_be_header(line) for line in lines if line[:1] in self._first):
            return False
        self._record += len(lines)
        self._ends |= {"\r"} if returns else {""} if lines else set()
        return True

    def _take(self, line: str) -> None:
        begins = not self._inside
        if begins and not line.rstrip("\r"):
            self._after_blank = True
            (self._ends_before if self._record < 0 else self._ends).add("\r" if line else "")
            return
        if begins:
            self._record += 1
            self._length = 0
            if len(line) > MOST_VALUES:
                self._check_size(line)
        if (self._inside or '"' in line) and not self._is_complete(line):
            return
        self._ends |= {"", "\r"} if line.endswith("\r\r") else {"\r" if line.endswith("\r") else ""}
        if begins and self._record and (self._after_blank or self._may_be_header(line)):
            self._check_header(line)
        self._after_blank = False
        if self._cr and "\n" in self._unquoted(line):
            raise UnreadableError(
                f"record {self._record} holds a line feed, but the header ends with a carriage return alone: "
                "the ends of lines differ"
            )

    def _check_size(self, line: str) -> None:
        if len(line) > LONGEST:
            self._refuse_length(self._record)
        if self._unquoted(line).count(self._delimiter) > MOST_VALUES:
            raise UnreadableError(f"record {self._record} has more than {MOST_VALUES:,} values")

    def _is_complete(self, line: str) -> bool:
        """Whether a line with quotes, or within a quoted value, ends its record."""
        text = line
        self._length += len(line) + 1
        if self._inside:
            if self._length > LONGEST:
                self._refuse_length(self._record)
            rest = _REST.match(line)
            if rest is None:
                return False
            if not self._closed.match(line, rest.end()):
                raise UnreadableError(
                    f"{self._quoted_place()} runs over the end of its line and is closed in the middle of a value: "
                    "a quote is missing or stands alone"
                )
            text = "v" + line[rest.end() :]
        self._inside = self._opening in self._unquoted(text)
        return not self._inside

    def _unquoted(self, line: str) -> str:
        """A line that begins a record, after a delimiter and with a letter in place of each quoted value."""
        return self._quoted.sub(self._value, self._delimiter + line)

    def _may_be_header(self, line: str) -> bool:
        """Whether a line begins with the name of a column."""
        plain = line.lstrip(_PADDING)
        if plain[:1] not in self._initials:
            return False
        return self._table.column_of(plain.partition(self._delimiter)[0].rstrip(_PADDING)) is not None

    def _check_header(self, line: str) -> None:
        """Note the header where it comes again; another one means that values stand under other names from here on."""
        values = next(csv.reader([line], delimiter=self._delimiter), [])
        columns, known = meant_columns(values, self._table)
        if columns == self._header.columns:
            self.repeats_header = True
        elif known > 1 and 2 * known >= self._header.known:
            raise UnreadableError(
                f"record {self._record} is another header, '{line.strip()[:80]}': lines before the header, or several "
                "tables in one file"
            )

    def _refuse_length(self, record: int) -> None:
        why = f": {self._quoted_place()} is not closed before" if self._inside else ""
        raise UnreadableError(f"record {record} has more than {LONGEST:,} characters{why}")

    def _quoted_place(self) -> str:
        place = f"that begins in record {self._record}" if self._record else "in the header"
        return f"a quoted value {place}"
