"""What tests of leases share: a store that they lie in, and a clock that stands still."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from tests.ledger.object_store import ObjectStore, served


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    """An object store that this process, and those that it starts, take for S3."""
    yield from served(monkeypatch)


@dataclass
class Clock:
    """A clock that moves only when somebody waits; others can do something meanwhile."""

    now: float = 1000.0
    waited: list[float] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None

    def read(self) -> float:
        """The time."""
        return self.now

    def wait(self, seconds: float) -> None:
        """Let the time go on."""
        self.now += seconds
        self.waited.append(seconds)
        self.meanwhile()


@pytest.fixture
def clock() -> Clock:
    """A clock that a test moves."""
    return Clock()
