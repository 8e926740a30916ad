"""A state of ledger and tables that belong together, also while a run is writing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from deltalake import CommitProperties, DeltaTable

from lakehouse.errors import ConfigurationError
from lakehouse.ledger.deliveries import delivery_row
from lakehouse.ledger.writer import claim
from lakehouse.steps.choice import Choice, choose
from lakehouse.steps.snapshot import is_newer, take_snapshot
from tests.steps.lived_in import SILVER, LivedIn


def test_what_a_run_at_work_has_written_is_left_out(tmp_path: Path) -> None:
    lake = LivedIn(tmp_path)
    first = lake.deliver("2025-01-02")
    lake.write(SILVER, rows=3)
    path, work = lake.lake.table(SILVER), lake.work()
    before = take_snapshot(work)
    assert (sorted(before.register.contents), before.versions[path], before.writer) == ([1], 0, None)

    with claim(lake.lake, "billing", "nightly"):
        second = replace(first, delivery_id="usage/other.csv", sequence=2, run_id="nightly")
        lake.ledger.record("deliveries", [delivery_row(second)])
        named = CommitProperties(custom_metadata={"userMetadata": "nightly"})
        DeltaTable(path).delete("number = 1", commit_properties=named)
        lake.write(SILVER, rows=0)  # a commit of the run that does not carry its name
        lake.ledger.record("publications", [{"run_id": "nightly", "step": "refining", "table_id": str(SILVER)}])
        during = take_snapshot(work)
        assert (during.register, during.versions, during.writer) == (before.register, before.versions, "nightly")
        assert (len(during.entries), during.cut_off) == (1, None)

    assert is_newer(work, before)
    after = take_snapshot(work)
    assert (sorted(after.register.contents), after.versions[path]) == ([1, 2], 2)
    # The run ended without saying so: its writes are there, and its name is told.
    assert (after.writer, after.cut_off) == (None, "nightly")


def test_beside_the_first_run_there_is_nothing_to_verify(tmp_path: Path) -> None:
    lake = LivedIn(tmp_path)
    with claim(lake.lake, "billing", "run-1"):
        lake.deliver("2025-01-02")
        snapshot = take_snapshot(lake.work())
    assert set(snapshot.versions.values()) == {None}
    with pytest.raises(ConfigurationError, match="No delivery has been taken yet: there is nothing to verify"):
        choose(snapshot.register, Choice())
