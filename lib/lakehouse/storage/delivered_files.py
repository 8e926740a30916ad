"""Read delivered CSV files as text, by the names in their headers, each record with its address."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from lakehouse.contracts.columns import BRONZE_COLUMNS, DELIVERY_COLUMNS
from lakehouse.contracts.tables import BronzeTable
from lakehouse.landing.listing import LandedFile
from lakehouse.landing.sniffing import Layout
from lakehouse.storage.tables import literal_rows, settings

_CORRUPT = "malformed_record"
_LOCAL = "^file:/+"
"""Spark writes local addresses with one slash or three."""

_TASK_BITS = 33
"""monotonically_increasing_id() counts the rows of a task in its lower 33 bits."""

_WHOLE = 128 * 1024 * 1024
_FILE_BY_FILE = {"spark.sql.files.openCostInBytes": _WHOLE, "spark.sql.files.maxPartitionBytes": _WHOLE}
"""No two files share a task: the cost of opening one fills it. Elsewhere small files of tables share tasks."""


@dataclass(frozen=True)
class ReadableFile:
    """A file to be read, and the sequence under which its content is accepted."""

    file: LandedFile
    layout: Layout
    sequence: int


@contextmanager
def read_deliveries(spark: SparkSession, table: BronzeTable, files: Sequence[ReadableFile]) -> Iterator[DataFrame]:
    """The records of some files in the columns of their bronze table, to be computed within the block.

    Files are grouped by their header, so that a drifting column order or name never puts a value into another column.
    Within it each file is one task: a record's number is then its place in its task, without a second pass.
    """
    groups: dict[Layout, list[ReadableFile]] = {}
    for file in files:
        groups.setdefault(file.layout, []).append(file)
    frames = [_read_group(spark, table, layout, members) for layout, members in groups.items()]
    rows = reduce(DataFrame.union, frames)
    known = rows.join(F.broadcast(_addresses(spark, files)), "file_path", "left")
    # A record whose file could not be told would be lost without a word by an inner join.
    stray = F.raise_error(F.concat(F.lit("no delivery is known for the file "), F.col("file_path")))
    sequence = F.when(F.col("delivery_sequence").isNull(), stray.cast("bigint")).otherwise(F.col("delivery_sequence"))
    records = known.withColumn("delivery_sequence", sequence)
    with settings(spark, _FILE_BY_FILE):
        yield records.select(*table.columns, *DELIVERY_COLUMNS, *BRONZE_COLUMNS)


def _read_group(spark: SparkSession, table: BronzeTable, layout: Layout, files: Sequence[ReadableFile]) -> DataFrame:
    """The records of files that are written alike, with the path of the file and their number in it."""
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
            # Spark alone would take the first line end of a file for all, and change those in quoted values.
            lineSep="\n" if layout.line_end == "mixed" else layout.line_end,
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
    if layout.line_end in {"mixed", "\r\n"}:
        addressed = _without_returns(addressed, places, layout.line_end == "mixed")
    if layout.repeats_header:
        addressed = _headers_marked(addressed, table, layout)
    named, unknown = _assigned(table, layout)
    values = [named.get(name, F.lit(None).cast("string")).alias(name) for name in table.columns]
    return addressed.select(*values, "file_path", "record_number", unknown.alias("unknown_columns"), _CORRUPT)


def _without_returns(rows: DataFrame, places: Sequence[str], mixed: bool) -> DataFrame:
    """Records without the carriage returns of their line ends.

    Where LF and CRLF are mixed, records are cut at line feeds alone. Where all end in CRLF, only a last value that is
    not quoted as it should be keeps its carriage return.
    """
    broken = F.col(_CORRUPT).isNotNull()
    plain: dict[str, Column] = {}
    for place in places:
        value = F.col(place)
        cut = F.regexp_replace(value, r"\r+\z", "")
        cut = F.when((cut != "") | (value == ""), cut)
        cut = cut if mixed else F.when(value.startswith('"'), cut).otherwise(value)
        plain[place] = cut if place == places[-1] else F.when(broken, cut).otherwise(value)
    if not mixed:
        return rows.withColumns(plain)
    # What is left of an empty line is no record.
    only = F.col(places[0]).isNotNull() & plain[places[0]].isNull() if len(places) == 1 else F.lit(False)
    empty = only | (broken & (F.col(_CORRUPT) == ""))
    counted = F.row_number().over(Window.partitionBy("file_path").orderBy("record_number")).cast("bigint")
    return (
        rows.withColumns({**plain, "empty": empty}).where("NOT empty").drop("empty")
        .withColumn("record_number", counted)
    )  # fmt: skip


def _headers_marked(rows: DataFrame, table: BronzeTable, layout: Layout) -> DataFrame:
    """Records with the header among them marked as malformed: it stands for no row."""
    same = []
    for position, name in enumerate(layout.header):
        column = table.column_of(name)
        words = {column, *table.columns[column].aliases} if column else {name.strip()}
        text = F.lower(F.btrim(f"c{position}", F.lit(" \t\ufeff")))
        same.append(text.isin([word.strip().lower() for word in sorted(words)]))
    again = reduce(lambda left, right: left & right, same)
    text = F.concat_ws(layout.delimiter, *(f"c{position}" for position in range(len(layout.header))))
    return rows.withColumn(_CORRUPT, F.when(again, text).otherwise(F.col(_CORRUPT)))


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
