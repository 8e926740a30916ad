"""Maintenance of real tables: what it rewrites, what it leaves alone, that it pays, and that it comes to rest."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from deltalake import DeltaTable
from pyspark.sql import functions as F

from lakehouse.contracts.domains import load_domain
from lakehouse.contracts.lakes import Lake
from lakehouse.errors import ConfigurationError, TableError
from lakehouse.serving.sql import open_lake, query
from lakehouse.steps.decisions import release, retract
from lakehouse.steps.restore import restore
from lakehouse.steps.shapes import keyed_table
from lakehouse.steps.verify import verify
from lakehouse.steps.workspace import Workspace
from lakehouse.storage import commits
from lakehouse.storage.tables import ensure_table, read_table
from tests.conftest import Run, deliver, usage
from tests.contracts.places import Change, change
from tests.steps.test_publish import table
from tests.steps.test_replay import workspace

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


pytestmark = pytest.mark.slow

MAINTAIN = ("maintain",)
TAKE = ("ingest", "refine")
UPKEEP = Change("billing/silver/usage.yml", "maintain: {zorder_by: [user_id], compact_below_mb: 32}", "")
HOURS = [usage(f"2025-01-02T{hour:02}:00:00Z", f"u{hour}") for hour in range(10)]


def upkeep(conf: Path, text: str) -> None:
    """Change what the contract of silver says about its files."""
    change(conf, Change(UPKEEP.file, UPKEEP.old, f"maintain: {{{text}}}"))


def versions(lake: Path) -> dict[str, int]:
    """The version of every table, those of the ledger included."""
    logs = sorted(lake.rglob("_delta_log"))
    return {str(log.parent.relative_to(lake)): DeltaTable(str(log.parent)).version() for log in logs}


def told(summary: Any, name: str = "billing.silver.usage") -> dict[str, Any]:
    """What a summary says of the upkeep of a table."""
    (found,) = (entry for entry in summary.maintenance if entry["table"] == name)
    return dict(found)


@pytest.fixture
def no_spark(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """From ``no_spark.setattr(*NO_SPARK)`` on, whoever asks for Spark fails."""
    return monkeypatch


def _refuse(work: Workspace) -> SparkSession:
    raise AssertionError("maintenance asked for Spark")


NO_SPARK = (Workspace, "spark", property(_refuse))


def write_silver(spark: SparkSession, lake: Path, files: int, rows: int) -> str:
    """Files of silver, each with users from all over the place: 2,000 rows are some 1.2 MB."""
    shape = keyed_table(next(iter(load_domain("billing").silver())), Lake.at(str(lake))).shape
    ensure_table(shape)
    wide = F.concat(*(F.sha2(F.concat(F.col("id"), F.lit(n)), 512) for n in range(8)))
    found = spark.range(0, files * rows, numPartitions=files).select(
        *(F.lit(None).cast(kind).alias(name) for name, (kind, _) in shape.columns.items() if name not in _FILLED),
        F.lit("2025-01-02").cast("date").alias("usage_date"),
        F.format_string("u%05d", F.pmod(F.col("id") * 7919, F.lit(files * rows))).alias("user_id"),
        wide.alias("resource_id"),
        F.col("id").alias("delivery_sequence"),
    )
    commits.append(found.select(*shape.columns), shape.path)
    return shape.path


_FILLED = {"usage_date", "user_id", "resource_id", "delivery_sequence"}


def scanned(frame: DataFrame) -> int:
    """Files that Spark opens for a question, by its own metric."""
    frame.collect()
    plan = frame._jdf.queryExecution().executedPlan()
    while plan.getClass().getSimpleName() == "AdaptiveSparkPlanExec":
        plan = plan.executedPlan()
    leaves = plan.collectLeaves()
    return sum(int(leaves.apply(n).metrics().apply("numFiles").value()) for n in range(leaves.size()))


def scanned_by_duckdb(lake: Path, user: str) -> str:
    """``files read/files`` of DuckDB for the same question."""
    _, rows = query(
        open_lake(Lake.at(str(lake))),
        f"EXPLAIN ANALYZE SELECT resource_id FROM billing_silver.usage WHERE user_id = '{user}'",
    )
    found = re.search(r"Scanning Files:\s*(\d+/\d+)", str(rows[0][1]))
    assert found, rows
    return found[1]


def test_sorting_pays_and_is_not_repeated(
    run: Run, spark: SparkSession, conf: Path, tmp_path: Path, no_spark: pytest.MonkeyPatch
) -> None:
    lake = tmp_path / "lake"
    upkeep(conf, "zorder_by: [user_id], compact_below_mb: 1, target_file_mb: 1")
    path = write_silver(spark, lake, files=6, rows=2000)
    question = read_table(spark, path).where("user_id = 'u04711'")
    assert (scanned(question), scanned_by_duckdb(lake, "u04711")) == (6, "6/6")
    settings = {"spark.databricks.delta.optimize.maxFileSize", "spark.databricks.delta.optimize.minFileSize"}

    summary = run(steps=MAINTAIN)
    found = told(summary)
    after = found["after"]
    assert found["plan"][0].startswith(
        "sort 1 partition by user_id: a lookup in one reads 6.0 of 6 files, in order about 1.0"
    )
    (note,) = summary.notes
    assert note.startswith("billing.silver.usage: sort 1 partition by user_id: ")
    assert " files instead of 6.0" in note
    assert found["before"]["lookups"] == {"user_id": {"files_read": 6.0, "of": 6}}
    assert after["files"] >= 5
    assert after["lookups"]["user_id"]["files_read"] < 1.5
    question = read_table(spark, path).where("user_id = 'u04711'")
    assert scanned(question) == 1
    assert scanned_by_duckdb(lake, "u04711") == f"1/{after['files']}"
    assert [row.user_id for row in question.collect()] == ["u04711"]
    assert read_table(spark, path).count() == 12000
    assert not [name for name in settings if spark.conf.get(name, None) is not None], "they hold for one call only"
    sizes = DeltaTable(path).get_add_actions(flatten=True).column("size_bytes").to_pylist()
    assert all(size < 1.5 * (1 << 20) for size in sizes)

    before = versions(lake)
    no_spark.setattr(*NO_SPARK)
    again = run(steps=MAINTAIN)
    assert (again.nothing_new, versions(lake)) == (True, before)


def test_what_the_contract_comes_to_say_is_set(
    run: Run, spark: SparkSession, conf: Path, tmp_path: Path, no_spark: pytest.MonkeyPatch
) -> None:
    lake = tmp_path / "lake"
    write_silver(spark, lake, files=1, rows=2)
    ensure_table(keyed_table(next(iter(load_domain("billing").silver())), Lake.at(str(lake))).outranked)
    upkeep(conf, "zorder_by: [region], keep_days: 90")
    no_spark.setattr(*NO_SPARK)
    summary = run(steps=MAINTAIN)
    days = "delta.deletedFileRetentionDuration = interval 90 days, delta.logRetentionDuration = interval 90 days"
    assert told(summary)["plan"] == [
        f"set {days}, delta.dataSkippingStatsColumns = delivery_sequence,user_id,region",
        "left alone: 1 with single files",
    ]
    assert told(summary, "billing.outranked.usage")["plan"] == [f"set {days}"]
    assert run(steps=MAINTAIN).nothing_new
    configuration = DeltaTable(str(lake / "billing/silver/usage")).metadata().configuration
    assert configuration["delta.deletedFileRetentionDuration"] == "interval 90 days"


# --- Superseded contents ---


def backdate(lake: Path, days: int) -> None:
    """Make all that the ledger tells of deliveries and decisions older."""
    for name in ("deliveries", "decisions"):
        path = lake / "billing/ledger" / name
        if path.is_dir():
            DeltaTable(str(path)).update({"recorded_at": f"recorded_at - interval '{days} days'"})


def sequences(lake: Path) -> list[int]:
    return sorted({row["delivery_sequence"] for row in table(lake, "bronze/usage")})


@pytest.mark.soak
def test_superseded_contents_go_when_nothing_needs_them(
    run: Run, landing: Path, conf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = tmp_path / "lake"
    # The first content has a row in quarantine, which is closed with it.
    change(conf, Change(UPKEEP.file, "error: 0.05", "error: 0.5"))
    deliver(landing, "2025-01-02", "a.csv", [*HOURS, usage("2025-01-02T23:00:00Z", credit="5")])
    deliver(landing, "2025-01-03", "b.csv", [usage("2025-01-03T10:00:00Z", "u77")])
    first = run(steps=TAKE)
    deliver(landing, "2025-01-02", "a.csv", HOURS[1:])
    b = "usage/year=2025/month=01/day=03/b.csv"
    run(steps=TAKE, decide=retract(b, "ann", "test data"))
    backdate(lake, 45)
    # Unless the contract says so, everything that was delivered stays.
    assert run(steps=MAINTAIN).nothing_new
    change(conf, Change("billing/bronze/usage.yml", "columns:\n", "maintain: {drop_superseded_days: 40}\ncolumns:\n"))
    delete_where = commits.delete_where

    def crash(*arguments: Any, deleted: bool) -> None:
        if deleted:
            delete_where(*arguments)
        raise KeyboardInterrupt

    for deleted, left in ((False, [1, 2, 3]), (True, [3])):
        with monkeypatch.context() as patch:
            patch.setattr(commits, "delete_where", partial(crash, deleted=deleted))
            with pytest.raises(KeyboardInterrupt):
                run(steps=MAINTAIN)
        assert sequences(lake) == left
    summary = run(steps=MAINTAIN)
    assert told(summary, "billing.bronze.usage")["plan"][0] == (
        "remove 2 superseded contents (12 rows, without use for 40 days)"
    )
    assert (sequences(lake), len(table(lake, "bronze/usage"))) == ([3], 9)
    assert run(steps=TAKE).nothing_new
    proof = verify(replace(workspace(lake), landing=str(landing)))
    assert (proof.holds, proof.lost) == (True, [])
    assert proof.notes == [
        f"{b}: the file holds a content that was removed from billing.bronze.usage since "
        "(maintain.drop_superseded_days); it was not compared"
    ]
    DeltaTable(str(lake / "billing/bronze/usage")).delete("record_number = 3")
    assert verify(workspace(lake)).lost[0].endswith("a.csv: 9 rows were taken, 8 are there")
    states = {(row["delivery_sequence"], row["state"]) for row in table(lake, "ledger/deliveries")}
    assert {state for state in states if state[1].startswith("dropp")} == {
        (1, "dropping"), (1, "dropped"), (2, "dropping"), (2, "dropped"),
    }  # fmt: skip

    # What would need them says so, and changes nothing.
    with pytest.raises(ConfigurationError, match="cannot be released: it had not counted for so long"):
        run(steps=("refine",), decide=release(b, "ann", "was real"))
    with pytest.raises(TableError, match="contents that counted then have been removed from bronze since"):
        restore(workspace(lake), first.run_id, "ann", "why")
