"""Landing zones to measure on: one plain file a day, with bad, late and duplicate rows.

Dialects, drifting headers and unreadable files are left out, since the others that are measured know nothing of them.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from random import Random

from lakehouse.samples.billing_dirt import Soiler
from lakehouse.samples.billing_usage import CREDIT_USAGE, HEADER, Row, open_market, use
from lakehouse.samples.delivered_files import Dialect, render

START = date(2025, 1, 1)
SEED = 7


def day_file(landing: Path, number: int) -> Path:
    """The file of a day, counted from 0."""
    day = START + timedelta(days=number)
    return landing / "billing" / f"year={day:%Y}/month={day:%m}/day={day:%d}" / "usage-1.csv"


def generate(landing: Path, days: int, rows_per_day: int, dirt: float = 0.01) -> list[Path]:
    """Write the files of so many days and return their paths; the same arguments give the same bytes."""
    market = open_market(days=days, rows_per_day=rows_per_day, seed=SEED)
    soiler = Soiler(dirt)
    day_before: list[Row] = []
    files = []
    for number in range(days):
        usage = use(market, START + timedelta(days=number), number, rows=rows_per_day, seed=SEED)
        stain, day_before = soiler.soil(usage, [], day_before, Random(f"{SEED}/dirt/{number}"))
        path = day_file(landing, number)
        path.parent.mkdir(parents=True)
        path.write_bytes(render(HEADER, usage.rows, Dialect(), stain.misfits))
        files.append(path)
    return files


def kept(landing: Path, days: int, rows_per_day: int) -> Path:
    """The landing zone at a place, generated when it is not there."""
    return _made(landing, lambda place: generate(place, days, rows_per_day))


def copied(landing: Path, numbers: Iterable[int], to: Path) -> Path:
    """A landing zone with copies of some days of another one, made when it is not there.

    No links: another link to a file is a touch to it, and files that were touched are read again.
    """

    def copy(place: Path) -> None:
        for number in numbers:
            path = day_file(place, number)
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(day_file(landing, number), path)

    return _made(to, copy)


def _made(landing: Path, make: Callable[[Path], object]) -> Path:
    """A landing zone, made when it is not there; one that was not finished is not there."""
    if not landing.is_dir():
        unfinished = landing.with_name(f"{landing.name}-unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        make(unfinished)
        unfinished.rename(landing)
    return landing


@contextmanager
def arrived(arrivals: Iterable[tuple[Path, Path]], stay: bool = False) -> Iterator[None]:
    """Within a block files lie at their places in a landing zone, given as (source, place).

    Afterwards what they replaced is there again, unless they ``stay``.
    """
    replaced = []
    for source, place in arrivals:
        aside = place.with_name(f".{place.name}.replaced")
        if place.exists():
            place.rename(aside)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, place)
        replaced.append((place, aside))
    try:
        yield
    finally:
        for place, aside in () if stay else replaced:
            if aside.exists():
                aside.replace(place)
            else:
                place.unlink()


def correct(path: Path) -> None:
    """Deliver a file again, with another amount in each hundredth row that has a sensible one."""
    header, *rows = list(csv.reader(io.StringIO(path.read_text("utf-8"), newline="")))
    for row in rows[::100]:
        if len(row) == len(HEADER) and row[CREDIT_USAGE].startswith("-"):
            row[CREDIT_USAGE] = "-77.25"
    path.write_bytes(render(header, rows, Dialect()))
