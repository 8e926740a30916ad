"""Creating, opening and evolving Delta tables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from deltalake import DeltaTable, Field, Schema
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse.contracts.columns import HISTORY_COLUMNS
from lakehouse.errors import TableError
from lakehouse.ledger.book import table_version
from lakehouse.ledger.commits import committing
from lakehouse.ledger.data_files import RANGES
from lakehouse.ledger.retention import retention_properties, set_properties

OBSERVED_AS = "observed_as"
"""Column beside a table with versions: what became of the row."""

_IDENTITY = "lakehouse.identity"
KEY = "key"
"""What the identity says of a column of the key."""

HISTORY_NAMES = {*HISTORY_COLUMNS, OBSERVED_AS}


@dataclass(frozen=True)
class Shape:
    """What a Delta table is created with."""

    path: str
    name: str
    """SQL-like name, for the table's metadata."""
    description: str
    columns: Mapping[str, tuple[str, str]]
    """Column -> (type, description), in order."""
    partition_by: tuple[str, ...] = ()
    statistics: tuple[str, ...] = ()
    """Columns whose ranges are kept per file; statistics of the others cost more than they save."""
    change_feed: bool = False
    keeps_more: bool = False
    """Columns that the contract does not name any more stay."""
    keep_days: int = 30
    """For how long the table can be read as it was."""
    identity: Mapping[str, str] = field(default_factory=dict)
    """What tells rows apart and where they lie: columns of the key, and of partitions with how they are derived."""

    def about(self, column: str) -> dict[str, str]:
        """What the table's schema says of a column."""
        told = {_IDENTITY: self.identity[column]} if column in self.identity else {}
        return {"comment": self.columns[column][1], **told}


def ensure_table(shape: Shape) -> None:
    """Create a table that is not there yet, and add columns that its contract gained.

    Written through delta-rs, which needs milliseconds where a Spark commit needs a second. Raises TableError for a
    change of the contract that would rewrite rows.
    """
    if table_version(shape.path) is None:
        with committing(shape.path, "create"):
            DeltaTable.create(
                shape.path,
                schema=Schema(_fields(shape, shape.columns)),
                partition_by=list(shape.partition_by),
                name=shape.name,
                description=shape.description,
                configuration=_properties(shape),
            )
        return
    table = DeltaTable(shape.path)
    added = _added_columns(table, shape)
    if added:
        with committing(shape.path, "alter"):
            table.alter.add_columns(_fields(shape, added))


def _properties(shape: Shape) -> dict[str, str | None]:
    properties: dict[str, str | None] = {**retention_properties(shape.keep_days, "://" not in shape.path)}
    if shape.statistics:
        properties[RANGES] = ",".join(shape.statistics)
    else:
        properties["delta.dataSkippingNumIndexedCols"] = "0"
    if shape.change_feed:
        properties["delta.enableChangeDataFeed"] = "true"
    return properties


def keep_ranges(shape: Shape, run_id: str | None) -> None:
    """Have the log of a table that is written anew keep ranges of the columns of its contract alone.

    Spark refuses to write a table where ranges are kept of a column that is gone, or that it is to be partitioned by.
    """
    kept = DeltaTable(shape.path).metadata().configuration.get(RANGES) or ""
    if kept != ",".join(shape.statistics):
        set_properties(shape.path, {RANGES: ",".join(shape.statistics)}, run_id)


def _fields(shape: Shape, columns: Iterable[str]) -> list[Field]:
    return [Field.from_json(_field_json(name, shape.columns[name][0], shape.about(name))) for name in columns]


def _field_json(name: str, kind: str, about: Mapping[str, str]) -> str:
    return json.dumps({"name": name, "type": _delta_type(kind), "nullable": True, "metadata": about})


def _delta_type(kind: str) -> object:
    if kind.startswith("map<"):
        return {"type": "map", "keyType": "string", "valueType": "string", "valueContainsNull": True}
    if kind.startswith("array<struct<"):
        names = re.findall(r"(\w+):string", kind)
        fields = [{"name": name, "type": "string", "nullable": True, "metadata": {}} for name in names]
        return {"type": "array", "elementType": {"type": "struct", "fields": fields}, "containsNull": True}
    return {"int": "integer", "bigint": "long"}.get(kind, kind)


