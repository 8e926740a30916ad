"""Customer files of the retail samples: four forms, and what changes from one to the next."""

from __future__ import annotations

import csv
from collections import Counter
from itertools import pairwise
from pathlib import Path

from lakehouse.samples import Truth
from tests.samples.retail_files import (
    Person,
    Record,
    content,
    customers,
    has_email,
    person_of,
    standing,
)

CUSTOMERS = {
    "gb": "first_name,last_name,company_name,address,city,county,postal,phone1,phone2,email,web",
    "ca": "first_name,last_name,company_name,address,city,province,postal,phone1,phone2,email,web",
    "us": "first_name,last_name,company_name,address,city,county,state,zip,phone1,phone2,email,web",
    "au": "first_name,last_name,company_name,address,city,state,post,phone1,phone2,email,web",
}
ADDRESS = ("address", "city", "county", "province", "state", "postal", "zip", "post")


def test_customer_files_are_quoted_with_carriage_returns_alone(retail_week: tuple[Path, Truth]) -> None:
    for path, data in content(retail_week[0] / "customers").items():
        if not data:
            continue
        header, *lines = data.decode("ascii").removesuffix("\r").split("\r")
        assert header == ",".join(f'"{name}"' for name in CUSTOMERS[path[15:17]].split(","))
        assert "\n" not in data.decode("ascii") and data.endswith(b"\r")
        for line in lines:
            (row,) = csv.reader([line])
            quoted = [f'"{value}"' if value.startswith("0") or not value.isdigit() else value for value in row]
            assert line == ",".join(quoted)


def test_customers_are_unique_in_each_file_and_change_as_told(
    retail_week: tuple[Path, Truth], people: dict[Person, list[dict[str, str]]]
) -> None:
    landing, truth = retail_week
    told = {delivered.path[10:]: delivered for delivered in truth.deliveries if delivered.path.startswith("customers")}
    before: dict[str, dict[Person, dict[str, str]]] = {country: {} for country in CUSTOMERS}
    for name, rows in customers(landing).items():
        assert len({person_of(row) for row in rows}) == len(rows) == told[name].records
        now = {person_of(row): row for row in rows if has_email(row)}
        old, found = before[name[15:17]], Counter[str]()
        for who, row in now.items():
            changed = {column for column in row if who in old and old[who][column] != row[column]}
            moved = bool(changed & set(ADDRESS))
            kind = "moved_customers" if moved else "changed_contacts" if changed else "unchanged_customers"
            found["new_customers" if who not in old else kind] += 1
            assert moved or changed <= {"phone1", "web"}
        assert old.keys() <= now.keys()
        figures_told = dict(told[name].figures)
        zeros = figures_told.pop("postcodes_with_leading_zero")
        assert zeros == sum(any(row.get(column, "").startswith("0") for column in ADDRESS) for row in rows)
        assert {kind: count for kind, count in figures_told.items() if count} == dict(found)
        before[name[15:17]] = now
    assert len(people) == truth.figures["new_customers"] == 226
    versions = [sum(a["city"] != b["city"] for a, b in pairwise(rows)) + 1 for rows in people.values()]
    assert sum(versions) == 226 + 20
    # Two of them moved back to where they were before.
    assert sorted(versions)[-2:] == [3, 3]
    back = [
        rows for rows in people.values() if len(rows) == 3 and rows[0]["city"] == rows[2]["city"] != rows[1]["city"]
    ]
    assert len(back) == 2


def test_broken_and_shared_email_addresses(
    retail_week: tuple[Path, Truth], people: dict[Person, list[dict[str, str]]], records: list[Record]
) -> None:
    landing, truth = retail_week
    rows = [row for file in customers(landing).values() for row in file]
    broken = [row for row in rows if not has_email(row)]
    assert len(broken) == truth.row_kinds["broken_email"] == truth.broken_rules["email_is_an_address"] == 20
    whose = {person_of(row) for row in broken}
    assert len(whose) == 8 and not whose & {record.person for record in records if record.values}
    addresses = Counter(rows[0]["email"] for rows in people.values())
    ((shared, owners),) = [(address, count) for address, count in addresses.items() if count > 1]
    assert owners == 2
    assert sum(row["email"] == shared for row in rows) == truth.row_kinds["shared_email"] == 6


def test_some_customers_buy_before_a_file_has_them(
    retail_week: tuple[Path, Truth], people: dict[Person, list[dict[str, str]]], records: list[Record]
) -> None:
    first_file: dict[Person, str] = {}
    for name, rows in customers(retail_week[0]).items():
        for row in rows:
            first_file.setdefault(person_of(row), name[18:26])
    early = {
        line.person
        for line in standing(records).values()
        if line.person in first_file and f"{line.delivered:%Y%m%d}" < first_file[line.person]
    }
    assert len(early) >= 5
    orphans = sum(line.person not in people for line in standing(records).values())
    assert 0.1 < orphans / len(standing(records)) < 0.2
