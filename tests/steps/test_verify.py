"""What a verification finds in a lake that was tampered with, and what it leaves alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from deltalake import DeltaTable

from lakehouse.contracts.locations import conf_dir
from lakehouse.landing.days import Days
from lakehouse.steps.choice import Choice
from lakehouse.steps.proof import LandingProof, Proof
from lakehouse.steps.verify import verify
from tests.conftest import FEW_GOLD, deliver, run_billing, usage
from tests.steps.test_recovery import edit
from tests.steps.test_replay import workspace

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.slow

FOLDER = "usage/year=2025/month=01/day="
A, B, C = f"{FOLDER}02/a.csv", f"{FOLDER}03/b.csv", f"{FOLDER}04/c.csv"
KEY = "usage_timestamp=2025-01-{} 10:00:00, resource_id=r1, user_id={}, invoice_id=i1"
PLACE = "delivery_id={}, delivery_sequence={}, record_number={}"
SECOND = Choice(Days(date(2025, 1, 3), date(2025, 1, 3)))
"""Only the delivery b.csv: one of its rows outranks one of a.csv."""


@pytest.fixture(scope="module")
def made(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with conf, landing and lake: three deliveries, the last one corrected, with bad rows among the first."""
    place = tmp_path_factory.mktemp("verified")
    conf, landing = place / "conf", place / "landing"
    shutil.copytree(conf_dir(), conf)
    for path in (conf / "billing" / "gold").glob("*.yml"):
        if path.stem not in FEW_GOLD:
            path.unlink()
    edit(conf, "silver/usage.yml", "error: 0.05", "error: 0.9")
    silver = conf / "billing/silver/usage.yml"
    silver.write_text("".join(line for line in silver.open() if "Completeness" not in line))
    bad = [usage("2025-01-04T10:00:00Z", "u7", "5"), "2025-01-04T11:00:00Z,r1,u8"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAKEHOUSE_CONF", str(conf))
        deliver(landing, "2025-01-02", "a.csv", [
            usage("2025-01-02T10:00:00Z", "u1", "-2"), usage("2025-01-02T10:00:00Z", "u2"), usage("12:30", "u5"),
        ])  # fmt: skip
        deliver(landing, "2025-01-04", "c.csv", [usage("2025-01-04T10:00:00Z", "u6", "-6"), bad[0], usage("11:00")])
        run_billing(landing, place / "lake", steps=("ingest", "refine"))
        deliver(landing, "2025-01-03", "b.csv", [
            usage("2025-01-02T10:00:00Z", "u1", "-3"), usage("2025-01-03T10:00:00Z", "u4", "-4"),
        ])  # fmt: skip
        deliver(landing, "2025-01-04", "c.csv", [usage("2025-01-04T10:00:00Z", "u6", "-6"), *bad])
        run_billing(landing, place / "lake")
        yield place


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """A copy that may be tampered with; its files keep their times."""
    for name in ("landing", "lake"):
        shutil.copytree(made / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def prove(spark: SparkSession) -> Any:
    def prove(place: Path, choice: Choice | None = None, landing: bool = True) -> Proof:
        work = replace(workspace(place / "lake"), landing=str(place / "landing") if landing else "", _spark=spark)
        return verify(work, choice)

    return prove


def table(place: Path, name: str) -> DeltaTable:
    return DeltaTable(str(place / "lake/billing" / name))


def change(place: Path, name: str, where: str, **values: str) -> None:
    """Set columns of some rows of a table to SQL values, past the engine."""
    table(place, name).update(updates=values, predicate=where)


def double(spark: SparkSession, place: Path, name: str, where: str) -> None:
    """Add rows of a table to it once more."""
    path = str(place / "lake/billing" / name)
    spark.read.format("delta").load(path).where(where).write.format("delta").mode("append").save(path)


def differences(proof: Proof) -> list[str]:
    return [f"{found.table}: {one}" for found in proof.differences for one in found.examples]


def compared(proof: Proof) -> dict[str, tuple[str, int]]:
    """Which part of each table was compared, and how many rows."""
    return {found.table: (found.compared, found.rows) for found in proof.differences}


def test_a_lake_that_is_right(made: Path, prove: Any) -> None:
    proof = prove(made)
    assert (differences(proof), proof.lost, proof.not_compared, proof.notes) == ([], [], [], [])
    assert compared(proof) == {
        "billing.bronze.usage": ("3 files of the landing zone", 8),
        "billing.silver.usage": ("all", 4),
        "outranked billing.silver.usage": ("all", 1),
        "quarantine billing.silver.usage": ("all", 3),
        "payloads in quarantine billing.silver.usage": ("all", 5),
        "billing.gold.daily_usage": ("all", 3),
        "billing.gold.daily_user_usage": ("all", 4),
        "billing.gold.monthly_user_usage": ("all", 4),
        "billing.gold.user_totals": ("all", 4),
    }
    assert (proof.deliveries, proof.landing and proof.landing.records, proof.holds) == (3, 8, True)


def test_what_is_wrong_beyond_bronze_is_named(place: Path, prove: Any, spark: SparkSession) -> None:
    change(place, "silver/usage", "user_id = 'u2'", credit_usage="-9")
    table(place, "silver/usage").delete("user_id = 'u4'")
    double(spark, place, "silver/usage", "user_id = 'u6'")
    change(place, "outranked/usage", "user_id = 'u1'", region="'mars'")
    double(spark, place, "quarantine/usage", "delivery_id LIKE '%a.csv'")
    payload = json.dumps({"timestamp": "12:30", "unknown_columns": {"extra": "x"}})
    change(place, "quarantine/usage", "status = 'open' AND record_number = 3", payload=f"'{payload}'")
    change(place, "quarantine/usage", "status = 'superseded' AND record_number = 3", payload="'{no JSON'")
    table(place, "quarantine/usage").delete("status = 'open' AND record_number = 2")
    spark.sql(f"UPDATE delta.`{place}/lake/billing/quarantine/usage` SET reasons = array() WHERE delivery_sequence = 4")
    change(place, "gold/daily_usage", "usage_date = '2025-01-03'", unique_users="7")
    table(place, "gold/user_totals").delete("user_id = 'u2'")
    proof = prove(place, landing=False)
    assert differences(proof) == [
        f"billing.silver.usage: different in credit_usage: {KEY.format('02', 'u2')} "
        "(credit_usage: -1.50000000 expected, -9.00000000 found)",
        f"billing.silver.usage: missing: {KEY.format('03', 'u4')}",
        f"billing.silver.usage: unexpected: {KEY.format('04', 'u6')} (1 rows expected, 2 found)",
        f"outranked billing.silver.usage: different in region: {PLACE.format(A, 1, 1)} "
        "(region: eu-west-1 expected, mars found)",
        f"quarantine billing.silver.usage: different in reasons: {PLACE.format(C, 4, 3)} "
        "(reasons: record_malformed (2025-01-04T11:00:00Z,r1,u8) expected, nothing else found)",
        f"quarantine billing.silver.usage: missing: {PLACE.format(C, 4, 2)}",
        f"quarantine billing.silver.usage: unexpected: {PLACE.format(A, 1, 3)} (1 rows expected, 2 found)",
        # What was delivered is compared of closed rows too.
        f"payloads in quarantine billing.silver.usage: different in delivered: {PLACE.format(C, 2, 3)} "
        "(delivered: credit_usage=-1.5, currency=USD, invoice_id=i1, operation_type=read, region=eu-west-1, "
        "resource_id=r1, resource_type=vm, service_tier=standard, success=true, timestamp=11:00, user_id=u1 expected, "
        "nothing else found)",
        f"payloads in quarantine billing.silver.usage: different in delivered: {PLACE.format(C, 4, 3)} "
        "(delivered: malformed_record=2025-01-04T11:00:00Z,r1,u8, resource_id=r1, timestamp=2025-01-04T11:00:00Z, "
        "user_id=u8 expected, extra=x, timestamp=12:30 found)",
        f"payloads in quarantine billing.silver.usage: unexpected: {PLACE.format(A, 1, 3)} (1 rows expected, 2 found)",
        "billing.gold.daily_usage: different in unique_users: usage_date=2025-01-03, currency=USD "
        "(unique_users: 1 expected, 7 found)",
        "billing.gold.user_totals: missing: currency=USD, user_id=u2",
    ]
    # Of c.csv a row is there twice and another is gone: only the comparison sees that.
    assert sorted(proof.lost) == [
        f"billing.silver.usage: {A}: 3 in bronze, 1 published, 1 outranked, 2 quarantined",
        f"billing.silver.usage: {B}: 2 in bronze, 1 published, 0 outranked, 0 quarantined",
    ]
    assert (proof.landing, proof.holds) == (None, False)


def test_what_is_wrong_in_bronze_is_named(place: Path, prove: Any) -> None:
    change(place, "bronze/usage", "user_id = 'u4'", user_id="'u44'")
    change(place, "bronze/usage", "user_id = 'u5'", region="'mars'")
    table(place, "bronze/usage").delete("user_id = 'u2'")
    change(place, "bronze/usage", "delivery_sequence = 2 AND record_number = 3", delivery_sequence="9")
    proof = prove(place)
    beyond = [one for one in differences(proof) if not one.startswith("billing.gold")]
    assert beyond == [
        f"billing.bronze.usage: different in delivered: delivery_id={A}, record_number=3 "
        "(delivered: region=eu-west-1 expected, region=mars found)",
        f"billing.bronze.usage: different in delivered: delivery_id={B}, record_number=2 "
        "(delivered: user_id=u4 expected, user_id=u44 found)",
        f"billing.bronze.usage: missing: delivery_id={A}, record_number=2",
        f"billing.silver.usage: missing: {KEY.format('03', 'u44')}",
        f"billing.silver.usage: unexpected: {KEY.format('02', 'u2')}",
        f"billing.silver.usage: unexpected: {KEY.format('03', 'u4')}",
        f"payloads in quarantine billing.silver.usage: different in delivered: {PLACE.format(A, 1, 3)} "
        "(delivered: region=mars expected, region=eu-west-1 found)",
        f"payloads in quarantine billing.silver.usage: unexpected: {PLACE.format(C, 2, 3)}",
    ]
    assert sorted(proof.lost) == [
        "billing.bronze.usage: 1 rows are there of delivery sequence 9, which the ledger does not know",
        f"billing.bronze.usage: {A}: 3 rows were taken, 2 are there",
        f"billing.bronze.usage: {A}: Python's csv module counts 3 records in the file, 2 are in bronze",
        f"billing.bronze.usage: {C}: 3 rows were taken, 2 are there",
        f"billing.silver.usage: {A}: 2 in bronze, 1 published, 1 outranked, 1 quarantined",
    ]


def test_of_some_deliveries_their_keys_and_periods_are_compared(place: Path, prove: Any) -> None:
    proof = prove(place, SECOND)
    assert (differences(proof), proof.lost, proof.holds) == ([], [], True)
    # The row of the other delivery that b.csv outranks is among them.
    assert compared(proof) == {
        "billing.bronze.usage": ("1 files of the landing zone", 2),
        "billing.silver.usage": ("2 keys", 2),
        "outranked billing.silver.usage": ("2 keys", 1),
        "quarantine billing.silver.usage": ("1 deliveries", 0),
        "addresses in quarantine billing.silver.usage": ("all", 5),
        "payloads in quarantine billing.silver.usage": ("1 deliveries", 0),
        "billing.gold.daily_usage": ("2 values of usage_date", 2),
        "billing.gold.daily_user_usage": ("2 values of usage_date", 3),
        "billing.gold.monthly_user_usage": ("1 values of usage_month", 4),
    }
    assert proof.not_compared == ["billing.gold.user_totals: it is made as a whole, from all deliveries"]


def test_changed_new_and_missing_files_are_no_differences(place: Path, prove: Any) -> None:
    deliver(place / "landing", "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-2")])
    deliver(place / "landing", "2025-01-03", "new.csv", [usage("2025-01-02T10:00:00Z", "u1", "-2")])
    (place / "landing/billing/year=2025/month=01/day=04/c.csv").unlink()
    proof = prove(place)
    assert (differences(proof), proof.lost, proof.holds) == ([], [], True)
    assert proof.landing == LandingProof(files=1, records=2, gone=1, not_taken=[A, f"{FOLDER}03/new.csv"])
