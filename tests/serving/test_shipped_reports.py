"""The reports that come with the product, on small lakes: each figure against one that was worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from deltalake import DeltaTable, QueryBuilder, write_deltalake

from lakehouse.contracts.columns import Column, DeliveredColumn
from lakehouse.contracts.domains import Domain, DomainFacts, domain_names, load_domain
from lakehouse.contracts.lakes import Lake
from lakehouse.contracts.locations import conf_dir
from lakehouse.contracts.names import TableId
from lakehouse.contracts.reports import Report, load_report, report_file
from lakehouse.contracts.sources import CsvSource
from lakehouse.contracts.tables import AnyTable, BronzeTable, GoldTable
from lakehouse.contracts.writes import ReplaceAll
from lakehouse.contracts.yaml_files import read_mapping
from lakehouse.ledger.book import Ledger
from lakehouse.ledger.deliveries import Delivery, Outcome, delivery_row, outcome_row
from lakehouse.ledger.entries import Row
from lakehouse.serving.questions import check_report
from lakehouse.serving.report import Page, make_page, render

NOW = datetime(2025, 2, 1, tzinfo=timezone.utc)

Rows = list[tuple[Any, ...]]


def write(lake: Lake, table: str, columns: Mapping[str, str], rows: Rows) -> None:
    """A table with these rows, each value cast to its column's type."""
    selects = []
    for row in rows:
        values = ("NULL" if value is None else f"'{value}'" for value in row)
        casts = zip(values, columns.items(), strict=True)
        selects.append("SELECT " + ", ".join(f"arrow_cast({v}, '{_arrow(kind)}') AS {n}" for v, (n, kind) in casts))
    frame = QueryBuilder().execute(" UNION ALL ".join(selects)).read_all()
    write_deltalake(f"{lake.root}/{table}", frame, mode="overwrite")


def _arrow(kind: str) -> str:
    names = {
        "string": "Utf8", "int": "Int32", "bigint": "Int64", "date": "Date32",
        "timestamp": 'Timestamp(Microsecond, Some("UTC"))',
    }  # fmt: skip
    return names.get(kind) or "Decimal128" + kind.removeprefix("decimal").replace(",", ", ")


def numbers(page: Page, name: str) -> list[list[str]]:
    """The numbers of a section as they are written, without their headers."""
    (found,) = [part for part in page.parts if part.name == name]
    assert not found.failed, found.notes
    return [[cell.text for cell in row] for row in found.numbers.rows]


@pytest.mark.parametrize("name", [name for name in domain_names() if report_file(name).is_file()])
def test_a_shipped_report_fits_its_tables(name: str) -> None:
    check_report(load_domain(name), load_report(name))


def test_the_example_in_the_documents_is_a_report() -> None:
    text = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8").partition("## Reports")[2]
    example = yaml.safe_load(text.partition("```yaml\n")[2].partition("```")[0])
    report = Report.model_validate({**example, "domain": "billing", "file": "docs/operations.md"})
    check_report(load_domain("billing"), report)


# --- Billing


def judged(
    day: date | str, run_id: str, state: Any = "accepted", rows: tuple[int, int, int, int] = (100, 90, 4, 6),
    **rules: int,
) -> tuple[list[Row], list[Row]]:  # fmt: skip
    """What a run records of a delivery: entries about its outcome, and about the rows that broke each rule."""
    bronze, silver = TableId.parse("billing.bronze.usage"), TableId.parse("billing.silver.usage")
    name = f"usage/{day}.csv"
    delivery = Delivery(
        bronze, name, date.fromisoformat(str(day)), 1, "ingested", "x", 1, "1", name, "f", rows[0], None, {}, run_id
    )
    outcome = Outcome(silver, name, 1, state, "f", None, *rows)
    common = {"run_id": run_id, "table_id": str(silver), "delivery_id": name, "delivery_date": delivery.delivery_date}
    metrics = [{**common, "name": f"quarantined.{rule}", "value": count} for rule, count in rules.items()]
    return [delivery_row(delivery), outcome_row(outcome, delivery, run_id)], metrics


def record(lake: Lake, *entries: tuple[list[Row], list[Row]]) -> Ledger:
    """A ledger with these entries, in this order."""
    ledger = Ledger(lake, "billing")
    ledger.record("deliveries", [row for deliveries, _ in entries for row in deliveries])
    ledger.record("metrics", [row for _, metrics in entries for row in metrics])
    return ledger


