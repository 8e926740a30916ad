"""What `lakehouse airflow` prepares before it starts anything."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from lakehouse.cli import scheduling


def test_samples_are_made_of_domains_without_deliveries_that_have_a_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[list[str]] = []

    def run(command: list[str], **_: Any) -> None:
        called.append(command[1:])

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(scheduling, "domain_names", lambda: ("billing", "retail", "shop"))
    (tmp_path / "billing").mkdir()
    scheduling.make_samples(str(tmp_path))
    assert called == [["sample", "retail", "--out", str(tmp_path)]]
    scheduling.make_samples("s3://bucket/landing")
    assert len(called) == 1
