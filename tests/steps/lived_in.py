"""A lake that has seen a few runs, written by hand: a ledger, two tables and a quarantine; no Spark."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from arro3.core import Array, DataType, Table
from deltalake import QueryBuilder, write_deltalake

from lakehouse.contracts.domains import load_domain
from lakehouse.contracts.environments import load_environment
from lakehouse.contracts.lakes import Lake
from lakehouse.contracts.names import TableId
from lakehouse.ledger.book import Ledger
from lakehouse.ledger.deliveries import BronzeState, Delivery, Outcome, SilverState, delivery_row, outcome_row
from lakehouse.steps.workspace import Workspace
from tests.contracts.places import copy_conf

BRONZE = TableId.parse("billing.bronze.usage")
SILVER = TableId.parse("billing.silver.usage")
DAILY = TableId.parse("billing.gold.daily_usage")
TOTALS = TableId.parse("billing.gold.region_totals")
HEADER = ("timestamp", "user_id", "credit_usage", "region", "success")


def delivery_id(day: str, name: str = "a.csv") -> str:
    year, month, number = day.split("-")
    return f"usage/year={year}/month={month}/day={number}/{name}"


class LivedIn:
    """A configuration and a lake; its methods write what runs would have."""

    def __init__(self, folder: Path) -> None:
        self.conf = copy_conf(folder / "conf")
        self.lake = Lake.at(str(folder / "lake"))
        self.ledger = Ledger(self.lake, "billing")
        self.sequence = 0

    def work(self) -> Workspace:
        return Workspace(load_domain("billing"), load_environment("local"), self.lake, "", "run-9", reads_only=True)

    def run(self, run_id: str, *entries: dict[str, Any]) -> None:
        """Entries about a run: what each has beside its id."""
        common = {"run_id": run_id, "command": "ingest refine", "host": "me@here", "process": 7}
        for entry in entries:
            self.ledger.record("runs", [{**common, **entry}])

    def deliver(
        self,
        day: str,
        state: BronzeState = "ingested",
        *,
        name: str = "a.csv",
        header: tuple[str, ...] = HEADER,
        reason: str | None = None,
        twin: str | None = None,
    ) -> Delivery:
        """An entry about a delivery."""
        readable = state != "unreadable"
        self.sequence += readable
        found = Delivery(
            BRONZE, delivery_id(day, name), date.fromisoformat(day), self.sequence if readable else None, state,
            f"/landing/{name}", 10, "1.5", f"{day} {name}", self.work().fingerprint(BRONZE),
            100 if state == "ingested" else None, reason,
            {"header": list(header), **({"same_content_as": twin} if twin else {})} if readable else {}, "run-1",
        )  # fmt: skip
        self.ledger.record("deliveries", [delivery_row(found)])
        return found

    def judge(self, delivery: Delivery, state: SilverState = "accepted", reason: str | None = None) -> None:
        """An entry about what became of a delivery in silver."""
        assert delivery.sequence is not None
        fingerprint = self.work().fingerprint(SILVER)
        fate = Outcome(SILVER, delivery.delivery_id, delivery.sequence, state, fingerprint, reason, 100, 90, 9, 1)
        self.ledger.record("deliveries", [outcome_row(fate, delivery, "run-1")])

    def verdict(self, delivery: str | None, rule: str, **other: Any) -> None:
        """An entry about what a gate said; it passed unless ``other`` says otherwise."""
        common = {"run_id": "run-1", "table_id": str(SILVER), "gate": "staged", "severity": "error", "passed": "yes"}
        self.ledger.record("verdicts", [{**common, "delivery_id": delivery, "rule": rule, **other}])

    def write(self, table: TableId, rows: int) -> int:
        """Append rows to a table; its version afterwards."""
        numbers = Table.from_pydict({"number": Array(list(range(rows)), type=DataType.int64())})
        path = self.lake.table(table)
        write_deltalake(path, numbers, mode="append")
        return len(list(Path(path, "_delta_log").glob("*.json"))) - 1

    def publish(self, table: TableId, rows: int, inputs: dict[str, int] | None = None) -> int:
        """Append rows to a table and record it; its version afterwards."""
        version = self.write(table, rows)
        self.ledger.record(
            "publications",
            [
                {
                    "run_id": "run-1", "step": "x", "table_id": str(table), "version": version,
                    "input_versions": inputs or {}, "fingerprint": self.work().fingerprint(table),
                }
            ],
        )  # fmt: skip
        return version

    def quarantine(self, *rows: tuple[str, str, tuple[str, ...]]) -> None:
        """Rows in quarantine: their delivery days, statuses and broken rules."""
        selects = []
        for number, (day, status, rules) in enumerate(rows):
            reasons = ", ".join(
                f"named_struct('rule', '{rule}', 'column', '', 'value', CAST(NULL AS VARCHAR), 'message', 'because')"
                for rule in rules
            )
            selects.append(
                f"SELECT '{day}-{number}' AS quarantine_id, DATE '{day}' AS delivery_date, '{status}' AS status, "
                f"'{delivery_id(day)}' AS delivery_id, 1 AS delivery_sequence, {number} AS record_number, "
                f"'{{\"user_id\": \"=1+1\"}}' AS payload, 'r' AS run_id, [{reasons}] AS reasons, "
                f"arrow_cast(now(), 'Timestamp(Microsecond, Some(\"UTC\"))') AS quarantined_at"
            )
        frame = QueryBuilder().execute(" UNION ALL ".join(selects)).read_all()
        write_deltalake(self.lake.quarantine(SILVER), frame, mode="append")
