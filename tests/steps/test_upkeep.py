"""What is done about the files of a table, decided from literal statistics and commits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from lakehouse.contracts.rules import BronzeMaintenance, Maintenance
from lakehouse.ledger.data_files import Commit, DataFile, Partition
from lakehouse.steps.upkeep import MB, Part, Rules, Waits, as_json, decide, reasons

NOW = datetime(2025, 6, 1, tzinfo=timezone.utc)
DAY: Partition = (("day", "2025-01-01"),)
OTHER: Partition = (("day", "2025-01-02"),)
PLAIN = Rules(small=32 * MB, target=128 * MB)
SORTED = Rules(small=32 * MB, target=128 * MB, sorted_by=("user_id",))
EVERYTHING = ("u000000", "u999999")


def files(sizes: Sequence[float], partition: Partition = DAY, **ranges: Any) -> list[DataFile]:
    """Files of so many MB."""
    name = dict(partition).get("day", "")
    return [DataFile(f"{name}-{n}", partition, int(size * MB), 1000, ranges) for n, size in enumerate(sizes)]


def in_order(count: int, mb: float, partition: Partition = DAY) -> list[DataFile]:
    """Files whose ranges follow one another."""
    plain = files([mb] * count, partition)
    ends = [(f"u{n:02}0", f"u{n:02}9") for n in range(count)]
    return [DataFile(f.name, f.partition, f.size, f.rows, {"user_id": r}) for f, r in zip(plain, ends, strict=True)]


def commit(version: int, days: float = 0, **facts: Any) -> Commit:
    """A commit so many days ago that changed rows."""
    known = {"changes_rows": True, "sorted_by": (), "added": frozenset(), "removed": {}}
    return Commit(version, NOW - timedelta(days=days), **{**known, **facts})


def decided(
    found: Sequence[DataFile], rules: Rules = PLAIN, commits: Sequence[Commit] = (), waits: Waits | None = None
) -> list[tuple[str, str, int, int]]:
    """Per partition: action, reason, files and how many they become."""
    parts = decide(found, rules, iter(commits), lambda: waits or Waits(), NOW)
    return [(part.action, part.why, part.files, part.after) for part in parts]


def test_the_rules_of_a_contract() -> None:
    assert Rules.of(Maintenance(zorder_by=("user_id",), target_file_mb=64)) == Rules(32 * MB, 64 * MB, ("user_id",))
    assert Rules.of(BronzeMaintenance()) == Rules(32 * MB, 128 * MB, ())


# --- Compaction ---


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([], []),
        ([1], [("leave", "single files", 1, 1)]),
        ([1, 1, 1], [("leave", "fewer than 4 small files", 3, 3)]),
        ([1, 1, 1, 1], [("compact", "", 4, 1)]),
        # Large files are not rewritten with the small ones.
        ([1, 1, 1, 1, 200], [("compact", "", 4, 1)]),
        ([200, 200, 200, 200, 200], [("leave", "fewer than 4 small files", 5, 5)]),
        # 5 times 31 MB: four fit into a file of 128 MB.
        ([31] * 5, [("compact", "", 5, 2)]),
    ],
)
def test_small_files_are_brought_together_when_it_pays(sizes: list[float], expected: list[Any]) -> None:
    assert decided(files(sizes)) == expected


def test_files_that_would_not_become_half_as_many_are_left_alone() -> None:
    rules = Rules(small=32 * MB, target=32 * MB)
    assert decided(files([30] * 6), rules) == [("leave", "small files that would not become half as many", 6, 6)]
    assert decided(files([16] * 6), rules) == [("compact", "", 6, 3)]
    assert decided(files([17] * 6), rules) == [("leave", "small files that would not become half as many", 6, 6)]


def test_each_partition_is_decided_by_itself() -> None:
    found = [*files([1] * 4), *files([1], OTHER), *files([1] * 9, (("day", None),))]
    assert decided(found) == [("compact", "", 4, 1), ("leave", "single files", 1, 1), ("compact", "", 9, 1)]


def test_neither_log_nor_ledger_is_looked_at_when_nothing_is_called_for() -> None:
    def fail() -> Any:
        raise AssertionError

    def commits() -> Any:
        fail()
        yield

    assert [part.action for part in decide(files([1]), PLAIN, commits(), fail, NOW)] == ["leave"]


# --- Sorting ---


def test_files_that_overlap_are_sorted() -> None:
    found = files([128] * 8, user_id=EVERYTHING)
    (part,) = decide(found, SORTED, [], Waits, NOW)
    assert (part.action, part.files, part.after, part.read, part.sorted_read) == ("sort", 8, 8, 8, 1)


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (in_order(8, 128), "files whose ranges hardly overlap"),
        # Of two files one would be spared: not worth writing both anew.
        (files([128] * 2, user_id=EVERYTHING), "files whose ranges hardly overlap"),
        (files([1000], user_id=EVERYTHING), "single files"),
        # All of it would become one file: nothing could be left out.
        (files([60, 60, 60], user_id=EVERYTHING), "fewer than 4 small files"),
    ],
)
def test_files_are_left_in_their_order_when_sorting_would_spare_little(found: list[DataFile], why: str) -> None:
    assert decided(found, SORTED) == [("leave", why, len(found), len(found))]


def test_one_file_among_many_sorted_ones_does_not_have_them_all_sorted_again() -> None:
    late = files([1], user_id=EVERYTHING)
    assert decided([*in_order(8, 128), *late], SORTED) == [("leave", "files whose ranges hardly overlap", 9, 9)]
    # Three of them: a lookup reads four files instead of one.
    assert decided([*in_order(8, 128), *late * 3], SORTED) == [("sort", "", 11, 8)]
    # Without an order to be kept they are brought together.
    assert decided([*in_order(8, 128), *late * 4]) == [("compact", "", 4, 1)]


def test_small_files_that_compaction_would_mix_are_sorted_at_once() -> None:
    # 100 files of 10 MB in order would become eight with values from all over the place.
    assert decided(in_order(100, 10), SORTED) == [("sort", "", 100, 7)]
    assert decided(in_order(100, 10)) == [("compact", "", 100, 9)]
    # Four small neighbours stay neighbours, whatever their order.
    assert decided([*in_order(8, 128), *files([1] * 4, user_id=("u990", "u999"))], SORTED) == [("compact", "", 4, 1)]


def test_small_files_that_make_one_are_compacted_not_sorted() -> None:
    assert decided(files([10] * 10, user_id=EVERYTHING), SORTED) == [("compact", "", 10, 1)]


def test_several_columns_cut_each_range_into_fewer_parts() -> None:
    two = Rules(32 * MB, 128 * MB, ("user_id", "region"))
    wide: dict[str, Any] = {"user_id": EVERYTHING, "region": ("a", "z")}
    (part,) = decide(files([128] * 16, **wide), two, [], Waits, NOW)
    assert (part.action, part.read, part.sorted_read) == ("sort", 16, 4)
    # Five of sixteen files for each column is what an order by two columns gives.
    halves = [
        DataFile(
            str(n), DAY, 128 * MB, 1000, {"user_id": (n % 4 * 10, n % 4 * 10 + 12), "region": (n // 4, n // 4 + 1)}
        )
        for n in range(16)
    ]
    assert decided(halves, two) == [("leave", "files whose ranges hardly overlap", 16, 16)]


def test_files_without_statistics_of_the_column_are_sorted() -> None:
    assert decided(files([128] * 4), SORTED) == [("sort", "", 4, 4)]


def test_what_was_sorted_and_did_not_change_since_is_left_alone() -> None:
    found = files([128] * 8, user_id=EVERYTHING)
    names = frozenset(file.name for file in found)
    by: dict[str, Any] = {"changes_rows": False, "sorted_by": ("user_id",)}
    assert decided(found, SORTED, [commit(9), commit(8, added=names, **by)]) == [
        ("leave", "sorted before and unchanged since", 8, 8)
    ]
    # One of the files came later.
    *fewer, last = sorted(names)
    later = [commit(9, added=frozenset({last})), commit(8, added=frozenset(fewer), **by)]
    assert decided(found, SORTED, later) == [("sort", "", 8, 8)]
    # Sorted by something else before, or only compacted.
    for other in (("region",), ()):
        log = [commit(8, added=names, changes_rows=False, sorted_by=other)]
        assert decided(found, SORTED, log) == [("sort", "", 8, 8)]


@pytest.mark.parametrize("sizes", [[128] * 8, [300] * 4 + [1] * 6])
def test_what_lies_there_for_longer_than_the_log_tells_is_left_alone(sizes: list[float]) -> None:
    found = files(sizes, user_id=EVERYTHING)
    log = [commit(9, added=frozenset({"of another partition"})), commit(8)]
    assert [part[0] for part in decided(found, SORTED)] == ["sort"]
    left = [("leave", "unchanged for longer than the log tells", len(sizes), len(sizes))]
    assert decided(found, SORTED, log) == left
    # One of the files came later.
    later = [commit(9, added=frozenset({found[0].name})), commit(8)]
    assert [part[0] for part in decided(found, SORTED, later)] == ["sort"]
    # All that there was is in the log: the file came by a commit that names it otherwise.
    assert [part[0] for part in decided(found, SORTED, [*log, commit(0)])] == ["sort"]


def test_what_lies_there_for_long_is_sorted_by_columns_that_are_new() -> None:
    found = files([128] * 8, user_id=EVERYTHING)
    assert decided(found, SORTED, [commit(9), commit(8, new_ranges=True), commit(7)]) == [("sort", "", 8, 8)]
    assert decided(found, replace(SORTED, newly_sorted=True), [commit(9)]) == [("sort", "", 8, 8)]
    # Small files without an order are brought together, however long they have lain there.
    assert decided(files([1] * 4), PLAIN, [commit(9)]) == [("compact", "", 4, 1)]


def test_small_files_that_sorting_has_left_are_not_brought_together() -> None:
    # Few values fill most of it: what is left for the others is small, and each file has a range of its own.
    found = [*in_order(4, 300), *files([1] * 6, user_id=("u900", "u910"))]
    found = [DataFile(f"{n}", DAY, file.size, 1000, file.ranges) for n, file in enumerate(found)]
    log = [commit(8, changes_rows=False, sorted_by=("user_id",), added=frozenset(file.name for file in found))]
    assert [part[0] for part in decided(found, PLAIN)] == ["compact"]
    assert decided(found, SORTED, log) == [("leave", "sorted before and unchanged since", 10, 10)]
    # Where rows are in no order by contract, what a compaction wrote is like any other file.
    plain = [commit(8, changes_rows=False, added=frozenset(file.name for file in found))]
    assert [part[0] for part in decided(found, PLAIN, plain)] == ["compact"]


def test_the_log_is_read_no_further_than_needed() -> None:
    found = files([128] * 8, user_id=EVERYTHING)
    names = frozenset(file.name for file in found)

    def commits() -> Any:
        yield from (commit(9), commit(8), commit(7))
        yield commit(6, added=names)
        raise AssertionError

    assert [part.action for part in decide(found, SORTED, commits(), Waits, NOW)] == ["sort"]


# --- What is about to be rewritten ---


def test_a_table_whose_input_has_changed_is_left_alone() -> None:
    assert decided(files([1] * 4), waits=Waits(table="input that has changed")) == [
        ("leave", "input that has changed", 4, 4)
    ]


def test_partitions_with_rows_that_pending_deliveries_replace_are_left_alone() -> None:
    here, there = files([1] * 4, delivery_sequence=(3, 7)), files([1] * 4, OTHER, delivery_sequence=(8, 9))
    assert decided([*here, *there], waits=Waits(sequences=frozenset({2, 7}))) == [
        ("leave", "rows that pending deliveries replace", 4, 4),
        ("compact", "", 4, 1),
    ]


@pytest.mark.parametrize(
    ("removed", "waits"),
    [
        # MB that each of the last three commits took out of the partition, which has 4 now.
        ((4, 4, 0), True),
        ((4, 0, 4), True),
        ((0, 2, 2), True),
        ((4, 0, 0), False),
        ((1.9, 1.9, 1.9), False),
        ((0, 0, 0, 4, 4), False),
    ],
)
def test_a_partition_that_most_runs_replace_is_left_alone(removed: tuple[float, ...], waits: bool) -> None:
    log = [commit(9 - n, n, removed={DAY: int(mb * MB)} if mb else {}) for n, mb in enumerate(removed)]
    left = [("leave", "replaced by most runs", 4, 4)]
    assert decided(files([1] * 4), commits=log) == (left if waits else [("compact", "", 4, 1)])


def test_compaction_itself_and_old_commits_do_not_count_as_replacing() -> None:
    gone: dict[str, Any] = {"removed": {DAY: 4 * MB}}
    optimized = [commit(9, changes_rows=False, **gone), commit(8, changes_rows=False, **gone), commit(7)]
    assert decided(files([1] * 4), commits=optimized) == [("compact", "", 4, 1)]
    weeks_ago = [commit(9, 8, **gone), commit(8, 9, **gone)]
    assert decided(files([1] * 4), commits=weeks_ago) == [("compact", "", 4, 1)]


def test_a_table_without_partitions_that_grows_is_compacted_although_every_run_writes_it() -> None:
    log = [commit(9 - n, n, removed={(): 1 * MB}) for n in range(3)]
    assert decided(files([1] * 30, ()), commits=log) == [("compact", "", 30, 1)]


# --- In words ---


def test_decisions_in_words_and_as_data() -> None:
    found = [
        *files([128] * 8, user_id=EVERYTHING),
        *files([128] * 4, OTHER, user_id=EVERYTHING),
        *files([1] * 5, (("day", "2025-01-03"),)),
        *files([1], (("day", "2025-01-04"),)),
        *files([1], (("day", "2025-01-05"),)),
        *files([1] * 2, (("day", "2025-01-06"),)),
    ]
    parts = decide(found, SORTED, [], Waits, NOW)
    assert reasons(parts, SORTED) == [
        "sort 2 partitions by user_id: a lookup in one reads 6.0 of 6 files, in order about 1.0 of 6",
        "compact 1 partition: 5 small files become 1",
        "left alone: 2 with single files, 1 with fewer than 4 small files",
    ]
    assert as_json(parts) == [
        {
            "action": "sort", "partitions": 2, "files": 12, "bytes": 12 * 128 * MB, "files_after": 12,
            "lookup_reads": 6.0, "lookup_reads_after": 1.0,
        },
        {"action": "compact", "partitions": 1, "files": 5, "bytes": 5 * MB, "files_after": 1},
        {
            "action": "leave", "partitions": 2, "files": 2, "bytes": 2 * MB, "files_after": 2, "why": "single files",
        },
        {
            "action": "leave", "partitions": 1, "files": 2, "bytes": 2 * MB, "files_after": 2,
            "why": "fewer than 4 small files",
        },
    ]  # fmt: skip
    nothing: list[Part] = []
    assert (reasons(nothing, SORTED), as_json(nothing)) == ([], [])
