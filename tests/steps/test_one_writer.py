"""One writer in a whole run: readers do not wait for it, it stops when it is none any more, its driver is one too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lakehouse.cli.proofs import prove
from lakehouse.contracts.domains import load_domain
from lakehouse.contracts.environments import load_environment
from lakehouse.contracts.lakes import Lake
from lakehouse.errors import ClaimLostError, WriterBusyError
from lakehouse.ledger.writer import claim, claim_file, hold
from lakehouse.steps.order import STEPS, run_steps
from lakehouse.steps.workspace import Workspace
from tests.conftest import Run, deliver, usage
from tests.ledger.object_store import ObjectStore, served

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.slow


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    yield from served(monkeypatch)


def test_who_lost_its_claim_commits_nothing_more_and_who_reads_needs_none(
    run: Run, landing: Path, tmp_path: Path
) -> None:
    deliver(landing, "2025-01-02", "usage.csv", [usage("2025-01-02T10:00:00Z"), usage("2025-01-02T11:00:00Z")])
    lake = Lake.at(str(tmp_path / "lake"))
    files: list[Path] = []

    def lose(step: str) -> None:
        if step == "refine":
            claim_file(lake, "billing").unlink()
            files.extend(logs(tmp_path))

    work = Workspace(load_domain("billing"), load_environment("local"), lake, str(landing), "lost",
                     progress=lambda line: None)  # fmt: skip
    with pytest.raises(ClaimLostError, match="This process lost the domain 'billing': its lock file"):
        run_steps(work, STEPS, False, lose)
    assert files and logs(tmp_path) == files
    summary = run()
    assert {table.table: table.rows for table in summary.tables}["billing.silver.usage"] == 2
    with claim(lake, "billing", "nightly"):
        assert prove("billing", lake, None)[1].holds is True
        with pytest.raises(WriterBusyError, match="run nightly, since"):
            run()


def logs(place: Path) -> list[Path]:
    """Every commit of every table."""
    return sorted(place.rglob("_delta_log/*.json"))


def test_the_driver_is_named_in_the_lease(spark: SparkSession, store: ObjectStore) -> None:
    from lakehouse.session import hold_claim, release_claim

    lake = Lake.at("s3://bucket/lake")
    with hold(lake, "shop", "nightly"):
        hold_claim(spark, lake, "shop")
        (driver,) = store.lease["drivers"]
        assert Path(f"/proc/{driver['process']}/comm").read_text() == "java\n"
        release_claim(spark, lake, "shop")
    assert store.lease["state"] == "free"
