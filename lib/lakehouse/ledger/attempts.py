"""Names of runs that are attempts at the same thing: a scheduler tries again when one was killed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

_LONGEST = 120
"""Of a scheduler's name for a run, which becomes part of a file's name."""

_ATTEMPT = re.compile(r"(?P<name>.+?)\.(?P<attempt>\d+(\.\d+)?)(-[0-9a-f]{8})?")


def attempt_id(dag_id: str, dag_run: str, step: str, attempt: str, instance: str = "") -> str:
    """A readable name for one attempt at a step: the same whenever it is asked for, and fit for a file's name.

    ``attempt`` tells the tries of a task apart, and the turns that a try has waited for: 2, or 2.1 after one wait.
    ``instance`` is what the scheduler calls the attempt: it tells runs of the same name apart that two schedulers
    started, or one whose records were removed.
    """
    run = re.sub(r"[^\w.-]+", "-", dag_run, flags=re.ASCII).strip("-.")
    if len(run) > _LONGEST:
        run = f"{run[:_LONGEST]}-{_short(dag_run)}"
    name = f"{dag_id}.{run}.{step}.{attempt}"
    return f"{name}-{_short(instance)}" if instance else name


def tries_again(run_id: str) -> bool:
    """Whether a run's name says that it is not the first attempt."""
    mine = _parted(run_id)
    return mine is not None and mine[1] > (1,)


def earlier_attempts(run_id: str, known: Iterable[str]) -> set[str]:
    """Those of the known runs that were earlier attempts at what a run is an attempt at; none for other names."""
    mine = _parted(run_id)
    others = ((other, _parted(other)) for other in known) if mine else ()
    return {other for other, parted in others if mine and parted and parted[0] == mine[0] and parted[1] < mine[1]}


def _parted(run_id: str) -> tuple[str, tuple[int, ...]] | None:
    matched = _ATTEMPT.fullmatch(run_id)
    return (matched["name"], tuple(map(int, matched["attempt"].split(".")))) if matched else None


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
