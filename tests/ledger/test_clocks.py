"""When something happened at the latest, from literal stamps."""

from __future__ import annotations

import pytest

from lakehouse.ledger.clocks import latest_times, misdated


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        ([], []),
        ([100, 200, 300], [100, 200, 300]),
        # A clock that stood too early: before the next one that did not, or before now.
        ([10000, 5, 6, 20000], [10000, 20000, 20000, 20000]),
        ([10000, 5], [10000, 50000]),
        # One that stood too late tells nothing either.
        ([10000, 90000, 20000], [10000, 20000, 20000]),
        # Clocks are set back by moments all the time.
        ([10000, 9990, 20000], [10000, 10000, 20000]),
        ([49990, 50010], [49990, 50000]),
    ],
)
def test_the_latest_times(stamps: list[float], expected: list[float]) -> None:
    assert latest_times(stamps, 50000) == expected


def test_stamps_that_are_wrong() -> None:
    found = latest_times([10000, 5, 9000, 90000, 9990, 20000], 50000)
    assert [misdated(stamp, time) for stamp, time in zip([10000, 5, 9000, 90000, 9990, 20000], found, strict=True)] == [
        False, True, True, True, False, False,
    ]  # fmt: skip