@pytest.fixture(scope="module")
def billing(tmp_path_factory: pytest.TempPathFactory) -> Page:
    lake = Lake.at(str(tmp_path_factory.mktemp("billing")))
    types = {
        table.id.name: {name: column.type for name, column in table.columns.items()}
        for table in load_domain("billing").gold()
    }

    def gold(name: str, rows: Rows) -> None:
        write(lake, f"billing/gold/{name}", types[name], rows)

    gold("daily_usage", [
        ("2025-01-01", "EUR", "10.25", 4, 3, "0.75", 2, 2), ("2025-01-02", "EUR", "0.50", 1, 1, "1", 1, 1),
        ("2025-01-02", "USD", "7", 2, 1, "0.5", 1, 1),
    ])  # fmt: skip
    moments = ("2025-01-01 00:00:00", "2025-01-02 10:30:00")
    gold("user_totals", [
        ("EUR", "ann", "9", 3, 2, *moments, 1), ("EUR", "bob", "1.75", 2, 1, *moments, 2),
        ("USD", "ann", "7", 2, 1, "2024-12-31 23:59:00", moments[1], 1),
        *(("EUR", f"u{place}", "0.1", 1, 1, *moments, place) for place in range(3, 8)),
    ])  # fmt: skip
    gold("region_totals", [("EUR", "eu", "10.75", 5, 1), ("USD", None, "7", 2, 1)])
    kinds = [(f"kind-{number}", 100 - number) for number in range(8)]
    gold("daily_service_usage", [
        *(("2025-01-01", "EUR", "free", "vm", kind, "1.5", count, count - 1, "0.9") for kind, count in kinds),
        ("2025-01-01", "USD", "free", "vm", "kind-0", "2", 50, 50, "1"),
        ("2025-01-02", "EUR", "premium", "vm", None, "3", 4, 3, "0.75"),
    ])  # fmt: skip
    ledger = record(
        lake,
        judged("2025-01-01", "run-1", zero=3, late=1),
        judged("2025-01-02", "run-1", zero=2),
        # Judged again: what the first run found is gone.
        judged("2025-01-02", "run-2", rows=(100, 95, 1, 4), late=1),
        judged("2025-01-03", "run-2", "refused", (50, 0, 40, 0), zero=40),
        judged("2025-01-04", "run-2", "withdrawn", zero=9),
    )
    for number, step in enumerate(("refining", "refine")):
        entry = {"run_id": "run-2", "step": step, "table_id": "billing.silver.usage", "version": 6 + number}
        ledger.record("publications", [entry])
    return make_page(lake, load_domain("billing"), load_report("billing"), NOW)


def test_billing_at_a_glance(billing: Page) -> None:
    assert numbers(billing, "at_a_glance") == [["EUR", "10.75", "5", "80.00"], ["USD", "7.00", "2", "50.00"]]


def test_billing_by_day_user_and_region(billing: Page) -> None:
    assert numbers(billing, "consumption_per_day") == [
        ["2025-01-01", "EUR", "10.25", "4", "2"],
        ["2025-01-02", "EUR", "0.50", "1", "1"],
        ["2025-01-02", "USD", "7.00", "2", "1"],
    ]
    assert numbers(billing, "most_active_users")[:3] == [
        ["ann", "5", "2024-12-31 23:59", "2025-01-02 10:30"],
        ["bob", "2", "2025-01-01 00:00", "2025-01-02 10:30"],
        ["u3", "1", "2025-01-01 00:00", "2025-01-02 10:30"],
    ]
    assert [row[:4] for row in numbers(billing, "biggest_consumers")] == [
        ["EUR", "1", "ann", "9.00"], ["EUR", "2", "bob", "1.75"], ["EUR", "3", "u3", "0.10"],
        ["EUR", "4", "u4", "0.10"], ["EUR", "5", "u5", "0.10"], ["USD", "1", "ann", "7.00"],
    ]  # fmt: skip
    assert numbers(billing, "regions") == [
        ["EUR", "1", "eu", "10.75", "5"],
        ["USD", "1", "not known", "7.00", "2"],
    ]


def test_billing_operations_and_tiers(billing: Page) -> None:
    mix = numbers(billing, "operation_mix")
    assert mix[0] == ["2025-01-01", "kind-0", "150"]
    assert mix[6:] == [["2025-01-01", "kind-6", "94"], ["2025-01-01", "others", "93"], ["2025-01-02", "others", "4"]]
    assert numbers(billing, "tier_performance") == [
        ["free", "EUR", "12.00", "772", "98.96", "0.02"],
        ["premium", "EUR", "3.00", "4", "75.00", "0.75"],
        ["free", "USD", "2.00", "50", "100.00", "0.04"],
    ]
    assert numbers(billing, "tier_success") == [
        ["2025-01-01", "free", "99.03", "822"],
        ["2025-01-02", "premium", "75.00", "4"],
    ]


