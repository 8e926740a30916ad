"""A timing counts only when the tables are right: the comparison finds what is wrong."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
from deltalake import write_deltalake

from benchmarks.answers import alike, compared
from benchmarks.pipeline import GOLD

EXPECTED = "CREATE TABLE totals (user_id text, used decimal(38,8), rate decimal(9,6), seen timestamp)"
GOOD = "('u1', 1.5, 0.333333, '2025-01-01 10:00:00'), ('u1', 1.5, 0.333333, '2025-01-01 10:00:00'), (NULL, 2, 1, NULL)"


def tables(found: str) -> list[str]:
    database = duckdb.connect()
    database.execute("SET TimeZone = 'UTC'")
    database.execute(EXPECTED)
    database.execute(f"INSERT INTO totals VALUES {GOOD}")
    database.execute(f"CREATE VIEW found AS {found}")
    return compared(database, "totals", "found")


def test_the_same_rows_in_another_order_and_in_other_types_are_equal() -> None:
    assert (
        tables(
            "SELECT * FROM (VALUES (NULL, 2.0, 1.0, NULL), "
            "('u1', 1.5, 0.33333299999, TIMESTAMPTZ '2025-01-01 12:00:00+02'), "
            "('u1', 1.5, 0.333333, TIMESTAMPTZ '2025-01-01 10:00:00+00')) AS v(user_id, used, rate, seen)"
        )
        == []
    )


def test_a_row_that_is_there_once_instead_of_twice_is_missing() -> None:
    assert tables("SELECT DISTINCT * FROM totals") == ["totals: 1 rows missing"]


def test_another_value_is_both_missing_and_too_many() -> None:
    other = "SELECT * REPLACE (used + 0.00000001 AS used) FROM totals WHERE user_id IS NULL"
    found = tables(f"{other} UNION ALL FROM totals WHERE user_id = 'u1'")
    assert found == ["totals: 1 rows missing", "totals: 1 rows too many"]


def test_no_rows_at_all_are_no_answer() -> None:
    assert tables("SELECT * FROM totals LIMIT 0") == ["totals: 3 rows missing"]


def test_two_folders_of_gold_tables_are_compared_with_each_other(tmp_path: Path) -> None:
    def write(folder: str, table: str, used: list[int]) -> None:
        write_deltalake(str(tmp_path / folder / table), pa.table({"used": used}), mode="overwrite")

    def found() -> list[str]:
        return alike(duckdb.connect(), tmp_path / "one", tmp_path / "other")

    for table in GOLD:
        write("one", table, [2, 1])
        write("other", table, [1, 2])
    assert found() == []
    write("other", "user_totals", [1, 2, 3])
    assert found() == ["other_user_totals: 1 rows missing"]
    for path in (tmp_path / "other" / "user_totals" / "_delta_log").iterdir():
        path.unlink()
    (tmp_path / "other" / "user_totals" / "_delta_log").rmdir()
    assert found() == ["user_totals is missing"]
