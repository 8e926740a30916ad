"""Statements of gates: the columns that they name, and what PyDeequ could not judge."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from lakehouse.contracts.rules import Gate

NOT_ONE = "is not one statement: a kind, columns in double quotes, and a condition"
THRESHOLD = (
    "has a threshold, which PyDeequ looks at for ColumnDataType, and for ColumnValues with days such as "
    '"2025-01-31", alone. Leave it out, or write a row rule: quarantine_share says how many rows may break it'
)


@pytest.mark.parametrize(
    ("rule", "columns"),
    [
        ('ColumnDataType "day" = "Date"', ("day",)),
        ('ColumnValues "day" = "Mon"', ("day",)),
        ('ColumnValues "day" != "Mon"', ("day",)),
        ('ColumnValues "day" in["Mon", NULL]', ("day",)),
        ('ColumnValues "day" not in ["file name"]', ("day",)),
        ('ColumnDataType "day" = "Date" with threshold between 0.9 and 1', ("day",)),
        (r'ColumnValues "day" matches "Mean \"x\" [a-z]+"', ("day",)),
        ('Completeness "day" > 0.5 where "currency = 1"', ("day",)),
        ('ColumnValues "day" > "2025-01-01" with threshold > 0.9', ("day",)),
        ('ColumnValues "day" not between "2025-01-01" and "2025-02-01" with threshold between 0.9 and 1', ("day",)),
        ('ColumnValues "day" in ["2025-01-01"] where "region = 1" with threshold > 0.9', ("day",)),
        ('ColumnValues "share" between -0.000001 and 1.000001', ("share",)),
        ('ColumnCorrelation "a" "b" > 0.5', ("a", "b")),
        ('IsPrimaryKey "a" "b" "c"', ("a", "b", "c")),
        ("IsComplete day", ("day",)),
        ('Uniqueness of "day" = 1', ("day",)),
        ("RowCount > 0", ()),
        ('(RowCount > 5) and (ColumnValues "a" = "b") or IsComplete "c"', ("a", "c")),
    ],
)
def test_the_columns_of_a_statement_are_those_behind_its_kind(rule: str, columns: tuple[str, ...]) -> None:
    assert Gate(on="staged", rule=rule).columns == columns


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ('Completeness "x" >> 0.9', NOT_ONE),
        ('Completeness "x" >', NOT_ONE),
        ('ColumnValues "x" = ', NOT_ONE),
        ('Completeness "x" > 0.9;', NOT_ONE),
        ('IsComplete "a" IsComplete "b"', NOT_ONE),
        ('RowCount > 5, IsComplete "a"', NOT_ONE),
        ('RowCount > 5 IsComplete "a"', NOT_ONE),
        ('Completeness "x"', "has no condition, and Completeness takes one, such as > 0"),
        ('IsComplete "x" = 1', "has a condition, and IsComplete takes none"),
        ('ColumnValues "x" > 1 with threshold > 0.9', THRESHOLD),
        ('ColumnValues "x" > 1 with threshold between 0.9 and 1', THRESHOLD),
        ('ColumnValues "x" matches "2025-01-01" with threshold > 0.9', THRESHOLD),
        ('Completeness "x" > 0.5 where "day > 1" with threshold > 0.9', THRESHOLD),
        (
            'ColumnValues "x" > (now() - 3 days)',
            'asks for the time of the run; a delivery is judged alike whenever that is. Write a date: "2025-01-31"',
        ),
        ("IsPrimaryKey", "names 0, and IsPrimaryKey takes one column at least"),
        ("Completeness > 0.9", "names 0, and Completeness takes 1 column"),
        ('IsUnique "a" "b"', "names 2, and IsUnique takes 1 column"),
        ('ColumnCorrelation "a" > 0.5', "names 1, and ColumnCorrelation takes 2 columns"),
        ('RowCount "a" > 5', "names 1, and RowCount takes no columns"),
    ],
)
def test_what_pydeequ_could_not_judge_is_refused(rule: str, problem: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Gate(on="staged", rule=rule)
    (error,) = caught.value.errors()
    assert error["msg"] == f"'{rule}' {problem}. Example: rule: 'Completeness \"invoice_id\" > 0.99'."


@pytest.mark.parametrize(
    ("rule", "conditions"),
    [
        ('Completeness "day" > 0.5 where "currency = 1"', ("currency = 1",)),
        ('(IsComplete "day" where "a = 1") and (ColumnValues "b" > "2025-01-01" WHERE "c")', ("a = 1", "c")),
        ('ColumnValues "where" in ["where", "b"]', ()),
        ("RowCount > 0", ()),
    ],
)
def test_the_filters_of_a_statement_are_the_texts_behind_where(rule: str, conditions: tuple[str, ...]) -> None:
    assert Gate(on="staged", rule=rule).filters == conditions
