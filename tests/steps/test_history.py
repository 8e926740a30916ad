"""Tables that keep the history of their keys: the same versions in whatever order the deliveries come and go."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from lakehouse.cli.screen import show_run
from lakehouse.steps.decisions import retract
from lakehouse.steps.verify import verify
from tests.conftest import Run, deliver, usage
from tests.steps.test_publish import table
from tests.steps.test_recovery import edit
from tests.steps.test_replay import workspace

pytestmark = pytest.mark.slow

STEPS = ("ingest", "refine")
WRITE = """\
  strategy: merge
  keys: [usage_timestamp, resource_id, user_id, invoice_id]
  partition_by: [usage_date]
"""
HISTORY = """\
  strategy: scd2
  keys: [user_id]
  valid_from: usage_date
  type_1: [region, usage_timestamp]
"""


@pytest.fixture
def history(conf: Path) -> None:
    """Billing's silver table as a history of users: a version for each change of tier, the newest region in all."""
    edit(conf, "silver/usage.yml", WRITE, HISTORY)
    edit(conf, "silver/usage.yml", "{type: date, derived", "{type: date, required: true, derived")
    edit(conf, "silver/usage.yml", '"usage_timestamp" "resource_id" "user_id" "invoice_id"', '"user_id"')


def row(day: int, user: str, tier: str, region: str = "eu", credit: str = "-1") -> str:
    return usage(f"2025-01-{day:02}T10:00:00Z", user, credit, service_tier=tier, region=region)


def versions(lake: Path, user: str = "u1") -> list[tuple[Any, ...]]:
    """(tier, region, first day, last day, current, number) of each version, in order."""
    found = [r for r in table(lake, "silver/usage") if r["user_id"] == user]
    return [
        (
            r["service_tier"], r["region"], r["valid_from"].day, r["valid_to"] and r["valid_to"].day, r["is_current"],
            r["version"],
        )
        for r in sorted(found, key=lambda r: r["version"])
    ]  # fmt: skip


def beside(lake: Path) -> list[tuple[int, int, str]]:
    """(day, record number, what became of it) of each row that lies beside."""
    return sorted((r["usage_date"].day, r["record_number"], r["observed_as"]) for r in table(lake, "outranked/usage"))


DELIVERED = {
    "2025-01-02": [row(2, "u1", "free"), row(2, "u2", "standard")],
    "2025-01-03": [row(3, "u1", "free", "us")],
    "2025-01-04": [row(4, "u1", "premium"), row(4, "u1", "standard", "asia")],
    "2025-01-05": [row(5, "u1", "standard", "us")],
    "2025-01-06": [row(6, "u1", "free", "eu")],
}
EXPECTED = [
    ("free", "eu", 2, 4, False, 1),
    ("standard", "eu", 4, 6, False, 2),
    ("free", "eu", 6, None, True, 3),
]


