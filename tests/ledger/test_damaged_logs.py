"""Logs with leftovers of stopped writers, torn pointers and wrong clocks: nothing goes that a table needs."""

from __future__ import annotations

import json
import os
import re
import shutil
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from arro3.core import Array, DataType, Table
from deltalake import DeltaTable, write_deltalake

from lakehouse.ledger import retention
from lakehouse.ledger.retention import (
    LogState,
    clean_log,
    log_state,
    retention_properties,
    tidy_log,
    unneeded_files,
    write_checkpoint,
)
from tests.ledger.aging import age, append, log

NAME = f"{10:020}.checkpoint.parquet"


def entry(table: Path, name: str) -> Path:
    return table / "_delta_log" / name


def expired(table: Path) -> int:
    return expired_of(table, DeltaTable(str(table)).version())


def expired_of(table: Path, version: int) -> int:
    return log_state(str(table), version, 30, datetime.now(timezone.utc)).expired


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """13 commits, of which the log holds no checkpoint, with some 30 files of check sums."""
    path = tmp_path / "usage"
    for number in range(13):
        append(path, number, configuration=retention_properties(30))
    age(path, 40)
    for version in range(13):
        for name in (f"{version:020}.crc", f".{version:020}.json.crc"):
            entry(path, name).write_bytes(b"x")
            os.utime(entry(path, name), (0, 0))
    return path


@pytest.mark.parametrize(
    "leftover",
    [
        f".{NAME}.6b1c1f9e-7d6b-4f62-9d4f-0c6a3f1f7c11.tmp",
        f"{NAME}#1",
        f".{NAME}.crc",
        NAME,  # created, and nothing written into it
        f"{10:020}.checkpoint.{1:010}.{2:010}.parquet",
    ],
)
def test_what_a_stopped_writer_leaves_is_no_checkpoint(table: Path, leftover: str) -> None:
    entry(table, leftover).write_bytes(b"" if leftover == NAME else b"half of it")
    before = log(table)
    assert log_state(str(table), 12, 30, datetime.now(timezone.utc)) == LogState(13, 0)
    tidy_log(str(table), 30)
    clean_log(str(table), 30, datetime.now(timezone.utc))
    assert log(table) == before


@pytest.fixture
def checked(table: Path) -> Path:
    """The same table with a checkpoint of version 12, as old as all of it."""
    write_checkpoint(str(table))
    for file in (table / "_delta_log").iterdir():
        os.utime(file, (1, 1))
    return table


def test_log_entries_stay_unless_the_table_opens_without_them(checked: Path) -> None:
    assert expired(checked) == 36
    file = entry(checked, f"{12:020}.checkpoint.parquet")
    file.write_bytes(file.read_bytes()[:-200])
    before = log(checked)
    assert expired_of(checked, 12) == 0
    clean_log(str(checked), 30, datetime.now(timezone.utc))
    assert log(checked) == before


def test_the_checkpoint_that_readers_are_pointed_to_stays(checked: Path) -> None:
    pointer = entry(checked, "_last_checkpoint")
    old = pointer.read_bytes()
    append(checked, 13)
    write_checkpoint(str(checked))
    pointer.write_bytes(old)
    age(checked, 31)
    clean_log(str(checked), 30, datetime.now(timezone.utc))
    assert {int(name.lstrip(".")[:20]) for name in log(checked) if name != "_last_checkpoint"} == {12, 13}
    assert DeltaTable(str(checked)).count() == 14


def test_a_checkpoint_in_parts_counts_when_all_of_them_are_there(checked: Path) -> None:
    whole = entry(checked, f"{12:020}.checkpoint.parquet")
    names = [f"{12:020}.checkpoint.{part:010}.{2:010}.parquet" for part in (1, 2)]
    entry(checked, "_last_checkpoint").unlink()
    shutil.move(whole, entry(checked, names[0]))
    assert retention._checkpoint(str(checked)) == -1
    assert expired(checked) == 0
    entry(checked, names[1]).write_bytes(b"x")
    assert retention._checkpoint(str(checked)) == 12


@pytest.mark.parametrize("text", ["", "{", "{}", "null", '{"version": null}', "\x00\x00"])
def test_a_torn_pointer_is_done_without(checked: Path, text: str) -> None:
    entry(checked, "_last_checkpoint").write_text(text, "utf-8")
    assert log_state(str(checked), 12, 30, datetime.now(timezone.utc)) == LogState(0, 36)
    tidy_log(str(checked), 30)
    assert (DeltaTable(str(checked)).version(), DeltaTable(str(checked)).count()) == (12, 13)
    assert log(checked)[-1] == "_last_checkpoint"
    entry(checked, f"{12:020}.checkpoint.parquet").unlink()
    assert log_state(str(checked), 12, 30, datetime.now(timezone.utc)) == LogState(13, 0)


