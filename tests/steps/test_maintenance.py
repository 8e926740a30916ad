"""The plan for a whole domain, from logs and a ledger that are written by hand: no Spark."""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable, Field, QueryBuilder, write_deltalake
from deltalake.schema import PrimitiveType
from typer.testing import CliRunner

from lakehouse.cli.app import app
from lakehouse.contracts.domains import load_domain
from lakehouse.contracts.environments import load_environment
from lakehouse.contracts.lakes import Lake
from lakehouse.contracts.names import TableId
from lakehouse.errors import ConfigurationError, TableError
from lakehouse.ledger import entries
from lakehouse.ledger.retention import retention_properties
from lakehouse.steps import maintain as maintaining
from lakehouse.steps.decisions import release
from lakehouse.steps.maintenance import MaintenancePlan, planned
from lakehouse.steps.order import dry_run, run_steps
from lakehouse.steps.restore import restore
from lakehouse.steps.summary import RunSummary
from lakehouse.steps.superseded import Superseded, superseded
from lakehouse.steps.workspace import Workspace
from tests.contracts.places import BRONZE as BRONZE_FILE
from tests.contracts.places import TOTALS as TOTALS_FILE
from tests.contracts.places import Change, change
from tests.ledger.aging import age, append
from tests.steps.lived_in import BRONZE, DAILY, SILVER, TOTALS, LivedIn, delivery_id

MB = 1 << 20
NAMES = ("user_id", "region", "delivery_sequence", "usage_date")
KINDS = {"delivery_sequence": "long", "usage_date": "date"}


def add(day: str | None, number: int, size: float, low: str, high: str, sequences: tuple[int, int]) -> dict[str, Any]:
    """The entry about one file of so many MB."""
    low_and_high = zip((low, high), sequences, strict=True)
    ranges = [{"user_id": user, "region": "eu", "delivery_sequence": sequence} for user, sequence in low_and_high]
    stats = {
        "numRecords": 1000,
        "minValues": ranges[0],
        "maxValues": ranges[1],
        "nullCount": dict.fromkeys(NAMES[:3], 0),
    }
    return {
        "add": {
            "path": f"part-{day}-{number}.parquet", "partitionValues": {"usage_date": day} if day else {},
            "size": int(size * MB), "modificationTime": 1735689600000, "dataChange": True, "stats": json.dumps(stats),
        }
    }  # fmt: skip


