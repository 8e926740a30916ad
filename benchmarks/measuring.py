"""What a command costs: wall and CPU seconds, and the memory of all its processes together."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_FIRST_LOOK, _BETWEEN_LOOKS = 0.2, 2.0
"""Seconds; the pauses grow. To look at the memory of a driver of some GB takes the system a tenth of a second."""
_MB = 1024 * 1024


@dataclass(frozen=True)
class Cost:
    """Of one command with all processes that it started."""

    wall: float
    """Seconds."""
    cpu: float
    """Seconds, user and system."""
    peak_mb: float
    """Greatest sum of the processes' proportional memory (PSS), looked at every other second, more often at first."""
    exit_code: int
    printed: str

    def figures(self) -> dict[str, float]:
        """What is kept of it: wall and CPU seconds, memory in MB."""
        return {"wall": round(self.wall, 2), "cpu": round(self.cpu, 2), "peak_mb": round(self.peak_mb)}


def adopt_orphans() -> None:
    """Become the parent of drivers that outlive the Python process that started them: their CPU time counts."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def measure(command: Sequence[str], variables: Mapping[str, str] | None = None, cwd: Path | None = None) -> Cost:
    """Run a command to the end of its last process."""
    before = _cpu_of_children()
    began = time.monotonic()
    # A file and no pipe: a driver that outlives its parent would hold a pipe open.
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        environment = {**os.environ, **(variables or {})}
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment, cwd=cwd)
        with _Watch() as watch:
            code = process.wait()
            wall = time.monotonic() - began
            _reap()
        output.seek(0)
        return Cost(wall, _cpu_of_children() - before, watch.peak / _MB, code, output.read())


class _Watch(threading.Thread):
    """Looks at the memory of all descendants of this process until it is told to stop."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._ended = threading.Event()

    def run(self) -> None:
        pause = _FIRST_LOOK
        while not self._ended.wait(pause):
            self.peak = max(self.peak, sum(map(_memory, descendants(os.getpid()))))
            pause = min(2 * pause, _BETWEEN_LOOKS)

    def __enter__(self) -> _Watch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()


def descendants(process: int) -> list[int]:
    """Processes that a process started, and those that they started."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name stands in brackets and may hold anything.
            fields = status.read_text().rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(status.parent.name))
    found: list[int] = []
    waiting = [process]
    while waiting:
        mine = children.get(waiting.pop(), [])
        found += mine
        waiting += mine
    return found


def _memory(process: int) -> int:
    """Bytes, of shared pages its part; none of a process that has just ended."""
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024
    return 0


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _reap() -> None:
    """Wait for every process that is left."""
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
