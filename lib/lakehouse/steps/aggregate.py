"""Aggregate: silver to gold - only the periods that a change touched are computed again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock

from pyspark import inheritable_thread_target
from pyspark.sql import DataFrame

from lakehouse.contracts.names import TableId
from lakehouse.contracts.tables import GoldTable
from lakehouse.contracts.writes import ReplacePeriods
from lakehouse.errors import TableError
from lakehouse.ledger.book import REFUSED, Publication, changed_since, table_version
from lakehouse.quality.conform import named_partitions
from lakehouse.quality.figures import judge_figures
from lakehouse.quality.gates import Verdict, explain, judge_table
from lakehouse.steps.batches import transformed
from lakehouse.steps.shapes import gold_shape, made_shape
from lakehouse.steps.staleness import inputs_moved, is_anew, is_made, stale_tables
from lakehouse.steps.summary import RunSummary, TableSummary
from lakehouse.steps.workspace import Workspace
from lakehouse.storage.changes import changed_values
from lakehouse.storage.commits import overwrite, replace_where
from lakehouse.storage.tables import empty_rows, ensure_table, read_table
from lakehouse.storage.values import Values

_SIDE_BY_SIDE = 2


@dataclass(frozen=True)
class Touched:
    """What a gold table has to compute again: some values of its period column, or everything."""

    texts: Collection[str | None] | None
    """The values as texts. None means everything."""
    why: str

    @property
    def nothing(self) -> bool:
        """Whether no row can have changed."""
        return self.texts is not None and not self.texts


class _Feeds:
    """Changed values of the inputs: tables made from the same input ask once."""

    def __init__(self, work: Workspace) -> None:
        self._work = work
        self._lock = Lock()
        self._found: dict[tuple[TableId, str, int, int], set[str | None] | None] = {}

    def changed(self, source: TableId, column: str, after: int, until: int) -> set[str | None] | None:
        """The values, as texts, among the rows that changed between two versions; None when the feed is gone."""
        key = (source, column, after, until)
        with self._lock:
            if key not in self._found:
                path = self._work.lake.table(source)
                self._found[key] = changed_values(self._work.spark, path, column, after, until)
            return self._found[key]


@dataclass(frozen=True)
class _Result:
    """What became of one gold table."""

    table: GoldTable
    versions: Mapping[str, int]
    touched: Touched
    verdicts: Sequence[Verdict]
    known: bool
    """Whether readers saw it before."""

    @property
    def refusals(self) -> list[str]:
        """Failed gates that keep the table at its old version."""
        return [explain(v) for v in self.verdicts if not v.passed and v.severity == "error"]


def aggregate(work: Workspace, summary: RunSummary) -> None:
    """Bring every gold table up to date with its inputs; a refused table keeps its old version.

    Tables that do not depend on each other are computed side by side: one plans while another's tasks run.
    """
    waiting = stale_tables(work)
    publications = work.ledger.publications()
    feeds = _Feeds(work)
    if waiting:
        _ = work.judging_spark  # started before the threads that share it
    while waiting:
        ids = {table.id for table in waiting}
        wave = [table for table in waiting if not ids & set(table.inputs.values())]
        work.progress(f"computing {', '.join(str(table.id) for table in wave)}")
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            results = list(pool.map(inheritable_thread_target(lambda t: _bring(work, t, publications, feeds)), wave))
        for result in results:
            _record(work, result, summary)
        waiting = _ready(work, [table for table in waiting if table not in wave], results, summary)


def _ready(
    work: Workspace, tables: Sequence[GoldTable], results: Sequence[_Result], summary: RunSummary
) -> list[GoldTable]:
    """The tables that need none that was refused when it was first made; tells of the others."""
    out = {r.table.id for r in results if r.refusals and not r.known}
    ready = []
    for table in tables:  # inputs come first
        missing = sorted(str(source) for source in out & set(table.inputs.values()))
        if missing:
            out.add(table.id)
            summary.notes.append(f"{table.id} waits for {', '.join(missing)}")
        else:
            ready.append(table)
    return ready


def _bring(work: Workspace, table: GoldTable, publications: Mapping[TableId, Publication], feeds: _Feeds) -> _Result:
    """Compute, judge and write what changed of one table."""
    published = publications.get(table.id)
    found = {str(source): table_version(work.lake.table(source)) for source in table.inputs.values()}
    versions = {source: version for source, version in found.items() if version is not None}
    anew = is_anew(work, table, published)
    touched = _touched(work, table, None if anew else published, versions, feeds)
    known = is_made(work, table.id, publications)
    return _Result(table, versions, touched, [] if touched.nothing else _publish(work, table, touched), known)


def _record(work: Workspace, result: _Result, summary: RunSummary) -> None:
    table = result.table
    rows = [
        {
            "table_id": str(table.id), "gate": verdict.on, "rule": verdict.rule, "severity": verdict.severity,
            "passed": "yes" if verdict.passed else "no", "reason": None if verdict.passed else explain(verdict),
        }
        for verdict in result.verdicts
    ]  # fmt: skip
    work.ledger.record("verdicts", [{**row, "run_id": work.run_id} for row in rows])
    summary.verdicts += [{**row, "delivery_id": None} for row in rows]
    # What a crash left empty before its first rows is no version of it.
    version = None if result.refusals and not result.known else table_version(work.lake.table(table.id))
    if result.refusals:
        summary.refuse_table(str(table.id), version, "; ".join(result.refusals))
    entry = {
        "run_id": work.run_id,
        "step": REFUSED if result.refusals else "aggregate",
        "table_id": str(table.id),
        "version": version,
        "input_versions": dict(result.versions),
        "fingerprint": work.fingerprint(table.id),
    }
    work.ledger.record("publications", [entry])
    if result.refusals:
        return
    note = "" if result.touched.nothing else result.touched.why
    summary.tables.append(TableSummary(str(table.id), version, note=note))


def _touched(
    work: Workspace,
    table: GoldTable,
    published: Publication | None,
    versions: Mapping[str, int],
    feeds: _Feeds,
) -> Touched:
    if published is None:
        return Touched(None, "made anew")
    if not inputs_moved(work, table.inputs.values(), published):
        return Touched([], "")
    if not isinstance(table.write, ReplacePeriods):
        return Touched(None, "recomputed as a whole")
    before = published.input_versions
    driving, column = table.period_source(table.write.partition_by[0])
    for name, source in table.inputs.items():
        if str(source) not in before:
            if str(source) in versions:
                return Touched(None, f"all periods: {source} is there now")
        elif name != driving and changed_since(work.lake.table(source), before[str(source)]):
            return Touched(None, f"all periods: {source} changed")
    source_id = table.inputs[driving]
    if str(source_id) not in versions:
        return Touched([], "")
    after = before[str(source_id)]
    found = feeds.changed(source_id, column, after, versions[str(source_id)])
    if found is None:
        return Touched(None, f"all periods: {source_id} has no change feed since version {after}")
    return Touched(found, f"{len(found)} periods recomputed")


def computed(work: Workspace, table: GoldTable, inputs: Mapping[str, DataFrame]) -> DataFrame:
    """A gold table's rows from its inputs; raises TableError when the transform returns other columns or types."""
    rows = transformed(table, inputs)
    found = dict(rows.dtypes)
    for name, column in table.columns.items():
        if found.get(name) != column.type:
            kind = f"is {found[name]}" if name in found else "is missing"
            raise TableError(
                f"The transform of {table.id} does not keep its contract: the column '{name}' {kind}, "
                f"expected {column.type}."
            )
    return named_partitions(rows.select(*table.columns), table)


