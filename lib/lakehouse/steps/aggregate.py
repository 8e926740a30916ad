"""Aggregate: silver to gold - only the periods that a change touched are computed again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse.contracts.names import TableId
from lakehouse.contracts.tables import GoldTable
from lakehouse.contracts.writes import ReplacePeriods
from lakehouse.errors import TableError
from lakehouse.ledger.book import Publication, changed_since, table_version
from lakehouse.steps.summary import RunSummary, TableSummary
from lakehouse.steps.workspace import Workspace

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


@dataclass(frozen=True)
class Touched:
    """What a gold table has to compute again: some values of its period column, or everything."""

    values: Sequence[object] | None
    """None means everything."""
    why: str

    @property
    def nothing(self) -> bool:
        """Whether no row can have changed."""
        return self.values is not None and not self.values


def stale_tables(work: Workspace) -> list[GoldTable]:
    """Gold tables whose inputs or contract changed since they were made, found without Spark."""
    publications = work.ledger.publications()
    stale: list[GoldTable] = []
    for table in work.domain.gold():
        published = publications.get(table.id)
        inputs = list(table.inputs.values())
        if any(table_version(work.lake.table(table_id)) is None for table_id in inputs if table_id not in _ids(stale)):
            continue
        if work.full_refresh or published is None or published.fingerprint != work.fingerprint(table.id):
            stale.append(table)
        elif any(table_id in _ids(stale) or _moved(work, table_id, published) for table_id in inputs):
            stale.append(table)
    return stale


def _ids(tables: Sequence[GoldTable]) -> set[TableId]:
    return {table.id for table in tables}


def _moved(work: Workspace, table_id: TableId, published: Publication) -> bool:
    version = published.input_versions.get(str(table_id))
    return version is None or changed_since(work.lake.table(table_id), version)


def aggregate(work: Workspace, summary: RunSummary) -> None:
    """Bring every gold table up to date with its inputs; a refused table keeps its old version."""
    from lakehouse.steps.shapes import gold_shape
    from lakehouse.storage.tables import ensure_table

    for table in stale_tables(work):
        published = work.ledger.publications().get(table.id)
        versions = {str(source): table_version(work.lake.table(source)) or 0 for source in table.inputs.values()}
        anew = work.full_refresh or published is None or published.fingerprint != work.fingerprint(table.id)
        if not anew or table_version(work.lake.table(table.id)) is None:
            ensure_table(gold_shape(table, work.lake))
        touched = _touched(work, table, None if anew else published, versions)
        if not touched.nothing:
            amount = "all periods" if touched.values is None else f"{len(touched.values)} periods"
            work.progress(f"{table.id}: computing {amount}")
            if not _publish(work, table, touched, anew, summary):
                continue
        entry = {
            "run_id": work.run_id,
            "step": "aggregate",
            "table_id": str(table.id),
            "version": table_version(work.lake.table(table.id)),
            "input_versions": versions,
            "fingerprint": work.fingerprint(table.id),
        }
        work.ledger.record("publications", [entry])
        note = "" if touched.nothing else touched.why
        summary.tables.append(TableSummary(str(table.id), entry["version"], note=note))  # type: ignore[arg-type]


def _touched(
    work: Workspace, table: GoldTable, published: Publication | None, versions: Mapping[str, int]
) -> Touched:
    from lakehouse.storage.changes import changed_values

    if published is None:
        return Touched(None, "made anew")
    if not isinstance(table.write, ReplacePeriods):
        return Touched(None, "recomputed as a whole")
    values: set[object] = set()
    for name in table.periods:
        source, column = table.period_source(name)
        source_id = table.inputs[source]
        after = published.input_versions.get(str(source_id))
        if after is None:
            return Touched(None, "made anew")
        found = changed_values(work.spark, work.lake.table(source_id), column, after, versions[str(source_id)])
        if found is None:
            return Touched(None, f"all periods: the change feed of {source_id} since version {after} is gone")
        values.update(found)
    return Touched(sorted(values, key=str), f"{len(values)} periods recomputed")


def computed(work: Workspace, table: GoldTable, inputs: Mapping[str, DataFrame]) -> DataFrame:
    """A gold table's rows from its inputs; raises TableError when the transform returns other columns or types."""
    from lakehouse.steps.batches import transform_of

    rows = transform_of(table)(**inputs)
    found = dict(rows.dtypes)
    for name, column in table.columns.items():
        if found.get(name) != column.type:
            kind = f"is {found[name]}" if name in found else "is missing"
            raise TableError(
                f"The transform of {table.id} does not keep its contract: the column '{name}' {kind}, "
                f"expected {column.type}."
            )
    return rows.select(*table.columns)


def _publish(work: Workspace, table: GoldTable, touched: Touched, anew: bool, summary: RunSummary) -> bool:
    """Compute, judge and write; False when a gate refused the result."""
    from lakehouse.quality.gates import judge_table
    from lakehouse.steps.publication import explain
    from lakehouse.steps.shapes import gold_shape
    from lakehouse.storage.commits import overwrite, replace_where
    from lakehouse.storage.tables import read_table

    period = _period_filter(table, touched)
    inputs = {}
    for name, source in table.inputs.items():
        rows = read_table(work.spark, work.lake.table(source))
        inputs[name] = rows if period is None else rows.where(period)
    result = computed(work, table, inputs)
    if table.gates:
        result = result.persist()
        verdicts = judge_table(result, table.gates)
        rows = [
            {
                "table_id": str(table.id), "gate": verdict.on, "rule": verdict.rule, "severity": verdict.severity,
                "passed": "yes" if verdict.passed else "no", "reason": None if verdict.passed else explain(verdict),
            }
            for verdict in verdicts
        ]  # fmt: skip
        work.ledger.record("verdicts", [{**row, "run_id": work.run_id} for row in rows])
        summary.verdicts += [row for row in rows if row["passed"] == "no"]
        if any(not verdict.passed and verdict.severity == "error" for verdict in verdicts):
            result.unpersist()
            failed = "; ".join(str(row["reason"]) for row in rows if row["reason"])
            summary.notes.append(f"{table.id} was refused ({failed}) and keeps its old version")
            return False
    shape = gold_shape(table, work.lake)
    if touched.values is None:
        overwrite(result, shape)
    else:
        condition = _condition(table.write.partition_by[0], touched.values)
        replace_where(result, shape.path, condition, shape.partition_by)
    result.unpersist()
    return True


def _period_filter(table: GoldTable, touched: Touched) -> Column | None:
    from lakehouse.storage.tables import partition_filter

    if touched.values is None:
        return None
    name = table.write.partition_by[0]
    return partition_filter(table.period_source(name)[1], touched.values)


def _condition(column: str, values: Sequence[object]) -> str:
    present = ", ".join(f"'{value}'" for value in values if value is not None)
    parts = [f"{column} IN ({present})"] if present else []
    return " OR ".join([*parts, f"{column} IS NULL"] if None in values else parts)
