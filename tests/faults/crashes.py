"""A crash at any commit of a run, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import pytest

from lakehouse.ledger import commits


class CrashError(BaseException):
    """Stands for the end of the process: no handler of the engine's own may catch it."""


Point = int | str
"""A commit, counted from 0, each twice (before and after it); or the name of a point: ``after:append bronze/usage``."""


@contextmanager
def crashing(at: Point) -> Iterator[list[str]]:
    """End the work within this block at a point; yields the points that were passed."""
    passed: list[str] = []
    lock = Lock()

    def reach(side: str, point: str, number: int) -> None:
        with lock:
            passed.append(f"{side}:{point}")
            # Whatever runs beside the thread that meets its end is not to commit either.
            ends = at in passed if isinstance(at, str) else len(passed) > at
        if ends:
            raise CrashError(passed[-1])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commits, "_reach", reach)
        yield passed
