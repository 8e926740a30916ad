"""What a sample landing zone is asked to be: how many days and rows, from when on, how dirty."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

from lakehouse.samples.truth import SampleError

LEAST_ROWS = 20
MOST_DIRT = 0.03
# Fiscal calendars and late rows reach some years beyond the days of a sample.
_EARLIEST, _LATEST = date(1950, 1, 1), date(2199, 12, 31)


@dataclass(frozen=True)
class Plan:
    """The arguments of a generator that say what is in the files. Raises SampleError for those out of range."""

    days: int
    rows_per_day: int
    seed: int
    start: date
    dirt: float
    bad_days: int

    def __post_init__(self) -> None:
        if self.days < 1:
            raise SampleError(f"days must be at least 1, found {self.days}. Example: 7")
        if self.rows_per_day < LEAST_ROWS:
            raise SampleError(f"rows per day must be at least {LEAST_ROWS}, found {self.rows_per_day}. Example: 1000")
        if not 0 <= self.dirt <= MOST_DIRT:
            raise SampleError(f"dirt is the share of bad rows, from 0 to {MOST_DIRT}, found {self.dirt}. Example: 0.01")
        if not 0 <= self.bad_days <= self.days:
            raise SampleError(f"bad days must be from 0 to days ({self.days}), found {self.bad_days}. Example: 1")
        if self.start < _EARLIEST or (_LATEST - self.start).days < self.days - 1:
            raise SampleError(
                f"the days must lie between {_EARLIEST} and {_LATEST}, found {self.days} days from {self.start} on. "
                "Example: 7 days from 2025-01-01 on"
            )

    @property
    def parameters(self) -> dict[str, int | float | str]:
        """The arguments in JSON's types."""
        return {**asdict(self), "start": self.start.isoformat()}

    def day(self, day_number: int) -> date:
        """The date of a day, counted from 0."""
        return self.start + timedelta(days=day_number)

    def is_bad(self, day_number: int) -> bool:
        """Whether the first file of the day is to be refused; such days are spread evenly."""
        return day_number in {(2 * turn + 1) * self.days // (2 * self.bad_days) for turn in range(self.bad_days)}


def check_empty(landing: Path) -> None:
    """Raise SampleError when a domain's landing zone already has files, or cannot be a folder."""
    if landing.is_dir():
        found = next((path for path in sorted(landing.rglob("*")) if path.is_file()), None)
        if found is not None:
            raise SampleError(
                f"{landing} already has files, for example {found.relative_to(landing).as_posix()}. "
                "Sample data is never mixed with what is there: choose another folder or empty this one"
            )
    elif landing.exists() or landing.parent.is_file():
        raise SampleError(f"{landing} cannot be a folder: there is a file of that name. Choose another folder")
