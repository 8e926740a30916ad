"""The lakehouse command in a process of its own that can be killed, with the tests' Spark behind it.

To start a Spark driver takes ten times as long as what is tested. It plays no part in it: at a fault point the driver
has ended its commit, or has not begun it.
"""

from __future__ import annotations

import contextlib
import hashlib
import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import lakehouse.cli  # loaded once, for all processes that are forked from the server
from lakehouse.ledger import commits

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DIGESTS = "DIGESTS_OF_THE_LAKE"
"""Environment variable: a file to which a digest of the lake is appended at every fault point, a line each."""

# Processes come from a server that never touched Delta: a fork of a process that did would hang.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload([__name__])


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    """Its exit code, or the signal that ended it, negative."""
    said: str


def command(spark: SparkSession, output: Path, *arguments: object, **variables: str) -> Ended:
    """Give a command, with environment variables; what it says goes to a file, and comes back."""
    gateway = spark.sparkContext._gateway.gateway_parameters  # type: ignore[union-attr]
    attached = {"PYSPARK_GATEWAY_PORT": str(gateway.port), "PYSPARK_GATEWAY_SECRET": gateway.auth_token}
    process = _PROCESSES.Process(
        target=_work, args=([*map(str, arguments)], str(output), {**attached, **variables}), name="lakehouse"
    )
    before = _newest_object(spark)
    process.start()
    process.join()
    assert process.exitcode is not None
    _forget(spark, range(before + 1, _newest_object(spark) + 1))
    return Ended(process.exitcode, output.read_text())


def _newest_object(spark: SparkSession) -> int:
    """The number of an object that the driver holds for Python processes, made now."""
    number: str = spark.sparkContext._jvm.java.lang.Object()._target_id  # type: ignore[union-attr]
    return int(number[1:])


def _forget(spark: SparkSession, numbers: range) -> None:
    """Let the driver forget what it holds for a process that has ended: plans and frames, which fill its memory."""
    client = spark.sparkContext._gateway._gateway_client  # type: ignore[union-attr]
    for number in numbers:
        client.garbage_collect_object(f"o{number}")
    spark.catalog.clearCache()


def _work(arguments: list[str], output: str, variables: Mapping[str, str]) -> None:
    os.environ.update(variables)
    with (
        Path(output).open("w", buffering=1) as stream,
        contextlib.redirect_stdout(stream),
        contextlib.redirect_stderr(stream),
    ):
        _attach()
        if DIGESTS in variables:
            _write_digests(Path(variables[DIGESTS]), arguments)
        sys.argv = ["lakehouse", *arguments]
        lakehouse.cli.main()


def _attach() -> None:
    """Take part in the Spark that runs already."""
    from pyspark import SparkContext

    SparkContext._ensure_initialized()
    jvm = SparkContext._jvm
    assert jvm is not None
    running = jvm.JavaSparkContext.fromSparkContext(jvm.org.apache.spark.SparkContext.getOrCreate())
    SparkContext("local", "a command", jsc=running)


def _write_digests(file: Path, arguments: Sequence[str]) -> None:
    """Let every fault point append a digest of the lake that the arguments name."""
    lake, reach = Path(arguments[arguments.index("--lake") + 1]), commits._reach

    def reach_and_look(side: str, point: str, number: int) -> None:
        with file.open("a") as stream:
            stream.write(digest(lake) + "\n")
        reach(side, point, number)

    commits._reach = reach_and_look


def digest(lake: Path) -> str:
    """Tells two states of a lake's tables apart: names, sizes and times of all files but logs and results of runs."""
    found = hashlib.sha256()
    for path in sorted(lake.rglob("*")):
        if path.is_file() and path.relative_to(lake).parts[1] not in ("logs", "results"):
            known = path.stat()
            found.update(f"{path} {known.st_size} {known.st_mtime_ns}\n".encode())
    return found.hexdigest()


def bury(spark: SparkSession, lake: Path, domain: str) -> None:
    """End the claim that the driver holds for a killed process: as if it had died with it."""
    from lakehouse.contracts.lakes import Lake
    from lakehouse.session import release_claim

    release_claim(spark, Lake.at(str(lake)), domain)
