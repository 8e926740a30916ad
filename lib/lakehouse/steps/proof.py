"""What a verification works with, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from pyspark.sql import DataFrame
from pyspark.storagelevel import StorageLevel

from lakehouse.contracts.names import TableId
from lakehouse.errors import TableError
from lakehouse.steps.choice import Chosen
from lakehouse.steps.snapshot import Snapshot
from lakehouse.steps.workspace import Workspace
from lakehouse.storage.differences import Differences, compare
from lakehouse.storage.keyed import ADDRESS
from lakehouse.storage.tables import read_table

PLACE = ("delivery_id", *ADDRESS)
"""What identifies a row of bronze, with the name of its delivery for people."""


@dataclass
class LandingProof:
    """What the comparison of bronze with the landing files found, besides different rows."""

    files: int = 0
    """Files that hold what was taken, and were compared."""
    records: int = 0
    """Records that Python's csv module counts in them."""
    gone: int = 0
    """Deliveries whose file is not there any more."""
    not_taken: list[str] = field(default_factory=list)
    """Files whose content is not, or not yet, in bronze: new and changed ones."""


@dataclass
class Proof:
    """What verification found."""

    chosen: Chosen
    differences: list[Differences] = field(default_factory=list)
    """What was compared row by row, and what is wrong there."""
    lost: list[str] = field(default_factory=list)
    """What does not add up: deliveries whose rows are not all in exactly one place, and rows of unknown origin."""
    deliveries: int = 0
    """Accepted deliveries whose rows were counted."""
    quarantined: int = 0
    """Quarantined rows, closed ones too, whose address was looked for."""
    landing: LandingProof | None = None
    """None when the landing zone was not looked at."""
    not_compared: list[str] = field(default_factory=list)
    """Tables that were left out, with the reason."""
    notes: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether what was compared and counted is exactly what the deliveries make it."""
        return not self.lost and not any(found.total for found in self.differences)


@dataclass(frozen=True)
class Picture:
    """A computed table as it should be."""

    rows: DataFrame
    """The rows that were computed again; where nothing was, those that lie there."""
    region: DataFrame | None = None
    """The rows that should be, or are, in the part that was computed again; None when that is the whole table."""


@dataclass(frozen=True)
class Verification:
    """What the parts of one verification share."""

    work: Workspace
    snapshot: Snapshot
    chosen: Chosen
    proof: Proof
    shown: int
    """So many differences are named of each table."""
    kept: ExitStack
    """Gives back what is kept in memory."""

    def exists(self, path: str) -> bool:
        """Whether there is a table."""
        return self.snapshot.versions[path] is not None

    def read(self, path: str) -> DataFrame:
        """A table as it is in the snapshot; raises TableError when there is none."""
        version = self.snapshot.versions[path]
        if version is None:
            raise TableError(f"There is no table at {path}, but the ledger says that rows were written to it.")
        return read_table(self.work.spark, path, version)

    def compare(self, name: str, frames: tuple[DataFrame, DataFrame], keys: Sequence[str], part: str = "") -> None:
        """Compare expected with found rows; ``part`` says which ones these are, and is empty for all."""
        self.work.progress(f"{name}: comparing")
        self.proof.differences.append(compare(name, *frames, keys, self.shown, part or "all"))

    def keep(self, rows: DataFrame) -> DataFrame:
        """Rows that are used more than once."""
        release: Callable[[], DataFrame] = rows.persist(StorageLevel.MEMORY_AND_DISK).unpersist
        self.kept.callback(release)
        return rows

    def leave_out(self, table: TableId, why: str) -> None:
        """Note that a table was not compared."""
        self.proof.not_compared.append(f"{table}: {why}")

    def part(self) -> str:
        """The chosen deliveries in words; empty when these are all."""
        return "" if self.chosen.everything else f"{len(self.chosen.ids)} deliveries"
