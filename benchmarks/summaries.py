"""What the measurements say: medians, ratios, fits, and which goals are met. No measurement is made here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.counters import COUNTERS
from benchmarks.fits import Fit, fit
from benchmarks.records import Found, middle, names, of

_COMPARED = {"wall": "wall seconds", "cpu": "CPU seconds"}
"""What costs are compared by: wall seconds are what people wait for, and more when others use the machine."""


@dataclass(frozen=True)
class Goal:
    """A goal and what was found."""

    what: str
    limit: float
    found: float | None

    @property
    def verdict(self) -> str:
        """In words."""
        if self.found is None:
            return "not measured"
        return "met" if self.found <= self.limit else "missed"


@dataclass(frozen=True)
class Growth:
    """How a figure of a scenario grows with history."""

    who: str
    scenario: str
    figure: str
    days: tuple[int, ...]
    values: tuple[float, ...]
    fitted: Fit


def growths(content: Found, who: str, figures: Sequence[str]) -> list[Growth]:
    """The growth of some figures of someone, in every scenario that was measured at two histories or more."""
    runs = [one for one in of(content, "history") if one["who"] == who]
    found = []
    for scenario in names(runs, "scenario"):
        mine = [one for one in runs if one["scenario"] == scenario]
        for figure in figures:
            points = [
                (days, middle((_flat(one) for one in mine if one["days"] == days), figure))
                for days in names(mine, "days")
            ]
            there = [(days, value) for days, value in points if value is not None]
            if len(there) > 1:
                days, values = zip(*there, strict=True)
                found.append(Growth(who, scenario, figure, days, values, fit(days, values)))
    return found


def _flat(one: Found) -> Found:
    return {**one, **one["counters"]}


def goals(content: Found) -> list[Goal]:
    """All goals, in the order of the measurements."""
    return [*_startup_goals(content), *_full_goals(content), *_history_goals(content)]


def _startup_goals(content: Found) -> Iterable[Goal]:
    commands = of(content, "command")
    for name in ("validate", "plan", "status", "sql"):
        mine = [one for one in commands if one["name"] == name]
        yield Goal(f"lakehouse {name}, without a JVM: seconds", 1.5, middle(mine, "wall"))
    nothing = [one for one in commands if one["name"] == "run, nothing new"]
    yield Goal("lakehouse run, nothing new, without a JVM: seconds", 2.0, middle(nothing, "wall"))


def _full_goals(content: Found) -> Iterable[Goal]:
    for figure, words in _COMPARED.items():
        cost = {who: middle(_by(content, "full", who=who), figure) for who in ("pipeline", "bare copy", "hand-written")}
        yield Goal(f"full load: times the bare copy, by {words}", 5.0, ratio(cost["pipeline"], cost["bare copy"]))
        share = ratio(cost["pipeline"], cost["hand-written"])
        yield Goal(f"full load: times the hand-written job, by {words}", 0.5, share)


def _history_goals(content: Found) -> Iterable[Goal]:
    for kind, words in (
        ("long", "of full size"),
        ("alone", "with the start of Spark"),
        ("history", "in a warm session"),
    ):
        most = max((one["days"] for one in of(content, kind)), default=0)
        for figure, by in _COMPARED.items():
            day = {
                who: middle(_by(content, kind, who=who, scenario="one more day", days=most), figure)
                for who in ("pipeline", "hand-written")
            }
            share = ratio(day["pipeline"], day["hand-written"])
            yield Goal(f"one more day after {most}, {words}: times the hand-written job, by {by}", 0.25, share)
    counters = growths(content, "pipeline", COUNTERS)
    for scenario in names([vars(one) for one in counters], "scenario"):
        worst = max((one for one in counters if one.scenario == scenario), key=lambda one: one.fitted.exponent)
        yield Goal(f"{scenario}: exponent of {worst.figure}, the steepest counter", 0.1, worst.fitted.exponent)
    for one in growths(content, "pipeline", ["cpu"]):
        yield Goal(f"{one.scenario}: exponent of CPU seconds", 0.15, one.fitted.exponent)


def _by(content: Found, kind: str, **values: object) -> list[Found]:
    return [one for one in of(content, kind) if all(one[name] == value for name, value in values.items())]


def ratio(one: float | None, other: float | None) -> float | None:
    """How many times the other; None when either was not measured."""
    return one / other if one is not None and other else None