def _added_columns(table: DeltaTable, shape: Shape) -> dict[str, tuple[str, str]]:
    fields = {one.name: one for one in table.schema().fields}
    added = {name: column for name, column in shape.columns.items() if name not in fields}
    change = _rewriting(table, shape, fields) or (
        "it had no history in the lake and has one in the contract" if added.keys() & HISTORY_NAMES else None
    )
    if change:
        raise TableError(
            f"{shape.name}: {change}. Run again with --full-refresh, which makes the table anew from bronze."
        )
    return added


def _rewriting(table: DeltaTable, shape: Shape, fields: Mapping[str, Field]) -> str | None:
    """The first change of the contract that would rewrite rows, in words."""
    for name, (kind, _) in shape.columns.items():
        if name in fields and _spelled(fields[name]) not in (kind, _spelled(_fields(shape, [name])[0])):
            return f"the column '{name}' is {_spelled(fields[name])} in the lake and {kind} in the contract"
    lost = [] if shape.keeps_more else [name for name in fields if name not in shape.columns]
    if lost:
        return f"the column '{lost[0]}' is gone in the contract"
    partitions = tuple(table.metadata().partition_columns)
    if partitions != shape.partition_by:
        return f"partition_by was ({', '.join(partitions)}) and is ({', '.join(shape.partition_by)}) in the contract"
    told_apart = {name: one.metadata[_IDENTITY] for name, one in fields.items() if _IDENTITY in one.metadata}
    if told_apart and told_apart != shape.identity:
        # Rows of one key could lie in two places, or rows of two keys become one, where others are not looked at.
        return (
            "the key, or how partitions follow from it, is another one in the contract: "
            f"{_shown(told_apart)} in the lake, {_shown(shape.identity)} now"
        )
    return None


def _shown(identity: Mapping[str, str]) -> str:
    return ", ".join(name if told == KEY else f"{name} by {told}" for name, told in sorted(identity.items()))


def _spelled(one: Field) -> str:
    kind = str(getattr(one.type, "type", one.type))
    return {"integer": "int", "long": "bigint"}.get(kind, kind)


def read_table(spark: SparkSession, path: str, version: int | None = None) -> DataFrame:
    """A table as a DataFrame, at its newest or at a given version."""
    reader = spark.read.format("delta")
    return (reader.option("versionAsOf", version) if version is not None else reader).load(path)


def empty_rows(spark: SparkSession, columns: Mapping[str, tuple[str, str]]) -> DataFrame:
    """A table's columns, by name with type and description, without any row."""
    return spark.range(0).select(*(F.lit(None).cast(kind).alias(name) for name, (kind, _) in columns.items()))


def literal_rows(spark: SparkSession, rows: Sequence[Mapping[str, object]], kind: str) -> DataFrame:
    """A few plain rows as a frame; ``kind`` is their type, ``array<struct<...>>``.

    As one literal: createDataFrame would start Python workers, which takes seconds.
    """
    return spark.range(1).select(F.inline(F.from_json(F.lit(json.dumps(list(rows))), kind)))


def column_kinds(path: str) -> dict[str, str]:
    """The types of a table's columns, as contracts spell them."""
    return {one.name: _spelled(one) for one in DeltaTable(path).schema().fields}


def file_count(path: str) -> int:
    """Data files of a table's newest version."""
    return len(DeltaTable(path).file_uris())


@contextmanager
def settings(spark: SparkSession, values: Mapping[str, int]) -> Iterator[None]:
    """Settings of a session that hold within a block only."""
    before = {name: spark.conf.get(name, None) for name in values}
    for name, value in values.items():
        spark.conf.set(name, str(value))
    try:
        yield
    finally:
        for name, old in before.items():
            if old is None:
                spark.conf.unset(name)
            else:
                spark.conf.set(name, old)
