"""Figures of computed tables: each row below a threshold is a verdict that tells what was found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from lakehouse.contracts.rules import Threshold
from lakehouse.quality.gates import Verdict

_SHOWN = 20
"""Rows below one threshold that get a verdict of their own, and all errors; the number of the others is told."""


def judge_figures(rows: DataFrame, thresholds: Sequence[Threshold]) -> list[Verdict]:
    """Verdicts on the rows of a computed table: one for each that is too low, or one that says that none is."""
    return [verdict for threshold in thresholds for verdict in _judge(rows, threshold)]


def _judge(rows: DataFrame, threshold: Threshold) -> Iterator[Verdict]:
    limits = [limit for limit in (threshold.warn_below, threshold.error_below) if limit is not None]
    rule = f"{threshold.figure} >= {max(limits)}" + (f" where {threshold.where}" if threshold.where else "")
    meant = rows.where(threshold.where) if threshold.where else rows
    figure = F.col(threshold.figure)
    low = meant.where(figure.isNull() | (figure < F.lit(max(limits))))
    found = low.select(figure.alias("figure"), F.col(threshold.says).alias("says")).orderBy("figure", "says").collect()
    if not found:
        yield Verdict(None, "figures", rule, "warn", True, None, {})
    told = [row for at, row in enumerate(found) if at < _SHOWN or threshold.severity(row["figure"]) == "error"]
    for row in told:
        yield _verdict(rule, threshold, row)
    if len(found) > len(told):
        more = f"{len(found) - len(told)} more rows with {threshold.figure} below {max(limits)}"
        yield Verdict(None, "figures", rule, "warn", False, more, {})


def _verdict(rule: str, threshold: Threshold, row: Row) -> Verdict:
    severity = threshold.severity(row["figure"]) or "warn"
    limit = threshold.error_below if severity == "error" else threshold.warn_below
    text = f"{row['says']} ({threshold.figure} is {row['figure']}, expected at least {limit})"
    return Verdict(None, "figures", rule, severity, False, text, {})
