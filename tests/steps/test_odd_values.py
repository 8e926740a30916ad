"""Values that partitions and periods do not bear well: far days, empty texts, hours in another time zone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.steps.decisions import retract
from lakehouse.steps.verify import verify
from tests.conftest import Run, deliver, usage
from tests.contracts.places import Change, change
from tests.steps.test_decisions import A
from tests.steps.test_publish import credits_of, table
from tests.steps.test_replay import STEPS, workspace

pytestmark = pytest.mark.slow

C = "usage/year=2025/month=01/day=04/c.csv"
MINUTES = [usage(f"2025-01-04T10:{minute:02}:00Z", f"v{minute}") for minute in range(40)]
FAMILY = "regexp_extract(resource_id, '^([a-z]+)-', 1)"
GOLD = """description: Operations by {name}.
inputs: {{usage: billing.silver.usage}}
columns:
  {name}: {{type: {kind}, description: What they are counted by}}
  transaction_count: {{type: bigint, description: Operations}}
periods: {{{name}: usage.{name}}}
write: {{strategy: replace_periods, keys: [{name}], partition_by: [{name}]}}
"""


def derived(conf: Path, name: str, kind: str, sql: str) -> None:
    """Let silver have a column more."""
    region = "  region: {type: string, description: Region of the resource}\n"
    change(
        conf,
        Change(
            "billing/silver/usage.yml",
            region,
            f'{region}  {name}: {{type: {kind}, derived: "{sql}", description: x}}\n',
        ),
    )


def counted_by(conf: Path, name: str, kind: str, sql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let silver have a column more, and the only gold table count by it."""
    derived(conf, name, kind, sql)
    for path in (conf / "billing/gold").glob("*.yml"):
        path.unlink()
    (conf / "billing/gold/daily_usage.yml").write_text(GOLD.format(name=name, kind=kind))

    def by_it(usage: DataFrame) -> DataFrame:
        return usage.groupBy(name).agg(F.count("*").alias("transaction_count"))

    monkeypatch.setattr("lakehouse.domains.billing.gold.daily_usage.daily_usage", by_it)


def shown(lake: Path, name: str) -> list[tuple[str, int]]:
    return sorted((str(row[name]), row["transaction_count"]) for row in table(lake, "gold/daily_usage"))


