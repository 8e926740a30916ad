"""Conform: delivered text to the contract's types, without guessing, rounding or losing a value silently.

The session's ANSI mode is off: a cast of text that does not fit gives null, which is then a reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.contracts import columns as contract_columns
from lakehouse.contracts.columns import BRONZE_COLUMNS, DELIVERY_COLUMNS, OWN
from lakehouse.contracts.date_formats import ISO
from lakehouse.contracts.tables import BronzeTable, GoldTable, SilverTable
from lakehouse.errors import ConfigurationError
from lakehouse.quality.decided import DECIDED, PATCHED_WHOLE

DELIVERED = f"{OWN}delivered"
"""Column with the record as delivered, as a struct; it follows the row until the row is judged."""

UNCONFORMED = f"{OWN}unconformed"
"""Column that says whether any delivered or derived value does not fit its type."""

ONCE = f"{OWN}conformed_once"
"""A number that is not negative. Because it is not deterministic, Spark moves no filter that uses it below the casts:
they are planned and computed once, and not again inside every filter on the judged rows."""

# A date and a time of day, written in full: Spark alone would read '12:30' as today and drop a seventh decimal.
# They end with \z: a $ would let a line end stand behind the value.
_ISO_TIMESTAMP = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})?\z"
_YEARS = {
    "date": ("0001-01-01", "9999-12-31"),
    "timestamp": ("0001-01-01 00:00:00", "9999-12-31 23:59:59.999999"),
}
"""The first and the last value of each kind that every reader knows."""
_ISO_DATE = r"^\d{4}-\d{2}-\d{2}\z"
_OFFSET_WITHOUT_COLON = r"([+-]\d{2})(\d{2})$"


@dataclass(frozen=True)
class Reading:
    """How one column is read: its delivered text, its value, and the ways in which reading it can fail."""

    text: Column
    value: Column
    failures: tuple[tuple[str, Column, str], ...]
    """(reason, condition, message); the conditions hold only for text that is there."""


def conform(rows: DataFrame, table: SilverTable, bronze: BronzeTable) -> DataFrame:
    """Bronze rows with the contract's types.

    Columns: the contract's conformed columns, the delivery columns, ``malformed_record``, ``UNCONFORMED`` (boolean)
    and ``DELIVERED`` (struct of the bronze columns). A record that could not be parsed counts as parsed once patches
    give all its columns; as delivered it stays in the struct.
    """
    # Texts, then values, then what is wrong with them, each a step of its own: Spark computes a step's columns once,
    # but would compute an expression again wherever it stands inside another.
    rows = _former_unknown(rows, bronze)
    decided = [name for name in DECIDED if name in rows.columns]
    originals = [F.col(name) for name in (*bronze.columns, *BRONZE_COLUMNS, *decided)]
    record = F.when(~F.col(PATCHED_WHOLE), F.col("malformed_record")) if decided else F.col("malformed_record")
    columns = dict(table.conformed())
    texts = rows.select(
        *(_text(name, table, bronze, F.col).alias(_text_name(name)) for name in columns),
        *DELIVERY_COLUMNS,
        record.alias("malformed_record"),
        F.monotonically_increasing_id().alias(ONCE),
        F.struct(*originals).alias(DELIVERED),
    )
    values = {name: _reading(name, column, F.col(_text_name(name))).value for name, column in columns.items()}
    read = texts.select("*", *(value.alias(name) for name, value in values.items()))
    failed = [F.col(_text_name(name)).isNotNull() & F.col(name).isNull() for name in columns]
    unconformed = reduce(lambda left, right: left | right, failed, F.lit(False))
    return read.select(*columns, *DELIVERY_COLUMNS, "malformed_record", unconformed.alias(UNCONFORMED), ONCE, DELIVERED)


def _former_unknown(rows: DataFrame, bronze: BronzeTable) -> DataFrame:
    """Rows with the values of columns that the contract names no more among the unknown ones, where aliases look."""
    known = {*bronze.columns, *DELIVERY_COLUMNS, *BRONZE_COLUMNS, *DECIDED}
    former = [name for name in rows.columns if name not in known]
    if not former:
        return rows
    values = F.map_filter(
        F.create_map(*(part for name in former for part in (F.lit(name), F.col(name)))), lambda _, v: v.isNotNull()
    )
    unknown = F.col("unknown_columns")
    more = F.map_concat(F.coalesce(unknown, F.create_map().cast("map<string,string>")), values)
    return rows.withColumn("unknown_columns", F.when(F.size(values) > 0, more).otherwise(unknown)).drop(*former)


def derive(rows: DataFrame, table: SilverTable) -> DataFrame:
    """Rows with the columns that the contract derives by SQL; one whose value does not fit its type is unconformed."""
    lost, helpers = F.col(UNCONFORMED), []
    for name, sql in table.derived():
        kind, found = table.columns[name].type, rows.withColumn(name, F.expr(sql))
        if kind in _YEARS or found.schema[name].dataType.simpleString() != kind:
            # A step of its own, so that the expression is computed once. A plain cast would wrap large numbers around.
            helper = f"whole {name}"
            fitting = _within_years(F.expr(f"try_cast(`{helper}` AS {kind})"), kind)
            found = rows.withColumn(helper, F.expr(sql)).withColumn(name, fitting)
            lost = lost | (F.col(f"`{helper}`").isNotNull() & F.col(name).isNull())
            helpers.append(helper)
        rows = found
    rows = rows.withColumn(UNCONFORMED, lost).drop(*helpers) if helpers else rows
    return named_partitions(rows, table)


def named_partitions(rows: DataFrame, table: SilverTable | GoldTable) -> DataFrame:
    """Rows whose partitions have a name: Delta cannot tell an empty text from none there, so that it is null."""
    texts = [name for name in table.write.partition_by if table.columns[name].type == "string"]
    return rows.withColumns({name: F.when(F.col(name) != "", F.col(name)) for name in texts})


def check_transformed(before: DataFrame, after: DataFrame, table: SilverTable) -> DataFrame:
    """The transform's result; raises ConfigurationError when it lost a column that the engine needs."""
    needed = [name for name, column in table.columns.items() if not column.sql]
    lost = [name for name in [*needed, *DELIVERY_COLUMNS, UNCONFORMED, ONCE, DELIVERED] if name not in after.columns]
    if lost:
        raise ConfigurationError(
            f"The transform of {table.id} returns no column '{lost[0]}'. A silver transform adds or replaces columns "
            "and keeps the others: use withColumn, or select('*', ...)."
        )
    return after


