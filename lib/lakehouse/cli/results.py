"""The JSON summary of a run: in the lake under its run id, where schedulers read it, and where --result says."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lakehouse.cli.outputs import check_output, replaced
from lakehouse.cli.screen import show_error
from lakehouse.contracts.domains import Domain
from lakehouse.contracts.lakes import Lake
from lakehouse.errors import ConfigurationError, ExitCode, LakehouseError
from lakehouse.ledger.book import Ledger

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+:=-]{0,199}")

_TELLING = ("runs", "deliveries", "decisions", "publications")
"""Ledger tables that name the runs that there were."""


def check_run_id(run_id: str) -> str:
    """A run id that can name a file; raises ConfigurationError for another."""
    if not _RUN_ID.fullmatch(run_id):
        raise ConfigurationError(
            f"--run-id: '{run_id}' cannot name a run: letters, digits and . _ + : = - only, at most 200 of them. "
            "Example: --run-id nightly-2025-01-31"
        )
    return run_id


def check_unused(ledger: Ledger, run_id: str) -> None:
    """Raise ConfigurationError when the ledger knows a run of that id: appends are told apart by it."""
    # Entries about runs may be gone after keep_ledger_days; what a run did is kept for ever.
    if any(row["run_id"] == run_id for table in _TELLING for row in ledger.rows(table)):
        raise ConfigurationError(
            f"--run-id: the domain '{ledger.domain}' has had a run '{run_id}'. Name another, or leave the option out."
        )


def check_folder(path: Path | None) -> None:
    """Raise ConfigurationError when the folder for --result is not there."""
    if path:
        check_output("--result", path)


@contextmanager
def kept(
    lake: Lake, domain: str, steps: Sequence[str], run_id: str | None, file: Path | None
) -> Iterator[dict[str, Any]]:
    """The result of a command that is no run: what the block puts into it is written where results belong.

    It is written when the block has set ``exit_code``, and when it fails by an error, which goes on.
    """
    summary: dict[str, Any] = {"run_id": run_id, "domain": domain, "lake": lake.root, "steps": list(steps)}
    check_folder(file)
    places: list[str | Path] = [file] if file else []
    places += [result_place(lake, domain, check_run_id(run_id))] if run_id else []
    try:
        yield summary
    except Exception as error:
        known = isinstance(error, LakehouseError)
        summary["reason"] = str(error) if known else f"{type(error).__name__}: {error}"
        summary["exit_code"] = int(getattr(error, "exit_code", ExitCode.FAILED))
        raise
    finally:
        if "exit_code" in summary:
            for place in places:
                write_result(place, summary)


def write_result(place: str | Path, summary: Mapping[str, Any]) -> None:
    """Write the summary to a file or URI, whole or not at all; that it cannot be written is said, and ends nothing."""
    text = json.dumps(summary, indent=2, default=str) + "\n"
    try:
        _write(place, text)
    except Exception as error:  # Libraries of object stores have errors of their own.
        show_error(f"the result could not be written to {place}: {getattr(error, 'strerror', None) or error}")


def _write(place: str | Path, text: str) -> None:
    if "://" in str(place):
        import fsspec

        with fsspec.open(str(place), "w", encoding="utf-8") as stream:
            stream.write(text)
        return
    path = Path(place)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(path) as aside:
        aside.write_text(text, "utf-8")


def result_place(lake: Lake, domain: str, run_id: str) -> str:
    """Where the lake keeps the summary of a run."""
    return f"{lake.domain(domain)}/results/{run_id}.json"


def remove_old(lake: Lake, domain: Domain) -> list[str]:
    """Remove results and logs of runs that are older than the domain keeps them; says so, or nothing.

    In object stores this is a matter of their own rules.
    """
    days = domain.facts.keep_logs_days
    oldest = time.time() - days * 86400
    removed = 0
    for folder in ("results", "logs") if lake.local else ():
        for path in Path(lake.domain(domain.name), folder).glob("*"):
            # Another run may tidy up at the same time.
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < oldest:
                    path.unlink()
                    removed += 1
    files = "1 result or log" if removed == 1 else f"{removed} results and logs"
    return [f"{files} older than {days} days removed"] if removed else []
