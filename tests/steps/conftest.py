"""What tests of steps share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.steps.lived_in import LivedIn


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LivedIn:
    """A lake without tables, and the configuration that commands find."""
    found = LivedIn(tmp_path)
    monkeypatch.setenv("LAKEHOUSE_CONF", str(found.conf))
    return found
