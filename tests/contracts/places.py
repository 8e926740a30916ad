"""A configuration of its own for the tests: a copy of tests/contracts/conf that they change."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

CONF = Path(__file__).parent / "conf"

BRONZE = "billing/bronze/usage.yml"
SILVER = "billing/silver/usage.yml"
DAILY = "billing/gold/daily_usage.yml"
TOTALS = "billing/gold/region_totals.yml"
DOMAIN = "billing/domain.yml"
LOCAL = "environments/local.yml"


@dataclass(frozen=True)
class Change:
    """Text that replaces another one in a file; the whole file when ``old`` is empty."""

    file: str
    old: str
    new: str | bytes


def copy_conf(folder: Path, *changes: Change) -> Path:
    """A changed copy of the configuration."""
    shutil.copytree(CONF, folder)
    change(folder, *changes)
    return folder


def change(folder: Path, *changes: Change) -> None:
    """Change a copy of the configuration."""
    for one in changes:
        path = folder / one.file
        if one.old:
            text = path.read_text("utf-8")
            assert text.count(one.old) == 1, f"{one.file} holds {one.old!r} {text.count(one.old)} times"
            path.write_text(text.replace(one.old, str(one.new)), "utf-8")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(one.new if isinstance(one.new, bytes) else one.new.encode())
