"""Measure the pipeline against a bare Spark copy of the same files, in one run on one machine.

Four measurements: the copy (CSV to Parquet), landing to gold, one further day, and a run with nothing new. Each
pipeline run is a process of its own, so that start-up counts; the copy runs twice in one process and its second,
warm time is the yardstick that is hardest on the pipeline.

Example: python benchmarks/bench.py --days 30 --rows-per-day 100000
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

from lakehouse.samples.billing import generate

_PR_SET_CHILD_SUBREAPER = 36

_COPY = """
import sys, time
from lakehouse.contracts.environments import load_environment
from lakehouse.session import open_session
spark = open_session("copy", load_environment("local"))
for number in range(2):
    began = time.monotonic()
    rows = spark.read.option("header", True).csv(open(sys.argv[1]).read().splitlines())
    rows.write.mode("overwrite").parquet(sys.argv[2])
    print(time.monotonic() - began, flush=True)
"""


@dataclass(frozen=True)
class Measurement:
    """One timed process with all its children."""

    name: str
    wall: float
    cpu: float
    rows_read: int = 0
    rows_written: int = 0
    files_written: int = 0
    seconds: str = ""
    """Wall seconds of each step."""


def timed(name: str, command: list[str]) -> tuple[Measurement, str]:
    """Run a command to its end; wall and CPU seconds of the process and its children, and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wall = time.monotonic() - began
    if done.returncode not in (0, 3):
        raise SystemExit(f"{name} failed:\n{done.stdout}{done.stderr}")
    reap()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Measurement(name, wall, cpu), done.stdout


def adopt_orphans() -> None:
    """Become the parent of drivers that outlive the Python process that started them: their CPU time counts."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def reap() -> None:
    """Wait for every process that is left."""
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()


def pipeline(name: str, root: Path) -> Measurement:
    """One ``lakehouse run`` on the landing zone, with the rows it took and the files it wrote."""
    files = data_files(root / "lake")
    result = root / "result.json"
    command = [sys.executable, "-c", "from lakehouse.cli import main; main()", "run", "billing"]
    command += ["--landing", str(root / "landing"), "--lake", str(root / "lake"), "--result", str(result)]
    measured, _ = timed(name, command)
    summary: dict[str, Any] = json.loads(result.read_text())
    judged = [d for d in summary["deliveries"] if d["state"] in ("accepted", "refused")]
    return Measurement(
        name,
        measured.wall,
        measured.cpu,
        sum(d["rows_in"] for d in judged),
        sum(d["rows_accepted"] + d["rows_outranked"] + d["rows_quarantined"] for d in judged),
        len(data_files(root / "lake") - files),
        ", ".join(f"{step} {seconds:.0f}" for step, seconds in summary["seconds"].items()),
    )


def data_files(lake: Path) -> set[str]:
    """Data files of every table but the ledger's."""
    return {
        str(path) for path in lake.rglob("*.parquet") if "ledger" not in path.parts and "_delta_log" not in path.parts
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--rows-per-day", type=int, default=100_000)
    arguments = parser.parse_args()
    adopt_orphans()
    root = Path(tempfile.mkdtemp(prefix="lakehouse-bench-"))
    try:
        measure(root, arguments.days, arguments.rows_per_day)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def measure(root: Path, days: int, rows_per_day: int) -> None:
    """Generate one day more than is loaded first, hold it back, and measure."""
    print(f"generating {days + 1} days x {rows_per_day:,} rows", flush=True)
    truth = generate(root / "landing", days=days + 1, rows_per_day=rows_per_day, seed=7)
    last = sorted((root / "landing" / "billing").glob("*/*/*"))[-1]
    held = root / "held"
    last.rename(held)
    landed = [root / "landing" / "billing" / d.path for d in truth.deliveries if d.state != "unreadable"]
    # Spark alone would fail on a truncated archive.
    (root / "files.txt").write_text("\n".join(str(path) for path in landed if path.is_file()))
    copy = [sys.executable, "-c", _COPY, str(root / "files.txt"), str(root / "copy")]
    copied, printed = timed("copy", copy)
    cold, warm = map(float, printed.split())
    found = [pipeline("landing to gold", root)]
    held.rename(last)
    found += [pipeline("one more day", root), pipeline("nothing new", root)]
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(
        f"\nbare copy of the same files, CSV to Parquet: {cold:.1f} s cold, {warm:.1f} s warm, "
        f"{copied.cpu:.0f} CPU s for both"
    )
    print(
        f"{'run':18} {'wall s':>8} {'CPU s':>8} {'x copy':>8} {'rows in':>11} {'rows kept':>11} {'files':>7}  seconds"
    )
    for run in found:
        ratio = run.wall / warm
        print(
            f"{run.name:18} {run.wall:8.1f} {run.cpu:8.1f} {ratio:8.1f} {run.rows_read:11,} {run.rows_written:11,} "
            f"{run.files_written:7}  {run.seconds}"
        )
    tables = sorted((root / "lake").glob("billing/*/*/_delta_log"))
    total = sum(len(DeltaTable(str(log.parent)).file_uris()) for log in tables)
    print(f"peak memory of the largest process {children:,.0f} MB; {total} files in {len(tables)} tables")


if __name__ == "__main__":
    main()
