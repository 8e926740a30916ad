"""What every commit passes through: the fence of the domain's claim, and the fault points of tests."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deltalake import CommitProperties

from lakehouse.ledger.obstacles import explaining

FAULT = "LAKEHOUSE_FAULT"
"""Environment variable of tests: ``before|after:<point>:<n>`` kills the process at the n-th passing of a point."""

TRACE = "LAKEHOUSE_FAULT_TRACE"
"""Environment variable of tests: a file to which every point is appended as it is passed."""

_fences: dict[str, Callable[[], None]] = {}
_passed: Counter[str] = Counter()


@contextmanager
def fenced(folder: str, check: Callable[[], None]) -> Iterator[None]:
    """While this lasts, ``check`` is called before each commit below a folder; what it raises stops the commit."""
    _fences[folder] = check
    try:
        yield
    finally:
        del _fences[folder]


@contextmanager
def committing(path: str, operation: str) -> Iterator[None]:
    """Surrounds one commit to the table, or write of the file, at a path.

    The point's name is the operation and the last two parts of the path: ``append bronze/usage``.
    """
    for folder, check in list(_fences.items()):
        if path.startswith(f"{folder}/"):
            check()
    point = f"{operation} {'/'.join(path.rstrip('/').split('/')[-2:])}"
    _passed[point] += 1
    _reach("before", point, _passed[point])
    with explaining(path):
        yield
    _reach("after", point, _passed[point])


def named(run_id: str | None) -> CommitProperties | None:
    """The run's id for a table's history, as Spark's commits carry it."""
    return CommitProperties(custom_metadata={"userMetadata": run_id}) if run_id else None


def _reach(side: str, point: str, number: int) -> None:
    trace, fault = os.environ.get(TRACE), os.environ.get(FAULT)
    if trace:
        with Path(trace).open("a", encoding="utf-8") as stream:
            stream.write(f"{side}:{point}:{number}\n")
    if fault == f"{side}:{point}:{number}":
        die()


def die() -> None:
    """End this process at once, as the kernel does when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)
