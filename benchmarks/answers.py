"""Whether what was measured is right: gold tables against the independent computation, row by row."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import duckdb

from benchmarks.landings import copied, correct, day_file
from benchmarks.pipeline import GOLD
from tests.oracle.billing import derive, load


class Truth:
    """The records of a landing zone, read once, and what follows from some of its days."""

    def __init__(self, landing: Path, kept: Path) -> None:
        self._landing = landing
        self._kept = kept
        self._known: dict[tuple[frozenset[int], Path | None], duckdb.DuckDBPyConnection] = {}
        if not kept.exists():
            unfinished = kept.with_name(f"{kept.name}.unfinished")
            unfinished.unlink(missing_ok=True)
            with duckdb.connect(str(unfinished)) as database:
                database.execute("BEGIN")
                load(database, landing)
                database.execute("COMMIT")
            unfinished.rename(kept)

    def of(self, days: Collection[int], corrected: Path | None = None) -> duckdb.DuckDBPyConnection:
        """A database with the gold tables of some days; `corrected` is a landing zone whose file counts instead."""
        asked = (frozenset(days), corrected)
        if asked not in self._known:
            self._known[asked] = self._computed(days, corrected)
        return self._known[asked]

    def _computed(self, days: Collection[int], corrected: Path | None) -> duckdb.DuckDBPyConnection:
        database = duckdb.connect()
        database.execute("SET TimeZone = 'UTC'")
        # A reader of the kept file holds a lock on it that this connection gives back.
        database.execute(f"ATTACH '{self._kept}' AS kept (READ_ONLY)")
        wanted = [_delivery(self._landing, day_file(self._landing, day)) for day in days]
        if corrected is not None:
            new = {_delivery(corrected, path) for path in (corrected / "billing").rglob("*.csv")}
            wanted = [delivery for delivery in wanted if delivery not in new]
        for table in ("raw", "found"):
            database.execute(f"CREATE TABLE {table} AS FROM kept.{table} WHERE delivery_id IN ?", [wanted])
        database.execute("DETACH kept")
        if corrected is not None:
            load(database, corrected)
        derive(database)
        for (table,) in database.execute("SELECT table_name FROM duckdb_tables()").fetchall():
            if table not in GOLD:
                database.execute(f"DROP TABLE {table}")
        return database


def corrected_landing(landing: Path, day: int, to: Path) -> Path:
    """A landing zone that holds the correction of one day's file alone."""
    copied(landing, [day], to)
    correct(day_file(to, day))
    return to


def differences(expected: duckdb.DuckDBPyConnection, gold: Path) -> list[str]:
    """What is wrong with the gold tables in a folder; nothing when each holds just the expected rows."""
    missing = _viewed(expected, gold, "found")
    if missing:
        return missing
    return [one for table in GOLD for one in compared(expected, table, f"found_{table}")]


def alike(database: duckdb.DuckDBPyConnection, gold: Path, others: Path) -> list[str]:
    """Where the gold tables in two folders differ."""
    missing = [*_viewed(database, gold, "found"), *_viewed(database, others, "other")]
    if missing:
        return missing
    return [one for table in GOLD for one in compared(database, f"other_{table}", f"found_{table}")]


def _viewed(database: duckdb.DuckDBPyConnection, gold: Path, prefix: str) -> list[str]:
    """Show the gold tables in a folder as views whose names begin with a prefix; returns which are missing."""
    from duckdb_extensions import import_extension

    import_extension("delta", con=database)
    database.execute("LOAD delta")
    missing = [f"{table} is missing" for table in GOLD if not (gold / table / "_delta_log").is_dir()]
    for table in GOLD if not missing else ():
        database.execute(f"CREATE OR REPLACE TEMP VIEW {prefix}_{table} AS FROM delta_scan('{gold / table}')")
    return missing


def compared(database: duckdb.DuckDBPyConnection, expected: str, found: str) -> list[str]:
    """The difference between two tables of a database in words; none when they have the same rows.

    Values are compared in the types of the expected table; rates in floating point are rounded to its scale.
    """
    types = {name: kind for name, kind, *_ in database.execute(f"DESCRIBE {expected}").fetchall()}
    columns = ", ".join(f'CAST("{name}" AS {kind}) AS "{name}"' for name, kind in types.items())
    pairs = (("missing", expected, found), ("too many", found, expected))
    counts = {
        word: database.execute(
            f"SELECT count(*) FROM (SELECT {columns} FROM {one} EXCEPT ALL SELECT {columns} FROM {other})"
        ).fetchall()[0][0]
        for word, one, other in pairs
    }
    return [f"{expected}: {count} rows {word}" for word, count in counts.items() if count]


def _delivery(landing: Path, path: Path) -> str:
    return "usage/" + path.relative_to(landing / "billing").as_posix()
