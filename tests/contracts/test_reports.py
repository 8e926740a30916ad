"""Every mistake in a report's contract that a person can make, and the whole text that explains it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from lakehouse.contracts.domains import load_domain
from lakehouse.contracts.reports import load_report
from lakehouse.errors import ConfigurationError
from lakehouse.serving.questions import check_report
from tests.contracts.places import DOMAIN, Change, change, copy_conf
from tests.serving.small_report import PER_DAY, REGIONS, use_conf

SECTIONS = "title: Usage\ndescription: Who used what.\nsections:\n"
TOTAL = """\
  regions:
    title: Regions
    says: Where it was used.
    sql: SELECT region, credits_used FROM billing_gold.region_totals
    chart: {kind: bar, label: region, value: credits_used}
"""
CHART = "chart: {kind: bar, label: region, value: credits_used}"
LINE = "Example: chart: {kind: line, x: usage_date, y: [credits_used], apart: currency}"
BAR = "Example: chart: {kind: bar, label: region, value: credits_used, apart: currency}"

DECLARED = {
    "unknown key": (
        TOTAL.replace("says:", "say:"),
        "sections.regions: unknown key 'say'. Did you mean 'says'? Allowed: chart, columns, says, sql, title. "
        f"Example: {'{section}'}",
    ),
    "unknown kind of chart": (
        TOTAL.replace("kind: bar", "kind: bars"),
        "sections.regions.chart: 'bars' is not a kind of chart. Did you mean 'bar'? Allowed: 'line', 'bar', "
        f"'stacked_bar', 'tiles', 'table'. {LINE}",
    ),
    "chart without a kind": (
        TOTAL.replace("kind: bar, ", ""),
        f"sections.regions.chart: the key 'kind' is required and missing. {LINE}",
    ),
    "chart without a column": (
        TOTAL.replace(", value: credits_used", ""),
        f"sections.regions.chart.value: this key is required and missing. {BAR}",
    ),
    "key of another chart": (
        TOTAL.replace("label: region", "x: region"),
        f"sections.regions.chart: unknown key 'x'. Allowed: apart, kind, label, value. {BAR}",
    ),
    "column that is two things": (
        TOTAL.replace("value: credits_used", "value: region"),
        f"sections.regions.chart: the column 'region' is label and value at once. Name each column once. {BAR}",
    ),
    "series of several": (
        TOTAL.replace(CHART, "chart: {kind: line, x: region, y: [a, b], series: c}"),
        "sections.regions.chart: 'series' goes with one column in y, found 2: each of several is a series already. "
        f"{LINE}",
    ),
    "y that is no list": (
        TOTAL.replace(CHART, "chart: {kind: line, x: region, y: credits_used}"),
        "sections.regions.chart.y: expected a list such as [usage_date, currency], found 'credits_used'. " + LINE,
    ),
    "decimals": (
        TOTAL + "    columns: {credits_used: {decimals: 20}}\n",
        "sections.regions.columns.credits_used.decimals: expected 12 or less, found 20. Example: credits_used: "
        "{label: Credits used, unit: credits, decimals: 2, per: currency}",
    ),
    "currencies on one axis": (
        TOTAL + "    columns: {credits_used: {per: currency}}\n",
        "sections.regions: 'credits_used' is counted per currency, so figures of two of them have no common axis or "
        "sum. Say in the chart: apart: currency.",
    ),
    "no section": ("  {}\n", "sections: at least 1 is needed, found 0. Example: {section}"),
    "name of a section": (
        TOTAL.replace("  regions:", "  Best-Regions:"),
        "sections.Best-Regions: 'Best-Regions' cannot be a name: use lower-case letters, digits and _, not starting "
        "with a digit. Example: credit_usage.",
    ),
    "key of the engine": (TOTAL + "domain: x\n", "unknown key 'domain': a report is named by its file's folder."),
}


def explanation(conf: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        check_report(load_domain("billing"), load_report("billing"))
    return str(caught.value).replace(f"{conf}/billing/report.yml: ", "")


@pytest.mark.parametrize("mistake", DECLARED)
def test_a_mistake_in_a_report_is_explained(mistake: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conf = use_conf(tmp_path, monkeypatch, regions=REGIONS)
    text, explained = DECLARED[mistake]
    (conf / "billing" / "report.yml").write_text(SECTIONS + text)
    section = (
        "regions: {title: Regions, says: Who uses most., sql: 'SELECT region, credits_used FROM ...', chart: {kind: "
        "bar, label: region, value: credits_used}}"
    )
    explained = explained.replace("{section}", section)
    assert explanation(conf) == explained


def test_a_report_without_a_mistake_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conf = use_conf(tmp_path, monkeypatch, regions=REGIONS)
    (conf / "billing" / "report.yml").write_text(SECTIONS + TOTAL)
    report = load_report("billing")
    check_report(load_domain("billing"), report)
    assert list(report.sections) == ["regions"]


def test_a_domain_without_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conf = copy_conf(tmp_path / "conf")
    monkeypatch.setenv("LAKEHOUSE_CONF", str(conf))
    with pytest.raises(ConfigurationError) as caught:
        load_report("billing")
    assert str(caught.value) == (
        f"The domain 'billing' declares no report: there is no {conf}/billing/report.yml. Domains with one: none. "
        "Example of a file: title: Billing, description: Who used what., sections: {...}"
    )
    change(conf, Change(DOMAIN.replace("billing", "shop"), "", (conf / DOMAIN).read_text()))
    (conf / "shop" / "report.yml").write_text(SECTIONS + TOTAL)
    with pytest.raises(ConfigurationError) as caught:
        load_report("billing")
    assert "Domains with one: shop." in str(caught.value)
    with pytest.raises(ConfigurationError) as caught:
        load_report("shap")
    assert str(caught.value).startswith("There is no domain 'shap'. Did you mean 'shop'? Domains: billing, shop ")


# --- SQL and what is made of its answer


def asked(sql: str, **changes: Any) -> dict[str, Any]:
    return {**REGIONS, "chart": {"kind": "table"}, "columns": {}, "sql": sql, **changes}


GOLD = "Tables: billing_gold.daily_usage, billing_gold.region_totals, billing_ledger.deliveries, billing_ledger.runs, "
LEDGER = "billing_ledger.verdicts, billing_ledger.metrics, billing_ledger.decisions, billing_ledger.publications."
ALL = GOLD + LEDGER
NEITHER = "that a report can read: gold and the ledger alone."
USAGE = "FROM billing_gold.daily_usage"
PER = {"credits_used": {"per": "currency"}}

ASKED = {
    "unknown table": (
        asked("SELECT * FROM billing_gold.daily_usge"),
        f".sql: there is no table 'billing_gold.daily_usge' {NEITHER} Did you mean 'billing_gold.daily_usage'? {ALL}",
    ),
    "table without a schema": (
        asked("SELECT * FROM region_totals"),
        f".sql: there is no table 'region_totals' {NEITHER} Did you mean 'billing_gold.region_totals'? {ALL}",
    ),
    "silver": (
        asked("SELECT * FROM billing_silver.usage"),
        f".sql: there is no table 'billing_silver.usage' {NEITHER} {ALL}",
    ),
    "another domain": (
        asked("SELECT * FROM shop_gold.visits"),
        f".sql: there is no table 'shop_gold.visits' {NEITHER} {ALL}",
    ),
    "a file": (
        asked("SELECT * FROM read_csv('/etc/passwd')"),
        ".sql: 'READ_CSV('/etc/passwd')': a report reads gold and the ledger alone.",
    ),
    "a file within": (
        asked("SELECT region FROM billing_gold.region_totals WHERE region IN (SELECT x FROM 'x.parquet')"),
        f".sql: there is no table 'x.parquet' {NEITHER} {ALL}",
    ),
    "no SQL": (asked("SELECT region FROM"), ".sql: this is not SQL: it cannot be understood from 'FROM' on."),
    "open quote": (asked("SELECT 'a"), ".sql: this is not SQL: a quote or a bracket is never closed."),
    "a statement": (
        asked("DROP TABLE billing_gold.region_totals"),
        ".sql: expected one SELECT, found 'DROP TABLE billing_gold.region_totals'. Example: SELECT ... FROM ...",
    ),
    "two statements": (
        asked("SELECT 1; SELECT 2"),
        ".sql: expected one SELECT, found 'SELECT 1; SELECT 2'. Example: SELECT ... FROM ...",
    ),
    "unknown column": (
        asked("SELECT regoin FROM billing_gold.region_totals"),
        ".sql: there is no column 'regoin'. Did you mean 'region'? Columns: region, credits_used.",
    ),
    "unknown column of a table": (
        asked("SELECT t.regoin FROM billing_gold.region_totals t"),
        ".sql: there is no column 'regoin'. Did you mean 'region'? Columns: region, credits_used.",
    ),
    "wrong types": (
        asked("SELECT sum(region) AS x FROM billing_gold.region_totals"),
        ".sql: Binder Error: No function matches the given name and argument types 'sum(VARCHAR)'. You might need to "
        "add explicit type casts.",
    ),
    "chart of no column": (
        asked(REGIONS["sql"], chart={**REGIONS["chart"], "value": "used"}),
        ".chart.value: the answer has no column 'used'. Columns: region, credits_used.",
    ),
    "chart of a misspelt column": (
        asked(REGIONS["sql"], chart={**REGIONS["chart"], "label": "regin"}),
        ".chart.label: the answer has no column 'regin'. Did you mean 'region'? Columns: region, credits_used.",
    ),
    "unit of no column": (
        asked("SELECT region FROM billing_gold.region_totals", columns={"credit": {"unit": "x"}}),
        ".columns.credit: the answer has no column 'credit'. Columns: region.",
    ),
    "counted in no column": (
        asked(f"SELECT credits_used {USAGE}", columns=PER),
        ".columns.credits_used.per: the answer has no column 'currency'. Columns: credits_used.",
    ),
    "figure that is no number": (
        asked("SELECT region, region AS name FROM billing_gold.region_totals",
              chart={"kind": "bar", "label": "region", "value": "name"}),
        ".chart.value: 'name' is VARCHAR, and a chart measures numbers. Numbers: none.",
    ),
    # --- currencies
    "sum over currencies": (
        asked(f"SELECT region, any_value(currency) AS currency, sum(credits_used) AS c {USAGE} GROUP BY region"),
        ".sql: 'SUM(credits_used)' mixes currencies. Group by currency and keep the figures apart. "
        "Example: SELECT currency, SUM(credits_used) ... GROUP BY currency",
    ),
    "average over currencies": (
        asked(f"SELECT avg(credits_used) AS c {USAGE}"),
        ".sql: 'AVG(credits_used)' mixes currencies. Group by currency and keep the figures apart. "
        "Example: SELECT currency, AVG(credits_used) ... GROUP BY currency",
    ),
    "window over currencies": (
        asked(f"SELECT currency, sum(credits_used) OVER (ORDER BY usage_date) AS c {USAGE}"),
        ".sql: 'SUM(credits_used)' mixes currencies. Group by currency and keep the figures apart. "
        "Example: SELECT currency, SUM(credits_used) ... GROUP BY currency",
    ),
    "one of two currencies": (
        asked(f"SELECT sum(credits_used) AS c {USAGE} WHERE currency = 'EUR' OR currency = 'USD'"),
        ".sql: 'SUM(credits_used)' mixes currencies. Group by currency and keep the figures apart. "
        "Example: SELECT currency, SUM(credits_used) ... GROUP BY currency",
    ),
    "table without the currency": (
        asked(f"SELECT usage_date, credits_used {USAGE}"),
        ".sql: the answer has 'credits_used' and no column currency, so nobody can tell which amounts are alike. "
        "Select currency too.",
    ),
    "chart without the currency": (
        {**PER_DAY, "columns": {}},
        ".columns.credits_used: it is read from a table with a currency; say which column tells it. Example: columns: "
        "{credits_used: {unit: credits, per: currency}}",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", ASKED)
def test_a_mistake_in_a_question_is_explained(mistake: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    section, explained = ASKED[mistake]
    conf = use_conf(tmp_path, monkeypatch, regions=REGIONS, wrong=section)
    assert explanation(conf) == f"sections.wrong{explained}"


MIXED = [
    f"SELECT sum(credits_used) AS c {USAGE} WHERE NOT (currency = 'EUR')",
    f"SELECT sum(credits_used) AS c {USAGE} WHERE (currency = 'EUR') IS NULL",
    f"SELECT sum(credits_used) AS c {USAGE} WHERE region IN (SELECT region {USAGE} WHERE currency = 'EUR')",
    f"SELECT sum(a.credits_used) AS c {USAGE} a, billing_gold.daily_usage b WHERE a.currency = b.currency",
    f"SELECT sum(credits_used) AS c {USAGE} WHERE currency = region",
    f"SELECT sum(credits_used) AS c {USAGE} WHERE lower(currency) = 'eur'",
    f"SELECT sum(credits_used) AS c {USAGE} GROUP BY currency = 'EUR'",
    f"SELECT currency = 'EUR' AS euro, sum(credits_used) AS c {USAGE} GROUP BY euro",
    f"SELECT currency = 'EUR' AS euro, sum(credits_used) AS c {USAGE} GROUP BY 1",
    f"SELECT currency = 'EUR' AS euro, sum(credits_used) AS c {USAGE} GROUP BY ALL",
    f"SELECT currency, sum(credits_used) AS c {USAGE} GROUP BY ROLLUP (currency)",
    f"SELECT 'all' AS currency, sum(credits_used) AS c FROM (SELECT credits_used {USAGE}) GROUP BY currency",
    f"SELECT currency, sum(credits_used) OVER (PARTITION BY currency = 'EUR') AS c {USAGE}",
]


@pytest.mark.parametrize("sql", MIXED)
def test_what_only_mentions_the_currency_mixes_currencies(
    sql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conf = use_conf(tmp_path, monkeypatch, regions=REGIONS, wrong=asked(sql))
    assert re.match(r"sections\.wrong\.sql: 'SUM\((a\.)?credits_used\)' mixes currencies\. ", explanation(conf))


RIGHT = [
    f"SELECT currency, sum(credits_used) AS c {USAGE} GROUP BY currency",
    f"SELECT usage_date, currency, sum(credits_used) AS c {USAGE} GROUP BY ALL",
    f"SELECT currency, sum(credits_used) AS c {USAGE} GROUP BY 1",
    f"SELECT 'EUR' AS currency, sum(credits_used) AS c {USAGE} WHERE currency = 'EUR' AND region = 'eu'",
    f"SELECT currency, sum(credits_used) OVER (PARTITION BY currency ORDER BY usage_date) AS c {USAGE}",
    f"SELECT 'EUR' AS currency, sum(credits_used) AS c {USAGE} WHERE (region = 'eu' AND ('EUR' = currency)) AND true",
    f"SELECT currency, sum(credits_used) OVER (ORDER BY usage_date) AS c {USAGE} WHERE currency = ('EUR')",
    f"SELECT currency AS c, CAST(sum(credits_used) AS DOUBLE) AS s {USAGE} GROUP BY c",
    f"SELECT currency, sum(credits_used) AS s {USAGE} d GROUP BY (d.currency), ROLLUP (region)",
    f"SELECT coalesce(currency, '?') AS currency, sum(credits_used) AS s {USAGE} GROUP BY currency",
    f"SELECT count(credits_used) AS n, sum(operations) AS operations {USAGE}",
    "WITH runs AS (SELECT run_id FROM billing_ledger.runs) SELECT count(*) AS n FROM runs",
    f"FROM (SELECT region, usage_date {USAGE}) SELECT region, max(usage_date) AS day GROUP BY region",
]


@pytest.mark.parametrize("sql", RIGHT)
def test_a_question_that_can_be_answered_is_taken(sql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_conf(tmp_path, monkeypatch, right=asked(sql))
    check_report(load_domain("billing"), load_report("billing"))
