"""What is going on in a domain, told from a ledger and tables that are written by hand: no Spark."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from lakehouse.ledger.holders import Holder
from lakehouse.ledger.writer import claim
from lakehouse.steps.attention import attention
from lakehouse.steps.drift import ColumnDrift, HeaderChange
from lakehouse.steps.status import DeliveryStatus, DomainStatus, Gap, GateCount, GateVerdict, Waiting, domain_status
from tests.contracts.places import DAILY as DAILY_FILE
from tests.contracts.places import Change, change
from tests.steps.lived_in import BRONZE, DAILY, HEADER, SILVER, TOTALS, LivedIn, delivery_id


def status(place: LivedIn, later: timedelta = timedelta(0), days: int = 30) -> DomainStatus:
    """The status as it is, or as it will be when nothing happens meanwhile."""
    return domain_status(place.work(), datetime.now(timezone.utc) + later, days)


# --- Runs, and who writes


def test_runs_newest_first(place: LivedIn) -> None:
    place.run("run-1", {"state": "started"}, {"state": "finished", "exit_code": 3, "reason": "gates refused"})
    place.run("run-2", {"state": "started"}, {"state": "failed", "exit_code": 1, "reason": "no disk"})
    place.run("run-3", {"state": "started"})
    found = status(place).runs
    assert [(run.run_id, run.state, run.exit_code, run.reason) for run in found] == [
        ("run-3", "interrupted", None, None),
        ("run-2", "failed", 1, "no disk"),
        ("run-1", "finished", 3, "gates refused"),
    ]
    assert (found[0].steps, found[0].host, found[0].process) == (("ingest", "refine"), "me@here", 7)
    assert found[0].ended_at is None and found[0].seconds is None
    assert found[1].ended_at and found[1].started_at <= found[1].ended_at
    assert found[1].seconds is not None and 0 <= found[1].seconds < 60


def test_the_last_run_is_told_however_old_it_is(place: LivedIn) -> None:
    for name in ("run-1", "run-2"):
        place.run(name, {"state": "started"}, {"state": "finished", "exit_code": 0})
    assert [run.run_id for run in status(place, timedelta(days=6), days=7).runs] == ["run-2", "run-1"]
    assert [run.run_id for run in status(place, timedelta(days=8), days=7).runs] == ["run-2"]


def test_who_writes_at_this_moment(place: LivedIn) -> None:
    place.run("run-1", {"state": "started"})
    assert status(place).writer is None
    with claim(place.lake, "billing", "run-1"):
        found = status(place)
    assert found.writer and found.writer.run_id == "run-1"
    assert [run.state for run in found.runs] == ["running"]
    with claim(place.lake, "billing", "run-2"):
        found = status(place)
    assert [run.state for run in found.runs] == ["interrupted"]
    assert status(place).writer is None


def test_asking_who_writes_leaves_the_writer_its_lock(place: LivedIn) -> None:
    with claim(place.lake, "billing", "run-1"):
        assert status(place).writer and status(place).writer
    with claim(place.lake, "billing", "run-2"):
        pass


def test_a_run_names_its_log(place: LivedIn) -> None:
    place.run("run-1", {"state": "started"}, {"state": "finished", "exit_code": 0})
    assert status(place).runs[0].log is None
    log = Path(place.lake.log("billing", "run-1"))
    log.parent.mkdir()
    log.touch()
    assert status(place).runs[0].log == f"{place.lake.root}/billing/logs/run-1.jsonl"


# --- Deliveries


def test_deliveries_by_state(place: LivedIn) -> None:
    place.judge(place.deliver("2025-01-01"))
    place.judge(place.deliver("2025-01-02"), "refused", "too many bad rows")
    place.deliver("2025-01-03", "unreadable", reason="the file is empty (0 bytes)")
    place.deliver("2025-01-04", "ingesting")
    place.deliver("2025-01-05", "torn", reason="the file changed while it was read")
    place.deliver("2025-01-07", "unconfirmed", reason="waits for its manifest m.json")
    place.deliver("2025-01-06")
    found = status(place)
    assert dict(found.deliveries) == {
        "current": 1, "waiting": 1, "refused": 1, "unreadable": 1, "unconfirmed": 1, "torn": 1,
        "interrupted": 1, "held": 0, "retracted": 0, "duplicate": 0,
    }  # fmt: skip
    bronze, silver = str(BRONZE), str(SILVER)
    assert found.troubled == tuple(
        DeliveryStatus("usage", delivery_id(f"2025-01-0{day}"), date(2025, 1, day), state, table, reason)  # type: ignore[arg-type]
        for day, state, table, reason in [
            (2, "refused", silver, "too many bad rows"),
            (3, "unreadable", bronze, "the file is empty (0 bytes)"),
            (4, "interrupted", bronze, "a run stopped while it took the file"),
            (5, "torn", bronze, "the file changed while it was read"),
            (7, "unconfirmed", bronze, "waits for its manifest m.json"),
        ]
    )
    assert found.waiting == (Waiting(silver, "deliveries are not refined yet", (delivery_id("2025-01-06"),)),)


def test_deliveries_that_do_not_count(place: LivedIn) -> None:
    for day in (1, 2):
        place.judge(place.deliver(f"2025-01-0{day}"))
    place.judge(place.deliver("2025-01-03"))
    place.judge(place.deliver("2025-01-03", name="b.csv", twin=delivery_id("2025-01-03")))
    for sequence, kind in ((1, "retract"), (2, "hold")):
        decision = {"kind": kind, "delivery_id": delivery_id(f"2025-01-0{sequence}"), "delivery_sequence": sequence}
        place.ledger.record("decisions", [{**decision, "who": "ann", "why": f"why {kind}"}])
    found = status(place)
    assert [(one.delivery_id[-8:], one.state, one.reason) for one in found.troubled] == [
        ("01/a.csv", "retracted", "by ann: why retract"),
        ("02/a.csv", "held", "by ann: why hold"),
        ("03/b.csv", "duplicate", f"the same content as {delivery_id('2025-01-03')}"),
    ]
    assert attention(found) == ["1 delivery held"]
    gone = (delivery_id("2025-01-01"), delivery_id("2025-01-02"))
    assert found.waiting == (Waiting(str(SILVER), "deliveries are to be taken out", gone),)


def test_a_changed_contract_lets_deliveries_wait(place: LivedIn) -> None:
    place.judge(place.deliver("2025-01-01"))
    assert status(place).waiting == ()
    change(place.conf, Change("billing/silver/usage.yml", "credit_usage < 0", "credit_usage <= 0"))
    found = status(place)
    assert found.deliveries["waiting"] == 1
    assert found.waiting == (Waiting(str(SILVER), "deliveries are to be judged again", (delivery_id("2025-01-01"),)),)


def test_gaps_of_each_source(place: LivedIn) -> None:
    prices = "description: x\nsource: {kind: csv, folder: prices, files: '{date}.csv'}\n"
    (place.conf / "billing/bronze/prices.yml").write_text(prices + "columns: {price: {description: x}}\n")
    for day in ("2025-01-02", "2025-01-03", "2025-01-06"):
        place.deliver(day)
    place.deliver("2025-01-08", "unreadable", reason="empty")
    found = status(place).gaps
    assert found == (
        Gap("prices", date(2025, 1, 1), date(2025, 1, 8)),
        Gap("usage", date(2025, 1, 1), date(2025, 1, 1)),
        Gap("usage", date(2025, 1, 4), date(2025, 1, 5)),
        Gap("usage", date(2025, 1, 7), date(2025, 1, 7)),
    )
    assert [gap.days for gap in found] == [8, 1, 2, 1]


def test_days_before_the_start_of_the_domain_count_when_something_was_delivered(place: LivedIn) -> None:
    place.deliver("2024-12-30")
    place.deliver("2025-01-01")
    assert status(place).gaps == (Gap("usage", date(2024, 12, 31), date(2024, 12, 31)),)


# --- Tables


def test_freshness(place: LivedIn) -> None:
    place.judge(place.deliver("2025-01-01"))
    place.publish(BRONZE, 100)
    silver = place.publish(SILVER, 90)
    place.publish(DAILY, 3, {str(SILVER): silver})
    place.judge(place.deliver("2025-01-02"))
    place.publish(BRONZE, 100)
    place.judge(place.deliver("2025-01-03"), "refused", "no")
    place.publish(SILVER, 80)
    found = status(place, timedelta(hours=2))
    assert [(one.table, one.state, one.why, one.newest_day, one.version, one.rows) for one in found.tables] == [
        (BRONZE, "up to date", "", date(2025, 1, 3), 1, 200),
        (SILVER, "up to date", "", date(2025, 1, 2), 1, 170),
        (DAILY, "behind", "its inputs changed", date(2025, 1, 1), 0, 3),
        (TOTALS, "not made", "", None, None, None),
    ]
    assert found.waiting == (Waiting(str(DAILY), "its inputs changed"), Waiting(str(TOTALS), "it was never made"))
    assert found.tables[3].published_at is None and found.tables[3].age_seconds is None
    assert found.tables[0].run_id == "run-1"
    assert all(7200 <= (one.age_seconds or 0) < 7260 for one in found.tables[:3])


def test_gold_that_another_contract_made_is_behind(place: LivedIn) -> None:
    place.judge(place.deliver("2025-01-01"))
    silver = place.publish(SILVER, 90)
    daily = place.publish(DAILY, 3, {str(SILVER): silver})
    place.publish(TOTALS, 2, {str(DAILY): daily})
    assert [one.state for one in status(place).tables[1:]] == ["up to date"] * 3
    change(place.conf, Change(DAILY_FILE, "keys: [usage_date, region]", "keys: [region, usage_date]"))
    found = status(place)
    assert [(one.state, one.why, one.newest_day) for one in found.tables[2:]] == [
        ("behind", "its contract or code changed", date(2025, 1, 1)),
        ("behind", "its inputs changed", date(2025, 1, 1)),
    ]


# --- Gates, quarantine


def test_verdicts(place: LivedIn) -> None:
    one, two = delivery_id("2025-01-01"), delivery_id("2025-01-02")
    place.verdict(one, "RowCount > 0", run_id="run-0", passed="no", reason="no rows")
    place.verdict(one, "RowCount > 0")
    place.verdict(two, "RowCount > 0", passed="no", reason="0 rows")
    place.verdict(one, "IsComplete x", severity="warn", passed="no", reason="gaps")
    place.verdict(None, "Sum y > 0", table_id=str(DAILY))
    found = status(place).verdicts
    assert found.run_id == "run-1"
    assert found.failed == (
        GateVerdict(str(SILVER), two, "error", "RowCount > 0", "0 rows"),
        GateVerdict(str(SILVER), one, "warn", "IsComplete x", "gaps"),
    )
    assert found.gates == (
        GateCount(str(DAILY), "Sum y > 0", 1, 0, 0),
        GateCount(str(SILVER), "IsComplete x", 0, 1, 0),
        GateCount(str(SILVER), "RowCount > 0", 1, 0, 1),
    )
    later = status(place, timedelta(days=31)).verdicts
    assert (later.failed, later.gates) == (found.failed, ())


def test_quarantine_by_rule_and_day(place: LivedIn) -> None:
    assert status(place).quarantine == ()
    place.quarantine(
        ("2025-01-01", "open", ("a", "b")),
        ("2025-01-01", "replayed", ("a",)),
        ("2025-01-02", "open", ("a", "a")),
        ("2025-01-03", "discarded", ("c",)),
    )

    def counts(opened: int = 0, replayed: int = 0, discarded: int = 0) -> dict[str, int]:
        return {"open": opened, "replayed": replayed, "discarded": discarded, "superseded": 0}

    (found,) = status(place).quarantine
    assert (found.table, found.open, found.rows) == (SILVER, 2, counts(2, 1, 1))
    assert list(found.rules.items()) == [("a", counts(2, 1)), ("b", counts(1)), ("c", counts(discarded=1))]
    assert list(found.days.items()) == [
        (date(2025, 1, 3), counts(discarded=1)),
        (date(2025, 1, 2), counts(1)),
        (date(2025, 1, 1), counts(1, 1)),
    ]
    assert found.cells["a", date(2025, 1, 1)] == counts(1, 1)
    (later,) = status(place, timedelta(days=31)).quarantine
    assert list(later.days) == [date(2025, 1, 2), date(2025, 1, 1)]
    assert ("c", date(2025, 1, 3)) not in later.cells


# --- Drift


def test_columns_that_differ_from_the_contract(place: LivedIn) -> None:
    place.deliver("2025-01-01")
    place.deliver("2025-01-02", header=("Timestamp ", "user", "credit_usage", "success", "discount"))
    place.deliver("2025-01-03", header=(*HEADER, "discount"))
    found = status(place).drift.columns
    second, third = date(2025, 1, 2), date(2025, 1, 3)
    assert found == (
        ColumnDrift("usage", "missing", "region", None, 1, second, second),
        ColumnDrift("usage", "renamed", "user_id", "user", 1, second, second),
        ColumnDrift("usage", "unknown", "discount", None, 2, second, third),
    )
    assert status(place, timedelta(days=31)).drift.columns == ()


def test_a_column_most_of_whose_values_cannot_be_read_has_another_type(place: LivedIn) -> None:
    def judged(run: str, day: str, unreadable: int, name: str = "credit_usage_unreadable") -> None:
        figures = {"rows_in": 100, "rows_accepted": 0, f"quarantined.{name}": unreadable}
        common = {"run_id": run, "table_id": str(SILVER), "delivery_id": delivery_id(day)}
        place.ledger.record("metrics", [{**common, "name": key, "value": value} for key, value in figures.items()])

    for day in ("2025-01-01", "2025-01-02", "2025-01-03"):
        place.deliver(day)
    judged("run-1", "2025-01-01", 50)
    judged("run-1", "2025-01-02", 51)
    # Judged again under another contract: the newest figures count.
    judged("run-1", "2025-01-03", 100)
    judged("run-2", "2025-01-03", 0)
    judged("run-1", "2025-01-02", 90, "usage_timestamp_required")
    second = date(2025, 1, 2)
    assert status(place).drift.columns == (ColumnDrift("usage", "retyped", "credit_usage", None, 1, second, second),)
    judged("run-3", "2025-01-01", 70, "usage_timestamp_excess_scale")
    assert [one.column for one in status(place).drift.columns] == ["credit_usage", "timestamp"]


def test_headers_that_differ_from_the_delivery_before(place: LivedIn) -> None:
    place.deliver("2025-01-05", header=("timestamp", "user", "credit_usage", "zone", "success"))
    place.deliver("2025-01-01")
    place.deliver("2025-01-02", header=HEADER[::-1])
    place.deliver("2025-01-03", header=(*HEADER, "discount"))
    place.deliver("2025-01-04", header=("timestamp", "user_id", "credit_usage", "area", "success"))
    days = [delivery_id(f"2025-01-0{day}") for day in range(6)]
    assert status(place).drift.changes == (
        HeaderChange("usage", days[5], date(2025, 1, 5), days[4], ("zone",), ("area",), (("user_id", "user"),)),
        HeaderChange("usage", days[4], date(2025, 1, 4), days[3], ("area",), ("region", "discount"), ()),
        HeaderChange("usage", days[3], date(2025, 1, 3), days[2], ("discount",), (), ()),
    )


def test_a_column_in_the_place_of_another_is_that_column_renamed(place: LivedIn) -> None:
    place.deliver("2025-01-01")
    place.deliver("2025-01-02", header=("timestamp", "user_id", "credit_usage", "area", "success"))
    (found,) = status(place).drift.changes
    assert (found.renamed, found.added, found.gone) == ((("region", "area"),), (), ())


def test_the_newest_content_of_a_delivery_is_compared(place: LivedIn) -> None:
    place.deliver("2025-01-01", header=(*HEADER, "discount"))
    place.deliver("2025-01-01")
    assert status(place).drift.columns == ()


# --- What needs a person


def test_all_is_well(place: LivedIn) -> None:
    place.judge(place.deliver("2025-01-01"))
    place.run("run-1", {"state": "started"}, {"state": "finished", "exit_code": 0})
    assert attention(status(place)) == []


def test_what_needs_attention(place: LivedIn) -> None:
    place.judge(place.deliver("2025-01-02"), "refused", "no")
    for day in (3, 4):
        place.deliver(f"2025-01-0{day}", "unreadable", reason="empty")
    place.deliver("2025-01-06", header=(*HEADER, "discount", "rebate"))
    place.quarantine(("2025-01-02", "open", ("a",)))
    place.verdict(None, "Sum y > 0", table_id=str(DAILY), passed="no", reason="it is 0")
    place.run("run-1", {"state": "started"}, {"state": "failed", "exit_code": 1, "reason": "no disk"})
    assert attention(status(place)) == [
        "the last run failed: no disk",
        "1 delivery refused",
        "2 deliveries unreadable",
        "2 days without a delivery from usage",
        "1 row of billing.silver.usage in quarantine",
        "a gate keeps billing.gold.daily_usage at its old version",
        "usage is delivered with columns that its contract does not have: discount, rebate",
    ]


def test_a_table_that_a_gate_refused_needs_attention_until_it_is_made_again(place: LivedIn) -> None:
    entry: dict[str, object] = {"table_id": str(DAILY), "version": None, "input_versions": {}, "fingerprint": "f"}
    place.verdict(None, "Sum y > 0", table_id=str(DAILY), passed="no", reason="it is 0")
    place.ledger.record("publications", [{**entry, "run_id": "run-1", "step": "refused"}])
    place.verdict("a", "RowCount > 0", run_id="run-2")
    found = status(place)
    assert [(one.state, one.why) for one in found.tables if one.table == DAILY] == [
        ("not made", "a gate refused it: it is 0")
    ]
    assert attention(found) == ["a gate keeps billing.gold.daily_usage at its old version"]
    place.ledger.record("publications", [{**entry, "run_id": "run-3", "step": "aggregate", "version": 0}])
    assert attention(status(place)) == []


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        ([{}], "the last run was interrupted: run-1; the next one finishes what it began"),
        (
            [{}, {"state": "finished", "exit_code": 5, "reason": "deliveries are missing (--strict)"}],
            "the last run: deliveries are missing (--strict)",
        ),
    ],
)
def test_what_is_said_of_the_last_run(entries: list[dict[str, object]], text: str, place: LivedIn) -> None:
    place.run("run-1", *({"state": "started", **entry} for entry in entries))
    assert attention(status(place)) == [text]


def test_a_holder_that_left_no_name_may_be_the_run(place: LivedIn) -> None:
    place.run("run-1", {"state": "started"})
    with claim(place.lake, "billing", "run-1"):
        Path(place.lake.domain("billing"), "writer.lock").write_text("?")
        found = status(place)
    assert (found.writer, found.runs[0].state) == (Holder(), "running")
