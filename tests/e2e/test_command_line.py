"""The command line on generated deliveries, compared with an independent computation, table by table."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest
from deltalake import DeltaTable

from lakehouse.contracts.lakes import Lake
from lakehouse.samples.billing import generate
from lakehouse.serving.sql import open_lake
from tests.oracle.billing import compute

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

GOLD = (
    "daily_usage", "daily_user_usage", "daily_service_usage", "daily_region_usage", "daily_invoice_usage",
    "monthly_user_usage", "user_totals", "region_totals", "invoice_totals",
)  # fmt: skip
SILVER = (
    "usage_timestamp, usage_date, resource_id, user_id, credit_usage, region, service_tier, operation_type, success, "
    "resource_type, invoice_id, currency, delivery_id, delivery_date, record_number"
)


def lakehouse(*arguments: str | Path, fails_with: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from lakehouse.cli import main; main()", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "TZ": "Asia/Tokyo"})
    assert done.returncode == fails_with, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A landing zone of seven days with every kind of dirt and a bad day, and the lake made of it in one run."""
    root = tmp_path_factory.mktemp("e2e")
    generate(root / "landing", days=7, rows_per_day=120, seed=11, bad_days=1)
    lakehouse(
        "run", "billing", "--landing", root / "landing", "--lake", root / "lake", "--result", root / "result.json",
        fails_with=3,
    )  # fmt: skip
    return root


@pytest.fixture(scope="module")
def oracle(place: Path) -> duckdb.DuckDBPyConnection:
    return compute(place / "landing")


@pytest.fixture(scope="module")
def lake(place: Path) -> duckdb.DuckDBPyConnection:
    return open_lake(Lake.at(str(place / "lake")))


def rows(connection: duckdb.DuckDBPyConnection, statement: str) -> Counter[Any]:
    """The rows of an answer, times as naive UTC."""
    answer = connection.execute(statement).fetchall()
    return Counter(
        tuple(str(v.replace(tzinfo=None)) if hasattr(v, "tzinfo") else str(v) for v in row) for row in answer
    )


def utc(columns: str) -> str:
    names = [name.strip() for name in columns.split(",")]
    times = {"usage_timestamp", "first_activity", "last_activity", "first_usage", "last_usage"}
    return ", ".join(f"epoch_us({name})" if name in times else name for name in names)


def test_silver_equals_the_independent_computation(lake: Any, oracle: Any) -> None:
    assert rows(lake, f"SELECT {utc(SILVER)} FROM billing_silver.usage") == rows(
        oracle, f"SELECT {utc(SILVER)} FROM silver_usage"
    )


def test_outranked_equals_the_independent_computation(lake: Any, oracle: Any) -> None:
    found = rows(lake, "SELECT delivery_id, record_number FROM billing_outranked.usage")
    assert found == rows(oracle, "SELECT delivery_id, record_number FROM outranked_usage")
    assert sum(found.values()) > 0


def test_quarantine_names_every_broken_rule(lake: Any, oracle: Any) -> None:
    found = rows(
        lake,
        "SELECT delivery_id, record_number, list_sort(list_transform(reasons, lambda r: r.rule)) "
        "FROM billing_quarantine.usage",
    )
    assert found == rows(oracle, "SELECT delivery_id, record_number, list_sort(rules) FROM quarantine_usage")


@pytest.mark.parametrize("table", GOLD)
def test_gold_equals_the_independent_computation(table: str, lake: Any, oracle: Any) -> None:
    columns = ", ".join(row[0] for row in oracle.execute(f"DESCRIBE {table}").fetchall())
    assert rows(lake, f"SELECT {utc(columns)} FROM billing_gold.{table}") == rows(
        oracle, f"SELECT {utc(columns)} FROM {table}"
    )


def test_the_report_tells_what_the_independent_computation_finds(place: Path, oracle: Any) -> None:
    page = place / "report.html"
    done = lakehouse("report", "billing", "--lake", place / "lake", "--out", page)
    assert (done.stdout, done.stderr) == (f"{page}: 11 sections; open it in a browser\n", "")
    glance = page.read_text("utf-8").partition('id="at_a_glance"')[2].partition("</table>")[0]
    tiles = re.findall(r'<div class="figure"><data value="([^"]*)">', glance)
    expected = oracle.execute(
        "SELECT sum(credits_used), sum(transaction_count) FROM daily_usage GROUP BY currency ORDER BY 2 DESC, currency"
    ).fetchall()
    assert list(zip(tiles[::3], tiles[1::3], strict=True)) == [(str(used), str(count)) for used, count in expected]
    assert len(expected) == 3


def test_every_delivery_ends_as_the_truth_says(place: Path, lake: Any) -> None:
    truth = json.loads((place / "landing.billing.truth.json").read_text())
    expected = {"usage/" + d["path"]: d["state"] for d in truth["deliveries"]}
    found = dict(
        lake.execute(
            "SELECT delivery_id, max_by(state, entry) FROM billing_ledger.deliveries GROUP BY delivery_id"
        ).fetchall()
    )
    assert found == expected


def test_the_result_file_adds_up(place: Path) -> None:
    result = json.loads((place / "result.json").read_text())
    judged = [d for d in result["deliveries"] if d["state"] == "accepted"]
    assert result["exit_code"] == 3
    assert result["reason"].startswith("gates refused 1 deliveries")
    for delivery in judged:
        kept = delivery["rows_accepted"] + delivery["rows_quarantined"] + delivery["rows_outranked"]
        assert delivery["rows_in"] == kept > 0
        assert sum(delivery["quarantined_by_rule"].values()) >= delivery["rows_quarantined"]


