"""Read delivered CSV files as text, by the names in their headers, each record with its address."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse.contracts.columns import BRONZE_COLUMNS, DELIVERY_COLUMNS
from lakehouse.contracts.tables import BronzeTable
from lakehouse.landing.listing import LandedFile
from lakehouse.landing.sniffing import Layout
from lakehouse.storage.tables import literal_rows

_CORRUPT = "malformed_record"
_LOCAL = "^file:/+"
"""Spark writes local addresses with one slash or three."""

_TASK_BITS = 33
"""monotonically_increasing_id() counts the rows of a task in its lower 33 bits."""


@dataclass(frozen=True)
class ReadableFile:
    """A file to be read, and the sequence under which its content is accepted."""

    file: LandedFile
    layout: Layout
    sequence: int


def read_deliveries(spark: SparkSession, table: BronzeTable, files: Sequence[ReadableFile]) -> DataFrame:
    """The records of some files in the columns of their bronze table.

    Files are grouped by their header, so that a drifting column order or name never puts a value into another column.
    """
    groups: dict[Layout, list[ReadableFile]] = {}
    for file in files:
        groups.setdefault(file.layout, []).append(file)
    frames = [_read_group(spark, table, layout, members) for layout, members in groups.items()]
    return reduce(DataFrame.unionByName, frames)


def _read_group(spark: SparkSession, table: BronzeTable, layout: Layout, files: Sequence[ReadableFile]) -> DataFrame:
    places = [f"c{position}" for position in range(len(layout.header))]
    rows = (
        spark.read.schema(", ".join(f"{name} string" for name in (*places, _CORRUPT)))
        .options(
            header=True,
            sep=layout.delimiter,
            encoding=layout.encoding,
            quote='"',
            escape='"',
            # A quoted line end belongs to the value. The files are then read whole, one task each.
            multiLine=True,
            mode="PERMISSIVE",
            columnNameOfCorruptRecord=_CORRUPT,
            enforceSchema=True,
            # Only an empty field is absent; no text that could be delivered stands for null.
            nullValue="\0",
            emptyValue="",
            maxCharsPerColumn=-1,
            recursiveFileLookup=True,
            # Names with [ or * are names here, not patterns.
            __globPaths__=False,
        )
        .csv([file.file.path for file in files])
    )
    number = F.monotonically_increasing_id().bitwiseAND(F.lit((1 << _TASK_BITS) - 1)) + 1
    addressed = rows.select("*", F.col("_metadata.file_path").alias("file_path"), number.alias("record_number"))
    known = addressed.join(F.broadcast(_addresses(spark, files)), "file_path", "left")
    # A record whose file could not be told would be lost without a word by an inner join.
    stray = F.raise_error(F.concat(F.lit("no delivery is known for the file "), F.col("file_path")))
    sequence = F.when(F.col("delivery_sequence").isNull(), stray.cast("bigint")).otherwise(F.col("delivery_sequence"))
    known = known.withColumn("delivery_sequence", sequence)
    named, unknown = _assigned(table, layout)
    values = [named.get(name, F.lit(None).cast("string")).alias(name) for name in table.columns]
    return known.select(*values, *DELIVERY_COLUMNS, unknown.alias("unknown_columns"), _CORRUPT).select(
        *table.columns, *DELIVERY_COLUMNS, *BRONZE_COLUMNS
    )


def _assigned(table: BronzeTable, layout: Layout) -> tuple[Mapping[str, Column], Column]:
    """The declared columns that a header delivers, and a map of what else it delivers."""
    named: dict[str, Column] = {}
    unknown: list[Column] = []
    exact = {name.strip().casefold() for name in layout.header}
    for position, name in enumerate(layout.header):
        column = table.column_of(name)
        alias = column is not None and name.strip().casefold() != column and column in exact
        if column is None or alias or column in named:
            unknown += [F.lit(name.strip()), F.col(f"c{position}")]
        else:
            named[column] = F.col(f"c{position}")
    nothing = F.lit(None).cast("map<string,string>")
    return named, F.create_map(*unknown) if unknown else nothing


def _addresses(spark: SparkSession, files: Sequence[ReadableFile]) -> DataFrame:
    jvm = spark.sparkContext._jvm
    assert jvm is not None
    rows = []
    for readable in files:
        file = readable.file
        # Spark names files by URL; its own function spells ours the same way.
        spelled = jvm.org.apache.hadoop.fs.Path(file.path)
        uri = spelled.getFileSystem(spark.sparkContext._jsc.hadoopConfiguration()).makeQualified(spelled).toUri()
        url = str(uri.toString())
        rows += [
            {
                "file_path": name,
                "delivery_id": file.delivery_id,
                "delivery_date": str(file.delivery_date) if file.delivery_date else None,
                "delivery_sequence": readable.sequence,
            }
            for name in {re.sub(_LOCAL, slashes, url) for slashes in ("file:/", "file:///")}
        ]
    kind = "array<struct<file_path:string,delivery_id:string,delivery_date:date,delivery_sequence:bigint>>"
    return literal_rows(spark, rows, kind)
