"""Quarantined rows that are repaired, judged again, or discarded."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lakehouse.contracts.domains import load_domain
from lakehouse.contracts.environments import load_environment
from lakehouse.contracts.lakes import Lake
from lakehouse.contracts.names import TableId
from lakehouse.ledger.book import Ledger
from lakehouse.steps.decisions import discard, patch
from lakehouse.steps.patch_files import read_patches
from lakehouse.steps.patches import RowAddress, patched_before, resolve
from lakehouse.steps.replay import preview
from lakehouse.steps.verify import verify
from lakehouse.steps.workspace import Workspace
from tests.conftest import Run, deliver, usage
from tests.steps.test_publish import credits_of, table

pytestmark = pytest.mark.slow

STEPS = ("refine", "aggregate")
GOOD = [usage(f"2025-01-02T10:{minute:02}:00Z", f"u{minute}") for minute in range(50)]


def quarantined(lake: Path) -> dict[int, RowAddress]:
    """Quarantined rows by record number."""
    return {
        row["record_number"]: RowAddress(
            TableId.parse("billing.silver.usage"), row["quarantine_id"], row["delivery_id"], row["delivery_sequence"],
            row["record_number"], row["status"], json.loads(row["payload"]),
        )
        for row in table(lake, "quarantine/usage")
    }  # fmt: skip


def statuses(lake: Path) -> dict[int, str]:
    return {number: row.status for number, row in quarantined(lake).items()}


def workspace(lake: Path) -> Workspace:
    silent = Workspace(load_domain("billing"), load_environment("local"), Lake.at(str(lake)), "", "reader")
    return replace(silent, progress=lambda line: None, reads_only=True)


def patches(folder: Path, lake: Path, *lines: dict[str, str]) -> Any:
    path = folder / "patch.json"
    path.write_text(json.dumps([{"who": "ann", "why": "typo", **line} for line in lines]))
    rows = patched_before(quarantined(lake).values(), Ledger(Lake.at(str(lake)), "billing").decisions())
    return resolve(read_patches(path), rows, load_domain("billing"))


def test_a_patched_row_enters_as_if_it_had_been_right_from_the_start(run: Run, landing: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    deliver(landing, "2025-01-02", "a.csv", [*GOOD, usage("12:30", "u77", "-7"), usage("2025-01-02T11:00:00Z", "")])
    run()
    bad = quarantined(lake)
    assert (sorted(bad), len(table(lake, "silver/usage"))) == ([51, 52], 50)
    first = bad[51].quarantine_id
    repair = patches(
        tmp_path, lake,
        {"quarantine_id": first, "column": "usage_timestamp", "value": "2025-01-03T12:30:00Z"},
        {"quarantine_id": bad[52].quarantine_id, "column": "user_id", "value": ""},
    )  # fmt: skip
    # The second line says what was delivered: it changes nothing.
    assert (len(repair.decisions), repair.notes) == (1, ["1 lines change nothing"])
    found = preview(workspace(lake), [*bad.values()], repair.decisions)
    assert (found.passing, found.staying) == ([first], 1)
    assert {rule: count for (_, rule), count in found.broken.items()} == {"user_id_required": 1}
    assert len(table(lake, "silver/usage")) == 50

    summary = run(steps=STEPS, decide=patch(repair))
    assert summary.notes[0] == "1 values patched"
    assert "billing.silver.usage: 1 quarantined rows replayed" in summary.notes
    assert statuses(lake) == {51: "replayed", 52: "open"}
    assert [row["record_number"] for row in table(lake, "silver/usage") if row["user_id"] == "u77"] == [51]
    daily = {str(row["usage_date"]): f"{row['credits_used']:.2f}" for row in table(lake, "gold/daily_usage")}
    assert daily == {"2025-01-02": "75.00", "2025-01-03": "7.00"}
    # Bronze keeps what was delivered, the quarantine too.
    assert quarantined(lake)[51].payload["timestamp"] == "12:30"
    again = run(steps=STEPS, decide=patch(repair))
    assert (again.nothing_new, again.notes[0]) == (True, "0 values patched")
    assert verify(workspace(lake)).holds

    # A correction of the delivery brings its own values: patches of the older content do not reach it.
    deliver(landing, "2025-01-02", "a.csv", [*GOOD, usage("12:30", "u77", "-8")])
    run()
    by_status = sorted((row["status"], row["record_number"]) for row in table(lake, "quarantine/usage"))
    assert by_status == [("open", 51), ("replayed", 51), ("superseded", 52)]
    assert [row for row in table(lake, "silver/usage") if row["user_id"] == "u77"] == []
    assert verify(workspace(lake)).holds


def test_discarded_rows_stay_out_and_speak_no_more_against_their_delivery(
    run: Run, landing: Path, tmp_path: Path, conf: Path
) -> None:
    lake = tmp_path / "lake"
    bad = [usage("2025-01-02T11:00:00Z", f"u{number}", "5") for number in range(60, 64)]
    deliver(landing, "2025-01-02", "a.csv", [*GOOD, *bad])
    assert (run().exit_code, table(lake, "silver/usage")) == (3, [])
    rows = quarantined(lake)
    summary = run(steps=STEPS, decide=discard([rows[51], rows[52], rows[53]], "ann", "credits are no usage"))
    assert (summary.exit_code, summary.notes[0]) == (0, "3 rows discarded")
    assert statuses(lake) == {51: "discarded", 52: "discarded", 53: "discarded", 54: "open"}
    assert len(table(lake, "silver/usage")) == 50
    assert verify(workspace(lake)).holds
    # The rule goes; what was discarded stays out, what was open enters.
    contract = conf / "billing/silver/usage.yml"
    text = contract.read_text()
    rule = next(line for line in text.splitlines() if "credit_usage_is_a_debit" in line)
    contract.write_text(text.replace(f"{rule}\n", ""))
    found = preview(workspace(lake), [rows[54], rows[51]], ())
    assert (found.passing, dict(found.broken)) == (
        [rows[54].quarantine_id], {(TableId.parse("billing.silver.usage"), "discarded"): 1},
    )  # fmt: skip
    run(steps=STEPS)
    assert statuses(lake) == {51: "discarded", 52: "discarded", 53: "discarded", 54: "replayed"}
    assert [(user, credit) for user, credit in credits_of(lake) if credit == "5.00"] == [("u63", "5.00")]
    (reason,) = [row["reasons"] for row in table(lake, "quarantine/usage") if row["record_number"] == 51]
    assert [(found["rule"], found["message"]) for found in reason] == [("discarded", "credits are no usage")]
    assert verify(workspace(lake)).holds


def test_a_record_that_could_not_be_parsed_is_patched_as_a_whole(run: Run, landing: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    deliver(landing, "2025-01-02", "a.csv", [*GOOD, "2025-01-02T11:00:00Z,r1,u77"])
    run()
    bad = quarantined(lake)[51]
    names = ["timestamp", "resource_id", "user_id", "credit_usage", "region", "service_tier", "operation_type",
             "success", "resource_type", "invoice_id", "currency"]  # fmt: skip
    values = usage("2025-01-02T11:00:00Z", "u77", "9").split(",")
    lines = [
        {"quarantine_id": bad.quarantine_id, "column": name, "value": value}
        for name, value in zip(names, values, strict=True)
    ]
    run(steps=STEPS, decide=patch(patches(tmp_path, lake, *lines)))
    # Its values are read now, and one of them is wrong. The record stays as it was delivered.
    assert statuses(lake) == {51: "open"}
    assert quarantined(lake)[51].payload["malformed_record"] == "2025-01-02T11:00:00Z,r1,u77"
    (reasons,) = [row["reasons"] for row in table(lake, "quarantine/usage")]
    assert [(one["rule"], one["value"]) for one in reasons] == [("credit_usage_is_a_debit", "9.00000000")]
    assert verify(workspace(lake)).holds
    # Only that value is patched then.
    line = {"quarantine_id": bad.quarantine_id, "column": "credit_usage", "value": "-9"}
    run(steps=STEPS, decide=patch(patches(tmp_path, lake, line)))
    assert statuses(lake) == {51: "replayed"}
    assert ("u77", "-9.00") in credits_of(lake)
    assert verify(workspace(lake)).holds
