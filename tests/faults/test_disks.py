"""Disks that are full or cannot be written: the user is told, nothing is lost, and the next run finishes."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lakehouse.contracts.lakes import Lake
from lakehouse.errors import ConfigurationError, ObstacleError
from lakehouse.serving.sql import open_lake, query
from tests.conftest import deliver, run_billing, usage
from tests.steps.test_publish import credits_of, table

pytestmark = pytest.mark.slow

THEN = "Nothing is lost: put that right and give the same command again; it finishes what this one began."

STEPS = ("ingest", "refine")

Mounting = Callable[..., None]


@pytest.fixture
def mount() -> Iterator[Mounting]:
    """``mount("-t", "tmpfs", ..., folder)``; what was mounted is gone afterwards."""
    if os.geteuid() != 0:
        pytest.skip("to mount a file system takes root")
    mounted: list[Path] = []

    def perform(*arguments: object, at: Path) -> None:
        done = subprocess.run(["mount", *map(str, arguments), str(at)], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
        if at not in mounted:
            mounted.append(at)

    yield perform
    for folder in reversed(mounted):
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_disk_that_is_full_at_one_commit_after_the_other(
    spark: object, conf: Path, landing: Path, tmp_path: Path, mount: Mounting
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-2"), usage("2025-01-02T11:00:00Z")])
    deliver(landing, "2025-01-03", "b.csv", [usage("2025-01-02T10:00:00Z", "u1", "-3")])
    mount("-t", "tmpfs", "-o", "size=60k", "tmpfs", at=disk)
    texts = []
    # What an attempt has written stays until it is vacuumed: each needs more room than the one before.
    for size in (140, 240, 340, 8000):
        with pytest.raises(ObstacleError) as error:
            run_billing(landing, disk / "lake", steps=STEPS)
        texts.append(str(error.value))
        mount("-o", f"remount,size={size}k", at=disk)
    Path("/tmp/texts.log").write_text("\n".join(texts))
    for text in texts:
        assert text.startswith(f"This command cannot go on: no space is left on the device ({disk}/lake/billing/")
        assert f"). Free: 0 MB in {disk}/lake/billing" in text
        assert text.endswith(THEN)
    run_billing(landing, disk / "lake", steps=STEPS)
    assert credits_of(disk / "lake") == [("u1", "-1.50"), ("u1", "-3.00")]
    assert credits_of(disk / "lake", "outranked/usage") == [("u1", "-2.00")]
    assert run_billing(landing, disk / "lake", steps=STEPS).nothing_new


def test_a_lake_and_a_table_that_cannot_be_written(
    spark: object, conf: Path, landing: Path, tmp_path: Path, mount: Mounting
) -> None:
    lake = tmp_path / "lake"
    deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-2")])
    run_billing(landing, lake, steps=STEPS)
    deliver(landing, "2025-01-03", "b.csv", [usage("2025-01-02T10:00:00Z", "u1", "-3")])
    with bound(lake, mount):
        with pytest.raises(ConfigurationError) as whole:
            run_billing(landing, lake, steps=STEPS)
        assert query(open_lake(Lake.at(str(lake))), "SELECT user_id FROM billing_silver.usage")[1] == [("u1",)]
    assert str(whole.value) == (
        f"The lake {lake} cannot be written: Read-only file system ({lake}/billing/writer.lock)."
    )
    silver = lake / "billing" / "silver" / "usage"
    with bound(silver, mount), pytest.raises(ObstacleError) as part:
        run_billing(landing, lake, steps=STEPS)
    assert str(part.value) == f"This command cannot go on: the file system is read-only ({silver}). {THEN}"
    # Readers stay on what they saw; the loser, written first, is undone with the rest.
    assert (credits_of(lake), len(credits_of(lake, "outranked/usage"))) == ([("u1", "-2.00")], 1)
    summary = run_billing(landing, lake, steps=STEPS)
    assert "had begun is undone" in summary.notes[0]
    assert (credits_of(lake), credits_of(lake, "outranked/usage")) == ([("u1", "-3.00")], [("u1", "-2.00")])


@contextmanager
def bound(folder: Path, mount: Mounting) -> Iterator[None]:
    """While this lasts, a folder cannot be written."""
    mount("--bind", folder, at=folder)
    mount("-o", "remount,ro,bind", at=folder)
    try:
        yield
    finally:
        mount("-o", "remount,rw,bind", at=folder)


def test_files_that_must_not_grow(spark: object, conf: Path, landing: Path, tmp_path: Path) -> None:
    """A limit of this process, which works without root: it strikes at the first entry of the ledger."""
    deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1", "-2")])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(ObstacleError) as error:
            run_billing(landing, tmp_path / "lake", steps=("ingest",))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    runs = tmp_path / "lake" / "billing" / "ledger" / "runs"
    assert str(error.value) == (
        f"This command cannot go on: a file would be larger than this process may write ({runs}). {THEN}"
    )
    run_billing(landing, tmp_path / "lake", steps=("ingest",))
    assert [row["user_id"] for row in table(tmp_path / "lake", "bronze/usage")] == ["u1"]