def test_billing_quality_is_that_of_the_newest_judgement(billing: Page) -> None:
    assert numbers(billing, "quality") == [
        ["2025-01-01", "90", "6", "4", "–", "4.00"],
        ["2025-01-02", "95", "4", "1", "–", "1.00"],
        ["2025-01-03", "–", "–", "–", "50", "80.00"],
    ]
    assert numbers(billing, "quarantined_by_rule") == [
        ["2025-01-01", "zero", "3"],
        ["2025-01-03", "zero", "40"],
        ["2025-01-01", "late", "1"],
        ["2025-01-02", "late", "1"],
    ]
    ((table, _, version),) = numbers(billing, "freshness")
    assert (table, version) == ("billing.silver.usage", "7")


@pytest.mark.parametrize("name", ["billing", "retail"])
def test_what_a_gate_refused_was_not_published(name: str, tmp_path: Path) -> None:
    lake, table = Lake.at(str(tmp_path)), f"{name}.gold.x"
    ledger = Ledger(lake, name)
    ledger.record("publications", [{"run_id": "run-1", "step": "aggregate", "table_id": table, "version": 3}])
    DeltaTable(lake.ledger(name, "publications")).update({"recorded_at": "recorded_at - interval '1 days'"})
    (published,) = ledger.rows("publications")
    for refused in (table, f"{name}.gold.never_made"):
        ledger.record("publications", [{"run_id": "run-2", "step": "refused", "table_id": refused, "version": 4}])
    page = make_page(lake, load_domain(name), load_report(name), NOW)
    assert numbers(page, "freshness") == [[table, f"{published['recorded_at']:%Y-%m-%d %H:%M}", "3"]]


def test_a_long_history_shows_its_latest_days(tmp_path: Path) -> None:
    lake = Lake.at(str(tmp_path))
    domain = load_domain("billing")
    types = {table.id.name: {name: column.type for name, column in table.columns.items()} for table in domain.gold()}
    days = [date(2024, 12, 31) + timedelta(days=number) for number in range(1, 101)]
    usage: Rows = [(day, "EUR", number, 1, 1, "1", 1, 1) for number, day in enumerate(days, start=1)]
    services: Rows = [(day, "EUR", "free", "vm", "run", "1", 1, 1, "1") for day in days]
    write(lake, "billing/gold/daily_usage", types["daily_usage"], usage)
    write(lake, "billing/gold/daily_service_usage", types["daily_service_usage"], services)
    record(lake, *(judged(day, "run-1", zero=1) for day in days[:61]))
    page = make_page(lake, domain, load_report("billing"), NOW)
    assert numbers(page, "at_a_glance") == [["EUR", "5,050.00", "100", "100.00"]]
    for name in ("consumption_per_day", "operation_mix", "tier_success"):
        shown = [row[0] for row in numbers(page, name)]
        assert (len(shown), shown[0], shown[-1]) == (90, "2025-01-11", "2025-04-10"), name
    for name in ("quality", "quarantined_by_rule"):
        shown = [row[0] for row in numbers(page, name)]
        assert (len(shown), shown[0], shown[-1]) == (60, "2025-01-02", "2025-03-02"), name


def test_every_section_of_billing_is_drawn(billing: Page) -> None:
    drawn = {part.name: len(part.drawing.panels) or len(part.drawing.tiles) for part in billing.parts}
    assert drawn == {
        "at_a_glance": 2, "consumption_per_day": 2, "most_active_users": 1, "biggest_consumers": 2, "regions": 2,
        "operation_mix": 1, "tier_performance": 2, "tier_success": 1, "quality": 1, "quarantined_by_rule": 1,
        "freshness": 0,
    }  # fmt: skip
    assert render(billing).count("<svg") == 13


# --- Retail: the columns that its users rely on, whatever else the tables have

