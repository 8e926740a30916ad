"""The deliveries that a refinement works on, as judged rows over pinned bronze."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from lakehouse.contracts.columns import OWN
from lakehouse.contracts.rules import Gate
from lakehouse.contracts.tables import BronzeTable, GoldTable, SilverTable
from lakehouse.ledger.decisions import RowDecision
from lakehouse.ledger.deliveries import Delivery
from lakehouse.quality.conform import DELIVERED, check_transformed, conform, derive
from lakehouse.quality.decided import DISCARDED, decided_field, overlaid
from lakehouse.quality.gates import Verdict, chunks, deliveries_per_scan, explain, judge_deliveries, judge_table
from lakehouse.quality.rules import QUARANTINED, judge, warn_broken
from lakehouse.storage.keyed import ADDRESS, PLACE, KeyedTable, ranked
from lakehouse.storage.tables import read_table
from lakehouse.storage.values import Values

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import Column, DataFrame, SparkSession

_QUARANTINED_ROW = "quarantined_row"
_REPEATED = f"{OWN}repeated"
_FEW_ROWS = 250_000
"""Up to so many rows are kept in memory while they are judged and published: some 200 MB."""
_STAGED = f"not {QUARANTINED} and not {_REPEATED}"


def transformed(table: SilverTable | GoldTable, inputs: Mapping[str, DataFrame]) -> DataFrame:
    """What a table's transform - the function of its own name, in the module of its own name - makes of its inputs."""
    module = importlib.import_module(f"lakehouse.domains.{table.id.domain}.{table.id.layer}.{table.id.name}")
    transform: Callable[..., DataFrame] = getattr(module, table.id.name)
    return transform(**inputs, **table.parameters)


@dataclass(frozen=True)
class Batch:
    """Some deliveries of a bronze table at one version, seen through a silver table's contract."""

    spark: SparkSession
    table: SilverTable
    bronze: BronzeTable
    bronze_path: str
    bronze_version: int | None
    decided: Sequence[RowDecision] = ()
    """What people decided about single rows."""
    kept: DataFrame | None = None
    """Judged rows of a small batch, computed once for all that is asked of them; of others, each question computes
    anew what it needs, which is cheaper than keeping whole rows."""

    def judged(self, deliveries: Sequence[tuple[date | None, int]], places: DataFrame | None = None) -> DataFrame:
        """Conformed, transformed and judged rows of some deliveries, given as (delivery date, sequence).

        With ``places`` (addresses), only the rows there.
        """
        if self.kept is not None:
            return _at(_of(self.kept, deliveries), places)
        return judge(self._made(_at(self._delivered(deliveries), places, apart=True), deliveries), self.table)

    def good(self, deliveries: Sequence[tuple[date | None, int]], columns: Sequence[str]) -> DataFrame:
        """The rows that broke no quarantine rule, in the columns of the table."""
        return self.judged(deliveries).where(f"NOT {QUARANTINED}").select(*columns)

    def beyond(
        self, deliveries: Sequence[tuple[date | None, int]], others: DataFrame, columns: Sequence[str]
    ) -> DataFrame:
        """The rows at no address among ``others``, in the columns of the table.

        For when all bad rows are known and among them: what makes rows bad is not computed again.
        """
        rows = self._delivered(deliveries) if self.kept is None else _of(self.kept, deliveries)
        mine = rows.join(others, list(ADDRESS), "left_anti")
        return (self._made(mine, deliveries) if self.kept is None else mine).select(*columns)

    def _delivered(self, deliveries: Sequence[tuple[date | None, int]]) -> DataFrame:
        """Rows of bronze."""
        days = Values.days("delivery_date", (day for day, _ in deliveries))
        bronze = read_table(self.spark, self.bronze_path, self.bronze_version)
        return _of(bronze.where(days.chosen()), deliveries)

    def _made(self, delivered: DataFrame, deliveries: Sequence[tuple[date | None, int]]) -> DataFrame:
        """Rows of bronze as decided, conformed and transformed."""
        sequences = {sequence for _, sequence in deliveries}
        decided = [one for one in self.decided if one.sequence in sequences]
        if decided:
            delivered = overlaid(delivered, self.bronze, decided)
        rows = conform(delivered, self.table, self.bronze)
        name = next(iter(self.table.inputs))
        made = check_transformed(rows, transformed(self.table, {name: rows}), self.table)
        return derive(made, self.table)


def _of(rows: DataFrame, deliveries: Sequence[tuple[date | None, int]]) -> DataFrame:
    from pyspark.sql import functions as F

    return rows.where(F.col("delivery_sequence").isin([sequence for _, sequence in deliveries]))


def _at(rows: DataFrame, places: DataFrame | None, apart: bool = False) -> DataFrame:
    """The rows at some addresses; ``apart`` from all others, so that what follows is not compiled for all rows."""
    if places is None:
        return rows
    found = rows.join(places, list(ADDRESS), "left_semi")
    return found.repartition("delivery_sequence") if apart else found


@contextmanager
def keeping(batch: Batch, deliveries: Sequence[Delivery]) -> Iterator[Batch]:
    """The batch for work on these deliveries: with their judged rows kept when they are few."""
    if sum(delivery.rows or 0 for delivery in deliveries) > _FEW_ROWS:
        yield batch
        return
    kept = batch.judged(addresses(deliveries)).persist()
    try:
        yield replace(batch, kept=kept)
    finally:
        kept.unpersist()