def test_every_table_opens_in_delta_rs_and_carries_its_descriptions(place: Path) -> None:
    logs = sorted((place / "lake").glob("*/*/*/_delta_log"))
    assert len(logs) == 13 + 5
    for log in logs:
        table = DeltaTable(str(log.parent))
        assert table.scan().read_all().num_rows >= 0
        assert not set(table.protocol().reader_features or []) & {"deletionVectors", "columnMapping"}
    silver = DeltaTable(str(place / "lake/billing/silver/usage"))
    comments = {field.name: field.metadata.get("comment") for field in silver.schema().fields}
    assert comments["credit_usage"] == "Debit in credits and negative by convention"
    assert silver.metadata().description == "One billed operation, the latest version of each."
    daily = DeltaTable(str(place / "lake/billing/gold/daily_usage"))
    assert daily.schema().fields[2].metadata.get("comment") == "Consumption in credits and positive"


def data_files(lake: Path) -> set[str]:
    layers = ("bronze", "silver", "gold", "outranked", "quarantine")
    return {str(path) for layer in layers for path in (lake / "billing" / layer).rglob("*") if path.is_file()}


def test_the_status_of_the_lake(place: Path, oracle: Any) -> None:
    truth = json.loads((place / "landing.billing.truth.json").read_text())
    result = json.loads((place / "result.json").read_text())
    (found,) = json.loads(lakehouse("status", "--lake", place / "lake", "--json").stdout)["domains"]
    states = Counter(delivery["state"] for delivery in truth["deliveries"])
    assert (found["deliveries"]["current"], found["deliveries"]["refused"]) == (states["accepted"], 1)
    assert found["deliveries"]["unreadable"] == states["unreadable"] > 0
    assert {one["delivery_id"] for one in found["troubled"]} == {
        "usage/" + one["path"] for one in truth["deliveries"] if one["state"] != "accepted"
    }
    (rows,) = oracle.execute("SELECT count(*) FROM quarantine_usage").fetchone()
    assert found["quarantine"][0]["rows"] == {"open": rows, "replayed": 0, "discarded": 0, "superseded": 0}
    by_rule = oracle.execute("SELECT r, count(*) FROM (SELECT unnest(rules) AS r FROM quarantine_usage) GROUP BY ALL")
    assert {one["rule"]: one["open"] for one in found["quarantine"][0]["rules"]} == dict(by_rule.fetchall())
    tables = {one["table"]: (one["state"], one["newest_day"], one["rows"]) for one in found["tables"]}
    for name, view in [("silver.usage", "silver_usage"), *((f"gold.{name}", name) for name in GOLD)]:
        (rows,) = oracle.execute(f"SELECT count(*) FROM {view}").fetchone()
        assert tables[f"billing.{name}"] == ("up to date", "2025-01-07", rows), name
    assert (found["gaps"], found["waiting"], found["writer"]) == ([], [], None)
    (run,) = found["runs"]
    assert (run["run_id"], run["exit_code"], run["state"]) == (result["run_id"], 3, "finished")
    log = [json.loads(line) for line in Path(run["log"]).read_text().splitlines()]
    assert {line["run_id"] for line in log} == {result["run_id"]}
    assert (log[-1]["message"], log[-1]["fields"]["exit_code"]) == ("run finished", 3)


def test_the_history_of_a_table(place: Path, oracle: Any) -> None:
    result = json.loads((place / "result.json").read_text())
    (rows,) = oracle.execute("SELECT count(*) FROM silver_usage").fetchone()
    found = json.loads(lakehouse("history", "billing.silver.usage", "--lake", place / "lake", "--json").stdout)
    assert [(one["operation"], one["run_id"], one["rows_written"]) for one in found["versions"]] == [
        ("WRITE", result["run_id"], rows),
        ("CREATE TABLE", result["run_id"], None),
    ]


def test_nothing_new_writes_nothing_and_starts_no_jvm(place: Path) -> None:
    before = data_files(place / "lake")
    poisoned = {**os.environ, "JAVA_HOME": "/nonexistent", "PATH": "/nonexistent"}
    command = [sys.executable, "-c", "from lakehouse.cli import main; main()", "run", "billing"]
    command += ["--landing", str(place / "landing"), "--lake", str(place / "lake")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=poisoned)
    assert done.returncode == 0, done.stderr
    assert "billing: nothing new in" in done.stdout
    assert "refused for billing.silver.usage" in done.stdout
    assert data_files(place / "lake") == before
    assert len(list((place / "lake/billing/logs").iterdir())) == 1


def test_verify_agrees_then_names_a_tampered_row(place: Path) -> None:
    done = lakehouse("verify", "billing", "--lake", place / "lake")
    assert "Every table equals its recomputation" in done.stdout
    region = DeltaTable(str(place / "lake/billing/gold/region_totals"))
    region.update(
        updates={"transaction_count": "transaction_count + 1"}, predicate="usage_rank = 1 AND currency = 'EUR'"
    )
    silver = DeltaTable(str(place / "lake/billing/silver/usage"))
    silver.delete("record_number = 7 AND delivery_date = '2025-01-02'")
    done = lakehouse("verify", "billing", "--lake", place / "lake", fails_with=1)
    assert "different in transaction_count: currency=EUR, region=" in done.stdout
    assert "missing: usage_timestamp=2025-01-0" in done.stdout
    assert "not conserved billing.silver.usage: usage/year=2025/month=01/day=02/" in done.stdout