RETAIL: dict[str, dict[str, str]] = {
    "monthly_summary": {
        "year_number": "int", "month_number": "int", "total_sales": "decimal(28,2)", "total_refunds": "decimal(28,2)",
        "items_sold": "bigint", "items_refunded": "bigint", "total_restocking_fees": "decimal(28,4)",
        "unique_customers": "bigint",
    },
    "sales_by_period": {
        "calendar": "string", "period_type": "string", "period": "string", "total_sales": "decimal(28,2)",
        "line_count": "bigint", "order_count": "bigint", "units": "bigint", "restocking_fees": "decimal(28,4)",
    },
    "refunds_by_period": {
        "calendar": "string", "period_type": "string", "period": "string", "total_refunds": "decimal(28,2)",
        "line_count": "bigint", "order_count": "bigint", "units": "bigint", "restocking_fees": "decimal(28,4)",
    },
    "product_family_sales": {
        "product_family": "string", "total_sales": "decimal(28,2)", "line_count": "bigint", "units_sold": "bigint",
        "total_refunds": "decimal(28,2)",
    },
    "product_performance": {
        "territory": "string", "product_code": "string", "product_line": "string", "total_revenue": "decimal(28,2)",
        "total_quantity": "bigint", "order_count": "bigint", "avg_price": "decimal(18,4)", "revenue_rank": "int",
        "best_revenue": "decimal(28,2)", "revenue_diff_from_best": "decimal(28,2)",
    },
    "customer_segments": {
        "customer_name": "string", "total_spent": "decimal(28,2)", "order_count": "bigint",
        "avg_order_value": "decimal(28,2)", "last_order_date": "date", "unique_products": "bigint",
        "customer_segment": "string",
    },
    "top_customers": {
        "customer_name": "string", "email": "string", "phone": "string", "total_spent": "decimal(28,2)",
        "order_count": "bigint", "customer_segment": "string",
    },
    "data_coverage": {
        "table_name": "string", "delivery_id": "string", "measure": "string", "subject": "string",
        "rows_checked": "bigint", "rows_matched": "bigint", "match_share": "decimal(9,6)", "statement": "string",
    },
}  # fmt: skip


def retail_domain() -> Domain:
    source = CsvSource(kind="csv", folder="x", files="*.csv")
    lines = BronzeTable(
        id=TableId("retail", "bronze", "x"), file="x", description="x", source=source, columns={"x": DeliveredColumn()}
    )
    tables: dict[TableId, AnyTable] = {lines.id: lines}
    for name, columns in RETAIL.items():
        table = GoldTable(
            id=TableId("retail", "gold", name), file="x", description="x",
            inputs={"lines": lines.id},
            columns={c: Column(type=kind, description="x", pii=c in {"email", "phone"}) for c, kind in columns.items()},
            write=ReplaceAll(strategy="replace_all", keys=(next(iter(columns)),)),
        )  # fmt: skip
        tables[table.id] = table
    return Domain("retail", DomainFacts(description="x", owner="x", start_date=date(2004, 1, 1)), tables)


def retail_report() -> Report:
    content = read_mapping(conf_dir() / "retail" / "report.yml")
    return Report.model_validate({**content, "domain": "retail", "file": "x"})


@pytest.fixture(scope="module")
def retail(tmp_path_factory: pytest.TempPathFactory) -> Page:
    lake = Lake.at(str(tmp_path_factory.mktemp("retail")))

    def gold(name: str, rows: Rows) -> None:
        write(lake, f"retail/gold/{name}", RETAIL[name], rows)

    gold("monthly_summary", [(2004, 11, "100.50", "20", 7, 2, "2", 3), (2004, 12, "0", "5", 0, 1, "0.5", 1)])
    gold("sales_by_period", [
        ("calendar", "month", "2004-11", "100.50", 4, 3, 7, "0"), ("calendar", "year", "2004", "100.50", 4, 3, 7, "0"),
        ("fiscal", "quarter", "2004-Q4", "100.50", 4, 3, 7, "0"),
    ])  # fmt: skip
    gold("refunds_by_period", [
        ("calendar", "month", "2004-11", "20", 1, 1, 2, "2"), ("calendar", "month", "2004-12", "5", 1, 1, 1, "0.5"),
        ("fiscal", "quarter", "2004-Q4", "25", 2, 2, 3, "2.5"),
    ])  # fmt: skip
    gold("product_family_sales", [("S10", "60.50", 3, 4, "20"), ("S18", "40", 3, 3, "5")])
    gold("product_performance", [
        ("EMEA", "S10_1", "Cars", "60", 4, 2, "15", 1, "60", "0"),
        ("EMEA", "S18_2", "Ships", "25.5", 2, 1, "12.75", 2, "60", "34.5"),
        ("NA", "S18_2", None, "15", 1, 1, "15", 1, "15", "0"),
    ])  # fmt: skip
    gold("customer_segments", [
        ("Toys", "80", 2, "40", "2004-11-03", 2, "High"), ("Cars", "20.5", 1, "20.5", "2004-11-04", 1, "Low"),
        ("More", "0", 1, "0", "2004-12-01", 1, "RefundsOnly"), ("Less", "0", 1, "0", "2004-12-01", 1, "Low"),
    ])  # fmt: skip
    gold("top_customers", [
        ("Cars", "bob@example.com", None, "20.5", 1, "Low"), ("Toys", "ann@example.com", "555-1", "80", 2, "High"),
    ])  # fmt: skip
    share = "0 of 3 lines are in dim_customer"
    gold("data_coverage", [
        ("fact_transactions", "a.csv", "reference", "dim_customer", 3, 0, "0", share),
        ("fact_transactions", "b.csv", "reference", "dim_customer", 5, 4, "0.8", "4 of 5 lines are in dim_customer"),
        ("fact_transactions", "a.csv", "calendar", "dim_date", 3, 3, "1", "all 3 lines are covered"),
        ("dim_customer", "c.csv", "null_marker", "phone", 10, 2, "0.2", "2 of 10 rows have #ERROR!"),
    ])  # fmt: skip
    Ledger(lake, "retail").record("runs", [{"run_id": "run-1", "state": "finished", "exit_code": 0}])
    return make_page(lake, retail_domain(), retail_report(), NOW)


