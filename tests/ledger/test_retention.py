"""What tables keep of their past, on tables that were written long ago."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path

import pytest
from deltalake import DeltaTable

from lakehouse.errors import ClaimLostError
from lakehouse.ledger.book import changed_since, missing_files, restore_version
from lakehouse.ledger.commits import fenced
from lakehouse.ledger.retention import (
    LogState,
    clean_log,
    log_state,
    missing_properties,
    remove_unneeded,
    retention_properties,
    set_properties,
    tidy_log,
    unneeded_files,
    write_checkpoint,
)
from tests.ledger.aging import age, append, log, parquet

KEPT = {
    "delta.deletedFileRetentionDuration": "interval 30 days",
    "delta.logRetentionDuration": "interval 30 days",
    "delta.enableExpiredLogCleanup": "false",
}


def unneeded(path: Path, days: int = 30) -> int:
    return unneeded_files(DeltaTable(str(path)), days, datetime.now(timezone.utc))


def compacted(path: Path, **options: object) -> None:
    """A table whose four first files were replaced by one."""
    for number in range(4):
        append(path, number, **options)
    DeltaTable(str(path)).optimize.compact()


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "usage"


def test_properties_that_are_missing() -> None:
    assert retention_properties(30) == KEPT
    assert missing_properties(KEPT, 30, ()) == {}
    assert missing_properties({}, 30, ()) == KEPT
    assert missing_properties(KEPT, 90, ()) == dict.fromkeys(list(KEPT)[:2], "interval 90 days")
    # Nobody but Delta cleans the log of a table in an object store.
    assert retention_properties(30, local=False) == dict(list(KEPT.items())[:2])
    assert missing_properties({}, 30, (), local=False) == dict(list(KEPT.items())[:2])
    ranges = {"delta.dataSkippingStatsColumns": "delivery_sequence,user_id"}
    assert missing_properties(KEPT | ranges, 30, ("user_id",)) == {}
    assert missing_properties(KEPT | ranges, 30, ("region", "user_id")) == {
        "delta.dataSkippingStatsColumns": "delivery_sequence,user_id,region"
    }
    none = {"delta.dataSkippingNumIndexedCols": "0"}
    assert missing_properties(KEPT | none, 30, ("user_id",)) == {"delta.dataSkippingStatsColumns": "user_id"}


# --- Files of older versions ---


@pytest.mark.parametrize("name", ["a b", "naïve", "x#y?z"])
def test_files_go_wherever_the_table_lies(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    compacted(tmp_path / name, configuration=KEPT)
    age(tmp_path / name, 45)
    assert unneeded(tmp_path / name) == 4
    remove_unneeded(str(tmp_path / name), 30, "run-1")
    assert (unneeded(tmp_path / name), parquet(tmp_path / name)) == (0, 1)


def test_files_go_when_no_version_within_the_retention_needs_them(table: Path) -> None:
    compacted(table, configuration=KEPT)
    assert unneeded(table) == 0
    age(table, 29)
    append(table, 9)
    age(table, 7)
    # Replaced 36 days ago: they wait until it is worth a commit.
    assert unneeded(table) == 0
    age(table, 2)
    assert unneeded(table) == 4
    remove_unneeded(str(table), 30, "run-1")
    assert (parquet(table), unneeded(table)) == (2, 0)
    assert DeltaTable(str(table)).count() == 5
    assert missing_files(str(table), 2) == "3 of its 3 files are gone"
    assert missing_files(str(table), 4) is None


def test_files_that_belong_to_no_version_and_those_of_the_change_feed_go_with_their_age(table: Path) -> None:
    append(table, 1, configuration=KEPT)
    (table / "part-of-a-crash.parquet").write_bytes(b"x")
    (table / "_change_data").mkdir()
    (table / "_change_data" / "cdc-1.parquet").write_bytes(b"x")
    age(table, 36)
    assert unneeded(table) == 0
    age(table, 2)
    assert unneeded(table) == 2
    remove_unneeded(str(table), 30, "run-1")
    assert (parquet(table), DeltaTable(str(table)).count()) == (1, 1)


def test_old_files_that_were_replaced_lately_stay_although_a_checkpoint_was_written(table: Path) -> None:
    for number in range(4):
        append(table, number, configuration=KEPT)
    age(table, 60)
    DeltaTable(str(table)).optimize.compact()
    age(table, 10)
    write_checkpoint(str(table))
    assert unneeded(table) == 0
    assert missing_files(str(table), 3) is None


def test_where_the_retention_is_new_nothing_is_removed_before_it_has_passed(table: Path) -> None:
    compacted(table)
    age(table, 60)
    set_properties(str(table), KEPT, "run-1")
    assert unneeded(table) == 0
    age(table, 31)
    assert unneeded(table) == 4


def restored_and_replaced(path: Path) -> None:
    """A table whose first file was replaced 40 days ago, came back 12 days ago, and was replaced again a day later."""
    append(path, 0, configuration=KEPT)
    age(path, 60)
    append(path, 1, mode="overwrite")
    age(path, 28)
    restore_version(str(path), 0)
    age(path, 1)
    append(path, 3, mode="overwrite")
    age(path, 11)


def test_what_a_restore_brought_back_counts_from_when_it_was_replaced_again(table: Path) -> None:
    restored_and_replaced(table)
    assert unneeded(table) == 0
    # Something else has to go, the first file stays: version 2 consisted of it until eleven days ago.
    (table / "part-of-a-crash.parquet").write_bytes(b"x")
    os.utime(table / "part-of-a-crash.parquet", (0, 0))
    assert unneeded(table) == 1
    remove_unneeded(str(table), 30, "run-1")
    assert (unneeded(table), parquet(table), missing_files(str(table), 2)) == (0, 3, None)
    restore_version(str(table), 2)
    assert DeltaTable(str(table)).scan().read_all().column("n").to_pylist() == [0]


def test_what_a_restore_brought_back_goes_in_the_end(table: Path) -> None:
    restored_and_replaced(table)
    age(table, 27)
    assert unneeded(table) == 2
    remove_unneeded(str(table), 30, "run-1")
    assert (unneeded(table), parquet(table), DeltaTable(str(table)).count()) == (0, 1, 1)


def test_less_than_the_retention_of_the_table_is_refused(table: Path) -> None:
    compacted(table, configuration=KEPT)
    age(table, 20)
    with pytest.raises(Exception, match="minimum retention for vacuum is configured to be greater than 720 hours"):
        remove_unneeded(str(table), 7, "run-1")
    assert parquet(table) == 5


# --- Logs ---


def test_a_log_with_many_commits_gets_a_checkpoint(table: Path) -> None:
    for number in range(29):
        append(table, number, configuration=KEPT)
    now = datetime.now(timezone.utc)
    assert log_state(str(table), 28, 30, now) == LogState(29, 0)
    assert not log_state(str(table), 28, 30, now).needs_checkpoint
    append(table, 29)
    state = log_state(str(table), 29, 30, now)
    assert (state.needs_checkpoint, state.work(30)) == (True, ["write a checkpoint: 30 commits since the last one"])
    write_checkpoint(str(table))
    assert log_state(str(table), 29, 30, now) == LogState(0, 0)
    assert (DeltaTable(str(table)).version(), DeltaTable(str(table)).count()) == (29, 30)


def test_log_entries_go_when_no_version_within_the_retention_needs_them(table: Path) -> None:
    now = datetime.now(timezone.utc)
    for number in range(31):
        append(table, number, configuration=KEPT)
    write_checkpoint(str(table))
    assert log_state(str(table), 30, 30, now) == LogState(0, 0)
    age(table, 31)
    for version in range(31):
        (table / "_delta_log" / f"{version:020}.crc").write_text("{}")
    (table / "_delta_log" / f".{30:020}.checkpoint.parquet.crc").write_bytes(b"x")
    state = log_state(str(table), 30, 30, now)
    assert (state, state.needs_cleaning) == (LogState(0, 60), True)
    assert state.work(30) == ["remove 60 files of the log from before the last 30 days"]
    clean_log(str(table), 30, now)
    assert log(table) == [
        f".{30:020}.checkpoint.parquet.crc", f"{30:020}.checkpoint.parquet", f"{30:020}.crc", f"{30:020}.json",
        "_last_checkpoint",
    ]  # fmt: skip
    assert log_state(str(table), 30, 30, now) == LogState(0, 0)
    assert (DeltaTable(str(table)).version(), DeltaTable(str(table)).count()) == (30, 31)


def test_young_entries_and_those_that_later_versions_build_on_stay(table: Path) -> None:
    now = datetime.now(timezone.utc)
    append(table, 0, configuration=KEPT)
    write_checkpoint(str(table))
    for number in range(1, 41):
        append(table, number)
    age(table, 40)
    for number in range(41, 52):
        append(table, number)
    assert log_state(str(table), 51, 30, now) == LogState(51, 0)
    # What the table was until a moment ago is version 40, 40 days old: it builds on the checkpoint of version 0.
    write_checkpoint(str(table))
    assert log_state(str(table), 51, 30, now) == LogState(0, 0)
    clean_log(str(table), 30, now)
    append(table, 52)
    assert DeltaTable(str(table), version=40).count() == 41
    assert log_state("s3://bucket/table", 40, 30, now) == LogState(0, 0)


def test_what_the_log_does_not_tell_any_more_may_have_changed_rows(table: Path) -> None:
    now = datetime.now(timezone.utc)
    for number in range(31):
        append(table, number, configuration=KEPT)
    write_checkpoint(str(table))
    age(table, 31)
    DeltaTable(str(table)).optimize.compact()
    assert not changed_since(str(table), 30)
    assert changed_since(str(table), 29)
    clean_log(str(table), 30, now)
    assert not changed_since(str(table), 30)
    # What version 30 did is still known, what 29 did is not.
    assert changed_since(str(table), 29)
    assert changed_since(str(table), 28)
    DeltaTable(str(table)).optimize.compact()
    assert not changed_since(str(table), 30)


def test_what_came_after_the_version_that_another_table_was_made_from_stays_known(table: Path) -> None:
    now = datetime.now(timezone.utc)
    for number in range(36):
        append(table, number, configuration=KEPT)
    for value in ("true", "false"):
        set_properties(str(table), {"delta.appendOnly": value}, "run-1")
    write_checkpoint(str(table))
    age(table, 45)
    assert log_state(str(table), 37, 30, now) == LogState(0, 37)
    assert log_state(str(table), 37, 30, now, made_from=35) == LogState(0, 0)
    tidy_log(str(table), 30, made_from=35)
    assert not changed_since(str(table), 35)
    tidy_log(str(table), 30)
    assert changed_since(str(table), 35)


def test_each_of_it_passes_the_fence(table: Path) -> None:
    compacted(table, configuration=KEPT)

    def lost() -> None:
        raise ClaimLostError("lost")

    before = (log(table), parquet(table))
    with fenced(str(table.parent), lost):
        with pytest.raises(ClaimLostError):
            write_checkpoint(str(table))
        with pytest.raises(ClaimLostError):
            clean_log(str(table), 30, datetime.now(timezone.utc))
        with pytest.raises(ClaimLostError):
            remove_unneeded(str(table), 30, "run-1")
        with pytest.raises(ClaimLostError):
            set_properties(str(table), KEPT, "run-1")
    assert (log(table), parquet(table)) == before