def within_periods(
    table: GoldTable, inputs: Mapping[str, DataFrame], texts: Collection[str | None]
) -> dict[str, DataFrame]:
    """The inputs, the one that periods follow limited to the rows of some periods."""
    period = table.write.partition_by[0]
    driving, column = table.period_source(period)
    values = Values.of(column, table.columns[period].type, texts)
    return {**inputs, driving: inputs[driving].where(values.chosen())}


def _input(work: Workspace, source: TableId) -> DataFrame:
    """The rows of an input; none of one that was never delivered."""
    path = work.lake.table(source)
    if table_version(path) is None:
        return empty_rows(work.spark, made_shape(work.domain, source, work.lake).columns)
    return read_table(work.spark, path)


def _publish(work: Workspace, table: GoldTable, touched: Touched) -> Sequence[Verdict]:
    """Compute, judge and, unless a gate refuses the result, write; returns the verdicts."""
    inputs = {name: _input(work, source) for name, source in table.inputs.items()}
    if touched.texts is not None:
        inputs = within_periods(table, inputs, touched.texts)
    result = computed(work, table, inputs)
    verdicts: list[Verdict] = []
    if table.gates or table.thresholds:
        result = result.persist()
        verdicts += judge_table(result, table.gates)
        # Nothing can be measured of no rows but their number: a mean of them fails every gate.
        if not all(verdict.passed for verdict in verdicts) and result.isEmpty():
            verdicts = [verdict for verdict in verdicts if verdict.rule.startswith("RowCount")]
        verdicts += judge_figures(result, table.thresholds)
    if not any(not verdict.passed and verdict.severity == "error" for verdict in verdicts):
        shape = gold_shape(table, work.lake)
        if table_version(shape.path) is None:
            ensure_table(shape)
        if touched.texts is None:
            overwrite(result, shape)
        else:
            period = table.write.partition_by[0]
            condition = Values.of(period, table.columns[period].type, touched.texts).sql()
            replace_where(result, shape.path, condition, shape.partition_by)
    result.unpersist()
    return verdicts
