"""What delta-rs answers of tables that Spark wrote."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import Column, SparkSession

from lakehouse.errors import TableError
from lakehouse.storage.asking import ask, counts_by, texts_of
from lakehouse.storage.tables import read_table
from lakehouse.storage.values import Values

_KINDS: dict[str, tuple[str, list[str | None]]] = {
    "text": ("string", ["it's", "a\\b", "x/y z=%41", None]),
    "day": ("date", ["2024-02-29", "0001-01-01", "9999-12-31", None]),
    "number": ("int", ["-2", "0", "7", None]),
    "price": ("decimal(10,2)", ["1.50", "-0.10", "2.00", None]),
    "share": ("double", ["1.5", "NaN", "1e300", None]),
    "flag": ("boolean", ["true", "false", "true", None]),
    "moment": ("timestamp", ["9998-01-02 12:34:56.789012", "0001-01-01 00:00:00", "2024-02-29 00:00:00", None]),
}


@pytest.fixture(scope="module")
def table(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four rows, whose every column but the first is a partition."""
    path = tmp_path_factory.mktemp("asked") / "table"
    rows = ", ".join(
        "(" + ", ".join([str(at), *(_sql(values[at], kind) for kind, values in _KINDS.values())]) + ")"
        for at in range(4)
    )
    names = ", ".join(["place", *_KINDS])
    frame = spark.sql(f"SELECT * FROM VALUES {rows} AS rows({names})")
    frame.write.format("delta").partitionBy(*_KINDS).save(str(path))
    return path


def _sql(value: str | None, kind: str) -> str:
    text = "NULL" if value is None else "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return f"CAST({text} AS {kind})"


def _places(spark: SparkSession, table: Path, condition: Column | str) -> list[int]:
    # Not whole rows: in the time zone of this process a moment of the year 1 may be none of Python's.
    return sorted(row.place for row in read_table(spark, str(table)).where(condition).select("place").collect())


@pytest.mark.parametrize("column", list(_KINDS))
def test_rows_are_found_by_partitions_of_every_type(table: Path, spark: SparkSession, column: str) -> None:
    kind, texts = _KINDS[column]
    for values, expected in ((texts[:2], [0, 1]), ([None, texts[0]], [0, 3]), ([None], [3]), ([], [])):
        same = [2] if column == "flag" and "true" in values else []
        chosen = Values.of(column, kind, values)
        found = ask(str(table), f"SELECT place FROM asked WHERE {chosen.asked()}")
        assert sorted(place for (place,) in found) == sorted([*expected, *same])
        for condition in (chosen.chosen(), chosen.sql()):
            assert _places(spark, table, condition) == sorted([*expected, *same])


@pytest.mark.parametrize("column", list(_KINDS))
def test_texts_of_partitions_find_them_again(table: Path, spark: SparkSession, column: str) -> None:
    told = texts_of(str(table), [column], "place IN (0, 3)")
    chosen = Values.of(column, _KINDS[column][0], [text for (text,) in told])
    expected = [0, 2, 3] if column == "flag" else [0, 3]
    assert _places(spark, table, chosen.chosen()) == expected


def test_files_of_other_partitions_are_not_read(table: Path, spark: SparkSession) -> None:
    day = Values.days("day", [date(1, 1, 1)])
    read = read_table(spark, str(table)).where(day.chosen()).inputFiles()
    assert [path for path in read if "day=0001-01-01" in path] == read != []


def test_an_empty_text_is_no_value() -> None:
    for nothing in ("", None):
        chosen = Values.of("family", "string", [nothing, "vm"])
        assert chosen.sql() == "(`family` IN ('', 'vm') OR `family` IS NULL)"
    assert Values.of("family", "string", ["vm"]).sql() == "(`family` IN ('vm'))"
    assert Values.of("number", "int", [None]).sql() == "(`number` IS NULL)"


def test_partitions_are_what_spark_says_they_are(table: Path) -> None:
    assert counts_by(str(table), ["text", "day"], "true") == {
        ("it's", date(2024, 2, 29)): 1,
        ("a\\b", date(1, 1, 1)): 1,
        ("x/y z=%41", date(9999, 12, 31)): 1,
        (None, None): 1,
    }


def test_a_table_whose_file_is_gone_is_told(spark: SparkSession, tmp_path: Path) -> None:
    spark.range(3).write.format("delta").save(str(tmp_path / "table"))
    for path in (tmp_path / "table").glob("*.parquet"):
        path.unlink()
    with pytest.raises(TableError, match=r"^The table .*/table cannot be read: .*\.parquet.*\.$"):
        counts_by(str(tmp_path / "table"), ["id"], "id > 0")
