"""Which deliveries are verified: all, those of some days, or some that are drawn, the same ones each time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from secrets import randbelow

from lakehouse.errors import ConfigurationError
from lakehouse.landing.days import Days
from lakehouse.ledger.deliveries import Register

_SEEDS = 1_000_000


@dataclass(frozen=True)
class Choice:
    """What was asked for."""

    days: Days = field(default_factory=Days)
    sample: int | None = None
    """So many deliveries are drawn; None for all."""
    seed: int | None = None
    """Decides which ones are drawn; None for any."""


@dataclass(frozen=True)
class Chosen:
    """The deliveries that are verified."""

    ids: frozenset[str]
    total: int
    """How many deliveries there are."""
    days: Days
    seed: int | None
    """By which they were drawn; None when they were not."""

    @property
    def everything(self) -> bool:
        """Whether no delivery is left out."""
        return len(self.ids) == self.total


def choose(register: Register, choice: Choice) -> Chosen:
    """The deliveries that are meant, among those whose content lies in bronze.

    Raises ConfigurationError when there is none within the days.
    """
    days = {delivery.delivery_id: delivery.delivery_date for delivery in register.contents.values()}
    found = {name for name, day in days.items() if choice.days.holds(day)}
    if not found:
        first, last = choice.days.first, choice.days.last
        asked = " and ".join(f"{option} {day}" for option, day in (("--from", first), ("--to", last)) if day)
        known = sorted(day for day in days.values() if day)
        if not known:
            raise ConfigurationError("No delivery has been taken yet: there is nothing to verify.")
        raise ConfigurationError(
            f"No delivery was taken for the days of {asked}. "
            f"Deliveries were taken for days from {known[0]} to {known[-1]}."
        )
    if choice.sample is None:
        return Chosen(frozenset(found), len(days), choice.days, None)
    seed = randbelow(_SEEDS) if choice.seed is None else choice.seed
    # By a hash of each name: a delivery that comes later changes little about which of the others are drawn.
    drawn = sorted(found, key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest())[: choice.sample]
    return Chosen(frozenset(drawn), len(days), choice.days, seed)
