"""What a run costs with ever more history: one more day, nothing new, a correction, an old day, seven days at once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import counters, pipeline
from benchmarks.answers import Truth, corrected_landing, differences
from benchmarks.landings import arrived, copied, day_file, kept
from benchmarks.records import Records

HOLE = 2
"""The day, counted from 0, that every history lacks; its backfill is a scenario."""
CORRECTED = 1
"""The day whose file is delivered again."""
SMALLEST = 4
"""Days of the shortest history that has both, and a newer one."""
WHO = ("pipeline", "hand-written")
_TOLD = ("task_cpu_ms", "rows_read", "bytes_read")
"""Figures of which it is told at which call sites they are greatest."""


@dataclass(frozen=True)
class Scenario:
    """What arrives after a history of so many days (the hole is one of them)."""

    name: str
    new: tuple[int, ...] = ()
    """Days, counted from the end of the history; the hole is -1."""
    corrects: bool = False

    def days(self, history: int) -> list[int]:
        """The days that it adds."""
        return [HOLE if day < 0 else history + day for day in self.new]


NOTHING_NEW = Scenario("nothing new")
ONE_MORE_DAY = Scenario("one more day", (0,))
SCENARIOS = (
    ONE_MORE_DAY,
    Scenario("one corrected file", corrects=True),
    Scenario("one old day", (-1,)),
    Scenario("seven days", tuple(range(7))),
)


@dataclass(frozen=True)
class Run:
    """A scenario on a copy of a history's lake, and on the landing zone of that history."""

    who: str
    scenario: Scenario
    history: int
    repeat: int
    """-1 for those that only make the session warm."""
    folder: Path
    landing: Path
    arrivals: tuple[tuple[Path, Path], ...]
    """What is new: files, and their places in the landing zone."""

    @property
    def lake(self) -> Path:
        """Its tables."""
        return self.folder / "lake"

    @property
    def gold(self) -> Path:
        """The folder with its gold tables."""
        return self.lake / "billing" / "gold" if self.who == "pipeline" else self.lake / "gold"

    @property
    def files(self) -> list[Path]:
        """What is new."""
        return [place for _, place in self.arrivals]


class Histories:
    """The histories of one size of day, made once."""

    def __init__(self, work: Path, lengths: Sequence[int], rows: int, whose: Sequence[str]) -> None:
        self.work = work
        self.landing = kept(work / f"history-{max(lengths)}x{rows}", max(lengths) + 7, rows)
        self.truth = Truth(self.landing, self.landing.with_suffix(".duckdb"))
        self.lengths = sorted(lengths)
        self.setup = pipeline.prepare(work)
        for folder in ("runs", "correction"):
            shutil.rmtree(work / folder, ignore_errors=True)
        self.correction = corrected_landing(self.landing, CORRECTED, work / "correction")
        for who in whose:
            missing = [length for length in self.lengths if not self._kept(who, length).is_dir()]
            if missing:
                self._build(who, missing)

    def _kept(self, who: str, length: int) -> Path:
        return self.landing.with_name(f"{self.landing.name}-{who}-{length}")

    def _build(self, who: str, lengths: Sequence[int]) -> None:
        """Make histories, the days of each taken at once, in one session."""
        runs = []
        for length in lengths:
            landing = self._landing(length)
            files = [day_file(landing, day) for day in _without_hole(length)]
            runs.append(_told(who, landing, self.work / "runs" / f"{who}-{length}", files))
        session(self.setup, self.work / "runs.json", runs)
        for length, run in zip(lengths, runs, strict=True):
            Path(run["lake"]).rename(self._kept(who, length))
            shutil.rmtree(self.work / "runs" / f"{who}-{length}")

    def _landing(self, length: int) -> Path:
        """The landing zone of a history."""
        place = self.landing.with_name(f"{self.landing.name}-landing-{length}")
        return copied(self.landing, _without_hole(length), place)

    def prepared(self, who: str, scenario: Scenario, history: int, repeat: int) -> Run:
        """A copy of a history's lake, and what is going to arrive in the landing zone."""
        landing = self._landing(history)
        arrivals = [(day_file(self.landing, day), day_file(landing, day)) for day in scenario.days(history)]
        if scenario.corrects:
            arrivals.append((day_file(self.correction, CORRECTED), day_file(landing, CORRECTED)))
        folder = self.work / "runs" / f"{who}-{scenario.name}-{history}-{repeat}"
        run = Run(who, scenario, history, repeat, folder, landing, tuple(arrivals))
        pipeline.clone(self._kept(who, history), run.lake)
        return run

    def wrong(self, run: Run) -> list[str]:
        """What is wrong with the tables that a run left."""
        days = [*_without_hole(run.history), *run.scenario.days(run.history)]
        correction = self.correction if run.scenario.corrects else None
        return differences(self.truth.of(days, correction), run.gold)


