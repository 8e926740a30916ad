"""What a step works with: the domain, where its tables and deliveries are, the run, and a Spark session on demand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

from lakehouse.contracts.domains import Domain
from lakehouse.contracts.environments import Environment
from lakehouse.contracts.lakes import Lake
from lakehouse.contracts.names import TableId
from lakehouse.landing.days import Days
from lakehouse.ledger.book import Ledger

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Progress = Callable[[str], None]
"""Receives a line about what is being done, for the person who waits."""


@dataclass
class Workspace:
    """Everything that the steps of one run share."""

    domain: Domain
    environment: Environment
    lake: Lake
    landing: str
    run_id: str
    days: Days = field(default_factory=Days)
    full_refresh: bool = False
    progress: Progress = print
    reads_only: bool = False
    """True for commands that hold no claim on the domain."""
    only: frozenset[str] | None = None
    """Delivery ids that the run is limited to; None for all."""
    _spark: SparkSession | None = None

    def concerns(self, delivery_id: str, day: date | None) -> bool:
        """Whether the run is about a delivery."""
        return self.days.holds(day) and (self.only is None or delivery_id in self.only)

    @property
    def ledger(self) -> Ledger:
        """The ledger of the domain."""
        return Ledger(self.lake, self.domain.name)

    @property
    def spark(self) -> SparkSession:
        """The session; Spark and its JVM start at the first use."""
        if self._spark is None:
            from lakehouse.session import hold_claim, open_session
            from lakehouse.storage.commits import name_commits

            self.progress("starting Spark")
            self._spark = open_session(f"lakehouse {self.domain.name}", self.environment)
            if not self.reads_only:
                hold_claim(self._spark, self.lake, self.domain.name)
            name_commits(self._spark, self.run_id)
        return self._spark

    @cached_property
    def judging_spark(self) -> SparkSession:
        """The session, once it is known to understand the SQL of all the domain's contracts.

        Raises ConfigurationError for the first expression that it does not understand.
        """
        from lakehouse.quality.expressions import check_expressions

        check_expressions(self.spark, self.domain)
        return self.spark

    @property
    def started_spark(self) -> bool:
        """Whether any step needed the session."""
        return self._spark is not None

    def close(self) -> None:
        """Give the claim back; the session itself lives as long as the process."""
        if self._spark is not None:
            from lakehouse.session import release_claim

            release_claim(self._spark, self.lake, self.domain.name)

    def fingerprint(self, table: TableId) -> str:
        """A table's fingerprint."""
        return self.domain.fingerprints[table]