def write_log(path: str, files: Sequence[dict[str, Any]], partitioned: bool = True, commits: int = 1) -> None:
    """The log of a table, without its files."""
    log = Path(path, "_delta_log")
    log.mkdir(parents=True)
    fields = [{"name": n, "type": KINDS.get(n, "string"), "nullable": True, "metadata": {}} for n in NAMES]
    metadata = {
        "id": "x", "format": {"provider": "parquet", "options": {}}, "createdTime": round(time.time() * 1000),
        "schemaString": json.dumps({"type": "struct", "fields": fields}),
        "partitionColumns": ["usage_date"] if partitioned else [],
        "configuration": {**retention_properties(30), "delta.dataSkippingStatsColumns": ",".join(NAMES[:3])},
    }  # fmt: skip
    head: list[dict[str, Any]] = [{"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}, {"metaData": metadata}]
    each = -(-len(files) // commits) or 1
    for version in range(commits):
        info = {"timestamp": 1735689600000 + version, "operation": "WRITE", "operationParameters": {"mode": "Append"}}
        mine = [{"commitInfo": info}, *(head if version == 0 else []), *files[version * each : (version + 1) * each]]
        text = "".join(json.dumps(action) + "\n" for action in mine)
        (log / f"{version:020}.json").write_text(text, "utf-8")


def small(day: str | None, count: int, sequences: tuple[int, int] = (1, 1)) -> list[dict[str, Any]]:
    return [add(day, n, 1, "u1", "u9", sequences) for n in range(count)]


def plans(plan: MaintenancePlan) -> dict[str, list[str]]:
    return {table.table: [*table.work(), *table.left()] for table in plan.tables}


def publish(place: LivedIn, table: TableId, version: int, **inputs: int) -> None:
    entry = {
        "run_id": "run-1", "step": "x", "table_id": str(table), "version": version,
        "input_versions": {name.replace("_", "."): number for name, number in inputs.items()},
        "fingerprint": place.work().fingerprint(table),
    }  # fmt: skip
    place.ledger.record("publications", [entry])


def test_each_table_has_a_line_and_tables_beside_silver_have_one_too(place: LivedIn) -> None:
    write_log(place.lake.table(BRONZE), small("2025-01-02", 5))
    write_log(place.lake.table(SILVER), [*small("2025-01-02", 4), *small("2025-01-03", 1)])
    write_log(place.lake.quarantine(SILVER), small("2025-01-02", 2))
    plan = planned(place.work())
    assert plans(plan) == {
        "billing.bronze.usage": ["compact 1 partition: 5 small files become 1"],
        "billing.silver.usage": ["compact 1 partition: 4 small files become 1", "left alone: 1 with single files"],
        "billing.quarantine.usage": ["left alone: 1 with fewer than 4 small files"],
    }
    assert list(plan.work()) == [
        ("billing.bronze.usage", "compact 1 partition: 5 small files become 1"),
        ("billing.silver.usage", "compact 1 partition: 4 small files become 1"),
    ]
    silver = next(entry for entry in plan.as_json() if entry["table"] == "billing.silver.usage")
    assert silver["before"] == {
        "partitions": 2, "files": 5, "bytes": 5 * MB, "small_files": 5,
        "lookups": {"user_id": {"files_read": 5.0, "of": 5}},
    }  # fmt: skip


def test_partitions_with_rows_that_pending_deliveries_replace_wait(place: LivedIn) -> None:
    old = place.deliver("2025-01-02")
    place.judge(old)
    place.deliver("2025-01-03", name="b.csv")
    files = [*small("2025-01-02", 4, (1, 1)), *small("2025-01-03", 4, (2, 3))]
    for path in (place.lake.table(SILVER), place.lake.quarantine(SILVER), place.lake.outranked(SILVER)):
        write_log(path, files)
    # A delivery that was never refined replaces nothing.
    assert plans(planned(place.work()))["billing.silver.usage"] == ["compact 2 partitions: 8 small files become 2"]
    place.deliver("2025-01-02")
    waiting = [
        "compact 1 partition: 4 small files become 1",
        "left alone: 1 with rows that pending deliveries replace",
    ]
    sides = ("billing.silver.usage", "billing.outranked.usage", "billing.quarantine.usage")
    assert plans(planned(place.work())) == dict.fromkeys(sides, waiting)


def test_tables_whose_input_has_changed_wait_and_those_that_are_made_from_them(place: LivedIn) -> None:
    write_log(place.lake.table(SILVER), small("2025-01-02", 1))
    write_log(place.lake.table(DAILY), small("2025-01-02", 4))
    write_log(place.lake.table(TOTALS), small(None, 4), partitioned=False)
    publish(place, DAILY, 0, billing_silver_usage=0)
    publish(place, TOTALS, 0, billing_gold_daily__usage=0)
    place.ledger.record("publications", [])
    names = ("billing.gold.daily_usage", "billing.gold.region_totals")

    def found() -> list[list[str]]:
        return [plans(planned(place.work()))[name] for name in names]

    assert found()[0] == ["compact 1 partition: 4 small files become 1"]
    # Silver has rows that gold does not know of yet.
    with Path(place.lake.table(SILVER), "_delta_log", f"{1:020}.json").open("w") as stream:
        for action in ({"commitInfo": {"timestamp": 1735689600001, "operation": "MERGE"}}, *small("2025-01-04", 1)):
            stream.write(json.dumps(action) + "\n")
    assert found() == [["left alone: 1 with input that has changed"]] * 2


def test_gold_waits_while_deliveries_are_pending_for_its_input(place: LivedIn) -> None:
    write_log(place.lake.table(SILVER), small("2025-01-02", 1))
    write_log(place.lake.table(DAILY), small("2025-01-02", 4))
    publish(place, DAILY, 0, billing_silver_usage=0)
    place.deliver("2025-01-02")
    assert plans(planned(place.work()))["billing.gold.daily_usage"] == ["left alone: 1 with input that has changed"]


def test_gold_made_from_the_rows_beside_a_table_waits_as_well(place: LivedIn) -> None:
    change(place.conf, Change(TOTALS_FILE, "{daily: billing.gold.daily_usage}", "{daily: billing.outranked.usage}"))
    write_log(place.lake.outranked(SILVER), small("2025-01-02", 1))
    write_log(place.lake.table(TOTALS), small(None, 4), partitioned=False)
    publish(place, TOTALS, 0, billing_outranked_usage=0)
    assert plans(planned(place.work()))["billing.gold.region_totals"] == ["compact 1 partition: 4 small files become 1"]
    place.deliver("2025-01-02")
    assert plans(planned(place.work()))["billing.gold.region_totals"] == ["left alone: 1 with input that has changed"]


def test_an_idle_domain_writes_nothing_and_asks_for_no_spark(place: LivedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(work: Workspace) -> None:
        raise AssertionError

    monkeypatch.setattr(Workspace, "spark", property(refuse))
    write_log(place.lake.table(SILVER), small("2025-01-02", 1))
    for number in range(50):
        place.run(f"run-{number}", {"state": "started"})
    work = place.work()
    work.reads_only = False
    first = run_steps(work, ["maintain"], False, lambda step: None)
    assert [entry["note"] for entry in first.maintenance if entry["note"]] == [
        "billing.ledger.runs: compact 51 files; write a checkpoint: 51 commits since the last one"
    ]

    def versions() -> dict[str, int]:
        return {str(p.parent): DeltaTable(str(p.parent)).version() for p in Path(place.lake.root).rglob("_delta_log")}

    before = versions()
    for _ in range(2):
        again = run_steps(work, ["maintain"], False, lambda step: None)
        assert (again.nothing_new, again.notes) == (True, [])
    assert versions() == before


@pytest.mark.parametrize("entries", [28, 48])
def test_what_maintenance_itself_records_is_not_what_the_next_one_finds_to_do(place: LivedIn, entries: int) -> None:
    """Two more entries, and a checkpoint or a compaction of the ledger would be called for."""
    append(Path(place.lake.table(SILVER)), 1)
    for number in range(entries):
        place.run(f"run-{number}", {"state": "started"})
    work = place.work()
    work.reads_only = False
    assert not run_steps(work, ["maintain"], False, lambda step: None).nothing_new
    assert run_steps(work, ["maintain"], False, lambda step: None).nothing_new


def test_the_figures_before_are_those_from_before_contents_were_removed(
    place: LivedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_log(place.lake.table(BRONZE), small("2025-01-02", 3))
    work = replace(place.work(), progress=lambda line: None)
    found = planned(work)
    to_go = replace(found, tables=(replace(found.tables[0], superseded=Superseded(BRONZE, (), 40)),))

    def drop(work: Workspace, what: Superseded) -> None:
        shutil.rmtree(place.lake.table(BRONZE))
        write_log(place.lake.table(BRONZE), small("2025-01-02", 1))

    first = iter([to_go])
    monkeypatch.setattr(maintaining, "planned", lambda work, writes: next(first, None) or planned(work, writes))
    monkeypatch.setattr(maintaining, "drop", drop)
    summary = RunSummary("run-9", "billing", place.lake.root, "", ["maintain"])
    maintaining.maintain(work, summary)
    (told,) = (entry for entry in summary.maintenance if entry["table"] == str(BRONZE))
    assert (told["before"]["files"], told["after"]["files"]) == (3, 1)
    assert told["note"] == (
        "billing.bronze.usage: remove 0 superseded contents (0 rows, without use for 40 days); "
        "3 files (3.0 MB) became 1 file (1.0 MB)"
    )


def test_a_place_without_tables_is_told(place: LivedIn) -> None:
    work = replace(place.work(), reads_only=False, progress=lambda line: None)
    told = [f"the lake {place.lake.root} holds no table of billing"]
    assert dry_run(work, ("maintain",)).notes == told
    done = run_steps(work, ("maintain",), False, lambda step: None)
    assert (done.nothing_new, done.notes) == (True, told)


def test_to_make_tables_anew_is_nothing_to_do_for_maintenance(place: LivedIn) -> None:
    write_log(place.lake.table(SILVER), small("2025-01-02", 1))
    work = replace(place.work(), reads_only=False, full_refresh=True, progress=lambda line: None)
    done = run_steps(work, ("maintain",), False, lambda step: None)
    assert (done.nothing_new, done.notes, place.ledger.rows("runs")) == (True, [], [])


def test_a_dry_run_says_what_would_be_done(place: LivedIn) -> None:
    write_log(place.lake.table(SILVER), small("2025-01-02", 4))
    found = dry_run(place.work(), ["maintain"])
    assert found.notes == ["maintain would compact 1 partition: 4 small files become 1, in billing.silver.usage"]
    assert (found.nothing_new, found.maintenance[0]["plan"]) == (False, ["compact 1 partition: 4 small files become 1"])
    assert found.as_json()["maintenance"][0]["table"] == "billing.silver.usage"


def test_files_beyond_the_retention_go_and_a_restore_within_it_stays_possible(place: LivedIn) -> None:
    path = Path(place.lake.table(SILVER))
    # Ranges of the column by which the table is sorted are to be kept from now on: that is no reason to wait.
    append(path, 1, configuration=retention_properties(30))
    DeltaTable(str(path)).alter.add_columns(Field("user_id", PrimitiveType("string")))
    place.run("run-1", {"state": "started"}, {"state": "finished", "summary": moment(place)})
    (path / "part-of-a-crash.parquet").write_bytes(b"x")
    age(path, 40)
    DeltaTable(str(path)).update({"n": "2"})
    age(path, 5)
    work = place.work()
    found = run_steps(work, ["maintain"], False, lambda step: None)
    assert found.maintenance[0]["plan"] == [
        "set delta.dataSkippingStatsColumns = user_id",
        "remove 1 files that no version of the last 30 days needs",
        "left alone: 1 with single files",
    ]
    assert run_steps(work, ["maintain"], False, lambda step: None).nothing_new
    # What the run left was the table's newest version until five days ago, though it is 45 days old.
    assert restore(work, "run-1", "ann", "why").tables == {str(SILVER): (DeltaTable(str(path)).version() - 1, 1)}
    assert DeltaTable(str(path)).scan().read_all().column("n").to_pylist() == [1]


def moment(place: LivedIn) -> dict[str, Any]:
    """What a run notes of the state that it leaves."""
    return {
        "versions": {str(SILVER): DeltaTable(place.lake.table(SILVER)).version()},
        "entries": place.ledger.positions(),
    }


def test_what_would_need_a_removed_content_is_refused(place: LivedIn) -> None:
    append(Path(place.lake.table(SILVER)), 1)
    for name in ("a.csv", "b.csv", "c.csv", "d.csv"):
        place.judge(place.deliver("2025-01-02", name=name))
    place.run("run-1", {"state": "started"}, {"state": "finished", "summary": moment(place)})
    ids = [delivery_id("2025-01-02", name) for name in ("a.csv", "b.csv", "c.csv", "d.csv")]
    rows = [
        {"table_id": str(BRONZE), "delivery_id": name, "delivery_sequence": sequence, "state": "dropped"}
        for sequence, name in enumerate(ids, start=1)
    ]
    place.ledger.record("deliveries", rows)
    work = place.work()
    with pytest.raises(ConfigurationError) as released:
        release(ids[0], "ann", "was real")(work)
    assert str(released.value) == (
        f"{ids[0]} cannot be released: it had not counted for so long that its rows were removed from "
        "billing.bronze.usage (maintain.drop_superseded_days). Nothing was changed. Deliver the file again under "
        "another name."
    )
    with pytest.raises(TableError) as restored:
        restore(work, "run-1", "ann", "why")
    assert str(restored.value) == (
        "The tables cannot go back to the run run-1: contents that counted then have been removed from bronze since: "
        f"{ids[0]} (sequence 1), {ids[1]} (sequence 2), {ids[2]} (sequence 3) and 1 more. Nothing was changed. "
        "maintain.drop_superseded_days in the contract of a bronze table lets them go; name a later run."
    )


def test_contents_with_rows_in_quarantine_that_somebody_may_repair_stay(place: LivedIn) -> None:
    change(place.conf, Change(BRONZE_FILE, "columns:\n", "maintain: {drop_superseded_days: 40}\ncolumns:\n"))
    for _ in range(2):
        place.judge(place.deliver("2025-01-02"))
    work, now = place.work(), datetime.now(timezone.utc) + timedelta(days=45)
    bronze, state = work.domain.bronze()[0], work.ledger.deliveries()

    def spare() -> list[int | None]:
        found = superseded(work, bronze, state, now)
        return [content.sequence for content in found.contents] if found else []

    assert spare() == [1]
    frame = QueryBuilder().execute("SELECT 1 AS delivery_sequence, 'open' AS status").read_all()
    write_deltalake(place.lake.quarantine(SILVER), frame)
    for status, expected in (("open", []), ("discarded", []), ("superseded", [1]), ("replayed", [1])):
        DeltaTable(place.lake.quarantine(SILVER)).update({"status": f"'{status}'"})
        assert spare() == expected


def shown(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["maintain", "billing", *arguments], env={"COLUMNS": "200"})
    return done.exit_code, done.output


def test_people_see_a_line_per_table(place: LivedIn, tmp_path: Path) -> None:
    wide = [add("2025-01-02", n, 128, "u000", "u999", (1, 1)) for n in range(8)]
    write_log(place.lake.table(SILVER), [*wide, *small("2025-01-03", 1)])
    result = tmp_path / "result.json"
    code, text = shown("--dry-run", "--lake", place.lake.root, "--result", str(result))
    assert code == 0
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "billing: what maintenance would do, and why" in lines
    assert (
        "silver.usage 2 9 1 1025.0 user_id 8.8 of 9 sort 1 partition by user_id: "
        "a lookup in one reads 8.0 of 8 files, in order about 1.0 of 8" in lines
    )
    assert "left alone: 1 with single files" in lines
    assert "billing: nothing was written (--dry-run)" in lines
    # The table says it once.
    assert text.count("a lookup in one reads 8.0") == 1
    written = json.loads(result.read_text())
    (entry,) = written["maintenance"]
    assert (entry["table"], entry["after"], entry["note"]) == ("billing.silver.usage", None, "")
    assert entry["partitions"] == [
        {
            "action": "sort", "partitions": 1, "files": 8, "bytes": 1024 * MB, "files_after": 8, "lookup_reads": 8.0,
            "lookup_reads_after": 1.0,
        },
        {"action": "leave", "partitions": 1, "files": 1, "bytes": MB, "files_after": 1, "why": "single files"},
    ]  # fmt: skip


def test_what_was_done_is_shown_before_and_after(place: LivedIn) -> None:
    append(Path(place.lake.table(SILVER)), 1)
    code, text = shown("--lake", place.lake.root)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert (code, "billing: what maintenance did, and why" in lines) == (0, True)
    assert any("set delta.deletedFileRetentionDuration = interval 30 days" in line for line in lines)
    code, text = shown("--lake", place.lake.root)
    assert (code, "billing: nothing to do; nothing was written" in text) == (0, True)


def test_the_plan_of_a_large_domain_reads_each_log_a_few_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """13 tables with 500 partitions each, two files in most and overlapping ones in some, 100 commits."""
    domain, lake = load_domain("billing"), Lake.at(str(tmp_path / "lake"))
    days = [str(date(2024, 1, 1) + timedelta(days=number)) for number in range(500)]
    files = [add(day, n, 5, f"u{n}", f"u{n}9", (k, k + 3)) for k, day in enumerate(days) for n in range(2)]
    files += [entry for day in days[::50] for entry in small(day, 4)]
    work = Workspace(domain, load_environment("local"), lake, "", "run-1", reads_only=True)
    silver = [table.id for table in domain.silver()]
    paths = [lake.table(table) for table in domain.tables]
    paths += [path for table in silver for path in (lake.outranked(table), lake.quarantine(table))]
    for path in paths:
        write_log(path, files, commits=100)
    opened: Counter[str] = Counter()
    open_it = entries._open

    def counting(path: str) -> DeltaTable | None:
        opened[path] += 1
        return open_it(path)

    monkeypatch.setattr(entries, "_open", counting)
    plan = planned(work)
    assert (len(plan.tables), {len(table.parts) for table in plan.tables}) == (len(paths), {500})
    assert len(paths) == 13
    # Once for itself, and once for each table that is made from it: not for each partition.
    made_from = Counter(lake.table(source) for table in domain.gold() for source in table.inputs.values())
    assert [path for path in paths if not 1 <= opened[path] <= 1 + made_from[path]] == []
