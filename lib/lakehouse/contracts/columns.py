"""Columns of a contract: their types, how their text is read, and which ones the engine adds."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, field_serializer, model_validator
from pydantic_core import PydanticCustomError

from lakehouse.contracts.date_formats import ISO, DateFormats
from lakehouse.contracts.declaration import Declaration
from lakehouse.errors import nearest

SIMPLE_TYPES = ("string", "int", "bigint", "boolean", "date", "timestamp")
_DECIMAL = re.compile(r"decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)\Z")
_COLUMN_NAME = re.compile(r"[a-z_][a-z0-9_]*\Z")

_READING = {"formats": ("date", "timestamp"), "true_values": ("boolean",), "false_values": ("boolean",)}
"""Settings that say how text is read, and the types that they are for."""

DELIVERY_COLUMNS = {
    "delivery_id": ("string", "Delivery that the row came with: source and path below its folder"),
    "delivery_date": ("date", "Day of the delivery, from its path; null when the path names none"),
    "delivery_sequence": ("bigint", "Which acceptance of the delivery's content the row came with"),
    "record_number": ("bigint", "Position of the record in the delivered file, from 1, header not counted"),
}
"""Columns that the engine carries from bronze through silver: the address of every row."""

BRONZE_COLUMNS = {
    "unknown_columns": ("map<string,string>", "Values of delivered columns that the contract does not name"),
    "malformed_record": ("string", "The record as delivered, when it does not fit the file's header"),
}
"""What bronze keeps beside the declared columns, so that nothing that arrived is dropped."""

HISTORY_COLUMNS = {
    "surrogate_key": ("string", "Identity of this version: a hash of its key and of valid_from"),
    "valid_from": ("date", "First day on which this version holds"),
    "valid_to": ("date", "First day on which it holds no more; null for the current version"),
    "is_current": ("boolean", "Whether it is the newest version of its key"),
    "version": ("int", "Number of the version of its key, from 1"),
}
"""What the engine adds to a table that keeps the history of its keys."""

RESERVED = {*DELIVERY_COLUMNS, *BRONZE_COLUMNS}

TOLD_COLUMNS = {"observed_as", "quarantined", "quarantined_row"}
"""Columns of the engine's own that people see beside those of a silver table: in the table of its outranked rows and in
gates."""

OWN = "_lakehouse_"
"""What the others begin with, which rows have while the engine works on them; no name of a contract does."""

_FEED_COLUMNS = {"_change_type", "_commit_version", "_commit_timestamp"}
"""Columns of Delta's change feed: a table that has such a column of its own cannot be written."""


def _checked_type(text: str) -> str:
    found = str(text).strip().lower()
    decimal = _DECIMAL.match(found)
    if decimal:
        precision, scale = int(decimal[1]), int(decimal[2])
        if 1 <= precision <= 38 and scale <= precision:
            return f"decimal({precision},{scale})"
        raise PydanticCustomError(
            "column_type",
            "'{found}' is not a decimal that exists: 1 <= precision <= 38, scale <= precision. "
            'Example: type: "decimal(20,8)".',
            {"found": found},
        )
    if found in SIMPLE_TYPES:
        return found
    hint = nearest(found, [*SIMPLE_TYPES, "decimal(20,8)"])
    if found in {"float", "double", "real"}:
        hint = " Amounts are exact here: use decimal(precision,scale)."
    raise PydanticCustomError(
        "column_type",
        "'{found}' is not a column type.{hint} Allowed: {allowed}, decimal(precision,scale). "
        'Example: type: "decimal(20,8)".',
        {"found": found, "hint": hint, "allowed": ", ".join(SIMPLE_TYPES)},
    )


def _checked_name(name: str) -> str:
    if not _COLUMN_NAME.match(name):
        raise PydanticCustomError(
            "column_name",
            "'{name}' cannot be a name: use lower-case letters, digits and _, not starting with a digit. "
            "Example: credit_usage.",
            {"name": name},
        )
    if name.startswith(OWN) or name in _FEED_COLUMNS:
        raise PydanticCustomError(
            "column_name",
            "'{name}' is a name of the engine's own, as all that begin with {own}, or of Delta's: {feed}. "
            "Choose another one. Example: credit_usage.",
            {"name": name, "own": OWN, "feed": ", ".join(sorted(_FEED_COLUMNS))},
        )
    return name


ColumnName = Annotated[str, AfterValidator(_checked_name)]
ColumnType = Annotated[str, BeforeValidator(_checked_type)]


class DeliveredColumn(Declaration):
    """A column of a bronze table: text as delivered, under its own name or one of its aliases."""

    example: ClassVar[str] = "user_id: {aliases: [user], description: Who used the service}"

    aliases: tuple[str, ...] = ()
    description: str = ""
    pii: bool = False
    """Whether it tells of a person: such values are masked for those who only read."""


