"""Statements of DQDL, as gates make them: which columns they name, and whether PyDeequ can understand them.

``dqRule`` in the grammar of dqdl 1.0.0: kind, columns, condition, where, with.
"""

from __future__ import annotations

import re

GATE_KINDS = (
    "ColumnCorrelation", "ColumnCount", "ColumnDataType", "ColumnExists", "ColumnLength", "ColumnValues",
    "Completeness", "DistinctValuesCount", "Entropy", "IsComplete", "IsPrimaryKey", "IsUnique", "Mean", "RowCount",
    "StandardDeviation", "Sum", "UniqueValueRatio", "Uniqueness",
)  # fmt: skip
"""Statements of DQDL that PyDeequ can judge over one delivery or table alone."""

_WITHOUT_CONDITION = {"ColumnExists", "IsComplete", "IsPrimaryKey", "IsUnique"}
_NUMBER_OF_COLUMNS = {"ColumnCorrelation": 2, "ColumnCount": 0, "RowCount": 0}
"""Where it is not one; ``IsPrimaryKey`` takes one or more."""

_KIND = rf"\b(?:{'|'.join(GATE_KINDS)})\b"
_TEXT = r'"(?:\\.|[^"\\])*"'
_NAME = rf"(?:{_TEXT}|(?!(?:and|between|in|matches|not|or|where|with)\b)[\w.]+)"
_NAMES = rf"(?:\s*(?:(?:of|and)\s+(?=\"))?{_NAME})*"
_VALUE = rf"(?:{_TEXT}|\[(?:{_TEXT}|[^\]\"])*\]|(?!\b(?:where|with)\b)[\w\s.$+*/()-])+"
_CONDITION = rf"(?:(?:not\s+)?(?:between|in|matches)\b|[<>]=?|!?\s*=)\s*(?=\S){_VALUE}"

_STATEMENT = re.compile(
    rf"\s*(?P<kind>\w+)(?P<names>{_NAMES})\s*(?P<condition>{_CONDITION})?"
    rf"(?:\bwhere\s*{_TEXT}\s*)?(?P<share>(?:\bwith\s+\w+\s*{_CONDITION})*)\s*"
)
_QUOTED = re.compile(_TEXT)
_NAMED = re.compile(rf"{_KIND}({_NAMES})|{_TEXT}", re.IGNORECASE)
_FILTERED = re.compile(rf"\bwhere\s*({_TEXT})|{_TEXT}", re.IGNORECASE)
_OF_DATES = re.compile(r'(?!.*\bmatches\b)[^"]*"\d{4}-\d{2}-\d{2}"')
_JOINED = re.compile(rf"^\s*\(|\b(?:and|or)\s+\(?\s*{_KIND}", re.IGNORECASE)


def named_columns(rule: str) -> tuple[str, ...]:
    """Columns that a statement, or several joined ones, name; words in conditions are none."""
    names = (name for found in _NAMED.finditer(rule) for name in re.findall(_NAME, found[1] or ""))
    return tuple(name.strip('"') for name in names if name not in ("of", "and"))


def filters(rule: str) -> tuple[str, ...]:
    """SQL of the rows that a statement, or several joined ones, look at."""
    return tuple(found[1][1:-1] for found in _FILTERED.finditer(rule) if found[1])


def is_joined(rule: str) -> bool:
    """Whether it is several statements in one; what stands in quotes is none."""
    return _JOINED.search(_QUOTED.sub("", rule)) is not None


def misfit(rule: str) -> str | None:
    """Why a statement of a known kind cannot be a gate; None when it can. Of joined ones PyDeequ itself knows more."""
    if "now()" in _QUOTED.sub("", rule):
        return 'asks for the time of the run; a delivery is judged alike whenever that is. Write a date: "2025-01-31"'
    if is_joined(rule):
        return None
    found = _STATEMENT.fullmatch(rule)
    if found is None or len(re.findall(_KIND, _QUOTED.sub("", rule))) > 1:
        return "is not one statement: a kind, columns in double quotes, and a condition"
    kind = found["kind"]
    wanted, number = _NUMBER_OF_COLUMNS.get(kind, 1), len(named_columns(rule))
    if number != wanted and not (kind == "IsPrimaryKey" and number):
        words = "one column at least" if kind == "IsPrimaryKey" else f"{wanted or 'no'} column{'s' * (wanted != 1)}"
        return f"names {number}, and {kind} takes {words}"
    if (found["condition"] is None) != (kind in _WITHOUT_CONDITION):
        return f"has {'no' if found['condition'] is None else 'a'} condition, and {kind} takes " + (
            "none" if kind in _WITHOUT_CONDITION else "one, such as > 0"
        )
    of_dates = kind == "ColumnValues" and _OF_DATES.match(found["condition"])
    if found["share"] and kind != "ColumnDataType" and not of_dates:
        return (
            "has a threshold, which PyDeequ looks at for ColumnDataType, and for ColumnValues with days such as "
            '"2025-01-31", alone. Leave it out, or write a row rule: quarantine_share says how many rows may break it'
        )
    return None


def of_some_rows(rule: str, condition: str) -> str:
    """A single statement without a filter, about the rows that fulfil a condition."""
    found = _STATEMENT.fullmatch(rule)
    end = found.start("share") if found else len(rule)
    return f'{rule[:end].rstrip()} where "{condition}" {rule[end:]}'.rstrip()
