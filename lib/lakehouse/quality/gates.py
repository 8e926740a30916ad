"""Gates: PyDeequ judges every delivery of a run by the contract's DQDL statements. The only importer of pydeequ."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

import pyspark
from pyspark.errors import IllegalArgumentException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse.contracts.columns import OWN
from lakehouse.contracts.rules import Gate
from lakehouse.contracts.statements import of_some_rows
from lakehouse.errors import ConfigurationError

os.environ.setdefault("SPARK_VERSION", ".".join(pyspark.__version__.split(".")[:2]))

RULES_PER_SCAN = 40
"""Statements judged in one scan. With more, Spark's generated code grows too large to be compiled and the scan
becomes several times slower; a further scan reads other deliveries, so no row is read twice."""

_PLACE = f"{OWN}place_in_scan"
_PARSER = Lock()
_PARSER_CLASS = "software.amazon.glue.dqdl.DataQualityDefinitionLanguage"
_UNKNOWN_COLUMN = "Input data does not include column"


@dataclass(frozen=True)
class Verdict:
    """What one gate says of one delivery, or of a whole table when ``sequence`` is None."""

    sequence: int | None
    on: str
    rule: str
    severity: str
    passed: bool
    reason: str | None
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class _Statement:
    text: str
    gate: Gate
    sequence: int | None


def judge_deliveries(
    batches: Iterable[tuple[Sequence[int], DataFrame]], gates: Sequence[Gate], sequence_column: str, staged: str
) -> list[Verdict]:
    """Judge deliveries by gates.

    ``batches`` pairs the sequences of some deliveries with a frame of just their rows; ``staged`` is the SQL
    condition of the rows that would be published. Raises ConfigurationError for a statement that PyDeequ
    does not understand.
    """
    verdicts: list[Verdict] = []
    for sequences, rows in batches:
        places = enumerate(sequences, start=1)
        statements = [_statement(gate, sequence, place, staged) for place, sequence in places for gate in gates]
        # The same numbers in every scan: Spark then compiles its code for one and uses it for the others.
        place = F.call_function("array_position", F.lit(list(sequences)), F.col(sequence_column))
        verdicts += _evaluate(rows.withColumn(_PLACE, place), statements)
    return verdicts


def judge_table(rows: DataFrame, gates: Sequence[Gate]) -> list[Verdict]:
    """Judge what would be published of a table as a whole."""
    return _evaluate(rows, [_Statement(gate.rule, gate, None) for gate in gates])


def deliveries_per_scan(gates: Sequence[Gate]) -> int:
    """How many deliveries fit into one scan."""
    return max(1, RULES_PER_SCAN // max(1, len(gates)))


def check_statements(spark_rows: DataFrame, gates: Sequence[Gate]) -> None:
    """Raise ConfigurationError for statements that PyDeequ cannot parse."""
    _evaluate(spark_rows, [_Statement(gate.rule, gate, None) for gate in gates])


def _statement(gate: Gate, sequence: int, place: int, staged: str) -> _Statement:
    condition = f"{_PLACE} = {place}" + (f" and {staged}" if gate.on == "staged" else "")
    return _Statement(of_some_rows(gate.rule, condition), gate, sequence)


def _evaluate(rows: DataFrame, statements: Sequence[_Statement]) -> list[Verdict]:
    from pydeequ.dqdl import EvaluateDataQuality

    if not statements:
        return []
    ruleset = "Rules = [\n" + ",\n".join(statement.text for statement in statements) + "\n]"
    try:
        _load_parser(rows.sparkSession)
        outcomes = EvaluateDataQuality.process(rows.sparkSession, rows, ruleset).collect()
    except IllegalArgumentException as error:
        raise ConfigurationError(
            f"PyDeequ does not understand one of the gates {_quoted(statements)}: {str(error).splitlines()[0]}. "
            "Example: {on: conformed, rule: 'Completeness \"invoice_id\" > 0.99'}"
        ) from error
    by_rule = {_spelled(row["Rule"]): row for row in outcomes}
    return [_verdict(statement, by_rule) for statement in statements]


def _load_parser(spark: SparkSession) -> None:
    """Load the statements' parser with its remarks off the screen: it prints its version beside its library's."""
    jvm = spark.sparkContext._jvm
    assert jvm is not None
    with _PARSER:
        system, usual = jvm.java.lang.System, jvm.java.lang.System.err
        loader = jvm.java.lang.Thread.currentThread().getContextClassLoader()
        system.setErr(jvm.java.io.PrintStream(jvm.java.io.OutputStream.nullOutputStream()))
        try:
            for name in ("Lexer", "Parser"):
                jvm.java.lang.Class.forName(f"{_PARSER_CLASS}{name}", True, loader)
        finally:
            system.setErr(usual)


def _verdict(statement: _Statement, by_rule: Mapping[str, pyspark.sql.Row]) -> Verdict:
    row = by_rule.get(_spelled(statement.text))
    if row is None:
        raise ConfigurationError(f"PyDeequ gave no outcome for the gate '{statement.gate.rule}'.")
    reason = row["FailureReason"]
    if reason and (_UNKNOWN_COLUMN in reason or "not supported" in reason):
        raise ConfigurationError(f"PyDeequ cannot judge the gate '{statement.gate.rule}': {reason}")
    gate = statement.gate
    metrics = {name.split(".")[-1]: value for name, value in (row["EvaluatedMetrics"] or {}).items()}
    return Verdict(statement.sequence, gate.on, gate.rule, gate.severity, row["Outcome"] == "Passed", reason, metrics)


def _spelled(rule: str) -> str:
    return "".join(rule.split())


def _quoted(statements: Iterable[_Statement]) -> str:
    return ", ".join(sorted({f"'{statement.gate.rule}'" for statement in statements}))


def chunks(sequences: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """Sequences in groups of at most ``size``."""
    for start in range(0, len(sequences), size):
        yield sequences[start : start + size]


def explain(verdict: Verdict) -> str:
    """A failed gate in words: the statement, and what was measured; of figures, what their table says itself."""
    if verdict.on == "figures":
        return verdict.reason or verdict.rule
    measured = ", ".join(f"{name} is {value:g}" for name, value in verdict.metrics.items())
    return f"{verdict.on} rows: {verdict.rule} failed" + (f" ({measured})" if measured else f": {verdict.reason}")
