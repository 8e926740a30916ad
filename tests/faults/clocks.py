"""A clock that jumps back each time that it is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from typing import Any

import pytest

from lakehouse.ledger import entries
from lakehouse.steps import order


@contextmanager
def backwards() -> Iterator[None]:
    """While this lasts, it is an hour earlier whenever the engine asks what time it is."""
    looks = [0]

    class Jumping(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            looks[0] += 1
            return datetime.now(tz) - timedelta(hours=looks[0])

    with pytest.MonkeyPatch.context() as patch:
        for module in (entries, order):
            patch.setattr(module, "datetime", Jumping)
        yield
