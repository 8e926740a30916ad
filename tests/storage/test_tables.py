"""Tables that a contract asks to be other than they are in the lake."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from deltalake import DeltaTable

from lakehouse.contracts.columns import HISTORY_COLUMNS
from lakehouse.errors import TableError
from lakehouse.storage.tables import Shape, _properties, ensure_table, keep_ranges


@pytest.fixture
def shape(tmp_path: Path) -> Shape:
    """A table with one column, as it lies in the lake."""
    found = Shape(str(tmp_path / "t"), "shop_silver.customers", "", {"customer": ("string", "Who")})
    ensure_table(found)
    return found


def test_a_column_that_the_contract_gained_is_added(shape: Shape) -> None:
    ensure_table(replace(shape, columns={**shape.columns, "city": ("string", "Where")}))
    assert [field.name for field in DeltaTable(shape.path).schema().fields] == ["customer", "city"]


def test_delta_cleans_the_log_of_a_table_in_an_object_store(shape: Shape) -> None:
    assert DeltaTable(shape.path).metadata().configuration["delta.enableExpiredLogCleanup"] == "false"
    assert "delta.enableExpiredLogCleanup" not in _properties(replace(shape, path="s3://bucket/t"))


def test_ranges_are_kept_of_the_columns_of_the_contract_alone(shape: Shape) -> None:
    kept = []
    for columns in (("city",), ("city",), ("customer", "city"), ()):
        keep_ranges(replace(shape, statistics=columns), "run-1")
        table = DeltaTable(shape.path)
        kept.append((table.version(), table.metadata().configuration["delta.dataSkippingStatsColumns"]))
    assert kept == [(1, "city"), (1, "city"), (2, "customer,city"), (3, "")]


def test_a_table_without_a_history_gets_none_unseen(shape: Shape) -> None:
    with pytest.raises(TableError) as caught:
        ensure_table(replace(shape, columns={**shape.columns, **HISTORY_COLUMNS}))
    assert str(caught.value) == (
        "shop_silver.customers: it had no history in the lake and has one in the contract. "
        "Run again with --full-refresh, which makes the table anew from bronze."
    )
    assert [field.name for field in DeltaTable(shape.path).schema().fields] == ["customer"]


@pytest.mark.parametrize(
    ("columns", "partition_by", "told"),
    [
        ({"customer": ("int", "Who")}, (), "the column 'customer' is string in the lake and int in the contract"),
        ({"city": ("string", "Where")}, (), "the column 'customer' is gone in the contract"),
        ({"customer": ("string", "Who")}, ("customer",), "partition_by was () and is (customer) in the contract"),
    ],
)
def test_a_change_that_would_rewrite_rows_asks_for_it(
    shape: Shape, columns: dict[str, tuple[str, str]], partition_by: tuple[str, ...], told: str
) -> None:
    with pytest.raises(TableError) as caught:
        ensure_table(replace(shape, columns=columns, partition_by=partition_by))
    assert str(caught.value) == (
        f"shop_silver.customers: {told}. Run again with --full-refresh, which makes the table anew from bronze."
    )


def test_a_table_keeps_what_told_its_rows_apart(tmp_path: Path) -> None:
    columns = {"customer": ("string", "Who"), "city": ("string", "Where")}
    found = Shape(str(tmp_path / "t"), "shop_silver.customers", "", columns, identity={"customer": "key"})
    ensure_table(found)
    ensure_table(found)
    with pytest.raises(TableError) as caught:
        ensure_table(replace(found, identity={"customer": "key", "city": "upper(place)"}))
    assert str(caught.value) == (
        "shop_silver.customers: the key, or how partitions follow from it, is another one in the contract: "
        "customer in the lake, city by upper(place), customer now. "
        "Run again with --full-refresh, which makes the table anew from bronze."
    )


def test_a_table_from_before_keys_were_noted_is_taken_as_it_is(shape: Shape) -> None:
    ensure_table(replace(shape, identity={"customer": "key"}))