class Mapped(Declaration):
    """Values by patterns of another column's text: a reference that the contract itself holds."""

    example: ClassVar[str] = 'mapped: {from: delivery_id, values: {"*_gb_*": GB, "*_us_*": US}}'

    source: str = Field(alias="from")
    """A column of the table or of the delivery."""
    values: dict[str, str] = Field(min_length=1)
    """Pattern, in which * stands for any text -> value. The first that fits counts; null when none does."""

    @field_serializer("values")
    def _in_order(self, values: dict[str, str]) -> list[tuple[str, str]]:
        # The order decides, and a fingerprint sorts the keys of what it is made from.
        return list(values.items())

    @model_validator(mode="after")
    def _check_texts(self) -> Mapped:
        for text in (*self.values, *self.values.values()):
            if "'" in text or "\\" in text or not text.isprintable():
                raise PydanticCustomError(
                    "mapped",
                    "'{text}' holds a quote, a backslash or a control character, which cannot be mapped. "
                    "Example: {example}.",
                    {"text": text, "example": self.example},
                )
        return self

    @property
    def sql(self) -> str:
        """The mapping as a SQL expression."""
        cases = (f"WHEN {self.source} LIKE '{_like(text)}' ESCAPE '!' THEN '{v}'" for text, v in self.values.items())
        return f"CASE {' '.join(cases)} END"


def _like(pattern: str) -> str:
    escaped = re.sub("([!%_])", r"!\1", pattern)
    return escaped.replace("*", "%")


_TEXTS = (("mapped", "country", Mapped.example), ("null_marker_of", "phone_null_marker", "null_marker_of: phone"))
"""Origins of columns that are always text, each with a name and a declaration for messages."""


class Column(Declaration):
    """A typed column of a silver or gold table."""

    example: ClassVar[str] = 'credit_usage: {type: "decimal(20,8)", required: true, description: Debit in credits}'

    type: ColumnType
    description: str
    required: bool = False
    source: str | None = Field(default=None, alias="from")
    """The bronze column that it is read from; its own name when absent."""
    formats: DateFormats = (ISO,)
    """How a date or timestamp is written: iso8601 or Java patterns such as M/d/yyyy H:mm."""
    true_values: tuple[str, ...] = ("true", "t", "yes", "y", "1")
    false_values: tuple[str, ...] = ("false", "f", "no", "n", "0")
    null_values: tuple[str, ...] = ()
    """Texts that stand for 'absent' in this column, besides an empty field."""
    null_marker_of: str | None = None
    """A column of the same table: this one keeps the null marker that stood in its place, and is null otherwise."""
    derived: str | None = None
    """A SQL expression over the other columns that the engine evaluates."""
    computed: bool = False
    """True when the table's transform function makes it."""
    mapped: Mapped | None = None
    """Patterns of another column's text that decide its value."""
    pii: bool = False
    """Whether it tells of a person: such values are masked for those who only read."""

    @model_validator(mode="after")
    def _check_combination(self) -> Column:
        given = self.model_fields_set
        origins = [key for key, name in (("from", "source"), ("derived", "derived")) if name in given]
        origins += ["computed"] if self.computed else []
        origins += ["mapped"] if self.mapped else []
        origins += ["null_marker_of"] if self.null_marker_of else []
        if len(origins) > 1:
            raise PydanticCustomError(
                "combination",
                "'{first}' and '{second}' exclude each other: a column is read from bronze, derived by SQL, "
                "mapped from another column, or computed by the transform. Keep one of them.",
                {"first": origins[0], "second": origins[1]},
            )
        for key, types in _READING.items():
            if key in given and (self.type not in types or self.sql or self.computed):
                raise PydanticCustomError(
                    "combination",
                    "'{key}' is for columns of type {types} that are read from bronze, and this one is {found}. "
                    "Leave it out.",
                    {
                        "key": key,
                        "types": " or ".join(types),
                        "found": self.type if self.type not in types else "not read from bronze",
                    },
                )
        for key, name, example in _TEXTS:
            if key in given and self.type != "string":
                raise PydanticCustomError(
                    "combination",
                    "'{key}' gives text, and this column is {type}. Example: {name}: {type: string, {example}}.",
                    {"key": key, "type": self.type, "name": name, "example": example},
                )
        return self

    @model_validator(mode="after")
    def _check_null_values(self) -> Column:
        if self.null_values and (self.sql or self.computed or self.null_marker_of):
            marker = f"a null marker: those of '{self.null_marker_of}' count"
            raise PydanticCustomError(
                "combination",
                "'null_values' is for columns that are read from bronze, and this one is {found}. Leave it out.",
                {"found": marker if self.null_marker_of else "not read from bronze"},
            )
        return self

    @property
    def sql(self) -> str | None:
        """The SQL expression that the engine evaluates for it; None when it is read or computed."""
        return self.mapped.sql if self.mapped else self.derived

    @property
    def decimal(self) -> tuple[int, int] | None:
        """Precision and scale, or None for other types."""
        match = _DECIMAL.match(self.type)
        return (int(match[1]), int(match[2])) if match else None
