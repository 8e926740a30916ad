"""A contract may name its columns as it likes: the engine's own, while it works, begin with _lakehouse_."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.steps.decisions import discard
from lakehouse.steps.verify import verify
from tests.conftest import Run, deliver, usage
from tests.steps.test_publish import table
from tests.steps.test_replay import STEPS, quarantined, statuses, workspace

pytestmark = pytest.mark.slow

_BRONZE = {"region": "discarded", "operation_type": "_patched_from", "resource_type": "_id"}
"""Delivered columns, and what bronze calls them."""
_SILVER = {"region": "place", "operation_type": "_change", "resource_type": "_id"}


def test_columns_named_by_words_that_the_engine_uses(run: Run, landing: Path, tmp_path: Path, conf: Path) -> None:
    bronze, silver = conf / "billing/bronze/usage.yml", conf / "billing/silver/usage.yml"
    texts, types = bronze.read_text(), silver.read_text()
    for delivered, name in _BRONZE.items():
        texts = texts.replace(f"  {delivered}: {{", f"  {name}: {{aliases: [{delivered}], ")
        types = types.replace(
            f"  {delivered}: {{type: string, ", f"  {_SILVER[delivered]}: {{type: string, from: {name}, "
        )
    bronze.write_text(texts)
    silver.write_text(types.replace('"region"', '"place"'))
    lake = tmp_path / "lake"
    hours = [f"2025-01-02T{hour:02}:00:00Z" for hour in range(24)]
    good = [usage(hour, "u1", "-2", region="north", operation_type="read", resource_type="vm") for hour in hours]
    deliver(landing, "2025-01-02", "a.csv", [*good, usage("12:30", "u9", region="south")])
    late = usage(hours[0], "u1", "-3", region="west", operation_type="write", resource_type="gpu")
    deliver(landing, "2025-01-03", "b.csv", [late])
    run()

    def first() -> list[tuple[str, str, str, str]]:
        rows = [row for row in table(lake, "silver/usage") if row["usage_timestamp"].hour == 0]
        return [(row["place"], row["_change"], row["_id"], f"{row['credit_usage']:.0f}") for row in rows]

    assert (len(table(lake, "silver/usage")), first()) == (24, [("west", "write", "gpu", "-3")])
    assert [row["place"] for row in table(lake, "outranked/usage")] == ["north"]
    # A value in a column of that name is no decision about the row.
    assert statuses(lake) == {25: "open"}
    (payload,) = [row["payload"] for row in table(lake, "quarantine/usage")]
    assert '"discarded":"south"' in payload
    deliver(landing, "2025-01-03", "b.csv", [late.replace("west", "east")])
    run()
    assert first() == [("east", "write", "gpu", "-3")]
    run(steps=STEPS, decide=discard([quarantined(lake)[25]], "ann", "no time"))
    assert statuses(lake) == {25: "discarded"}
    assert verify(workspace(lake)).holds
