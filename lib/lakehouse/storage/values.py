"""Some values of a column as conditions: of frames, in the SQL of Spark, and in that of delta-rs.

They are kept as the texts that Spark makes of them, and become literals of the column's type. As values of Python they
would take on the time zone of this process, and years before 1000 would be lost on their way to Java.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import Column


@dataclass(frozen=True)
class Values:
    """Some values of one column; null is one too, and an empty text the same one: Delta cannot tell them apart."""

    column: str
    kind: str
    """The column's type, as contracts spell it."""
    texts: frozenset[str | None]

    @classmethod
    def of(cls, column: str, kind: str, texts: Iterable[str | None]) -> Values:
        """The values that some texts stand for."""
        found = frozenset(texts)
        nothing: set[str | None] = {None, ""} if kind == "string" else {None}
        return cls(column, kind, found | nothing if found & {None, ""} else found)

    @classmethod
    def numbers(cls, column: str, numbers: Iterable[int]) -> Values:
        """Whole numbers, as sequences are."""
        return cls(column, "bigint", frozenset(map(str, numbers)))

    @classmethod
    def days(cls, column: str, days: Iterable[date | None]) -> Values:
        """Days, as those of deliveries are."""
        return cls(column, "date", frozenset(None if day is None else day.isoformat() for day in days))

    def chosen(self, of: str = "") -> Column:
        """The rows with one of them; ``of`` is what comes before the column's name."""
        # Spark takes a second to import; conditions as text are asked for without it.
        from pyspark.sql import functions as F

        column = F.col(f"{of}{self.column}")
        known = [F.lit(text).cast(self.kind) for text in self._known()]
        condition = column.isin(known) if known else F.lit(False)
        return condition | column.isNull() if None in self.texts else condition

    def sql(self) -> str:
        """The same for Spark, in options that take no Column."""
        texts = [text.replace("\\", "\\\\").replace("'", "\\'") for text in self._known()]
        return self._condition("`", self.kind, texts)

    def asked(self) -> str:
        """The same for delta-rs."""
        # A plain timestamp has nanoseconds there, and so the years 1677 to 2262 only.
        kind = "timestamp(6)" if self.kind == "timestamp" else self.kind
        return self._condition('"', kind, [text.replace("'", "''") for text in self._known()])

    def _known(self) -> list[str]:
        return sorted(text for text in self.texts if text is not None)

    def _condition(self, quote: str, kind: str, texts: list[str]) -> str:
        name = f"{quote}{self.column}{quote}"
        literals = [f"'{text}'" if kind == "string" else f"CAST('{text}' AS {kind})" for text in texts]
        parts = [f"{name} IN ({', '.join(literals)})"] if literals else []
        parts += [f"{name} IS NULL"] if None in self.texts else []
        return f"({' OR '.join(parts)})" if parts else "false"
