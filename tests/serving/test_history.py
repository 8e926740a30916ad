"""The versions of a table: what Spark and delta-rs wrote into its log, in the same words."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from arro3.core import Array, DataType, Table
from deltalake import DeltaTable, write_deltalake

from lakehouse.contracts.lakes import Lake
from lakehouse.errors import ConfigurationError, TableError
from lakehouse.ledger.book import Ledger
from lakehouse.serving.history import TableVersion, table_history

NOON = 1_735_732_800_000
"""2025-01-01 12:00 UTC in milliseconds."""


def numbers(*values: int) -> Table:
    return Table.from_pydict({"order_id": Array(list(values), type=DataType.int64())})


def commit(folder: Path, version: int, operation: str, metrics: dict[str, str], run_id: str | None) -> None:
    """A commit as Spark writes it: figures as texts, the run's id beside."""
    info: dict[str, Any] = {"timestamp": NOON, "operation": operation, "operationParameters": {}}
    info |= {"operationMetrics": metrics, "engineInfo": "Apache-Spark/3.5.7 Delta-Lake/3.3.2"}
    info |= {"userMetadata": run_id} if run_id else {}
    (folder / "_delta_log" / f"{version:020}.json").write_text(json.dumps({"commitInfo": info}) + "\n")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    for place in ("silver/orders", "quarantine/orders"):
        write_deltalake(f"{tmp_path}/shop/{place}", numbers(1, 2))
    lake = Lake.at(str(tmp_path))
    Ledger(lake, "shop").record("runs", [{"run_id": "run-1", "state": "started"}])
    return lake


def figures(version: TableVersion) -> tuple[int | None, ...]:
    return version.rows_written, version.rows_updated, version.rows_deleted, version.files_added, version.files_removed


def test_what_spark_wrote(lake: Lake, tmp_path: Path) -> None:
    silver = tmp_path / "shop/silver/orders"
    commit(
        silver, 1, "MERGE",
        {
            "numSourceRows": "9", "numTargetRowsInserted": "5", "numTargetRowsUpdated": "3",
            "numTargetRowsDeleted": "1", "numTargetRowsCopied": "70", "numOutputRows": "78",
            "numTargetFilesAdded": "4", "numTargetFilesRemoved": "2",
        },
        "run-7",
    )  # fmt: skip
    replaced = {"numFiles": "2", "numOutputRows": "12", "numDeletedRows": "4", "numRemovedFiles": "1"}
    commit(silver, 2, "WRITE", replaced, "run-8")
    commit(silver, 3, "UPDATE", {"numUpdatedRows": "6", "numAddedFiles": "1", "numRemovedFiles": "1"}, None)
    commit(silver, 4, "OPTIMIZE", {"numAddedFiles": "1", "numRemovedFiles": "9"}, "run-9")
    found = table_history(lake, "shop.silver.orders", 4)
    assert (found.table, found.path) == ("shop.silver.orders", str(silver))
    assert found.versions[3] == TableVersion(
        1, datetime(2025, 1, 1, 12, tzinfo=timezone.utc), "MERGE", "run-7", 5, 3, 1, 4, 2
    )
    assert [(one.version, one.operation, one.run_id, *figures(one)) for one in found.versions[:3]] == [
        (4, "OPTIMIZE", "run-9", None, None, None, 1, 9),
        (3, "UPDATE", None, None, 6, None, 1, 1),
        (2, "WRITE", "run-8", 12, None, 4, 2, 1),
    ]


