"""Tables that were written long ago: the times in their logs and of their files are put back."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from arro3.core import Array, DataType, Table
from deltalake import write_deltalake


def append(path: Path, *numbers: int, **options: Any) -> None:
    """Write a file of a table with the column n."""
    frame = Table.from_pydict({"n": Array(list(numbers), type=DataType.int64())})
    write_deltalake(str(path), frame, **{"mode": "append", **options})


def age(path: Path, days: float) -> None:
    """Make everything below a folder older, commits and files alike; only checkpoints keep the times that they tell."""
    for file in sorted(path.rglob("*")):
        if file.suffix == ".crc":
            file.unlink()  # Spark's check sums of what is changed here
        elif file.is_file():
            time = file.stat().st_mtime - days * 86400
            if file.parent.name == "_delta_log" and file.suffix == ".json":
                lines = [json.dumps(_older(json.loads(line), days)) for line in file.read_text("utf-8").splitlines()]
                file.write_text("\n".join(lines) + "\n", "utf-8")
            os.utime(file, (time, time))


def _older(action: dict[str, Any], days: float) -> dict[str, Any]:
    for facts in action.values():
        for name in ("timestamp", "modificationTime", "deletionTimestamp", "createdTime"):
            if facts.get(name):
                facts[name] -= round(days * 86400_000)
    return action


def log(path: Path) -> list[str]:
    """What lies in the log of a table."""
    return sorted(file.name for file in (path / "_delta_log").iterdir())


def parquet(path: Path) -> int:
    """How many data files lie in the folder of a table, needed or not."""
    return len(list(path.rglob("*.parquet"))) - len(list((path / "_delta_log").glob("*.parquet")))
