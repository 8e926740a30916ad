"""A week of the retail sample in its usual size, made once, and what an independent reader finds in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.samples import Truth
from lakehouse.samples.retail import generate
from tests.samples.retail_files import Person, Record, customers, has_email, person_of, transactions


@pytest.fixture(scope="session")
def retail_week(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    """The folder of the domain, and the truth. Nobody writes into it."""
    out = tmp_path_factory.mktemp("retail_week") / "landing"
    return out / "retail", generate(out, days=7, seed=7)


@pytest.fixture(scope="session")
def records(retail_week: tuple[Path, Truth]) -> list[Record]:
    """The records of all transactions files."""
    return transactions(retail_week[0])


@pytest.fixture(scope="session")
def people(retail_week: tuple[Path, Truth]) -> dict[Person, list[dict[str, str]]]:
    """Every good customer's rows, one for each file that has them, in order of time."""
    found: dict[Person, list[dict[str, str]]] = {}
    for rows in customers(retail_week[0]).values():
        for row in filter(has_email, rows):
            found.setdefault(person_of(row), []).append(row)
    # Files of different countries have no customer in common: so the order by name is the order of time.
    return found
