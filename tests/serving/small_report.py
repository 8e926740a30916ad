"""A small report and lakes for it, written by hand: gold with days, currencies and regions; no Spark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from deltalake import QueryBuilder, write_deltalake

from lakehouse.contracts.lakes import Lake
from tests.contracts.places import DAILY, TOTALS, Change, copy_conf

MORE_COLUMNS = Change(
    DAILY,
    "  region: {type",
    "  currency: {type: string, description: x}\n  operations: {type: bigint, description: x}\n  region: {type",
)
PERSONAL_REGION = Change(TOTALS, "region: {type", "region: {pii: true, type")

PER_DAY: dict[str, Any] = {
    "title": "Per day",
    "says": "What was used.",
    "sql": "SELECT usage_date, currency, credits_used FROM billing_gold.daily_usage ORDER BY currency, usage_date",
    "chart": {"kind": "line", "x": "usage_date", "y": ["credits_used"], "apart": "currency"},
    "columns": {"credits_used": {"unit": "credits", "decimals": 2, "per": "currency"}},
}
REGIONS: dict[str, Any] = {
    "title": "Regions",
    "says": "Where it was used.",
    "sql": "SELECT region, credits_used FROM billing_gold.region_totals ORDER BY credits_used DESC",
    "chart": {"kind": "bar", "label": "region", "value": "credits_used"},
    "columns": {"credits_used": {"unit": "credits"}},
}


def write_report(conf: Path, **sections: Any) -> Path:
    """The contract of a report with these sections."""
    path = conf / "billing" / "report.yml"
    content = {"title": "Usage", "description": "Who used what.", "sections": sections}
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), "utf-8")
    return path


def use_conf(folder: Path, monkeypatch: pytest.MonkeyPatch, *changes: Change, **sections: Any) -> Path:
    """Contracts and a report with these sections, where the process finds them."""
    conf = copy_conf(folder / "conf", MORE_COLUMNS, *changes)
    write_report(conf, **sections)
    monkeypatch.setenv("LAKEHOUSE_CONF", str(conf))
    return conf


def used(day: int, currency: str, credits_used: str, operations: int = 1) -> str:
    """A row of daily_usage as SQL."""
    return (
        f"SELECT DATE '2025-01-{day:02}' AS usage_date, '{currency}' AS currency, {operations} AS operations, "
        f"'eu' AS region, CAST('{credits_used}' AS DECIMAL(38,8)) AS credits_used"
    )


def total(region: str, credits_used: str) -> str:
    """A row of region_totals as SQL."""
    quoted = region.replace("'", "''")
    return f"SELECT '{quoted}' AS region, CAST('{credits_used}' AS DECIMAL(38,8)) AS credits_used"


def write_gold(lake: Lake, name: str, *rows: str) -> None:
    """A gold table with these rows."""
    frame = QueryBuilder().execute(" UNION ALL ".join(rows)).read_all()
    write_deltalake(f"{lake.root}/billing/gold/{name}", frame, mode="overwrite")
