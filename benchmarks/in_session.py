"""Do many runs in one Spark session, so that what they cost is not mostly the start of a JVM.

Takes a JSON file with a list of runs: who ("pipeline" or "hand-written"), landing, lake, files (the new ones, which
only the hand-written job is told), and what arrives before, as pairs of source and place. Prints a JSON object for
each: wall and CPU seconds of this process and its driver, and the counts of its stages. Spark's event log would tell
the same, but writing plans into it costs time.

Example: python -m benchmarks.in_session runs.json
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.landings import arrived
from benchmarks.measuring import descendants
from benchmarks.others.hand_written import take
from lakehouse.contracts.domains import load_domain
from lakehouse.contracts.environments import load_environment
from lakehouse.contracts.lakes import Lake
from lakehouse.session import open_session
from lakehouse.steps.order import STEPS, new_run_id, run_steps
from lakehouse.steps.workspace import Workspace

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def main(listed: Path) -> None:
    """Do the runs in their order."""
    seen = -1
    for run in json.loads(listed.read_text()):
        arrivals = [(Path(source), Path(place)) for source, place in run["arrives"]]
        with arrived(arrivals, stay=run["stay"]):
            began, used = time.monotonic(), _cpu()
            _do(run)
            cost = {"wall": round(time.monotonic() - began, 2), "cpu": round(_cpu() - used, 2)}
        stages = _stages(open_session("counting", load_environment("local")), seen)
        seen = max([seen, *(stage["id"] for stage in stages)])
        print(json.dumps({**cost, "stages": stages}), flush=True)


def _do(run: Mapping[str, Any]) -> None:
    environment = load_environment("local")
    if run["who"] == "hand-written":
        take(open_session("hand-written", environment), run["files"], Path(run["lake"]))
        return
    steps = run.get("steps", STEPS)
    work = Workspace(
        load_domain("billing"), environment, Lake.at(run["lake"]), run["landing"], new_run_id(), progress=_unheard
    )
    run_steps(work, steps, False, _unheard)


def _stages(spark: SparkSession, seen: int) -> list[dict[str, Any]]:
    """The stages that were done after one, as Spark's own monitoring counts them."""
    context = spark.sparkContext._jsc.sc()
    context.listenerBus().waitUntilEmpty()
    store = context.statusStore()
    # Scala's default arguments have to be asked for by name.
    defaults = (getattr(store, f"stageList$default${place}")() for place in range(2, 6))
    stages = store.stageList(None, *defaults)
    found = []
    # The newest come first.
    for position in range(stages.size()):
        stage = stages.apply(position)
        if stage.stageId() <= seen:
            break
        found.append(
            {
                "id": stage.stageId(), "name": stage.name(),
                "bytes_read": stage.inputBytes(), "rows_read": stage.inputRecords(),
                "bytes_written": stage.outputBytes(), "rows_written": stage.outputRecords(),
                "shuffled_bytes": stage.shuffleWriteBytes(), "tasks": stage.numCompleteTasks(),
                "task_cpu_ms": stage.executorCpuTime() // 1_000_000,
            }
        )  # fmt: skip
    return found


def _unheard(line: str) -> None:
    """Progress is for people who wait."""


def _cpu() -> float:
    """Seconds that this process and those that it started have used."""
    ticks = 0
    for process in (os.getpid(), *descendants(os.getpid())):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
