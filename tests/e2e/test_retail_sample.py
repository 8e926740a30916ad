"""Retail on its own sample, in three parts that come out of order: every table as a single look at the files has it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lakehouse.contracts.lakes import Lake
from lakehouse.samples import retail
from lakehouse.serving.masks import NO_MASKS
from lakehouse.serving.sql import open_lake
from tests.e2e.retail_lake import TABLES, Compared, lakehouse
from tests.oracle import retail as oracle

if TYPE_CHECKING:
    import duckdb
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.soak]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, spark: SparkSession) -> Path:
    """Nine days of deliveries with every kind of dirt, and the lake made of the middle, the end and the beginning."""
    root = tmp_path_factory.mktemp("sample")
    retail.generate(root / "landing", days=9, rows_per_day=150, seed=5)
    landing, lake = str(root / "landing"), str(root / "lake")
    for days in (("--from", "2025-01-04", "--to", "2025-01-06"), ("--from", "2025-01-07"), ()):
        code, said = lakehouse("run", "retail", "--landing", landing, "--lake", lake, *days)
        assert code == 0, said
    return root


@pytest.fixture(scope="module")
def lake(place: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_lake(Lake.at(str(place / "lake")), NO_MASKS) as connection:
        yield connection


@pytest.mark.parametrize("compared", TABLES, ids=lambda one: one.table)
def test_every_table_equals_the_independent_computation(
    place: Path, lake: duckdb.DuckDBPyConnection, compared: Compared
) -> None:
    expected = compared.expected(oracle.read_shop(place / "landing"))
    assert expected
    assert compared.found(lake) == expected


def test_quarantine_and_outcomes_are_those_that_were_put_in(place: Path, lake: duckdb.DuckDBPyConnection) -> None:
    (truth,) = (json.loads(path.read_text()) for path in place.glob("*.truth.json"))
    rules: Counter[str] = Counter()
    for delivery in truth["deliveries"]:
        rules.update(delivery["broken_rules"])
    found: Counter[str] = Counter()
    for table in ("fact_transactions", "dim_customer"):
        reasons = f"SELECT unnest(list_transform(reasons, r -> r.rule)) AS rule FROM retail_quarantine.{table}"
        found.update(dict(lake.execute(f"SELECT rule, count(*) FROM ({reasons}) GROUP BY ALL").fetchall()))
    assert found == rules
    states = lake.execute(
        "SELECT delivery_id, max_by(state, entry) FROM retail_ledger.deliveries GROUP BY ALL"
    ).fetchall()
    assert dict(states) == {one["path"]: one["state"] for one in truth["deliveries"]}


def test_the_lake_equals_its_recomputation(place: Path) -> None:
    code, said = lakehouse("verify", "retail", "--lake", str(place / "lake"))
    assert (code, "Every table equals its recomputation" in said) == (0, True), said
