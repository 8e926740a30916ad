"""Whatever happens to a lake, in whatever order: it ends as one clean run over what counts would leave it.

Deliveries, corrections, repetitions, late and bad rows, refused contents, decisions, other contracts, and the end of
the process at any commit, by a clock that runs backwards: for silver by key and with versions, and for tables computed
as a whole and by period, in gold and in silver. After every command all tables are compared with a plain computation.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from tests.faults.billing import BILLING, Usage
from tests.faults.clocks import backwards
from tests.faults.histories import HISTORIES, computed_in_silver
from tests.faults.life import Again, Crash, Decided, Deliver, Life, Run
from tests.faults.subjects import Subject

pytestmark = pytest.mark.slow

_COMMITS = 80
"""A run passes fewer points than this, counted before and after each commit."""


def lives(subject: Subject[Any], most: int) -> st.SearchStrategy[list[Any]]:
    """Sequences of actions; they begin with a delivery."""
    slots, point = st.integers(0, len(subject.slots) - 1), st.integers(0, _COMMITS)
    few, mixed = (
        st.lists(subject.good, min_size=1, max_size=4),
        st.lists(subject.good | subject.bad, min_size=1, max_size=4),
    )
    calm = st.lists(subject.harmless, min_size=1, max_size=3).map(tuple)
    crash = st.builds(
        Crash, st.lists(point, min_size=1, max_size=2).map(tuple), st.booleans(), st.none() | st.tuples(slots, calm)
    )
    maybe = st.none() | crash
    deliver = st.builds(Deliver, slots, (few | mixed).map(tuple))
    decided = st.builds(Decided, st.sampled_from(["retract", "release", "patch", "discard"]), st.integers(0, 3), maybe)
    action = (
        deliver
        | deliver
        | st.builds(Again, slots, st.sampled_from(["same", "first", "other"]))
        | st.builds(Run, st.just(False), maybe)
        | st.builds(Run, st.sampled_from([False, False, True]), maybe)
        | decided
    )
    return st.builds(lambda first, then: [first, *then], deliver, st.lists(action, min_size=2, max_size=most))


def live(subject: Subject[Any], conf: Path, actions: Sequence[object]) -> None:
    with tempfile.TemporaryDirectory() as folder, backwards():
        place = Path(folder)
        (place / "landing").mkdir()
        life = Life(subject, conf, place / "landing", place / "lake")
        for action in actions:
            life.act(action)
        life.conclude(place / "clean")


OFTEN = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
FEW = settings(deadline=None, suppress_health_check=OFTEN, phases=[Phase.explicit])
"""For make test: one life in which much happens. make soak draws others."""
MANY = settings(max_examples=30, deadline=None, suppress_health_check=OFTEN, print_blob=True)


def u(day: int, hour: int, user: str, credit: int) -> Usage:
    return Usage(day, hour, user, credit)


EVENTFUL: list[object] = [
    # Rows that collide, one that is bad. They are in bronze, the ledger does not know; then another delivery comes.
    Deliver(0, (u(2, 0, "u1", -1), u(2, 1, "u1", -2), u(3, 0, "u1", 4))),
    Deliver(2, (u(2, 0, "u1", -3), u(3, 1, "u2", -4))),
    Run(crash=Crash(("after:append bronze/usage",), arrives=(3, (u(2, 1, "u1", -5), u(4, 0, "u2", -1))))),
    # A correction that lets a row return, and one that gates refuse. Silver is published and the ledger does not know;
    # then the same of gold.
    Deliver(2, (u(3, 1, "u2", -7),)),
    Deliver(0, (u(2, 0, "u1", 5), u(2, 1, "u1", 6), u(4, 0, "u1", -1))),
    Run(crash=Crash(("after:merge silver/usage", "after:replace gold/daily_user_usage"), elsewhere=True)),
    # A row that is patched has left the quarantine, and is not in silver yet.
    Decided("patch", 1, Crash(("after:replace quarantine/usage",))),
    # It is decided, and not done.
    Decided("retract", 3, Crash(("after:append ledger/decisions",))),
    Again(3, "same"),
    Again(1, "other"),
    # Under another contract all is made anew: the losers are written, the winners are not.
    Run(flip=True, crash=Crash(("after:overwrite outranked/usage",))),
    Decided("discard", 0),
]

LONG_HISTORY: list[object] = [
    # Two versions of u1, and a bad row of u2.
    Deliver(0, (u(2, 0, "u1", -1), u(4, 0, "u1", -2), u(3, 1, "u2", 3))),
    Run(),
    # Late rows: one comes between and opens the second version a day earlier, one is u2's first. They lie beside, and
    # no version is written; then their delivery is corrected.
    Deliver(3, (u(3, 0, "u1", -2), u(2, 1, "u2", -7))),
    Run(crash=Crash(("after:merge outranked/usage",), elsewhere=True, arrives=(3, (u(3, 1, "u1", -2),)))),
    # The row of u2 is patched: it has left the quarantine and lies beside, and is no version yet.
    Decided("patch", 0, Crash(("before:append silver/usage",))),
    # The day of the first version goes. Versions are written, and the ledger does not know.
    Decided("retract", 0, Crash(("after:merge silver/usage",), elsewhere=True)),
    # It counts again, and what is computed from silver in silver is not done.
    Decided("release", 0, Crash(("before:replace silver/daily_user_usage",))),
    # Under another contract all is made anew, and -7 is too much.
    Deliver(1, (u(4, 1, "u1", -7), u(2, 0, "u2", -1))),
    Run(flip=True, crash=Crash(("after:overwrite outranked/usage",))),
]


TAKEN_BACK: list[object] = [
    # Readers see the first content, because its correction is refused; the other contract refuses it, too.
    Deliver(0, (u(2, 0, "u1", -7), u(3, 0, "u1", -7))),
    Run(),
    Deliver(0, (u(2, 0, "u1", 5),)),
    Run(),
    Run(flip=True),
    Run(flip=True),
    Decided("retract", 0),
    Decided("release", 0, Crash(("after:overwrite silver/usage",))),
]
"""What took a content away from readers is taken back."""


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A computed table in silver, for histories."""
    computed_in_silver(monkeypatch)


@FEW
@example(actions=EVENTFUL)
@given(actions=lives(BILLING, 4))
def test_any_life_ends_as_a_clean_run(spark: object, conf: Path, actions: list[object]) -> None:
    live(BILLING, conf, actions)


@FEW
@example(actions=LONG_HISTORY)
@given(actions=lives(HISTORIES, 4))
def test_any_history_ends_as_a_clean_run(spark: object, conf: Path, computed: None, actions: list[object]) -> None:
    live(HISTORIES, conf, actions)


@pytest.mark.soak
@MANY
@example(actions=TAKEN_BACK)
@given(actions=lives(BILLING, 12))
def test_many_lives_end_as_clean_runs(spark: object, conf: Path, actions: list[object]) -> None:
    live(BILLING, conf, actions)


@pytest.mark.soak
@MANY
@example(actions=TAKEN_BACK)
@given(actions=lives(HISTORIES, 12))
def test_many_histories_end_as_clean_runs(spark: object, conf: Path, computed: None, actions: list[object]) -> None:
    live(HISTORIES, conf, actions)
