"""What delta-rs answers of tables that Spark wrote."""

from __future__ import annotations

import math
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from lakehouse.errors import TableError
from lakehouse.storage.asking import among, ask, counts_by

_KINDS: dict[str, tuple[str, list[str | None]]] = {
    "text": ("string", ["it's", "a\\b", "x/y z=%41", None]),
    "day": ("date", ["2024-02-29", "0001-01-01", "9999-12-31", None]),
    "number": ("int", ["-2", "0", "7", None]),
    "price": ("decimal(10,2)", ["1.50", "-0.10", "2.00", None]),
    "share": ("double", ["1.5", "NaN", "1e300", None]),
    "flag": ("boolean", ["true", "false", "true", None]),
    "moment": ("timestamp", ["2024-02-29 12:34:56.789012", "1969-12-31 23:59:59", "2024-02-29 00:00:00", None]),
}
_FIRST_TWO: dict[str, list[object]] = {
    "text": ["it's", "a\\b"],
    "day": [date(2024, 2, 29), date(1, 1, 1)],
    "number": [-2, 0],
    "price": [Decimal("1.50"), Decimal("-0.10")],
    "share": [1.5, math.nan],
    "flag": [True, False],
    "moment": [
        datetime(2024, 2, 29, 12, 34, 56, 789012, tzinfo=timezone.utc),
        datetime(1969, 12, 31, 23, 59, 59, tzinfo=timezone.utc),
    ],
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


@pytest.mark.parametrize("column", list(_KINDS))
def test_rows_are_found_by_partitions_of_every_type(table: Path, column: str) -> None:
    expected = [0, 1, 2] if column == "flag" else [0, 1]
    found = ask(str(table), f"SELECT place FROM asked WHERE {among(column, _FIRST_TWO[column])} ORDER BY place")
    assert [place for (place,) in found] == expected
    found = ask(str(table), f"SELECT place FROM asked WHERE {among(column, [None, _FIRST_TWO[column][0]])}")
    assert sorted(place for (place,) in found) == ([0, 2, 3] if column == "flag" else [0, 3])


def test_partitions_are_what_spark_says_they_are(table: Path) -> None:
    assert counts_by(str(table), ["text", "day"], "true") == {
        ("it's", date(2024, 2, 29)): 1,
        ("a\\b", date(1, 1, 1)): 1,
        ("x/y z=%41", date(9999, 12, 31)): 1,
        (None, None): 1,
    }


def test_times_of_no_zone_are_those_of_this_process(table: Path) -> None:
    local = datetime(1969, 12, 31, 23, 59, 59, tzinfo=timezone.utc).astimezone().replace(tzinfo=None)
    assert ask(str(table), f"SELECT place FROM asked WHERE {among('moment', [local])}") == [(1,)]


def test_no_values_are_no_rows(table: Path) -> None:
    assert ask(str(table), f"SELECT place FROM asked WHERE {among('number', [])}") == []


def test_a_table_whose_file_is_gone_is_told(spark: SparkSession, tmp_path: Path) -> None:
    spark.range(3).write.format("delta").save(str(tmp_path / "table"))
    for path in (tmp_path / "table").glob("*.parquet"):
        path.unlink()
    with pytest.raises(TableError, match=r"^The table .*/table cannot be read: .*\.parquet.*\.$"):
        counts_by(str(tmp_path / "table"), ["id"], "id > 0")
