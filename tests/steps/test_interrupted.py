"""Runs that end between two commits: the next run finishes them, and the tables are as if nothing had happened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run, deliver, usage
from tests.steps.test_publish import credits_of, table

pytestmark = pytest.mark.slow

FAULTS = (
    # Rows are in bronze, the ledger does not know.
    "lakehouse.steps.ingest._finish",
    # Losers are set aside, readers still see the older rows.
    "lakehouse.storage.winners._commit_table",
    # Silver is published, the ledger does not know.
    "lakehouse.steps.publication.Refinement.record",
    # Gold is written, the ledger does not know.
    "lakehouse.steps.aggregate._record",
)


class CrashError(Exception):
    """Stands for the end of the process: nothing after it happens."""


def test_each_interrupted_run_is_finished_by_the_next(
    run: Run, landing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = tmp_path / "lake"
    deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-2"), usage("2025-01-02T11:00:00Z")])
    run()
    deliver(landing, "2025-01-03", "b.csv", [usage("2025-01-02T10:00:00Z", "u1", "-3"), usage("2025-01-03T10:00:00Z")])
    deliver(landing, "2025-01-03", "c.csv", [usage("2025-01-02T10:00:00Z", "u1", "-4"), usage("2025-01-03T11:00:00Z")])

    def crash(*_: Any, **__: Any) -> None:
        raise CrashError

    for fault in FAULTS:
        with monkeypatch.context() as patch:
            patch.setattr(fault, crash)
            with pytest.raises(CrashError):
                run()
    run()
    assert run().nothing_new
    assert len(table(lake, "bronze/usage")) == 6
    assert credits_of(lake) == [("u1", "-1.50"), ("u1", "-1.50"), ("u1", "-1.50"), ("u1", "-4.00")]
    assert credits_of(lake, "outranked/usage") == [("u1", "-2.00"), ("u1", "-3.00")]
    daily = {str(row["usage_date"]): f"{row['credits_used']:.2f}" for row in table(lake, "gold/daily_usage")}
    assert daily == {"2025-01-02": "5.50", "2025-01-03": "3.00"}
    assert [(row["user_id"], f"{row['credits_used']:.2f}") for row in table(lake, "gold/user_totals")] == [
        ("u1", "8.50")
    ]
