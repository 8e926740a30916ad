"""Dirt in rows, of any domain: ways to break rules, taken in turn, and what was put into a delivery."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

GATE_SHARE = 0.05
"""Share of bad rows above which a delivery is refused."""

REFUSED_SHARE = 0.10
"""Share of bad rows in a delivery that is to be refused."""

MOST_BAD_SHARE = 0.04
"""Share of bad rows that no other delivery exceeds."""


@dataclass(frozen=True)
class Breach:
    """One way to break rules: values to put into columns, or values too many, and the rules broken by it."""

    rules: tuple[str, ...]
    values: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    surplus: int = 0


@dataclass
class Stain:
    """What was put into one delivery. misfits: by position of the row, values too many (negative: few)."""

    row_kinds: Counter[str] = field(default_factory=Counter)
    broken_rules: Counter[str] = field(default_factory=Counter)
    bad_records: int = 0
    misfits: dict[int, int] = field(default_factory=dict)

    def check_share(self, records: int, refused: bool) -> None:
        """Raise AssertionError when the share of bad rows leads to another decision than the one meant."""
        share = self.bad_records / records
        if (refused and share <= GATE_SHARE) or (not refused and share > MOST_BAD_SHARE):
            raise AssertionError(f"{self.bad_records} of {records} rows are bad, and refused should be {refused}")


class Breaker:
    """Breaks rows of one delivery after the other, taking the kinds of bad rows in turn over all of them."""

    def __init__(self, breaches: Mapping[str, Breach]) -> None:
        self._turns = _turns(breaches)

    def break_rows(self, rows: Sequence[list[str]], positions: Sequence[int], stain: Stain) -> None:
        """Break the rows at the positions and note it in the stain."""
        for position in positions:
            kind, breach, use = next(self._turns)
            for column, values in breach.values.items():
                rows[position][column] = values[use % len(values)]
            if breach.surplus:
                stain.misfits[position] = breach.surplus
            stain.row_kinds[kind] += 1
            stain.broken_rules.update(breach.rules)
        stain.bad_records += len(positions)


def refused_positions(size: int, rng: Random) -> list[int]:
    """Positions of the rows to break in a delivery of `size` rows that is to be refused."""
    return rng.sample(range(size), round(REFUSED_SHARE * size))


@dataclass(frozen=True)
class Amounts:
    """How many rows of a delivery get each kind of dirt. bad: rows that break rules; some, few: of other kinds."""

    bad: int
    some: int
    few: int

    @classmethod
    def of(cls, size: int, dirt: float) -> Amounts:
        """The amounts for `size` rows: at least 3 bad ones, as far as their share allows."""
        bad = min(max(round(dirt * size), 3), int(MOST_BAD_SHARE * size))
        return cls(bad, max(1, round(dirt * size)), max(1, round(dirt * size / 4)))


def take(positions: Iterator[int], count: int) -> list[int]:
    """The next `count` positions."""
    return [next(positions) for _ in range(count)]


def _turns(breaches: Mapping[str, Breach]) -> Iterator[tuple[str, Breach, int]]:
    """Kinds of bad rows in turn for ever, with how often all of them were taken before."""
    use = 0
    while True:
        for kind, breach in breaches.items():
            yield kind, breach, use
        use += 1
