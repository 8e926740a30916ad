"""What a benchmark finds: plain values, kept as JSON after every measurement so that nothing is lost when it stops."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

Found = dict[str, Any]
"""One measurement, in JSON's types."""


class Records:
    """The measurements of one run of the benchmark, in the order in which they were made."""

    def __init__(self, place: Path, options: Found) -> None:
        self._place = place
        self.content: Found = {"machine": machine(), "options": options, "measurements": []}

    def add(self, kind: str, **values: Any) -> None:
        """Keep a measurement, with how busy the machine was, and show it in a line."""
        self.content["measurements"].append({"kind": kind, **values, "load": round(os.getloadavg()[0], 1)})
        self._place.write_text(json.dumps(self.content, indent=1) + "\n", "utf-8")
        shown = [f"{k}={_short(v)}" for k, v in values.items() if not isinstance(v, dict | list) or k == "wrong"]
        print(f"{datetime.now(timezone.utc):%H:%M:%S} {kind}", *shown, flush=True)

    def of(self, kind: str) -> list[Found]:
        """The measurements of a kind."""
        return of(self.content, kind)


def of(content: Found, kind: str) -> list[Found]:
    """The measurements of a kind."""
    return [one for one in content["measurements"] if one["kind"] == kind]


def middle(found: Iterable[Found], name: str) -> float | None:
    """The median of a figure over those measurements whose tables were right; None when there is none."""
    values = [one[name] for one in found if not one.get("wrong") and one.get(name) is not None]
    return median(values) if values else None


def names(found: Sequence[Found], name: str) -> list[Any]:
    """The different values of a field, in their order."""
    return list(dict.fromkeys(one[name] for one in found))


def machine() -> Found:
    """What it was measured on, without names of the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    packages = ("pyspark", "delta-spark", "duckdb", "polars", "deltalake")
    return {
        "date": f"{datetime.now(timezone.utc):%Y-%m-%d}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(memory / 2**30),
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _short(value: Any) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)
