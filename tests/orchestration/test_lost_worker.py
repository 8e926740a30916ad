"""A real scheduler whose worker is killed while a platform runs the job: the next try takes that job's result."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.orchestration.platforms import EmrServerlessStandIn
from tests.orchestration.scheduler import start, until

pytestmark = [pytest.mark.slow, pytest.mark.soak]

ROOT = Path(__file__).resolve().parents[2]
DAG = "billing_daily"


class Application(EmrServerlessStandIn):
    """Ends each job after two looks, with a result in the lake; kills whoever has the first look."""

    def __init__(self, lake: Path) -> None:
        super().__init__()
        self._results = lake / "billing" / "results"
        self.killed: list[int] = []

    def answer(self, method: str, path: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if method == "POST":
            self.plans = [["RUNNING", "RUNNING", "SUCCESS"]]
        answered = super().answer(method, path, asked)
        if method == "GET" and not self.killed:
            self.killed.append(self._client())
            os.kill(self.killed[0], signal.SIGKILL)
        elif method == "GET":
            self.advance()
            self._leave_result(int(path.rpartition("job")[2]))
        return answered

    def _client(self) -> int:
        """The process that asks: its end of the connection is open until it is answered."""
        sockets = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        (inode,) = [words[9] for words in sockets if int(words[1].partition(":")[2], 16) == self.caller]
        for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
            try:
                if str(descriptor.readlink()) == f"socket:[{inode}]":
                    return int(descriptor.parts[2])
            except OSError:
                continue
        raise AssertionError(f"nobody holds the port {self.caller}")

    def _leave_result(self, number: int) -> None:
        words = self.started[number]["jobDriver"]["sparkSubmit"]["entryPointArguments"]
        step = self.started[number]["jobDriver"]["sparkSubmit"]["entryPoint"].rpartition("_")[2].removesuffix(".py")
        result = {"run_id": words[-1], "domain": "billing", "steps": [step], "exit_code": 0, "reason": ""}
        self._results.mkdir(parents=True, exist_ok=True)
        (self._results / f"{words[-1]}.json").write_text(json.dumps(result))


def configuration(folder: Path, lake: Path, landing: Path) -> Path:
    """Billing on EMR Serverless, with short pauses."""
    shutil.copytree(ROOT / "conf", folder)
    facts = yaml.safe_load((folder / "billing" / "domain.yml").read_text())
    facts["retries"] = {"count": 2, "delay_seconds": 1}
    (folder / "billing" / "domain.yml").write_text(yaml.safe_dump(facts))
    runner = {
        "kind": "emr_serverless", "application_id": "app1", "execution_role": "arn:aws:iam::1:role/lakehouse",
        "package": "s3://bucket/lakehouse-0.1.0", "region": "eu-west-1", "poll_seconds": 1,
    }  # fmt: skip
    declared = {"description": "x", "lake": str(lake), "landing": str(landing), "runner": runner}
    (folder / "environments" / "emr_serverless.yml").write_text(yaml.safe_dump(declared))
    return folder


def test_a_killed_worker_leaves_its_job_to_the_next_try(tmp_path: Path) -> None:
    lake, landing = tmp_path / "lake", tmp_path / "landing"
    landing.mkdir()
    conf = configuration(tmp_path / "conf", lake, landing)
    with Application(lake) as application:
        scheduler = start(
            tmp_path / "airflow", conf, LAKEHOUSE_ENV="emr_serverless",
            AWS_ENDPOINT_URL_EMR_SERVERLESS=application.url, AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x",
            AIRFLOW_CONN_AWS_DEFAULT=json.dumps({"conn_type": "aws"}),
        )  # fmt: skip
        try:
            until("the DAG", lambda: scheduler.dag(DAG), 120)
            scheduler.pause(DAG, False)
            run = scheduler.trigger(DAG, {"on_missing": "go_on"})
            assert scheduler.ended(DAG, run)["state"] == "success", scheduler.told(DAG, run)
            tasks = scheduler.tasks(DAG, run)
        finally:
            scheduler.interrupt()
    scripts = [job["jobDriver"]["sparkSubmit"]["entryPoint"].rpartition("_")[2] for job in application.started]
    assert scripts == ["ingest.py", "refine.py", "aggregate.py", "maintain.py"], "one job per step"
    assert len(application.killed) == 1
    tries = {name.rpartition(".")[2]: task["try_number"] for name, task in tasks.items()}
    assert (tries["ingest"], tries["refine"]) == (2, 1)
