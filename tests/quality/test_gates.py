"""Statements that contracts may make are statements that PyDeequ judges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lakehouse.contracts.rules import Gate
from lakehouse.quality.gates import judge_deliveries, judge_table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.slow


def test_each_form_of_a_statement_is_judged(spark: SparkSession) -> None:
    rows = spark.sql(
        "SELECT * FROM VALUES (1, 1, 'Mon', 1, '7'), (1, 2, 'Tue', 5, '8'), (1, 3, 'Tue', 9, 'x') "
        "AS t(seq, id, day, price, text)"
    )
    outcomes = {
        'ColumnDataType "id" = "Integer"': True,
        'ColumnDataType "text" = "Integer" with threshold > 0.6': True,
        'ColumnDataType "text" = "Integer" with threshold > 0.7': False,
        'ColumnValues "day" = "Mon"': False,
        'ColumnValues "day" != "Sun"': True,
        'ColumnValues "day" in["Mon", "Tue"]': True,
        'ColumnValues "day" not in ["Sun"]': True,
        'ColumnValues "day" matches "[A-Z][a-z]+"': True,
        'ColumnValues "price" between 0 and 9.5': True,
        'ColumnLength "day" = 3': True,
        'Completeness "day" >= 1': True,
        "IsComplete day": True,
        'IsUnique "day"': False,
        'IsPrimaryKey "id" "day"': True,
        'ColumnCorrelation "id" "price" > 0.9': True,
        'DistinctValuesCount "day" = 2': True,
        'Entropy "day" > 0.5': True,
        'Mean "price" = 5': True,
        'StandardDeviation "price" > 3': True,
        'Sum "price" = 15': True,
        'UniqueValueRatio "day" = 0.5': True,
        'Uniqueness "id" = 1': True,
        "RowCount = 3": True,
    }
    gates = [Gate(on="staged", rule=rule) for rule in outcomes]
    exists = Gate(on="staged", rule='ColumnExists "day"')
    found = {v.rule: v.passed for v in judge_table(rows, [*gates, exists])}
    assert found == {**outcomes, exists.rule: True}
    assert {v.rule: v.passed for v in judge_deliveries([([1], rows)], gates, "seq", "true")} == outcomes


def test_a_filter_is_looked_at(spark: SparkSession) -> None:
    rows = spark.sql("SELECT * FROM VALUES (1, 'Mon'), (2, NULL) AS t(id, day)")
    rules = {'Completeness "day" = 1 where "id = 1"': True, 'IsComplete "day" where "id = 2"': False}
    assert {v.rule: v.passed for v in judge_table(rows, [Gate(on="staged", rule=r) for r in rules])} == rules
