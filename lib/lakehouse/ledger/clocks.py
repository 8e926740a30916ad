"""When something happened at the latest, told from stamps of a clock that now and then stood wrong."""

from __future__ import annotations

from collections.abc import Sequence

JITTER = 60.0
"""Seconds by which clocks are set back without anybody's doing."""


def latest_times(stamps: Sequence[float], now: float) -> list[float]:
    """For each of some stamps, in the order in which they were made, the latest time at which that can have been.

    A stamp below that of its predecessor, or after now, tells nothing: it was made before the next one that does.
    All in seconds since 1970; the times never fall.
    """
    reached, sound = float("-inf"), list[float | None]()
    for stamp in stamps:
        tells = reached - JITTER <= stamp <= now + JITTER
        reached = max(reached, min(stamp, now)) if tells else reached
        sound.append(reached if tells else None)
    found, latest = [], now
    for time in reversed(sound):
        latest = latest if time is None else time
        found.append(latest)
    return found[::-1]


def misdated(stamp: float, latest: float) -> bool:
    """Whether a stamp is wrong, by what :func:`latest_times` says of it."""
    return abs(latest - stamp) > JITTER