def addresses(deliveries: Sequence[Delivery]) -> list[tuple[date | None, int]]:
    """(delivery date, sequence) of deliveries that are in bronze."""
    return [(delivery.delivery_date, delivery.sequence or 0) for delivery in deliveries]


def contract_gates(table: SilverTable) -> list[Gate]:
    """A silver table's gates, with those that the engine adds for quarantine shares and warn-only rules."""
    share = table.quarantine_share
    own = [
        Gate(on="conformed", rule=f'Mean "{_QUARANTINED_ROW}" <= {share.error}', severity="error"),
        Gate(on="conformed", rule=f'Mean "{_QUARANTINED_ROW}" <= {share.warn}', severity="warn"),
    ]
    own += [Gate(on="conformed", rule=_warn_rule(name), severity="warn") for name in warn_broken(table)]
    return [*(gate for gate in table.gates if not _of_key(gate, table)), *own]


def _warn_rule(name: str) -> str:
    return f'Sum "{name}" < 1'


def reason(verdict: Verdict, table: SilverTable) -> str:
    """A failed gate in words: those that the engine added in its own, the others by statement and measurement."""
    if verdict.on == "delivery":
        return verdict.reason or verdict.rule
    measured = next(iter(verdict.metrics.values()), 0.0)
    if _QUARANTINED_ROW in verdict.rule:
        limit = getattr(table.quarantine_share, verdict.severity)
        what = "is refused" if verdict.severity == "error" else "is warned of"
        return f"{100 * measured:.4g} % of the rows are quarantined; more than {100 * limit:g} % {what}"
    for name in warn_broken(table):
        if verdict.rule == _warn_rule(name):
            return f"rows that break {name}: {measured:g} ({table.row_rules[name].because})"
    return explain(verdict)


def key_gates(table: SilverTable) -> list[Gate]:
    """Gates that ask for a unique key; rows whose key hash occurs once need no further look."""
    return [gate for gate in table.gates if _of_key(gate, table)]


def _of_key(gate: Gate, table: SilverTable) -> bool:
    words = gate.rule.split()
    named = {word.strip('"') for word in words[1:]}
    return gate.on == "staged" and words[0] == "IsPrimaryKey" and named == set(table.write.keys)


def gate_columns(judged: DataFrame, table: SilverTable) -> dict[str, Column]:
    """What the gates of a table look at, by name: of most columns only whether there is a value.

    Few and small, so that they can be kept: rows are then read and conformed once for keys and gates together.
    """
    from pyspark.sql import functions as F

    discarded = decided_field(judged, DELIVERED, DISCARDED)
    # What people left out on purpose speaks no more against the delivery.
    counts = F.col(QUARANTINED) if discarded is None else F.col(QUARANTINED) & discarded.isNull()
    found = {QUARANTINED: F.col(QUARANTINED), _QUARANTINED_ROW: counts.cast("int"), **warn_broken(table)}
    whole = {name for gate in table.gates if not gate.presence_only for name in gate.columns}
    for name in {name for gate in table.gates for name in gate.columns} - found.keys():
        found[name] = F.col(name) if name in whole else F.when(F.col(name).isNotNull(), F.lit(True))
    return found


def judge_batch(
    table: SilverTable,
    narrow: DataFrame,
    deliveries: Sequence[Delivery],
    suspects: DataFrame | None,
    keyed: KeyedTable,
) -> list[Verdict]:
    """Verdicts on every delivery; each judged by itself, so that a bad day cannot hide among good ones.

    ``narrow`` has the ``gate_columns`` of all rows. ``suspects`` are the good rows whose key occurs more than once, or
    None when there are none.
    """
    from pyspark.sql import functions as F

    repeated = None
    verdicts: list[Verdict] = []
    if suspects is not None:
        placed = ranked(suspects, keyed, within=["delivery_sequence"])
        repeated = placed.where(f"{PLACE} > 1").select(*ADDRESS).withColumn(_REPEATED, F.lit(True))
        verdicts += _judge_keys(table, placed.where(f"{PLACE} = 1").drop(PLACE))
    gates = contract_gates(table)
    sequences = [delivery.sequence or 0 for delivery in deliveries]

    def rows_of(part: Sequence[int]) -> DataFrame:
        rows = narrow.where(F.col("delivery_sequence").isin(list(part)))
        if repeated is None:
            return rows.withColumn(_REPEATED, F.lit(False))
        flagged = rows.join(F.broadcast(repeated), list(ADDRESS), "left")
        return flagged.withColumn(_REPEATED, F.coalesce(F.col(_REPEATED), F.lit(False)))

    batches = ((part, rows_of(part)) for part in chunks(sequences, deliveries_per_scan(gates)))
    return [*verdicts, *judge_deliveries(batches, gates, "delivery_sequence", _STAGED)]


def _judge_keys(table: SilverTable, staged: DataFrame) -> list[Verdict]:
    """Verdicts on unique keys: asked once of all deliveries together, and of each only when that fails."""
    gates = key_gates(table)
    if not gates:
        return []
    together = [Gate(on=g.on, rule=f'{g.rule} "delivery_sequence"', severity=g.severity) for g in gates]
    sequences = sorted(row[0] for row in staged.select("delivery_sequence").distinct().collect())
    if all(verdict.passed for verdict in judge_table(staged, together)):
        return [Verdict(n, g.on, g.rule, g.severity, True, None, {}) for n in sequences for g in gates]
    batches = ((part, staged) for part in chunks(sequences, deliveries_per_scan(gates)))
    return judge_deliveries(batches, gates, "delivery_sequence", "true")
