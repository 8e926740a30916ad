"""Contents that readers saw and that count no more: they go, whatever becomes of what stands in their place."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from lakehouse.errors import TableError
from lakehouse.landing.days import Days
from lakehouse.ledger.book import Ledger
from lakehouse.ledger.decisions import Decision, decision_rows
from lakehouse.steps.restore import restore
from lakehouse.steps.verify import verify
from tests.conftest import Run, deliver, usage
from tests.steps.test_decisions import A, daily
from tests.steps.test_manifests import LOADING, declare, say, told
from tests.steps.test_publish import credits_of, table
from tests.steps.test_recovery import Crash, CrashError, crash
from tests.steps.test_replay import workspace

__all__ = ["Crash", "CrashError", "crash"]

pytestmark = pytest.mark.slow

BAD = [usage("12:30", f"u{number}") for number in range(9)]


def outcomes(lake: Path) -> list[tuple[int, str, str | None]]:
    """Sequence, state and reason of every entry about silver."""
    rows = Ledger(workspace(lake).lake, "billing").rows("deliveries")
    return [
        (row["delivery_sequence"], row["state"], row["reason"])
        for row in rows
        if row["table_id"] == "billing.silver.usage"
    ]


def test_a_content_that_its_late_manifest_contradicts_goes_when_the_one_before_it_is_refused(
    run: Run, landing: Path, tmp_path: Path, conf: Path
) -> None:
    declare(conf)
    lake = tmp_path / "lake"
    deliver(landing, "2025-01-02", "a.csv", BAD)
    assert run().exit_code == 3
    path = deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-2")])
    run()
    assert credits_of(lake) == [("u1", "-2.00")]
    say(path, a=5)
    late = run()
    assert told(late)["a.csv"].startswith("unconfirmed: _manifest.json says 5 rows")
    assert (credits_of(lake), daily(lake)) == ([], {})
    assert [(sequence, state) for sequence, state, _ in outcomes(lake)] == [
        (1, "refused"), (2, "accepted"), (2, "withdrawn"), (1, "refused"),
    ]  # fmt: skip
    assert run().nothing_new
    assert verify(workspace(lake)).holds


def test_a_retracted_content_goes_when_its_correction_came_first_and_is_refused(
    run: Run, landing: Path, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-2")])
    run()
    # A retraction that was killed when it was decided.
    book = Ledger(workspace(lake).lake, "billing")
    book.record("decisions", decision_rows([Decision("retract", A, 1, "ann", "test data")], "killed"))
    deliver(landing, "2025-01-02", "a.csv", BAD)
    assert run().exit_code == 3
    assert (credits_of(lake), daily(lake)) == ([], {})
    assert [(sequence, state) for sequence, state, _ in outcomes(lake)] == [
        (1, "accepted"), (1, "withdrawn"), (2, "refused"),
    ]  # fmt: skip
    assert outcomes(lake)[1][2] == "retracted"
    assert run().nothing_new


def test_a_table_that_is_made_from_another_source_holds_nothing_of_the_old_one(
    run: Run, landing: Path, tmp_path: Path, conf: Path
) -> None:
    lake = tmp_path / "lake"
    deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-2")])
    run()
    bronze, silver = conf / "billing/bronze/usage.yml", conf / "billing/silver/usage.yml"
    (conf / "billing/bronze/usage_2.yml").write_text(bronze.read_text().replace("folder: billing", "folder: billing_2"))
    silver.write_text(silver.read_text().replace("billing.bronze.usage}", "billing.bronze.usage_2}"))
    path = deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-2")])
    new = landing / "billing_2" / path.relative_to(landing / "billing")
    new.parent.mkdir(parents=True)
    new.write_text("\n".join([path.read_text().splitlines()[0], usage("2025-01-03T10:00:00Z", "u2", "-3"), ""]))
    run()
    assert (credits_of(lake), daily(lake)) == ([("u2", "-3.00")], {"2025-01-03": "3.00"})
    why = "billing.silver.usage is made from billing.bronze.usage_2 now"
    assert (1, "withdrawn", why) in outcomes(lake)
    assert run().nothing_new
    assert verify(workspace(lake)).holds


def test_a_table_that_was_not_there_then_is_made_again_after_going_back(
    run: Run, landing: Path, tmp_path: Path, conf: Path
) -> None:
    lake = tmp_path / "lake"
    later = conf / "billing/gold/daily_usage.yml"
    aside = later.rename(tmp_path / later.name)
    rows = [usage("2025-01-02T10:00:00Z", "u1", "-2"), usage("2025-01-03T10:00:00Z", "u1", "-3")]
    deliver(landing, "2025-01-02", "a.csv", rows)
    first = run()
    aside.rename(later)
    run()
    made = {"2025-01-02": "2.00", "2025-01-03": "3.00"}
    assert daily(lake) == made
    work = workspace(lake)
    work.run_id = "restoring"
    restore(work, first.run_id, "ann", "wrong prices")
    assert daily(lake) == {}
    run()
    assert daily(lake) == made
    assert run().nothing_new


def test_a_key_that_changes_is_not_mixed_with_the_old_one_by_a_run_of_some_days(
    run: Run, landing: Path, tmp_path: Path, conf: Path
) -> None:
    lake = tmp_path / "lake"
    hour = "2025-01-02T10:00:00Z"
    deliver(landing, "2025-01-02", "a.csv", [usage(hour, "u1", "-2"), usage(hour, "u1", "-3", resource_id="r2")])
    deliver(landing, "2025-01-03", "b.csv", [usage(hour, "u1", "-4", resource_id="r3")])
    run()
    assert credits_of(lake) == [("u1", "-2.00"), ("u1", "-3.00"), ("u1", "-4.00")]
    contract = conf / "billing/silver/usage.yml"
    text = contract.read_text().replace("keys: [usage_timestamp, resource_id,", "keys: [usage_timestamp,")
    contract.write_text(text.replace('"usage_timestamp" "resource_id" "user_id"', '"usage_timestamp" "user_id"'))
    with pytest.raises(TableError) as error:
        run(days=Days(date(2025, 1, 3), date(2025, 1, 3)))
    assert str(error.value) == (
        "billing_silver.usage: the key, or how partitions follow from it, is another one in the contract: invoice_id, "
        "resource_id, usage_date by to_date(usage_timestamp), usage_timestamp, user_id in the lake, invoice_id, "
        "usage_date by to_date(usage_timestamp), usage_timestamp, user_id now. "
        "Run again with --full-refresh, which makes the table anew from bronze."
    )
    assert credits_of(lake) == [("u1", "-2.00"), ("u1", "-3.00"), ("u1", "-4.00")]
    run()
    assert credits_of(lake) == [("u1", "-4.00")]
    deliver(landing, "2025-01-04", "c.csv", [usage(hour, "u1", "-5", resource_id="r4")])
    run(days=Days(date(2025, 1, 4), date(2025, 1, 4)))
    assert credits_of(lake) == [("u1", "-5.00")]
    assert verify(workspace(lake)).holds


def test_a_file_that_goes_before_it_was_read_leaves_nothing_to_do(
    run: Run, crash: Crash, landing: Path, tmp_path: Path
) -> None:
    path = deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-2")])
    crash("lakehouse.steps.ingest._append")
    path.unlink()
    assert not run(steps=LOADING).nothing_new
    assert run(steps=LOADING).nothing_new
    states = [(row["state"], row["reason"]) for row in table(tmp_path / "lake", "ledger/deliveries")]
    assert sorted(states) == [("ingesting", None), ("torn", "a run ended before it had read the file")]
    deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-2")])
    run(steps=LOADING)
    assert credits_of(tmp_path / "lake") == [("u1", "-2.00")]
