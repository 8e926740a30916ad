"""Maintenance of both sample domains: what people are shown, that it comes to rest, and that nothing is lost by it."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from deltalake import DeltaTable

from lakehouse.contracts.domains import load_domain
from lakehouse.contracts.lakes import Lake
from lakehouse.ledger.book import Ledger
from lakehouse.samples import retail
from tests.conftest import FEW_GOLD, deliver, usage
from tests.e2e.retail_lake import lakehouse
from tests.faults.tables import rows_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.soak]

GOLD = {"billing": FEW_GOLD, "retail": ("block_product_totals", "product_performance", "monthly_summary")}
"""One of each kind: periods, as a whole from others, sorted and not. Silver keeps all of its tables."""

WORK = {
    "billing": {
        "bronze.usage": "compact 1 partition: 4 small files become 1",
        "silver.usage": "compact 2 partitions: 8 small files become 2",
        "gold.daily_usage": "left alone: 2 with single files",
    },
    "retail": {
        "bronze.customers": "compact 1 partition: 4 small files become 1",
        "silver.dim_customer": "left alone: 1 with single files",
        "silver.dim_product": "left alone: 1 with single files",
        "gold.product_performance": "left alone: 1 with single files",
    },
}


@pytest.fixture
def place(tmp_path: Path, spark: SparkSession, domain: str) -> Path:
    """A lake: billing's files came one by one, retail's customers in a file per country."""
    if domain == "retail":
        retail.generate(tmp_path / "landing", days=1, rows_per_day=40, seed=5)
        for name in ("ingest", "refine"):
            step(tmp_path, domain, name)
    for number in range(4) if domain == "billing" else ():
        rows = [usage(f"2025-01-0{day}T{number:02}:00:00Z", f"u{number}") for day in (1, 2)]
        deliver(tmp_path / "landing", "2025-01-02", f"late-{number}.csv", rows)
        for name in ("ingest", "refine"):
            step(tmp_path, domain, name)
    step(tmp_path, domain, "aggregate")
    return tmp_path


@pytest.fixture(scope="module", autouse=True)
def conf(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The configuration with few gold tables."""
    from lakehouse.contracts.locations import conf_dir

    folder = tmp_path_factory.mktemp("few") / "conf"
    shutil.copytree(conf_dir(), folder)
    for domain, names in GOLD.items():
        for path in (folder / domain / "gold").glob("*.yml"):
            if path.stem not in names:
                path.unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAKEHOUSE_CONF", str(folder))
        yield folder


def step(root: Path, domain: str, name: str, *options: str, reads: bool = True) -> str:
    """Give a command about the lake; what it said."""
    places = ["--lake", str(root / "lake"), *(["--landing", str(root / "landing")] if reads else [])]
    code, said = lakehouse(name, domain, *places, *options)
    assert code == 0, said
    return said


def lines(said: str) -> dict[str, str]:
    """What the table on the screen says of each table, as one line."""
    found: dict[str, str] = {}
    _, _, shown = said.partition(", and why\n")
    name = ""
    for line in shown.splitlines():
        first, *others = line.split() or [""]
        name, more = (name, [first]) if line.startswith(" ") else (first, [])
        found[name] = " ".join([found.get(name, ""), *more, *others]).strip()
    return found


def tables(root: Path, domain: str) -> Mapping[str, Path]:
    """Folders of all tables with rows, by layer and name."""
    folders = (log.parent for log in (root / "lake" / domain).glob("*/*/_delta_log"))
    return {f"{f.parent.name}.{f.name}": f for f in folders if f.parent.name != "ledger"}


def versions(root: Path, domain: str) -> dict[str, int]:
    """Versions of all tables, those of the ledger included."""
    return {str(log): DeltaTable(str(log.parent)).version() for log in (root / "lake" / domain).glob("*/*/_delta_log")}


def contents(root: Path, domain: str) -> dict[str, Counter[str]]:
    """The rows of all tables."""
    return {name: Counter(map(repr, rows_of(folder))) for name, folder in tables(root, domain).items()}


@pytest.mark.parametrize("domain", WORK)
def test_maintenance_tells_why_and_loses_nothing(place: Path, domain: str) -> None:
    before, rows = versions(place, domain), contents(place, domain)
    shown = lines(step(place, domain, "maintain", "--dry-run"))
    names = {str(table) for table in load_domain(domain).tables}
    for table in load_domain(domain).silver():
        names |= {f"{domain}.outranked.{table.id.name}", f"{domain}.quarantine.{table.id.name}"}
    assert names == {f"{domain}.{name}" for name in shown if name.count(".") == 1 and not name.startswith("ledger.")}
    for name, what in WORK[domain].items():
        assert what in shown[name], shown[name]
    assert versions(place, domain) == before

    (run,) = {r["run_id"] for r in Ledger(Lake.at(str(place / "lake")), domain).rows("runs")[-1:]}
    done = lines(step(place, domain, "maintain"))
    bronze = next(iter(WORK[domain]))
    files = "1 4 -> 1 4 -> 1"
    assert done[bronze].startswith(files), done[bronze]
    after = versions(place, domain)
    assert "nothing to do; nothing was written" in step(place, domain, "maintain")
    assert versions(place, domain) == after
    assert contents(place, domain) == rows
    assert "Every table equals its recomputation" in step(place, domain, "verify")

    # Readers of older versions, and who goes back to the run before, find what was there.
    for name, folder in tables(place, domain).items():
        old = DeltaTable(str(folder), version=before[str(folder / "_delta_log")])
        assert old.count() == sum(rows[name].values()), name
    step(place, domain, "restore", "--to", run, "--because", "test", reads=False)
    assert contents(place, domain) == rows