@pytest.mark.usefixtures("history")
def test_versions_do_not_depend_on_the_order_of_arrival(run: Run, landing: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    # One of the many orders, with late rows between older ones and two deliveries in one run.
    order = list(permutations(DELIVERED))[77]
    for days in (order[:1], order[1:2], order[2:4], order[4:]):
        for day in days:
            deliver(landing, day, "a.csv", DELIVERED[day])
        run(steps=STEPS)
    assert versions(lake) == EXPECTED
    assert versions(lake, "u2") == [("standard", "eu", 2, None, True, 1)]
    assert beside(lake) == [
        (2, 1, "version"), (2, 2, "version"), (3, 1, "unchanged"), (4, 1, "outranked"), (4, 2, "version"),
        (5, 1, "unchanged"), (6, 1, "version"),
    ]  # fmt: skip
    keys = {r["surrogate_key"] for r in table(lake, "silver/usage")}
    assert len(keys) == 4
    assert all(len(key) == 32 for key in keys)
    assert verify(workspace(lake)).holds
    assert run(steps=STEPS).nothing_new


@pytest.mark.usefixtures("history")
def test_corrections_and_retractions_change_the_middle_of_a_history(
    run: Run, landing: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = tmp_path / "lake"
    for day, rows in DELIVERED.items():
        deliver(landing, day, "a.csv", rows)
    summary = run(steps=STEPS)
    assert versions(lake) == EXPECTED
    became = [(d.rows_in, d.rows_accepted, d.rows_unchanged, d.rows_outranked) for d in summary.taken("accepted")]
    assert became == [(2, 2, 0, 0), (1, 0, 1, 0), (2, 1, 0, 1), (1, 0, 1, 0), (1, 1, 0, 0)]
    show_run(summary)
    shown = [line.split("│")[1:3] for line in capsys.readouterr().out.splitlines() if line.startswith("│")]
    assert [(what.strip(), rows.strip()) for what, rows in shown[:5]] == [
        ("in", "7"), ("accepted", "4"), ("outranked by another row of their key", "1"),
        ("unchanged: the version before still holds", "2"), ("quarantined", "0"),
    ]  # fmt: skip
    # The version's first day is withdrawn: the next row that had said the same opens it now.
    run(steps=STEPS, decide=retract("usage/year=2025/month=01/day=02/a.csv", "me", "test"))
    assert versions(lake)[0] == ("free", "eu", 3, 4, False, 1)
    assert versions(lake, "u2") == []
    # Corrected so that nothing changed on the fourth, and the newest row is gone: one version less, an older region.
    deliver(landing, "2025-01-04", "a.csv", [row(4, "u1", "free")])
    deliver(landing, "2025-01-06", "a.csv", [row(6, "u3", "free")])
    run(steps=STEPS)
    assert versions(lake) == [("free", "us", 3, 5, False, 1), ("standard", "us", 5, None, True, 2)]
    assert versions(lake, "u3") == [("free", "eu", 6, None, True, 1)]
    assert beside(lake) == [(3, 1, "version"), (4, 1, "unchanged"), (5, 1, "version"), (6, 1, "version")]
    summary = run(steps=STEPS, full_refresh=True)
    assert summary.exit_code == 0
    assert versions(lake) == [("free", "us", 3, 5, False, 1), ("standard", "us", 5, None, True, 2)]
    assert verify(workspace(lake)).holds


@pytest.mark.usefixtures("history")
def test_a_run_that_ends_between_the_two_commits_is_finished_by_the_next(
    run: Run, landing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = tmp_path / "lake"
    deliver(landing, "2025-01-02", "a.csv", DELIVERED["2025-01-02"])
    run(steps=STEPS)
    deliver(landing, "2025-01-04", "a.csv", DELIVERED["2025-01-04"])

    def end(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("lakehouse.storage.winners._commit_table", end)
        with pytest.raises(KeyboardInterrupt):
            run(steps=STEPS)
    assert len(beside(lake)) == 4
    assert versions(lake) == [("free", "eu", 2, None, True, 1)]
    run(steps=STEPS)
    assert versions(lake) == [("free", "asia", 2, 4, False, 1), ("standard", "asia", 4, None, True, 2)]
    assert verify(workspace(lake)).holds


@pytest.mark.usefixtures("history")
def test_what_is_missing_in_a_history_is_named(run: Run, landing: Path, tmp_path: Path) -> None:
    from deltalake import DeltaTable

    lake = tmp_path / "lake"
    for day, rows in DELIVERED.items():
        deliver(landing, day, "a.csv", [*rows, row(6, "u2", "standard")] if day == "2025-01-06" else rows)
    run(steps=STEPS)
    DeltaTable(str(lake / "billing/silver/usage")).delete("version >= 2")
    proof = verify(workspace(lake))
    assert [str(one) for found in proof.differences for one in found.examples] == [
        "missing: user_id=u1, valid_from=2025-01-04",
        "missing: user_id=u1, valid_from=2025-01-06",
    ]
    where = "billing.silver.usage: usage/year=2025/month=01/day="
    assert sorted(proof.lost) == [
        f"{where}04/a.csv: 2 in bronze, 0 published, 0 unchanged, 1 outranked, 0 quarantined",
        f"{where}06/a.csv: 2 in bronze, 0 published, 1 unchanged, 0 outranked, 0 quarantined",
    ]
