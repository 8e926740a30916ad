"""The ledger of a domain: its format, its publications, and what it knows of tables."""

from __future__ import annotations

from pathlib import Path

import pytest
from arro3.core import Array, DataType, Table
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake

from lakehouse.contracts.lakes import Lake
from lakehouse.contracts.names import TableId
from lakehouse.errors import TableError
from lakehouse.ledger.book import Ledger, Publication, changed_since, committed, restore_version, table_version


def ledger(folder: Path) -> Ledger:
    return Ledger(Lake.at(str(folder)), "shop")


def numbers(*values: int) -> Table:
    return Table.from_pydict({"n": Array(list(values), type=DataType.int64())})


def test_a_new_lake_has_every_format(tmp_path: Path) -> None:
    ledger(tmp_path).check_format()
    assert list(tmp_path.iterdir()) == []


def test_the_format_is_noted_once(tmp_path: Path) -> None:
    ledger(tmp_path).write_format()
    assert (tmp_path / "shop" / "format.json").read_text() == '{"format": 1}\n'
    ledger(tmp_path).check_format()
    (tmp_path / "shop" / "format.json").write_text('{"format": 1, "note": "kept"}')
    ledger(tmp_path).write_format()
    assert (tmp_path / "shop" / "format.json").read_text() == '{"format": 1, "note": "kept"}'


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (
            '{"format": 2}',
            "this lake has format 2; this version of lakehouse reads and writes format 1. "
            "Use the version that wrote it, or load the deliveries into a new lake.",
        ),
        (
            "{",
            'the lake\'s format cannot be read. It should say {"format": 1}; restore the file from a backup.',
        ),
        (
            "[]",
            'the lake\'s format cannot be read. It should say {"format": 1}; restore the file from a backup.',
        ),
    ],
)
def test_another_format_is_refused(content: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "shop" / "format.json"
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(TableError) as caught:
        ledger(tmp_path).check_format()
    assert str(caught.value) == f"{path}: {text}"


def test_the_newest_publication_of_a_table_counts(tmp_path: Path) -> None:
    table = TableId("shop", "gold", "daily_orders")
    book = ledger(tmp_path)
    row = {"table_id": str(table), "fingerprint": "f", "rows": 3}
    book.record("publications", [row | {"version": 1, "input_versions": {"shop.silver.orders": 4}}])
    book.record("publications", [row | {"version": 2, "input_versions": {"shop.silver.orders": 5}}])
    assert book.publications() == {table: Publication(table, 2, {"shop.silver.orders": 5}, "f", 3)}


def test_what_a_gate_refused_is_no_publication(tmp_path: Path) -> None:
    table = TableId("shop", "gold", "daily_orders")
    book = ledger(tmp_path)
    row = {"table_id": str(table), "fingerprint": "f", "rows": 3}
    book.record("publications", [row | {"version": 1, "input_versions": {"shop.silver.orders": 4}, "run_id": "one"}])
    refused = {"run_id": "two", "step": "refused", "version": 1, "input_versions": {"shop.silver.orders": 5}}
    book.record("publications", [row | refused])
    verdict = {"table_id": str(table), "run_id": "two", "severity": "error", "passed": "no"}
    told = [verdict | {"reason": reason} for reason in ("too few", "too late")]
    others = [
        verdict | {"severity": "warn", "reason": "late"}, verdict | {"passed": "yes"},
        verdict | {"run_id": "one", "reason": "of another run"}, verdict | {"table_id": "shop.gold.x", "reason": "y"},
    ]  # fmt: skip
    book.record("verdicts", [*told, *others])
    assert book.publications() == {table: Publication(table, 1, {"shop.silver.orders": 4}, "f", 3)}
    assert book.attempts() == {table: Publication(table, 1, {"shop.silver.orders": 5}, "f", 3)}
    assert book.refusals() == {table: "too few; too late"}
    book.record("publications", [row | {"version": 2, "input_versions": {"shop.silver.orders": 6}, "run_id": "three"}])
    assert book.refusals() == {}


def test_what_a_table_s_log_says(tmp_path: Path) -> None:
    path = str(tmp_path / "t")
    assert table_version(path) is None
    assert not committed(path, "run-1")
    write_deltalake(path, numbers(1), commit_properties=CommitProperties(app_transactions=[Transaction("run-1", 1)]))
    assert table_version(path) == 0
    assert committed(path, "run-1")
    assert not committed(path, "run-2")
    assert not changed_since(path, 0)
    write_deltalake(path, numbers(2), mode="append")
    assert changed_since(path, 0)
    DeltaTable(path).optimize.compact()
    assert table_version(path) == 2
    assert not changed_since(path, 1)
    assert changed_since(path, 0)
    restore_version(path, 0)
    assert DeltaTable(path).scan().read_all().column("n").to_pylist() == [1]
    assert changed_since(path, 2)