def test_far_days_are_days_like_others_and_those_beyond_them_are_unreadable(
    run: Run, landing: Path, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-2")])
    run()
    far = ["0001-01-01T00:00:00Z", "0025-01-02T10:00:00Z", "9999-12-31T23:59:59Z"]
    beyond = ["9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+01:00"]
    odd = [usage(stamp, f"f{number}", "-3") for number, stamp in enumerate([*far, *beyond])]
    deliver(landing, "2025-01-04", "c.csv", [*odd, *MINUTES])
    run(steps=("ingest", *STEPS, "maintain"))
    assert {user for user, _ in credits_of(lake)} == {"u1", "f0", "f1", "f2", *(f"v{n}" for n in range(40))}
    bad = {row["record_number"]: [one["rule"] for one in row["reasons"]] for row in table(lake, "quarantine/usage")}
    assert bad == {4: ["usage_timestamp_unreadable"], 5: ["usage_timestamp_unreadable"]}
    assert run(steps=("ingest", *STEPS, "maintain")).nothing_new
    assert verify(workspace(lake)).holds
    run(steps=STEPS, decide=retract(C, "ann", "test data"))
    assert credits_of(lake) == [("u1", "-2.00")]
    assert run().nothing_new


def test_a_first_load_and_a_delivery_of_a_far_day(run: Run, landing: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    deliver(landing, "2025-01-02", "a.csv", [usage("0001-01-01T00:00:00Z", "u1", "-2")])
    path = deliver(landing, "0025-01-03", "b.csv", [usage("2025-01-03T10:00:00Z", "u2", "-2")])
    run()
    assert credits_of(lake) == [("u1", "-2.00"), ("u2", "-2.00")]
    run(steps=STEPS, decide=retract(A, "ann", "test data"))
    assert credits_of(lake) == [("u2", "-2.00")]
    path.write_text(path.read_text().replace("-2", "-4"))
    run()
    assert credits_of(lake) == [("u2", "-4.00")]


def test_hours_of_far_days_are_partitions(run: Run, landing: Path, tmp_path: Path, conf: Path) -> None:
    lake = tmp_path / "lake"
    derived(conf, "usage_hour", "timestamp", "date_trunc('hour', usage_timestamp)")
    change(conf, Change("billing/silver/usage.yml", "partition_by: [usage_date]", "partition_by: [usage_hour]"))
    deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-2")])
    run()
    far = [usage("9998-01-02T10:30:00Z", "u2", "-2"), usage("0001-01-01T00:00:00Z", "u3", "-2")]
    path = deliver(landing, "2025-01-03", "b.csv", far)
    run()
    assert credits_of(lake) == [("u1", "-2.00"), ("u2", "-2.00"), ("u3", "-2.00")]
    path.write_text(path.read_text().replace("u2,-2", "u2,-4"))
    run()
    assert credits_of(lake) == [("u1", "-2.00"), ("u2", "-4.00"), ("u3", "-2.00")]
    assert verify(workspace(lake)).holds
    assert run().nothing_new


def test_an_empty_text_is_no_period(
    run: Run, landing: Path, tmp_path: Path, conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = tmp_path / "lake"
    counted_by(conf, "family", "string", FAMILY, monkeypatch)
    moment = "2025-01-02T10:00:00Z"
    deliver(landing, "2025-01-02", "a.csv", [usage(moment, "u1"), usage(moment, "u2", resource_id="vm-1")])
    deliver(landing, "2025-01-03", "b.csv", [usage(moment, "u3", resource_id="it's-1")])
    run()
    assert shown(lake, "family") == [("None", 2), ("vm", 1)]
    run(steps=STEPS, decide=retract(A, "ann", "test data"))
    assert shown(lake, "family") == [("None", 1)]
    deliver(landing, "2025-01-04", "c.csv", [usage("2025-01-04T10:00:00Z")])
    run()
    assert shown(lake, "family") == [("None", 2)]
    assert verify(workspace(lake)).holds


def test_rows_with_an_empty_text_and_rows_with_none_are_one_period(
    run: Run, landing: Path, tmp_path: Path, conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = tmp_path / "lake"
    counted_by(conf, "family", "string", f"CASE WHEN user_id <> 'none' THEN {FAMILY} END", monkeypatch)
    moment = "2025-01-02T10:00:00Z"
    deliver(landing, "2025-01-02", "a.csv", [usage(moment, "u1"), usage(moment, "u2", resource_id="vm-1")])
    none = [usage(moment, "none", resource_id=resource) for resource in ("r1", "r2", "r3")]
    deliver(landing, "2025-01-03", "b.csv", none)
    run()
    assert shown(lake, "family") == [("None", 1), ("None", 3), ("vm", 1)]
    deliver(landing, "2025-01-03", "b.csv", none[:2])
    run()
    assert shown(lake, "family") == [("None", 1), ("None", 2), ("vm", 1)]
    assert verify(workspace(lake)).holds


def test_an_empty_text_is_no_partition(run: Run, landing: Path, tmp_path: Path, conf: Path) -> None:
    lake = tmp_path / "lake"
    derived(conf, "family", "string", FAMILY)
    change(conf, Change("billing/silver/usage.yml", "partition_by: [usage_date]", "partition_by: [family]"))
    deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-2")])
    run()
    deliver(landing, "2025-01-03", "b.csv", [usage("2025-01-02T10:00:00Z", "u1", "-3")])
    run()
    assert credits_of(lake) == [("u1", "-3.00")]
    assert run().nothing_new


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("berlin")
def test_periods_are_those_of_the_tables_wherever_the_process_runs(
    run: Run, landing: Path, tmp_path: Path, conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = tmp_path / "lake"
    hour = "date_trunc('hour', usage_timestamp) + interval 500 milliseconds"
    counted_by(conf, "usage_hour", "timestamp", hour, monkeypatch)
    deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z")])
    deliver(landing, "2025-01-03", "b.csv", [usage("2025-01-02T11:00:00Z")])
    run()
    first, second = "2025-01-02 10:00:00.500000+00:00", "2025-01-02 11:00:00.500000+00:00"
    assert shown(lake, "usage_hour") == [(first, 1), (second, 1)]
    run(steps=STEPS, decide=retract(A, "ann", "test data"))
    assert shown(lake, "usage_hour") == [(second, 1)]
    deliver(landing, "2025-01-04", "c.csv", [usage("2025-01-02T11:30:00Z")])
    run()
    assert shown(lake, "usage_hour") == [(second, 2)]
    assert verify(workspace(lake)).holds
