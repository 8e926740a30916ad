"""What docs/adding-a-table.md says, done to a copy of the product, and run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from lakehouse.contracts.lakes import Lake
from lakehouse.serving.masks import NO_MASKS
from lakehouse.serving.sql import open_lake, query
from tests.test_docs import ROOT, Block, blocks, copies

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["copies"]

pytestmark = [pytest.mark.slow, pytest.mark.e2e]

DOCUMENT = ROOT / "docs" / "adding-a-table.md"
TRANSFORM = "lib/lakehouse/domains/retail/silver/buyers.py"
TEST = "tests/domains/retail/silver/test_buyers.py"
KEPT = {"customers.yml", "transactions.yml", "dim_customer.yml", "buyers.yml", "domain.yml"}
"""Contracts that the run needs; the others would only take time."""


def shown() -> dict[str, list[Block]]:
    """File -> the blocks of the document about it."""
    found: dict[str, list[Block]] = {}
    for block in blocks(DOCUMENT.read_text("utf-8")):
        if block.file:
            found.setdefault(block.file, []).append(block)
    return found


def apply_document(root: Path) -> None:
    """Change the copies of conf/ and lib/ below a folder as the document says."""
    for name, about in shown().items():
        path = root / name
        for block in about:
            if block.kind == "diff":
                _, *lines = block.text.splitlines()
                old, new = ("\n".join(line[1:] for line in lines if line[0] == sign) for sign in "-+")
                text = path.read_text("utf-8")
                assert text.count(old) == 1, f"{name} has {old!r} {text.count(old)} times"
                path.write_text(text.replace(old, new), "utf-8")
            elif not name.startswith("tests/"):
                assert not path.exists(), name
                path.write_text(block.text, "utf-8")


def test_the_document_adds_one_alias_and_three_files() -> None:
    assert {name: [block.kind for block in about] for name, about in shown().items()} == {
        "conf/retail/bronze/customers.yml": ["diff"],
        "conf/retail/silver/dim_customer.yml": ["diff"],
        "conf/retail/silver/buyers.yml": ["yaml"],
        TRANSFORM: ["python"],
        TEST: ["python"],
    }


def test_the_test_that_it_adds_passes(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    name = TRANSFORM.removeprefix("lib/").removesuffix(".py").replace("/", ".")
    added = ModuleType(name)
    exec(shown()[TRANSFORM][0].text, added.__dict__)
    monkeypatch.setitem(sys.modules, name, added)
    tests = ModuleType("added_tests")
    exec(shown()[TEST][0].text, tests.__dict__)
    tests.test_a_town_is_city_and_country(spark)
    added.__dict__["buyers"] = lambda orders: orders.withColumnRenamed("city", "town")
    exec(shown()[TEST][0].text, tests.__dict__)
    with pytest.raises(AssertionError):
        tests.test_a_town_is_city_and_country(spark)


def test_the_fifth_variant_is_read_and_the_added_table_is_made(copies: tuple[Path, Path], tmp_path: Path) -> None:
    conf, package = copies
    apply_document(conf.parent)
    for contract in (conf / "retail").rglob("*.yml"):
        if contract.name not in KEPT:
            contract.unlink()
    customers, orders = (tmp_path / "landing" / "retail" / name for name in ("customers", "transactions"))
    customers.mkdir(parents=True)
    orders.mkdir()
    (customers / "shop_customers_nz_20250103.csv").write_text(
        "first_name,last_name,company_name,address,city,state,postcode,phone1,phone2,email,web\n"
        "Aroha,Ngata,Kauri Toys,1 Long Rd,Taupo,WKO,0330,1,2,aroha@kauri.example,http://kauri.example\n"
    )
    (orders / "shop_transactions_20250103.csv").write_text(
        "CUSTOMERNAME,ORDERDATE,CITY,COUNTRY\n"
        "Kauri Toys,1/2/2025 9:05,Taupo,New Zealand\n"
        "Kauri Toys,12/31/2024 0:00,Napier,New Zealand\n"
    )
    command = [sys.executable, "-c", "from lakehouse.cli import main; main()", "run", "retail"]
    done = subprocess.run(
        [*command, "--landing", "landing", "--lake", "lake"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={
            **os.environ, "PYTHONPATH": str(package.parent), "LAKEHOUSE_CONF": str(conf),
            "LAKEHOUSE_JARS": os.environ.get("LAKEHOUSE_JARS", str(ROOT / ".jars")),
        },
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    with open_lake(Lake.at(str(tmp_path / "lake")), NO_MASKS) as lake:
        people = query(lake, "SELECT last_name, postal_code, country, country_source FROM retail_silver.dim_customer")
        firms = query(lake, "SELECT customer_name, order_date::text, town FROM retail_silver.buyers")
    assert people[1] == [("Ngata", "0330", "NZ", "file name")]
    assert firms[1] == [("Kauri Toys", "2025-01-02", "Taupo, New Zealand")]