def test_retail_sales_and_refunds(retail: Page) -> None:
    assert numbers(retail, "at_a_glance") == [["100.50", "25.00", "7", "3", "2.50"]]
    assert numbers(retail, "sales_and_refunds") == [
        ["2004-11", "100.50", "20.00", "3", "1"],
        ["2004-12", "0.00", "5.00", "0", "1"],
    ]
    assert numbers(retail, "fiscal_quarters") == [["2004-Q4", "100.50", "25.00", "2.50"]]
    assert numbers(retail, "families") == [["S10", "60.50", "20.00", "4", "3"], ["S18", "40.00", "5.00", "3", "3"]]


def test_retail_territories_with_best_and_second_best(retail: Page) -> None:
    assert numbers(retail, "territories") == [["EMEA", "85.50", "6", "2"], ["NA", "15.00", "1", "1"]]
    assert numbers(retail, "best_products") == [
        ["EMEA", "S10_1", "60.00", "S18_2", "25.50", "34.50"],
        ["NA", "S18_2", "15.00", "–", "–", "–"],
    ]


def test_retail_customers_are_masked(retail: Page) -> None:
    assert numbers(retail, "segments") == [
        ["High", "1", "80.00", "2"],
        ["Low", "2", "20.50", "2"],
        ["RefundsOnly", "1", "0.00", "1"],
    ]
    assert numbers(retail, "top_customers") == [
        ["1. Toys", "80.00", "2", "High", "a***", "5***"],
        ["2. Cars", "20.50", "1", "Low", "b***", "–"],
    ]
    assert "@" not in render(retail).partition("</style>")[2]


def test_retail_coverage(retail: Page) -> None:
    assert numbers(retail, "coverage") == [
        ["dim_customer", "null marker in", "phone", "2", "10", "20.00"],
        ["fact_transactions", "found in", "dim_customer", "4", "8", "50.00"],
        ["fact_transactions", "covered by", "dim_date", "3", "3", "100.00"],
    ]
    assert numbers(retail, "not_found") == [
        ["0 of 3 lines are in dim_customer", "a.csv"],
        ["4 of 5 lines are in dim_customer", "b.csv"],
    ]


def test_retail_quality_tells_rows_of_a_history_that_change_nothing(tmp_path: Path) -> None:
    lake, name = Lake.at(str(tmp_path)), "customers/a.csv"
    bronze, silver = TableId.parse("retail.bronze.customers"), TableId.parse("retail.silver.dim_customer")
    delivery = Delivery(bronze, name, date(2025, 1, 1), 1, "ingested", "x", 1, "1", name, "f", 10, None, {}, "run-1")
    outcome = Outcome(silver, name, 1, "accepted", "f", None, 10, 2, 1, 0, rows_unchanged=7)
    Ledger(lake, "retail").record("deliveries", [delivery_row(delivery), outcome_row(outcome, delivery, "run-1")])
    page = make_page(lake, retail_domain(), retail_report(), NOW)
    assert numbers(page, "quality") == [["retail.silver.dim_customer", "2025-01-01", "2", "7", "0", "1", "–"]]


def test_what_retail_does_not_have_yet_is_said(retail: Page) -> None:
    notes = {part.name: part.notes for part in retail.parts if part.notes}
    empty = "There is nothing to show: the answer has no rows."
    assert notes == {
        "quality": ("Not in the lake yet: retail_ledger.deliveries.", empty),
        "quarantined_by_rule": ("Not in the lake yet: retail_ledger.deliveries, retail_ledger.metrics.", empty),
        "freshness": ("Not in the lake yet: retail_ledger.publications.", empty),
    }
    assert not [part.name for part in retail.parts if part.failed]
