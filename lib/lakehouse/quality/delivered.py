"""What was delivered in a record, whatever the contract called it: for comparisons of bronze, payloads and files."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.contracts.columns import DELIVERY_COLUMNS

_ENTRY = "array<struct<name:string,value:string>>"
_TEXTS = "map<string,string>"


def delivered_texts(rows: DataFrame) -> Column:
    """Names and texts of a bronze row, sorted; what was not delivered is not among them.

    A column that the contract did not name yet, or names no more, is there like the others: its values lie among
    the unknown ones or in a column of their own.
    """
    named = [name for name in rows.columns if name not in {*DELIVERY_COLUMNS, "unknown_columns"}]
    own = F.array(*(F.struct(F.lit(name).alias("name"), F.col(name).alias("value")) for name in named))
    return _sorted(F.concat(own.cast(_ENTRY), _entries(F.col("unknown_columns"))))


def payload_texts(payload: Column) -> Column:
    """The same of a quarantined row's payload; nothing when it is no JSON."""
    fields = F.from_json(payload, _TEXTS)
    unknown = F.from_json(fields.getItem("unknown_columns"), _TEXTS)
    own = F.filter(_entries(fields), lambda entry: entry["name"] != "unknown_columns")
    return _sorted(F.concat(own, _entries(unknown)))


def filled(texts: Column) -> Column:
    """Without empty texts, which payloads of patched rows do not tell from absent ones."""
    return F.filter(texts, lambda entry: entry["value"] != "")


def nameless(texts: Column) -> Column:
    """Only the texts, sorted: for records that were taken when columns had other names."""
    return F.array_sort(F.transform(texts, lambda entry: entry.withField("name", F.lit(""))))


def _entries(texts: Column) -> Column:
    return F.coalesce(F.map_entries(texts).cast(_ENTRY), F.array().cast(_ENTRY))


def _sorted(entries: Column) -> Column:
    return F.array_sort(F.filter(entries, lambda entry: entry["value"].isNotNull()))
