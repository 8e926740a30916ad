"""How values are written for people: exact ones with thousands apart, days and times in UTC."""

from __future__ import annotations

from datetime import date, datetime, timezone
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from lakehouse.contracts.reports import Figure, Section

NOTHING = "–"
"""What stands for an absent value."""

_FLOAT_DECIMALS = 2


def written(value: Any, figure: Figure | None = None) -> str:
    """A value in words and digits; decimals are rounded only where the report says so."""
    match value:
        case None:
            return NOTHING
        case bool():
            return "yes" if value else "no"
        case int() | Decimal() | float():
            return _number(value, figure.decimals if figure else None)
        case datetime():
            return value.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M")
        case date():
            return value.isoformat()
    return str(value)


def _number(value: float | Decimal, decimals: int | None) -> str:
    if isinstance(value, float):
        exact, decimals = Decimal(str(value)), _FLOAT_DECIMALS if decimals is None else decimals
    else:
        exact = Decimal(value)
    if not exact.is_finite():
        return NOTHING
    if decimals is not None:
        return f"{_rounded(exact, decimals):,f}"
    whole, _, rest = f"{exact:,f}".partition(".")
    rest = rest.rstrip("0")
    return f"{whole}.{rest}" if rest else whole


def _rounded(value: Decimal, decimals: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


def exact(value: Any) -> str:
    """A number as a program reads it, with all its digits; empty for anything else."""
    return f"{value:f}" if isinstance(value, Decimal) else str(value) if type(value) in {int, float} else ""


def is_number(value: Any) -> bool:
    """Whether a value stands at the right edge of its column."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def label(section: Section, column: str) -> str:
    """What a column is called for readers."""
    figure = section.columns.get(column)
    return (figure.label if figure else None) or column.replace("_", " ").capitalize()


def unit(section: Section, column: str, counted_in: Any = None) -> str:
    """What a column is measured in, with the currency or the like that it is counted in; empty when nobody says."""
    figure = section.columns.get(column)
    parts = [figure.unit if figure else None, written(counted_in) if figure and figure.per and counted_in else None]
    return ", ".join(part for part in parts if part)
