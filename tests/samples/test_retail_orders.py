"""Lines of orders in the retail samples: what is in the files is what the truth says."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

from lakehouse.samples import Truth
from tests.samples.retail_files import (
    RULES_OF_KIND,
    Person,
    Record,
    days_in,
    figures,
    standing,
)

# --- Truth


def test_truth_tells_what_an_independent_count_finds(
    retail_week: tuple[Path, Truth], records: list[Record], people: dict[Person, list[dict[str, str]]]
) -> None:
    landing, truth = retail_week
    assert truth.states == {"accepted": 18, "unreadable": 2}
    found = figures(records, set(people), set(days_in(landing)))
    bad = Counter(record.path for record in records if record.broken_rules)
    for delivered in truth.deliveries:
        if delivered.path in found:
            assert dict(delivered.figures) == found[delivered.path], delivered.path
            assert (delivered.records, delivered.bad_records) == (400, bad[delivered.path])
    assert len(found) == 7
    assert [d.path for d in truth.deliveries if d.state == "unreadable"] == [
        "customers/shop_customers_au_20250102.csv",
        "transactions/shop_transactions_20250106.csv.gz",
    ]


def test_the_totals_of_the_usual_sample(retail_week: tuple[Path, Truth]) -> None:
    totals = json.loads((retail_week[0].parents[1] / "landing.retail.truth.json").read_text())["totals"]["figures"]
    assert [totals[f"{kind}lines"] for kind in ("", "sale_", "refund_", "zero_")] == [2741, 2315, 399, 27]
    assert (totals["gross_sales"], totals["gross_refunds"]) == ("3417568.90", "645595.57")
    assert (totals["units_sold"], totals["units_refunded"], totals["large_lines"]) == (65114, 13099, 27)
    assert (totals["orphan_lines"], totals["lines_outside_calendar"]) == (398, 7)


def test_broken_rules_follow_from_the_kinds_of_dirt(retail_week: tuple[Path, Truth], records: list[Record]) -> None:
    kinds = retail_week[1].row_kinds
    expected = Counter[str]()
    for kind, rules in RULES_OF_KIND.items():
        expected.update(dict.fromkeys(rules, kinds[kind]))
    assert retail_week[1].broken_rules == dict(expected)
    assert retail_week[1].bad_records == 28 + expected.pop("email_is_an_address") == 28 + 20
    assert Counter(rule for record in records for rule in record.broken_rules) == expected
    assert sum(bool(record.broken_rules) for record in records) == 28


def test_dirt_that_leaves_lines_good_is_there_in_the_told_amounts(
    retail_week: tuple[Path, Truth], records: list[Record]
) -> None:
    kinds, good = retail_week[1].row_kinds, [record for record in records if not record.broken_rules]
    whole = [record for record in records if record.values]
    assert kinds["error_phone"] == 28 == sum(record.values["PHONE"] == "#ERROR!" for record in whole)
    assert (
        kinds["wrong_year_id"]
        == 28
        == sum(str(record.ordered.year) != record.values["YEAR_ID"] for record in good if record.ordered)
    )
    assert all(
        (record.values["MONTH_ID"], record.values["QTR_ID"]) == (str(day.month), str((day.month + 2) // 3))
        for record in good
        if (day := record.ordered)
    )
    blank = [name for record in whole for name in ("PHONE", "ADDRESSLINE1", "POSTALCODE") if not record.values[name]]
    assert kinds["missing_optional"] == 7 == len(blank)
    spoilt = [record for record in whole if "Ã" in record.values["CONTACTFIRSTNAME"] + record.values["CONTACTLASTNAME"]]
    assert kinds["mojibake_name"] == 7 == len(spoilt)
    for record in spoilt:
        name = record.values["CONTACTLASTNAME"]
        assert not name.encode("cp1252").decode("utf-8").isascii()
    names = [(record.values["CONTACTFIRSTNAME"], record.values["CONTACTLASTNAME"]) for record in whole]
    odd = [pair for pair in names if any(name != name.strip() for name in pair)]
    assert kinds["respelled_name"] == 7 == len(odd)


def test_corrections_and_duplicates_replace_lines_with_another_amount(
    retail_week: tuple[Path, Truth], records: list[Record]
) -> None:
    good = [record for record in records if not record.broken_rules]
    stands = standing(records)
    outranked = [record for record in good if stands[record.key] != record]
    same_file = [record for record in outranked if stands[record.key].path == record.path]
    kinds = retail_week[1].row_kinds
    assert len(same_file) == kinds["duplicate_in_file"] == 7
    assert len(outranked) - len(same_file) == kinds["late_correction"] == 24
    assert all(stands[record.key].amount != record.amount for record in outranked)
    turned = [record for record in outranked if stands[record.key].amount * record.amount < 0]
    assert len(turned) >= 4


def test_late_lines_and_lines_outside_the_calendar(retail_week: tuple[Path, Truth], records: list[Record]) -> None:
    kinds, calendar = retail_week[1].row_kinds, set(days_in(retail_week[0]))
    first = {record.key: record for record in reversed(records) if not record.broken_rules}.values()
    inside = [record for record in first if record.ordered in calendar]
    assert len(first) - len(inside) == kinds["outside_calendar"] == 7
    assert sum(1 <= record.days_late <= 3 for record in inside) == kinds["late"]
    assert sum(4 <= record.days_late <= 6 for record in inside) == kinds["very_late"]
    assert {record.days_late for record in inside} == set(range(7))
    assert min(calendar) == date(2022, 1, 30)
    outside = {record.ordered for record in first} - calendar
    assert all(day and date(2020, 1, 1) < day < date(2022, 1, 30) for day in outside)


def test_lines_are_realistic(records: list[Record]) -> None:
    stands = standing(records).values()
    territories = Counter(line.values["TERRITORY"] for line in stands)
    assert set(territories) == {"NA", "EMEA", "APAC", "Japan"}
    assert min(territories.values()) > 30
    assert {line.amount for line in stands} >= {Decimal(0), Decimal(5000)}
    assert sum(abs(line.amount) >= 5000 for line in stands) < 0.02 * len(stands)
    lines_of = {
        line.values["PRODUCTCODE"]: line.values["PRODUCTLINE"] for line in stands if "PRODUCTLINE" in line.values
    }
    families = {code.partition("_")[0] for code in lines_of}
    assert len(lines_of) == 60 and len(families) == 6
    for line in stands:
        assert (
            line.values.get("PRODUCTLINE", lines_of[line.values["PRODUCTCODE"]]) == lines_of[line.values["PRODUCTCODE"]]
        )
    priced = [line for line in stands if "PRICEEACH" in line.values]
    assert len(priced) > 700
    for line in priced:
        assert abs(line.amount) == int(line.values["QUANTITYORDERED"]) * Decimal(line.values["PRICEEACH"])
    buying = {line.values["CUSTOMERNAME"] for line in stands if line.amount > 0}
    assert len({line.values["CUSTOMERNAME"] for line in stands} - buying) == 1
