"""Measure the pipeline, and others beside it, on this machine; one page and the figures as JSON.

full: landing to gold against a bare Spark copy, a hand-written Spark job, DuckDB and Polars.
history: what one more day, nothing new, a correction, an old day and seven days cost with more and more history.
long: one more day of full size, against the hand-written job alone.
increments: a hundred days one by one, then questions with and without maintenance.
startup: how long one waits for first rows and for commands.

Timings whose tables differ from an independent computation do not count; those of long are compared with each other.

Example: python -m benchmarks.bench --days 10 --rows 100000 --history 30,120,480 --history-rows 10000
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import full_load, history, increments, long_history, startup
from benchmarks.measuring import adopt_orphans
from benchmarks.page import write_page
from benchmarks.records import Records

KINDS = ("startup", "full", "history", "long", "increments")
_SCENARIOS = tuple(scenario.name for scenario in history.SCENARIOS)
_QUICK = {"days": 3, "rows": 2_000, "history": [4, 8, 16], "history_rows": 500, "long": [2, 4], "long_rows": 2_000,
          "increments": 5, "repeats": 1}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what was asked for; the page is written even if that is interrupted."""
    options = parse(arguments)
    adopt_orphans()
    options.out.mkdir(parents=True, exist_ok=True)
    kept = options.work is not None
    work = options.work if kept else Path(tempfile.mkdtemp(prefix="lakehouse-bench-"))
    work = work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    records = Records(options.out / "figures.json", _shown(options))
    try:
        measure(work, records, options)
    finally:
        write_page(records.content, options.out / "report.html")
        print(f"{options.out / 'report.html'}, {options.out / 'figures.json'}")
        if not kept:
            shutil.rmtree(work, ignore_errors=True)


def measure(work: Path, records: Records, options: argparse.Namespace) -> None:
    """Each kind that was asked for."""
    if "startup" in options.only:
        startup.measure(work, records, options.repeats)
    if "full" in options.only:
        full_load.measure(work, records, options.days, options.rows, options.repeats)
    if "history" in options.only:
        wanted = history.Wanted(
            options.history, options.history_rows, options.repeats, options.scenarios, options.history_who
        )
        history.measure(work, records, wanted)
    if "long" in options.only:
        long_history.measure(work, records, options.long, options.long_rows)
    if "increments" in options.only:
        increments.measure(work, records, options.increments, options.increment_rows)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=_kinds, default=list(KINDS), help=f"of {','.join(KINDS)}")
    parser.add_argument("--days", type=int, default=30, help="of the full load")
    parser.add_argument("--rows", type=int, default=100_000, help="a day, of the full load")
    parser.add_argument("--history", type=_numbers, default=[30, 120, 480], help="days of history, as 30,120,480")
    parser.add_argument("--history-rows", type=int, default=10_000, help="a day, of the histories")
    parser.add_argument(
        "--scenarios", type=_scenarios, default=list(_SCENARIOS), help=f"on histories, of {','.join(_SCENARIOS)}"
    )
    parser.add_argument("--history-who", type=_who, default=list(history.WHO), help=f"of {','.join(history.WHO)}")
    parser.add_argument("--long", type=_numbers, default=[30, 120, 480], help="days before one more day of full size")
    parser.add_argument("--long-rows", type=int, default=100_000, help="a day, of these")
    parser.add_argument("--increments", type=int, default=100, help="days that are run one by one")
    parser.add_argument("--increment-rows", type=int, default=2_000, help="a day, of those")
    parser.add_argument("--repeats", type=int, default=3, help="of everything but long and increments")
    parser.add_argument("--quick", action="store_true", help="small sizes for all that is not given")
    parser.add_argument("--out", type=Path, default=Path("data/bench"), help="folder of report.html and figures.json")
    parser.add_argument("--work", type=Path, help="folder that keeps landing zones and histories for the next time")
    given = parser.parse_args(arguments)
    if given.quick:
        parser.set_defaults(**_QUICK)
        given = parser.parse_args(arguments)
    if min(given.history) < history.SMALLEST or len(given.history) < 2:
        parser.error(f"--history takes two numbers of days at least, each {history.SMALLEST} or more")
    return given


def _numbers(text: str) -> list[int]:
    return sorted({int(number) for number in text.split(",")})


def _kinds(text: str) -> list[str]:
    return _chosen(text, KINDS)


def _who(text: str) -> list[str]:
    return _chosen(text, history.WHO)


def _scenarios(text: str) -> list[str]:
    return _chosen(text, _SCENARIOS)


def _chosen(text: str, there: Sequence[str]) -> list[str]:
    chosen = text.split(",")
    unknown = [name for name in chosen if name not in there]
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; there are {', '.join(there)}")
    return chosen


def _shown(options: argparse.Namespace) -> dict[str, object]:
    return {name: value for name, value in vars(options).items() if name not in {"out", "work"}}


if __name__ == "__main__":
    main()
