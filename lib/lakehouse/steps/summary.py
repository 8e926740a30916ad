"""What a run did, for people and as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from lakehouse.errors import ExitCode
from lakehouse.ledger.deliveries import Outcome


@dataclass
class DeliverySummary:
    """What became of one delivery in one table."""

    table: str
    delivery_id: str
    state: str
    """new, corrected, unreadable, unconfirmed, torn (ingest); accepted, refused (refine)."""
    reason: str | None = None
    rows_in: int = 0
    rows_accepted: int = 0
    rows_quarantined: int = 0
    rows_outranked: int = 0
    quarantined_by_rule: dict[str, int] = field(default_factory=dict)
    rows_unchanged: int = 0
    """Of a table with versions: rows that opened none because the version before still held."""

    @classmethod
    def of(cls, outcome: Outcome, quarantined_by_rule: dict[str, int] | None = None) -> DeliverySummary:
        """What the ledger says became of a delivery in a silver table."""
        return cls(
            str(outcome.table), outcome.delivery_id, outcome.state, outcome.reason, outcome.rows_in,
            outcome.rows_accepted, outcome.rows_quarantined, outcome.rows_outranked, quarantined_by_rule or {},
            outcome.rows_unchanged,
        )  # fmt: skip


@dataclass
class TableSummary:
    """A table after the run."""

    table: str
    version: int | None
    rows: int | None = None
    note: str = ""


@dataclass
class RunSummary:
    """What a run did."""

    run_id: str
    domain: str
    lake: str
    landing: str
    steps: list[str]
    exit_code: int = int(ExitCode.DONE)
    reason: str = ""
    nothing_new: bool = False
    dry_run: bool = False
    deliveries: list[DeliverySummary] = field(default_factory=list)
    tables: list[TableSummary] = field(default_factory=list)
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    """Gates that did not pass, and those that did: table, delivery, rule, severity, passed, reason."""
    seconds: dict[str, float] = field(default_factory=dict)
    missing_days: list[str] = field(default_factory=list)
    standing: list[str] = field(default_factory=list)
    """Deliveries that were refused, unreadable or unconfirmed in earlier runs and still are."""
    refused_tables: list[str] = field(default_factory=list)
    """Gold tables that a gate kept at their old version, and why."""
    strangers: list[str] = field(default_factory=list)
    maintenance: list[dict[str, Any]] = field(default_factory=list)
    """What maintain decided about each table, and what came of it: table, before, after, plan, partitions."""
    notes: list[str] = field(default_factory=list)

    def refuse_table(self, table: str, version: int | None, reason: str) -> None:
        """Tell of a gold table that gates refused, with the version that readers see; None when they see none."""
        what = "is not published" if version is None else "keeps its old version"
        self.refused_tables.append(f"{table} {what}: {reason}")

    def as_json(self) -> dict[str, Any]:
        """Plain data, for --result and the ledger."""
        return asdict(self)

    def taken(self, state: str) -> list[DeliverySummary]:
        """Deliveries that ended in a state."""
        return [delivery for delivery in self.deliveries if delivery.state == state]

    def versions(self) -> dict[str, int]:
        """Version of every table that exists."""
        return {table.table: table.version for table in self.tables if table.version is not None}