def _without_hole(length: int) -> list[int]:
    return [day for day in range(length) if day != HOLE]


@dataclass(frozen=True)
class Wanted:
    """Which measurements are made."""

    lengths: Sequence[int]
    """Days of history."""
    rows: int
    """Of a day."""
    repeats: int
    scenarios: Sequence[str]
    """By name."""
    who: Sequence[str]


def measure(work: Path, records: Records, wanted: Wanted) -> None:
    """Make the histories, or take those that are there, then measure the named scenarios on each."""
    histories = Histories(work, wanted.lengths, wanted.rows, wanted.who)
    for length in histories.lengths if "pipeline" in wanted.who else ():
        _alone(histories, records, "pipeline", NOTHING_NEW, length)
    # A job that is told which files are new is not even started when there are none.
    scenarios = [one for one in SCENARIOS if one.name in wanted.scenarios]
    for who in wanted.who:
        _in_session(histories, records, who, wanted.repeats, scenarios)
    for who in wanted.who:
        _alone(histories, records, who, ONE_MORE_DAY, histories.lengths[-1])


def _alone(histories: Histories, records: Records, who: str, scenario: Scenario, length: int) -> None:
    """A run as a process of its own."""
    run = histories.prepared(who, scenario, length, 0)
    with arrived(run.arrivals):
        if who == "pipeline":
            cost = pipeline.run(histories.setup, run.landing, run.lake)
        else:
            listed = run.folder / "files.txt"
            listed.write_text("\n".join(map(str, run.files)))
            cost = pipeline.script(histories.setup, "others.hand_written", [listed, run.lake])
    wrong = histories.wrong(run)
    records.add("alone", who=who, scenario=scenario.name, days=length, wrong=wrong, **cost.figures())
    shutil.rmtree(run.folder)


def _in_session(histories: Histories, records: Records, who: str, repeats: int, scenarios: Sequence[Scenario]) -> None:
    """Scenarios on every history in one session, there and back, each after a run that makes it warm."""
    runs = [
        histories.prepared(who, scenario, length, repeat)
        for scenario in scenarios
        for length, repeat in order(histories.lengths, repeats)
    ]
    before = [counters.versions(run.lake) for run in runs]
    told = [_told(who, run.landing, run.folder, run.files, run.arrivals) for run in runs]
    costs = session(histories.setup, histories.work / "runs.json", told)
    for run, cost, versions in zip(runs, costs, before, strict=True):
        if run.repeat >= 0:
            records.add(
                "history", who=who, scenario=run.scenario.name, days=run.history, repeat=run.repeat,
                wrong=histories.wrong(run), wall=cost["wall"], cpu=cost["cpu"],
                counters={**counters.stage_counts(cost["stages"]), **counters.commit_counts(run.lake, versions)},
                operations=counters.operations(run.lake, versions),
                stages={figure: counters.by_call_site(cost["stages"], figure)[:6] for figure in _TOLD},
            )  # fmt: skip
        shutil.rmtree(run.folder)


def session(setup: pipeline.Setup, listed: Path, runs: Sequence[Mapping[str, object]]) -> list[dict[str, Any]]:
    """Do runs in one Spark session; what each of them cost."""
    listed.write_text(json.dumps(runs))
    done = pipeline.script(setup, "in_session", [listed])
    return [json.loads(line) for line in done.printed.splitlines() if line.startswith("{")]


def _told(
    who: str, landing: Path, folder: Path, files: Iterable[Path], arrivals: Iterable[tuple[Path, Path]] = ()
) -> dict[str, Any]:
    """A run as a session is told of it."""
    return {
        "who": who,
        "landing": str(landing),
        "lake": str(folder / "lake"),
        "files": [str(path) for path in files],
        "arrives": [(str(source), str(place)) for source, place in arrivals],
        "stay": False,
    }


def order(lengths: Iterable[int], repeats: int) -> Iterator[tuple[int, int]]:
    """Histories and repeats: a session gets faster as it gets older, so every other time the longest comes first.

    The first of them, with repeat -1, only makes it warm.
    """
    there = sorted(lengths)
    yield there[0], -1
    for repeat in range(repeats):
        for length in there[::-1] if repeat % 2 == 0 else there:
            yield length, repeat
