"""The lakehouse command in a process of its own that can be killed, with the tests' Spark behind it.

To start a Spark driver takes ten times as long as what is tested. It plays no part in it: at a fault point the driver
has ended its commit, or has not begun it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import lakehouse.cli  # loaded once, for all processes that are forked from the server

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

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
    process.start()
    process.join()
    assert process.exitcode is not None
    return Ended(process.exitcode, output.read_text())


def _work(arguments: list[str], output: str, variables: Mapping[str, str]) -> None:
    os.environ.update(variables)
    with (
        Path(output).open("w", buffering=1) as stream,
        contextlib.redirect_stdout(stream),
        contextlib.redirect_stderr(stream),
    ):
        _attach()
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


def bury(spark: SparkSession, lake: Path, domain: str) -> None:
    """End the claim that the driver holds for a killed process: as if it had died with it."""
    from lakehouse.contracts.lakes import Lake
    from lakehouse.session import release_claim

    release_claim(spark, Lake.at(str(lake)), domain)
