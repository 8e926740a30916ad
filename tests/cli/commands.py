"""The command line, called in this process."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lakehouse.cli import main

Lakehouse = Callable[..., tuple[int, str, str]]
"""Runs a command: its exit code, and what it said on both streams."""


def commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: int = 200) -> Lakehouse:
    """``lakehouse("status", "--json")`` on a screen of that many columns, in plain text."""
    for name in ("LAKEHOUSE_ENV", "LAKEHOUSE_LOG", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["lakehouse", *arguments])
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return run
