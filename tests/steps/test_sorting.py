"""Which tables of a domain are sorted, and by what: told from logs that are written by hand. No Spark."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.contracts.lakes import Lake
from lakehouse.ledger.retention import write_checkpoint
from lakehouse.steps.maintenance import planned
from tests.contracts.places import Change, change
from tests.steps.lived_in import SILVER, LivedIn
from tests.steps.test_maintenance import add, plans, small, write_log


def test_what_was_sorted_stays_so_when_the_log_does_not_tell_of_it_any_more(place: LivedIn) -> None:
    wide = [add("2025-01-02", n, 128, "u000", "u999", (1, 1)) for n in range(8)]
    path = place.lake.table(SILVER)
    write_log(path, [*wide, *small("2025-01-03", 8)], commits=2)
    assert plans(planned(place.work()))["billing.silver.usage"] == [
        "sort 1 partition by user_id: a lookup in one reads 8.0 of 8 files, in order about 1.0 of 8",
        "compact 1 partition: 8 small files become 1",
    ]
    write_checkpoint(path)
    Path(path, "_delta_log", f"{0:020}.json").unlink()
    assert plans(planned(place.work()))["billing.silver.usage"] == [
        "compact 1 partition: 8 small files become 1",
        "left alone: 1 with unchanged for longer than the log tells",
    ]


def test_what_has_lain_there_for_long_is_sorted_when_the_contract_comes_to_say_so(place: LivedIn) -> None:
    path = place.lake.table(SILVER)
    wide = [add("2025-01-02", n, 128, "u000", "u999", (1, 1)) for n in range(8)]
    write_log(path, [*wide, *small("2025-01-03", 8)], commits=2)
    first = Path(path, "_delta_log", f"{0:020}.json")
    text = first.read_text("utf-8")
    assert '"user_id,region,delivery_sequence"' in text
    first.write_text(text.replace('"user_id,region,delivery_sequence"', '"delivery_sequence"'), "utf-8")
    write_checkpoint(path)
    first.unlink()
    assert plans(planned(place.work()))["billing.silver.usage"] == [
        "set delta.dataSkippingStatsColumns = delivery_sequence,user_id",
        "sort 1 partition by user_id: a lookup in one reads 8.0 of 8 files, in order about 1.0 of 8",
        "compact 1 partition: 8 small files become 1",
    ]


def test_columns_that_the_table_does_not_have_yet_are_left_out(place: LivedIn) -> None:
    change(place.conf, Change("billing/silver/usage.yml", "zorder_by: [user_id]", "zorder_by: [credit_usage, user_id]"))
    wide = [add("2025-01-02", n, 128, "u000", "u999", (1, 1)) for n in range(8)]
    write_log(place.lake.table(SILVER), wide)
    (plan,) = planned(place.work()).tables
    assert (plan.rules.sorted_by, plan.properties) == (("user_id",), {})
    assert [*plan.work(), *plan.left()] == [
        "sort 1 partition by user_id: a lookup in one reads 8.0 of 8 files, in order about 1.0 of 8",
        "not sorted by credit_usage: the table has no such column yet",
    ]


def test_tables_in_an_object_store_are_not_sorted(place: LivedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = [add("2025-01-02", n, 128, "u000", "u999", (1, 1)) for n in range(8)]
    write_log(place.lake.table(SILVER), wide)
    monkeypatch.setattr(Lake, "local", property(lambda lake: False))
    assert plans(planned(place.work()))["billing.silver.usage"] == [
        "left alone: 1 with fewer than 4 small files",
        "not sorted by user_id: what was sorted before is not known of a table in an object store",
    ]