def test_what_delta_rs_wrote(lake: Lake, tmp_path: Path) -> None:
    path = f"{tmp_path}/shop/silver/orders"
    write_deltalake(path, numbers(3), mode="append")
    DeltaTable(path).update(updates={"order_id": "order_id + 10"}, predicate="order_id = 3")
    DeltaTable(path).delete("order_id = 1")
    DeltaTable(path).optimize.compact()
    DeltaTable(path).restore(1)
    found = table_history(lake, "shop.silver.orders", 20)
    assert [(one.version, one.operation, one.run_id, *figures(one)) for one in found.versions] == [
        (5, "RESTORE", None, None, None, None, 2, 1),
        (4, "OPTIMIZE", None, None, None, None, 1, 2),
        (3, "DELETE", None, None, None, 1, 1, 1),
        (2, "UPDATE", None, None, 1, None, 1, 1),
        (1, "WRITE", None, 1, None, None, 1, 0),
        (0, "WRITE", None, 2, None, None, 1, 0),
    ]
    assert abs(found.versions[0].time - datetime.now(timezone.utc)).total_seconds() < 60


def test_only_the_newest_versions_are_asked_for(lake: Lake, tmp_path: Path) -> None:
    for number in (3, 4, 5):
        write_deltalake(f"{tmp_path}/shop/silver/orders", numbers(number), mode="append")
    assert [one.version for one in table_history(lake, "shop.silver.orders", 2).versions] == [3, 2]


def test_the_ledger_tells_which_run_made_a_version(lake: Lake) -> None:
    """The first run that names a version made it: a later one may have found nothing to change."""
    for run_id in ("run-1", "run-2"):
        Ledger(lake, "shop").record(
            "publications",
            [
                {"run_id": run_id, "step": "ingest", "table_id": "shop.bronze.orders", "version": 0},
                {
                    "run_id": run_id, "step": "refine", "table_id": "shop.silver.orders", "version": 0,
                    "input_versions": {"shop.bronze.orders": 0, "outranked": 3, "quarantine": 0},
                },
            ],
        )  # fmt: skip
    for name in ("shop.silver.orders", "shop.quarantine.orders"):
        assert [one.run_id for one in table_history(lake, name, 20).versions] == ["run-1"]


def test_commits_of_the_ledger_carry_their_run(lake: Lake) -> None:
    ledger = Ledger(lake, "shop")
    ledger.record("runs", [{"run_id": "run-1", "state": "finished"}, {"run_id": "run-2", "state": "started"}])
    ledger.record("runs", [{"run_id": "run-2", "state": "finished"}])
    found = table_history(lake, "shop_ledger.runs", 20)
    assert found.table == "shop.ledger.runs"
    assert [(one.version, one.run_id, one.rows_written) for one in found.versions] == [
        (2, "run-2", 1), (1, None, 2), (0, "run-1", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "hint", "shown"),
    [
        ("shop.silver.order", " Did you mean 'shop.silver.orders'?", "id"),
        ("shop_quarantin.orders", " Did you mean 'shop_quarantine.orders'?", "view"),
        ("runs", " Did you mean 'shop.ledger.runs'?", "id"),
        ("weather", "", "id"),
    ],
)
def test_an_unknown_table(name: str, hint: str, shown: str, lake: Lake) -> None:
    known = {
        "id": "shop.ledger.runs, shop.quarantine.orders, shop.silver.orders",
        "view": "shop_ledger.runs, shop_quarantine.orders, shop_silver.orders",
    }
    with pytest.raises(ConfigurationError) as caught:
        table_history(lake, name, 20)
    assert str(caught.value) == f"There is no table '{name}' in the lake {lake.root}.{hint} Tables: {known[shown]}."


def test_a_log_that_cannot_be_read(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "shop/silver/orders/_delta_log" / f"{0:020}.json").write_text("garbage")
    with pytest.raises(TableError) as caught:
        table_history(lake, "shop.silver.orders", 20)
    assert str(caught.value) == (
        f"The log of the table {tmp_path}/shop/silver/orders cannot be read: Kernel error: Json error: Encountered "
        "unexpected 'g' whilst parsing value. Restore the folder from a backup, or move the whole lake aside and load "
        "it anew."
    )


def test_a_table_that_was_begun_alone_is_none(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "shop/gold/begun/_delta_log").mkdir(parents=True)
    with pytest.raises(ConfigurationError) as caught:
        table_history(lake, "shop.gold.begun", 20)
    assert str(caught.value).startswith(f"There is no table 'shop.gold.begun' in the lake {tmp_path}.")
