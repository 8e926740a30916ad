"""What a run publishes, on small deliveries whose outcome can be told by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from lakehouse.errors import ConfigurationError
from tests.conftest import HEADER, Run, deliver, usage

pytestmark = pytest.mark.slow


def table(lake: Path, path: str) -> list[dict[str, Any]]:
    frame = DeltaTable(str(lake / "billing" / path)).scan().read_all()
    columns = {name: frame.column(name).to_pylist() for name in frame.column_names}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def credits_of(lake: Path, path: str = "silver/usage") -> list[tuple[str, str]]:
    """(user, credit) of every row, sorted."""
    return sorted((row["user_id"], f"{row['credit_usage']:.2f}") for row in table(lake, path))


def test_a_later_day_outranks_an_earlier_one_whatever_the_order_of_arrival(
    run: Run, landing: Path, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    deliver(landing, "2025-01-03", "b.csv", [usage("2025-01-02T10:00:00Z", "u1", "-3"), usage("2025-01-03T10:00:00Z")])
    run()
    assert credits_of(lake) == [("u1", "-1.50"), ("u1", "-3.00")]
    deliver(
        landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-2"), usage("2025-01-02T11:00:00Z", "u2")]
    )
    summary = run()
    assert credits_of(lake) == [("u1", "-1.50"), ("u1", "-3.00"), ("u2", "-1.50")]
    assert credits_of(lake, "outranked/usage") == [("u1", "-2.00")]
    deliver(landing, "2025-01-04", "c.csv", [usage("2025-01-02T10:00:00Z", "u1", "-4")])
    run()
    assert credits_of(lake) == [("u1", "-1.50"), ("u1", "-4.00"), ("u2", "-1.50")]
    assert credits_of(lake, "outranked/usage") == [("u1", "-2.00"), ("u1", "-3.00")]
    daily = {str(row["usage_date"]): f"{row['credits_used']:.2f}" for row in table(lake, "gold/daily_usage")}
    assert daily == {"2025-01-02": "5.50", "2025-01-03": "1.50"}
    accepted = [d for d in summary.deliveries if d.state == "accepted"]
    assert [(d.rows_in, d.rows_accepted, d.rows_outranked) for d in accepted] == [(2, 1, 1)]


def test_sql_that_spark_does_not_understand_stops_a_run_before_it_takes_or_makes_anything(
    run: Run, landing: Path, conf: Path, tmp_path: Path
) -> None:
    contract = conf / "billing" / "silver" / "usage.yml"
    right = contract.read_text()
    wrong = right.replace("{assert: credit_usage <> 0,", "{assert: credit_usage,")
    deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z")])
    for taken, steps, made in (((), ("ingest", "refine"), "bronze"), (("ingest",), ("refine",), "silver")):
        contract.write_text(right)
        run(steps=taken)
        contract.write_text(wrong)
        with pytest.raises(ConfigurationError) as caught:
            run(steps=steps)
        assert str(caught.value) == (
            f"{contract}: row_rules.credit_usage_is_not_zero.assert: 'credit_usage' gives decimal(20,8), and true or "
            "false is needed. Example: credit_usage < 0"
        )
        assert not (tmp_path / "lake" / "billing" / made).exists()
    contract.write_text(right)
    run()
    assert credits_of(tmp_path / "lake") == [("u1", "-1.50")]


def test_a_correction_retracts_what_it_replaces_and_brings_back_what_was_outranked(
    run: Run, landing: Path, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    deliver(
        landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-2"), usage("2025-01-02T12:00:00Z", "u9")]
    )
    deliver(
        landing, "2025-01-03", "b.csv", [usage("2025-01-02T10:00:00Z", "u1", "-3"), usage("2025-01-03T10:00:00Z", "u2")]
    )
    run()
    assert credits_of(lake) == [("u1", "-3.00"), ("u2", "-1.50"), ("u9", "-1.50")]
    deliver(landing, "2025-01-03", "b.csv", [usage("2025-01-03T10:00:00Z", "u2", "-7")])
    summary = run()
    assert [d.delivery_id for d in summary.deliveries if d.state == "corrected"] == [
        "usage/year=2025/month=01/day=03/b.csv"
    ]
    assert credits_of(lake) == [("u1", "-2.00"), ("u2", "-7.00"), ("u9", "-1.50")]
    assert credits_of(lake, "outranked/usage") == []
    daily = {str(row["usage_date"]): f"{row['credits_used']:.2f}" for row in table(lake, "gold/daily_usage")}
    assert daily == {"2025-01-02": "3.50", "2025-01-03": "7.00"}
    assert run().nothing_new


def test_a_bad_day_is_refused_alone_and_taken_when_it_is_corrected(run: Run, landing: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    good = [usage(f"2025-01-02T10:00:{second:02}Z") for second in range(20)]
    bad = [usage(f"2025-01-03T10:00:{second:02}Z") for second in range(18)]
    bad += [usage("12:30", "u5"), usage("2025-01-03T11:00:00Z", "u6", "1e3", currency="usd", success="maybe")]
    deliver(landing, "2025-01-02", "a.csv", good)
    deliver(landing, "2025-01-03", "b.csv", bad)
    summary = run()
    assert summary.exit_code == 3
    assert [d.reason for d in summary.deliveries if d.state == "refused"] == [
        "10 % of the rows are quarantined; more than 5 % is refused"
    ]
    assert [(d.delivery_id, d.rows_quarantined) for d in summary.deliveries if d.state == "refused"] == [
        ("usage/year=2025/month=01/day=03/b.csv", 2)
    ]
    assert len(table(lake, "silver/usage")) == 20
    reasons = {
        row["record_number"]: sorted((r["rule"], r["value"]) for r in row["reasons"])
        for row in table(lake, "quarantine/usage")
    }
    assert reasons == {
        19: [("usage_timestamp_unreadable", "12:30")],
        20: [("credit_usage_unreadable", "1e3"), ("currency_is_iso_4217", "usd"), ("success_unreadable", "maybe")],
    }
    again = run()
    assert (again.nothing_new, again.exit_code) == (True, 0)
    assert again.standing[0].startswith("usage/year=2025/month=01/day=03/b.csv refused for billing.silver.usage")
    deliver(landing, "2025-01-03", "b.csv", bad[:18])
    assert run().exit_code == 0
    assert len(table(lake, "silver/usage")) == 38
    assert {row["status"] for row in table(lake, "quarantine/usage")} <= {"superseded"}


def test_headers_drift_without_moving_a_value(run: Run, landing: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-2")])
    deliver(
        landing, "2025-01-02", "b.csv", ["-5;u2;2025-01-02T10:00;x;r1;free;true;i1;EUR;NA"],
        header="Credits;USER;ts;note;resource_id;tier;success;invoice_id;currency;region",
    )  # fmt: skip
    assert run().exit_code == 0
    rows = {row["user_id"]: row for row in table(lake, "silver/usage")}
    assert (rows["u2"]["credit_usage"], rows["u2"]["currency"], rows["u2"]["region"]) == (-5, "EUR", "NA")
    assert (rows["u2"]["service_tier"], rows["u2"]["operation_type"]) == ("free", None)
    bronze = {row["user_id"]: row for row in table(lake, "bronze/usage")}
    assert dict(bronze["u2"]["unknown_columns"]) == {"note": "x"}
    assert bronze["u1"]["unknown_columns"] is None


def test_a_quoted_line_end_and_a_record_of_the_wrong_length(run: Run, landing: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    rows = [usage(f"2025-01-02T10:{minute:02}:00Z") for minute in range(40)]
    rows[0] = usage("2025-01-02T10:00:00Z", "u7", operation_type='"two\nlines; ""quoted"""')
    rows[39] = "2025-01-02T10:39:00Z,r1,u8"
    deliver(landing, "2025-01-02", "a [1] é.csv", rows)
    assert run().exit_code == 0
    silver = table(lake, "silver/usage")
    assert len(silver) == 39
    assert [r["operation_type"] for r in silver if r["user_id"] == "u7"] == ['two\nlines; "quoted"']
    (bad,) = table(lake, "quarantine/usage")
    assert (bad["record_number"], bad["reasons"][0]["rule"], bad["reasons"][0]["value"]) == (
        40, "record_malformed", "2025-01-02T10:39:00Z,r1,u8",
    )  # fmt: skip


def test_an_alias_that_is_added_later_makes_a_refused_delivery_readable(
    run: Run, landing: Path, tmp_path: Path, conf: Path
) -> None:
    deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z")], HEADER.replace("invoice_id", "bill"))
    refused = run()
    assert refused.exit_code == 3
    # Nothing was published: gold has no rows, and no gate of its own refuses that.
    assert (refused.refused_tables, table(tmp_path / "lake", "gold/daily_usage")) == ([], [])
    contract = conf / "billing/bronze/usage.yml"
    contract.write_text(
        contract.read_text().replace("invoice_id: {description", "invoice_id: {aliases: [bill], description")
    )
    assert run().exit_code == 0
    assert [row["invoice_id"] for row in table(tmp_path / "lake", "silver/usage")] == ["i1"]
