"""What the ledger tells of the runs of a domain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from lakehouse.contracts.lakes import Lake
from lakehouse.ledger.entries import Row
from lakehouse.ledger.holders import Holder

RunState = Literal["running", "finished", "failed", "interrupted"]
"""``interrupted`` is a run that left no end behind: it was killed, or its machine went down."""


@dataclass(frozen=True)
class RunRecord:
    """One run. Times are UTC."""

    run_id: str
    steps: tuple[str, ...]
    state: RunState
    started_at: datetime
    ended_at: datetime | None
    exit_code: int | None
    reason: str | None
    host: str
    """``user@host``."""
    process: int | None
    log: str | None
    """Its log file, where the lake has one."""

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it has no end."""
        return round((self.ended_at - self.started_at).total_seconds(), 1) if self.ended_at else None


def run_records(lake: Lake, domain: str, rows: Sequence[Row], writer: Holder | None) -> list[RunRecord]:
    """Every run that the entries of the ledger's ``runs`` table tell of, newest first."""
    by_run: dict[str, list[Row]] = {}
    for row in rows:
        by_run.setdefault(row["run_id"], []).append(row)
    records = [_record(lake, domain, entries, writer) for entries in by_run.values()]
    return records[::-1]


def _record(lake: Lake, domain: str, entries: Sequence[Row], writer: Holder | None) -> RunRecord:
    first, last = entries[0], entries[-1]
    ended = last["state"] != "started"
    if ended:
        state: RunState = "failed" if last["state"] == "failed" else "finished"
    else:
        # A holder that could not be read may well be this run.
        working = writer is not None and writer.run_id in (None, first["run_id"])
        state = "running" if working else "interrupted"
    log = lake.log(domain, first["run_id"])
    return RunRecord(
        run_id=first["run_id"],
        steps=tuple((first["command"] or "").split()),
        state=state,
        started_at=first["recorded_at"],
        ended_at=last["recorded_at"] if ended else None,
        exit_code=last["exit_code"] if ended else None,
        reason=last["reason"] if ended else None,
        host=first["host"] or "",
        process=first["process"],
        log=log if lake.local and Path(log).is_file() else None,
    )
