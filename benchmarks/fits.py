"""How a cost grows with the days of history: c + k * days, and the exponent of a power law."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean


@dataclass(frozen=True)
class Fit:
    """The least-squares fits of a cost over days of history."""

    constant: float
    per_day: float
    exponent: float
    """Slope of log(cost) over log(days): 0 for a cost that does not grow, 1 for one in proportion to history."""


def fit(days: Sequence[float], costs: Sequence[float]) -> Fit:
    """Fit costs, which may not be negative, to days. When one is zero, all count one unit more in the exponent."""
    if len(set(days)) < 2 or len(days) != len(costs):
        raise ValueError(f"two different numbers of days at least, and a cost for each, found {days} and {costs}")
    per_day, constant = _line(days, costs)
    shift = 0.0 if min(costs) > 0 else 1.0
    exponent, _ = _line([math.log(d) for d in days], [math.log(cost + shift) for cost in costs])
    return Fit(constant, per_day, exponent)


def _line(xs: Sequence[float], ys: Sequence[float]) -> tuple[float, float]:
    """Slope and intercept."""
    middle, height = fmean(xs), fmean(ys)
    spread = sum((x - middle) ** 2 for x in xs)
    slope = sum((x - middle) * (y - height) for x, y in zip(xs, ys, strict=True)) / spread
    return slope, height - slope * middle
