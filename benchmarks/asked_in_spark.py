"""Time the ten questions in one Spark session, lakes in turn; print the medians as JSON, one object a lake.

Example: python -m benchmarks.asked_in_spark 3 lake other-lake
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from statistics import median

from benchmarks.pipeline import GOLD
from benchmarks.questions import QUESTIONS
from lakehouse.contracts.environments import load_environment
from lakehouse.session import open_session


def main(times: int, lakes: list[Path]) -> None:
    """Ask everything once without timing, then so many times."""
    spark = open_session("questions", load_environment("local"))
    taken: list[dict[str, list[float]]] = [{name: [] for name in QUESTIONS} for _ in lakes]
    for turn in range(times + 1):
        for lake, kept in zip(lakes, taken, strict=True):
            for table in GOLD:
                place = str(lake / "billing" / "gold" / table)
                spark.read.format("delta").load(place).createOrReplaceTempView(table)
            for name, statement in QUESTIONS.items():
                began = time.monotonic()
                spark.sql(statement).collect()
                if turn:
                    kept[name].append(time.monotonic() - began)
    spark.stop()
    print(json.dumps([{name: round(median(all_), 4) for name, all_ in kept.items()} for kept in taken]))


if __name__ == "__main__":
    main(int(sys.argv[1]), [Path(argument) for argument in sys.argv[2:]])