def read_column(name: str, table: SilverTable, bronze: BronzeTable, field: Callable[[str], Column]) -> Reading:
    """How a column is read from a record; ``field`` turns a bronze column's name into a Column."""
    return _reading(name, table.columns[name], _text(name, table, bronze, field))


def _text_name(name: str) -> str:
    return f"text of {name}"


def _text(name: str, table: SilverTable, bronze: BronzeTable, field: Callable[[str], Column]) -> Column:
    column, source = table.columns[name], table.sources()[name]
    # A column or alias that was declared after the delivery was taken: its values wait among the unknown columns.
    names = (source, *bronze.columns[source].aliases)
    text = F.coalesce(field(source), *(field("unknown_columns").getItem(name) for name in names))
    if column.null_marker_of:
        return F.when(text.isin(*table.columns[column.null_marker_of].null_values), text)
    return F.when(~text.isin("", *column.null_values), text)


def _reading(name: str, column: contract_columns.Column, text: Column) -> Reading:
    value, excess = _value(text, column)
    failures = []
    if column.type != "string":
        wrong = value.isNull()
        if excess is not None:
            failures.append((f"{name}_excess_scale", excess, f"more decimals than {column.type} holds"))
            wrong = wrong & ~excess
        failures.append((f"{name}_unreadable", wrong, f"not readable as {_expected(column)}"))
    return Reading(text, value, tuple(failures))


def _expected(column: contract_columns.Column) -> str:
    match column.type:
        case "date" | "timestamp":
            return f"{column.type} ({', '.join(column.formats)})"
        case "boolean":
            return f"boolean ({', '.join((*column.true_values, *column.false_values))})"
        case _:
            return column.type


def _value(text: Column, column: contract_columns.Column) -> tuple[Column, Column | None]:
    match column.type:
        case "string":
            return text, None
        case "boolean":
            lower = F.lower(text)
            return (
                F.when(lower.isin([value.lower() for value in column.true_values]), F.lit(True)).when(
                    lower.isin([value.lower() for value in column.false_values]), F.lit(False)
                ),
                None,
            )
        case "date" | "timestamp":
            moment = F.coalesce(*(_moment(text, column.type, form) for form in column.formats))
            return _within_years(moment, column.type), None
        case "int" | "bigint":
            return F.when(text.rlike(r"^[+-]?\d+\z"), text.cast(column.type)), None
        case _:
            return _decimal(text, column)


def _decimal(text: Column, column: contract_columns.Column) -> tuple[Column, Column]:
    _, scale = column.decimal or (0, 0)
    plain = text.rlike(r"^[+-]?(\d+\.?\d*|\.\d+)\z")
    point = F.instr(text, ".")
    # Zeros at the end change nothing; any other digit beyond the scale would be rounded away by the cast.
    decimals = F.when(point > 0, F.length(F.call_function("rtrim", F.lit("0"), text)) - point).otherwise(F.lit(0))
    excess = plain & (decimals > scale)
    return F.when(plain & (decimals <= scale), text.cast(column.type)), excess


def _within_years(value: Column, kind: str) -> Column:
    """A day or time of the years 1 to 9999 (UTC), null for any other: Spark counts further, others do not.

    Values of other kinds stay as they are.
    """
    if kind not in _YEARS:
        return value
    first, last = (F.lit(text).cast(kind) for text in _YEARS[kind])
    return F.when(value.between(first, last), value)


def _moment(text: Column, kind: str, form: str) -> Column:
    if form != ISO:
        parsed = F.to_timestamp(text, form)
        return parsed.cast("date") if kind == "date" else parsed
    if kind == "date":
        return F.when(text.rlike(_ISO_DATE), text.cast("date"))
    # Spark's cast wants seconds, and a colon in the offset; ISO 8601 does not.
    timed = F.when(F.substring(text, 17, 1) == ":", text).otherwise(
        F.concat(F.substring(text, 1, 16), F.lit(":00"), F.substring(text, 17, 6))
    )
    plain_offset = F.substring(text, -5, 1).isin("+", "-")
    colons = F.regexp_replace(timed, _OFFSET_WITHOUT_COLON, "$1:$2")
    # Without a zone the session's holds, which is UTC too; Spark would compile two patterns for each Z that it reads.
    spelled = F.when(plain_offset, colons).otherwise(F.call_function("rtrim", F.lit("Z"), timed))
    return F.when(text.rlike(_ISO_TIMESTAMP), spelled.cast("timestamp"))
