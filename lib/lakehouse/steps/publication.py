"""One refinement of one silver table: the frames, tables and records that its parts share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.storagelevel import StorageLevel

from lakehouse.contracts.tables import BronzeTable, SilverTable
from lakehouse.ledger.book import table_version
from lakehouse.ledger.deliveries import Delivery, Outcome
from lakehouse.quality import quarantine
from lakehouse.quality.gates import Verdict
from lakehouse.quality.rules import QUARANTINED
from lakehouse.steps.batches import Batch, addresses, gate_columns, judge_batch, keeping, reason
from lakehouse.steps.recovery import begin, complete
from lakehouse.steps.shapes import bronze_shape, keyed_table
from lakehouse.steps.workspace import Workspace
from lakehouse.storage import keyed, winners
from lakehouse.storage.keyed import Colliding, KeyedTable, Scope
from lakehouse.storage.tables import ensure_table, file_count


@dataclass(frozen=True)
class Placed:
    """Where the good rows of one delivery lie: numbers of rows."""

    published: int = 0
    outranked: int = 0
    unchanged: int = 0
    """Of a table with versions: rows that opened none because the version before still held."""

    @property
    def all(self) -> int:
        """Wherever they lie."""
        return self.published + self.outranked + self.unchanged


@dataclass(frozen=True)
class Suspects:
    """What needs a closer look: keys that occur more than once, the good rows that have them, and the bad rows."""

    colliding: Colliding
    rows: DataFrame
    bad: DataFrame
    """Addresses of the quarantined rows."""
    bad_count: int
    narrow: DataFrame
    """What all rows of the batch are compared and judged by."""
    scope: Scope


@dataclass
class Refinement:
    """The work on one silver table in one run."""

    work: Workspace
    table: SilverTable
    bronze: BronzeTable
    batch: Batch
    keyed: KeyedTable
    quarantine_path: str
    scope: Scope | None = field(default=None)

    @classmethod
    def start(cls, work: Workspace, table: SilverTable) -> Refinement:
        """Pin the bronze version that this refinement works on."""
        bronze = work.domain.bronze_of(table)
        path = work.lake.table(bronze.id)
        # The contract may have gained a column that no delivery was taken with yet.
        ensure_table(bronze_shape(bronze, work.lake))
        decided = work.ledger.decisions().of_rows(table.id)
        batch = Batch(work.spark, table, bronze, path, table_version(path), decided)
        return cls(work, table, bronze, batch, keyed_table(table, work.lake), work.lake.quarantine(table.id))

    def ensure_tables(self, evolve: bool = True) -> None:
        """Create the tables, and with ``evolve`` add the columns that the contract gained."""
        for shape in (self.keyed.shape, self.keyed.outranked):
            if evolve or table_version(shape.path) is None:
                ensure_table(shape)
        ensure_table(quarantine.shape(self.table.id, self.quarantine_path))

    @contextmanager
    def collisions(
        self, pending: Sequence[Delivery], replaced: Sequence[int], again: bool, rebuild: bool
    ) -> Iterator[Suspects]:
        """The keys that occur more than once among the good rows of the batch and the table."""
        with keeping(self.batch, pending) as self.batch, self._narrowed(pending) as narrow:
            good = narrow.where(f"NOT {QUARANTINED}")
            sequences = [*replaced, *((d.sequence or 0) for d in pending)] if again else []
            empty = rebuild or (file_count(self.keyed.path) == 0 and file_count(self.keyed.outranked_path) == 0)
            bad_count, touched = self._spread(narrow)
            self.scope = keyed.scope_of(touched, self.keyed, empty, sequences)
            colliding = keyed.collisions(good, self.scope, sequences)
            found = self._at(pending, keyed.colliding_addresses(good, colliding)).select(self.keyed.row_columns)
            rows = found.persist(StorageLevel.MEMORY_AND_DISK)
            bad = narrow.where(QUARANTINED).select(*keyed.ADDRESS)
            yield Suspects(colliding, rows, bad, bad_count, narrow, self.scope)
            rows.unpersist()
            colliding.hashes.unpersist()

    @contextmanager
    def _narrowed(self, pending: Sequence[Delivery]) -> Iterator[DataFrame]:
        """What rows are compared by, computed in one pass over the batch."""
        judged = self.batch.judged(addresses(pending))
        narrow = keyed.narrowed(judged, self.keyed, gate_columns(judged, self.table))
        narrow = narrow.persist(StorageLevel.MEMORY_AND_DISK)
        try:
            yield narrow
        finally:
            narrow.unpersist()

    def _spread(self, narrow: DataFrame) -> tuple[int, set[tuple[str | None, ...]]]:
        """The number of bad rows, and the partitions of the good ones, as texts."""
        places = [
            F.when(~F.col(QUARANTINED), F.col(name).cast("string")).alias(name) for name in self.keyed.partition_by
        ]
        found = narrow.groupBy(QUARANTINED, *places).count().collect()
        bad = sum(row["count"] for row in found if row[QUARANTINED])
        return bad, {tuple(row[name] for name in self.keyed.partition_by) for row in found if not row[QUARANTINED]}

    def _at(self, pending: Sequence[Delivery], places: DataFrame) -> DataFrame:
        """Judged rows at some addresses."""
        return self.batch.judged(addresses(pending), places)

    def judge(self, pending: Sequence[Delivery], suspects: Suspects) -> list[Verdict]:
        """Verdicts of all gates on all deliveries."""
        repeated = suspects.rows if suspects.colliding.count else None
        return judge_batch(self.table, suspects.narrow, pending, repeated, self.keyed)

    def quarantine(self, pending: Sequence[Delivery], suspects: Suspects, known: bool) -> None:
        """Write the bad rows of all deliveries, refused ones included."""
        if not pending or (known and not suspects.bad_count):
            return
        rows = quarantine.quarantined_rows(
            self._at(pending, keyed.smaller_side(suspects.bad, suspects.bad_count)),
            self.table,
            self.bronze,
            self.work.fingerprint(self.table.id),
            self.work.run_id,
        )
        quarantine.write_quarantine(
            rows, self.quarantine_path, [d.sequence or 0 for d in pending], known, self.work.run_id
        )

    def publish(
        self, accepted: Sequence[Delivery], withdrawn: Sequence[int], suspects: Suspects, rebuild: bool
    ) -> dict[int, Placed] | None:
        """Publish the good rows of the accepted deliveries.

        Returns the rows per sequence that lay in the touched partitions before, when rows of others may have moved.
        """
        mine = [delivery.sequence or 0 for delivery in accepted]
        contenders = suspects.rows.where(F.col("delivery_sequence").isin(mine))
        if rebuild:
            winners.rebuild(self._alone(accepted, suspects), contenders, self.keyed)
            return None
        if not mine and not withdrawn:
            return None
        before = self.counts() if suspects.colliding.count and not suspects.scope.empty else None
        replaced = sorted({*withdrawn, *mine})
        alone = self._alone(accepted, suspects)
        winners.publish(alone, contenders, suspects.colliding, suspects.scope, replaced)
        return before

    def counts(self) -> dict[int, Placed]:
        """Per delivery sequence: where its rows lie in the touched partitions."""
        assert self.scope is not None
        found: dict[int, dict[str, int]] = {}
        for (sequence, place), rows in self.scope.placed().items():
            found.setdefault(sequence, {})[place] = rows
        return {sequence: Placed(**counted) for sequence, counted in found.items()}

    def _alone(self, deliveries: Sequence[Delivery], suspects: Suspects) -> DataFrame:
        """Good rows whose keys have no other row."""
        others = suspects.bad.unionByName(suspects.rows.select(*keyed.ADDRESS))
        side = keyed.smaller_side(others, suspects.bad_count + suspects.colliding.count)
        return self.batch.beyond(addresses(deliveries), side, self.keyed.row_columns)

    def verdict_rows(self, verdicts: Sequence[Verdict], pending: Sequence[Delivery]) -> list[dict[str, Any]]:
        """Verdicts as plain data."""
        names = {delivery.sequence: delivery.delivery_id for delivery in pending}
        return [
            {
                "table_id": str(self.table.id),
                "delivery_id": names[verdict.sequence],
                "delivery_sequence": verdict.sequence,
                "gate": verdict.on,
                "rule": verdict.rule,
                "severity": verdict.severity,
                "passed": "yes" if verdict.passed else "no",
                "reason": None if verdict.passed else reason(verdict, self.table),
            }
            for verdict in verdicts
        ]

    def record(
        self,
        outcomes: Sequence[Outcome],
        verdicts: Sequence[Verdict],
        rules: dict[int, dict[str, int]],
        pending: Sequence[Delivery],
    ) -> None:
        """Note verdicts and figures in the ledger."""
        ledger, run_id = self.work.ledger, self.work.run_id
        ledger.record("verdicts", [{**row, "run_id": run_id} for row in self.verdict_rows(verdicts, pending)])
        dates = {delivery.delivery_id: delivery.delivery_date for delivery in pending}
        figures = []
        for outcome in outcomes:
            broken = {f"quarantined.{rule}": n for rule, n in rules[outcome.sequence].items() if rule}
            own = {
                "rows_in": outcome.rows_in,
                "rows_accepted": outcome.rows_accepted,
                "rows_quarantined": outcome.rows_quarantined,
                "rows_outranked": outcome.rows_outranked,
            }
            own |= {"rows_unchanged": outcome.rows_unchanged} if self.keyed.history else {}
            for name, value in {**own, **broken}.items():
                figures.append(
                    {
                        "run_id": run_id, "table_id": str(self.table.id), "delivery_id": outcome.delivery_id,
                        "delivery_date": dates[outcome.delivery_id], "name": name, "value": value,
                    }
                )  # fmt: skip
        ledger.record("metrics", figures)

    def begin(self) -> None:
        """Note what this refinement starts from, before its first commit."""
        begin(self.work, self.table, self.batch.bronze_version)

    def complete(self) -> None:
        """Note which versions belong together."""
        complete(self.work, self.table, self.batch.bronze_version)


def fates(
    table: SilverTable, pending: Sequence[Delivery], verdicts: Sequence[Verdict], released: set[int]
) -> tuple[list[Delivery], dict[int, str]]:
    """Accepted contents, and by sequence the gates that each refused one failed.

    ``released`` names the sequences that people accepted whatever their gates say. When two contents of one delivery
    pass, an accepted one and its correction, the newer one counts.
    """
    failed: dict[int, list[str]] = {}
    for verdict in verdicts:
        if not verdict.passed and verdict.severity == "error" and verdict.sequence not in released:
            failed.setdefault(verdict.sequence or 0, []).append(reason(verdict, table))
    passed = {d.delivery_id: d for d in sorted(pending, key=lambda d: d.sequence or 0) if d.sequence not in failed}
    refused = {d.sequence: "; ".join(failed[d.sequence]) for d in pending if d.sequence in failed}
    return [d for d in pending if passed.get(d.delivery_id) is d], refused