def test_entries_that_go_while_a_plan_is_made_are_none(checked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = Path.iterdir

    def cleaned(path: Path) -> Any:
        found = list(listing(path))
        if path.name == "_delta_log":
            entry(checked, f"{3:020}.json").unlink(missing_ok=True)
        return iter(found)

    monkeypatch.setattr(Path, "iterdir", cleaned)
    assert expired_of(checked, 12) == 35


# --- Clocks ---


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """43 commits of today, with a checkpoint every ten."""
    path = tmp_path / "fresh"
    for number in range(43):
        append(path, number, configuration=retention_properties(30))
        if number % 10 == 0:
            write_checkpoint(str(path))
    return path


def stamp(table: Path, version: int, time: float) -> None:
    """Make the file of a commit look as if it had been written at another time."""
    os.utime(entry(table, f"{version:020}.json"), (time, time))


@pytest.mark.parametrize("version", [41, 42])
def test_a_clock_that_stood_at_1970_for_a_commit_expires_nothing(fresh: Path, version: int) -> None:
    stamp(fresh, version, 1)
    assert expired(fresh) == 0


def test_commits_under_a_wrong_clock_are_as_young_as_what_came_after(fresh: Path) -> None:
    now = datetime.now(timezone.utc).timestamp()
    for version in range(43):
        # Up to 20 two months ago, then some under a clock that stood at 1970, the rest today.
        stamp(fresh, version, now - 60 * 86400 + version if version <= 20 else version if version < 30 else now)
    assert expired(fresh) == 22
    clean_log(str(fresh), 30, datetime.now(timezone.utc))
    assert log(fresh)[0] == f"{20:020}.checkpoint.parquet"
    assert DeltaTable(str(fresh), version=20).count() == 21
    # In time they are as old as all of it.
    for version in range(20, 43):
        stamp(fresh, version, version if 20 < version < 30 else now - 40 * 86400)
    assert expired(fresh) == 22


def misdate(table: Path, version: int) -> None:
    """Have a commit, and the removals in it, say that they were made at the beginning of 1970."""
    lines = [json.loads(line) for line in entry(table, f"{version:020}.json").read_text("utf-8").splitlines()]
    for facts in (facts for line in lines for facts in line.values()):
        facts |= {name: 1 for name in ("timestamp", "deletionTimestamp") if name in facts}
    entry(table, f"{version:020}.json").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")


def test_files_that_were_removed_while_the_clock_stood_wrong_stay_for_the_whole_retention(tmp_path: Path) -> None:
    table = tmp_path / "usage"
    for number in range(4):
        append(table, number, configuration=retention_properties(30))
    age(table, 60)
    DeltaTable(str(table)).optimize.compact()
    append(table, 4)
    now = datetime.now(timezone.utc)
    misdate(table, 4)
    assert unneeded_files(DeltaTable(str(table)), 30, now) == 0
    age(table, 31)
    misdate(table, 4)
    # The commit that came after it is older than the retention by now.
    assert unneeded_files(DeltaTable(str(table)), 30, now) == 4


# --- Check sums of Hadoop ---


def test_check_sums_of_files_that_are_needed_are_nothing_to_remove(tmp_path: Path) -> None:
    table = tmp_path / "usage"
    days, numbers = Array(["a", "b"], type=DataType.string()), Array([1, 2], type=DataType.int64())
    frame = Table.from_pydict({"day": days, "n": numbers})
    write_deltalake(str(table), frame, partition_by=["day"], configuration=retention_properties(30))
    for file in list(table.rglob("*.parquet")):
        file.with_name(f".{file.name}.crc").write_bytes(b"x")
    sums = sorted(table.rglob(".*.crc"))
    for file in table.rglob("*.*"):
        os.utime(file, (1, 1))
    commit = entry(table, f"{0:020}.json")
    commit.write_text(re.sub(r'"createdTime":\d+', '"createdTime":1', commit.read_text("utf-8")), "utf-8")
    assert len(sums) == 2
    assert unneeded_files(DeltaTable(str(table)), 30, datetime.now(timezone.utc)) == 0
