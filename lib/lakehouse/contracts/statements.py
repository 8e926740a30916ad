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
_VALUE = rf"(?:{_TEXT}|\[(?:{_TEXT}|[^\]\"])*\]|[\w\s.$+*/()-])+"
_CONDITION = rf"(?:(?:not\s+)?(?:between|in|matches)\b|[<>]=?|!?\s*=)\s*(?=\S){_VALUE}"

_STATEMENT = re.compile(
    rf"\s*(?P<kind>\w+)(?P<names>{_NAMES})\s*(?P<condition>{_CONDITION})?"
    rf"(?:\bwhere\s*{_TEXT}\s*)?(?:\bwith\s+\w+\s*{_CONDITION})*\s*"
)
_QUOTED = re.compile(_TEXT)
_NAMED = re.compile(rf"{_KIND}({_NAMES})|{_TEXT}", re.IGNORECASE)
_JOINED = re.compile(rf"^\s*\(|\b(?:and|or)\s+\(?\s*{_KIND}", re.IGNORECASE)


def named_columns(rule: str) -> tuple[str, ...]:
    """Columns that a statement, or several joined ones, name; words in conditions are none."""
    names = (name for found in _NAMED.finditer(rule) for name in re.findall(_NAME, found[1] or ""))
    return tuple(name.strip('"') for name in names if name not in ("of", "and"))


def is_joined(rule: str) -> bool:
    """Whether it is several statements in one; what stands in quotes is none."""
    return _JOINED.search(_QUOTED.sub("", rule)) is not None


def misfit(rule: str) -> str | None:
    """Why PyDeequ could not judge a single statement of a known kind; None when it can, and for joined ones."""
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
    return None
