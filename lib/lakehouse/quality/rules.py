"""Row rules: which rows are quarantined, and each reason with the offending value."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.contracts.expressions import columns_used
from lakehouse.contracts.tables import BronzeTable, SilverTable
from lakehouse.quality.conform import DELIVERED, ONCE, UNCONFORMED, read_column
from lakehouse.quality.decided import DISCARDED, decided_field

QUARANTINED = "quarantined"
"""Boolean column: the row broke a quarantine rule."""

REASON_TYPE = "array<struct<rule:string,column:string,value:string,message:string>>"


def judge(rows: DataFrame, table: SilverTable) -> DataFrame:
    """Rows with the column ``quarantined``: one boolean decides, and reasons are built for bad rows only."""
    broken = [F.col("malformed_record").isNotNull(), F.col(UNCONFORMED)]
    broken += [F.col(name).isNull() for name, column in table.columns.items() if column.required]
    broken += [
        F.coalesce(~F.expr(rule.condition), F.lit(False))
        for rule in table.row_rules.values()
        if rule.severity == "quarantine"
    ]
    discarded = decided_field(rows, DELIVERED, DISCARDED)
    broken += [] if discarded is None else [discarded.isNotNull()]
    decided = reduce(lambda left, right: left | right, broken)
    return rows.withColumn(QUARANTINED, decided & (F.col(ONCE) >= 0))


def warn_broken(table: SilverTable) -> dict[str, Column]:
    """For each warn-only rule 1 where a row breaks it, 0 elsewhere."""
    return {
        name: F.when(F.coalesce(~F.expr(rule.condition), F.lit(False)), 1).otherwise(0)
        for name, rule in table.row_rules.items()
        if rule.severity == "warn"
    }


def reasons(table: SilverTable, bronze: BronzeTable, discarded: Column | None = None) -> Column:
    """Every rule that a quarantined row broke: array of (rule, column, value, message).

    Of a malformed record only that is said: its values may stand under the wrong names. ``discarded`` is why people
    left a row out, which it may be although it breaks no rule any more.
    """
    found = [*_reading_reasons(table, bronze), *_rule_reasons(table)]
    if discarded is not None:
        found.append(F.when(discarded.isNotNull(), _reason("discarded", "", F.lit(None), discarded)))
    record = F.col("malformed_record")
    malformed = _reason("record_malformed", "", record, "more or fewer values than the header names")
    repeated = _reason("header_repeated", "", record, "the header again, in the middle of the file")
    return F.when(record.isNotNull(), F.array(F.when(_is_header(bronze), repeated).otherwise(malformed))).otherwise(
        F.filter(F.array(*found), lambda reason: reason.isNotNull())
    )


def _is_header(bronze: BronzeTable) -> Column:
    """Whether all that was delivered is the names of the columns that it was delivered for."""
    values = {name: F.col(DELIVERED).getField(name) for name in bronze.columns}
    named = [
        value.isNull() | F.lower(F.btrim(value, F.lit(" \t\ufeff"))).isin([word.strip().lower() for word in words])
        for value, words in ((values[n], (n, *column.aliases)) for n, column in bronze.columns.items())
    ]
    return reduce(lambda left, right: left & right, named, F.coalesce(*values.values()).isNotNull())


def _reading_reasons(table: SilverTable, bronze: BronzeTable) -> list[Column]:
    conformed = dict(table.conformed())
    found = []
    for name, column in table.columns.items():
        absent = F.col(name).isNull()
        if name in conformed:
            reading = read_column(name, table, bronze, lambda source: F.col(DELIVERED).getField(source))
            absent = reading.text.isNull()
            for rule, condition, message in reading.failures:
                found.append(F.when(condition & ~absent, _reason(rule, name, reading.text, message)))
        elif column.sql:
            value = F.expr(column.sql)
            message = f"derived as a value that {column.type} does not hold"
            found.append(F.when(value.isNotNull() & absent, _reason(f"{name}_out_of_range", name, value, message)))
            absent = value.isNull()
        if column.required:
            found.append(F.when(absent, _reason(f"{name}_required", name, F.lit(None), "a value is required")))
    return found


def _rule_reasons(table: SilverTable) -> list[Column]:
    found = []
    for name, rule in table.row_rules.items():
        if rule.severity == "quarantine":
            used = sorted(columns_used(name, rule.condition))
            value = F.concat_ws(", ", *(_shown(column, table) for column in used))
            reason = _reason(name, ", ".join(used), value, rule.because)
            found.append(F.when(~F.expr(rule.condition), reason))
    return found


def _shown(name: str, table: SilverTable) -> Column:
    """A value as people write it: a cast would write a decimal zero as 0E-8."""
    column = table.columns.get(name)
    if column is None or column.decimal is None:
        return F.col(name).cast("string")
    return F.translate(F.format_number(name, column.decimal[1]), ",", "")


def _reason(rule: str, column: str, value: Column, message: str | Column) -> Column:
    return F.struct(
        F.lit(rule).alias("rule"),
        F.lit(column).alias("column"),
        value.cast("string").alias("value"),
        (F.lit(message) if isinstance(message, str) else message).alias("message"),
    )
