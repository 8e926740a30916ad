"""A real Airflow for tests: started by the product's own command, talked to by its REST API."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from lakehouse.orchestration.server import USER, Site, password

T = TypeVar("T")

START_SECONDS = 240.0
STOP_SECONDS = 60.0
RUN_SECONDS = 900.0
"""On a machine that is busy with other things too."""
ENDED = {"success", "failed"}


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(what: str, look: Callable[[], T | None], seconds: float) -> T:
    """What a look finds, looked for again and again; fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while (found := look()) is None:
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:.0f} s"
        time.sleep(0.5)
    return found


class RefusedError(Exception):
    """The API's answer is an error."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status


@dataclass
class Scheduler:
    """An Airflow at work."""

    site: Site
    process: subprocess.Popen[str]
    said: Path
    token: str = ""

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """One request to the API; repeated when its SQLite is busy with another one."""
        for _ in range(5):
            try:
                return self._call(method, path, body)
            except RefusedError as refused:
                if refused.status not in {500, 503} or "atabase" not in str(refused):
                    raise
                time.sleep(0.5)
        return self._call(method, path, body)

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.site.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise RefusedError(error.code, error.read().decode()) from error
        return json.loads(text) if text else None

    def log_in(self) -> None:
        """Get a token, as the page does."""
        credentials = {"username": USER, "password": password(self.site)}
        self.token = self.call("POST", "/auth/token", credentials)["access_token"]

    # --- DAGs and runs ---

    def dag(self, dag_id: str) -> dict[str, Any] | None:
        """Facts of a DAG, None when there is none yet."""
        try:
            found: dict[str, Any] = self.call("GET", f"/api/v2/dags/{dag_id}")
        except RefusedError as refused:
            assert refused.status == 404, refused
            return None
        return found

    def pause(self, dag_id: str, paused: bool) -> None:
        """Pause or unpause a DAG."""
        self.call("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": paused})

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None, logical_date: str | None = None) -> str:
        """Start a run as a person does; returns its id."""
        body = {"conf": dict(conf or {}), "logical_date": logical_date}
        return str(self.call("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """All runs of a DAG."""
        found: list[dict[str, Any]] = self.call("GET", f"/api/v2/dags/{dag_id}/dagRuns?limit=100")["dag_runs"]
        return found

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """One run."""
        found: dict[str, Any] = self.call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id)}")
        return found

    def ended(self, dag_id: str, run_id: str, seconds: float = RUN_SECONDS) -> dict[str, Any]:
        """A run when it has ended."""

        def look() -> dict[str, Any] | None:
            found = self.run(dag_id, run_id)
            return found if found["state"] in ENDED else None

        return until(f"the end of {run_id}", look, seconds)

    def tasks(self, dag_id: str, run_id: str) -> dict[str, dict[str, Any]]:
        """The task instances of a run by their id."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances"
        return {task["task_id"]: task for task in self.call("GET", path)["task_instances"]}

    def result(self, dag_id: str, run_id: str, task_id: str) -> Any:
        """What a task handed on."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/{task_id}"
        return self.call("GET", f"{path}/xcomEntries/return_value?deserialize=false")["value"]

    def log(self, dag_id: str, run_id: str, task_id: str, attempt: int = 1) -> str:
        """The log of one attempt at a task, as the page shows it."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/{task_id}/logs/{attempt}"
        lines = self.call("GET", f"{path}?full_content=true")["content"]
        return "\n".join(line if isinstance(line, str) else _spoken(line) for line in lines)

    def told(self, dag_id: str, run_id: str) -> str:
        """What every task of a run has to say, for a test that fails."""
        parts = []
        for name, task in self.tasks(dag_id, run_id).items():
            parts.append(f"--- {name}: {task['state']}, try {task['try_number']}")
            if task["state"] == "failed":
                parts.append(self.log(dag_id, run_id, name, task["try_number"])[-3000:])
        return "\n".join(parts)

    def clear(self, dag_id: str, run_id: str) -> None:
        """Have a run done again, all of its tasks."""
        self.call("POST", f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id)}/clear", {"dry_run": False})

    def backfill(self, dag_id: str, first: str, last: str, **choices: Any) -> None:
        """Create a backfill of days, both ends included, and wait for its end."""
        days = {"from_date": f"{first}T00:00:00Z", "to_date": f"{last}T00:00:00Z"}
        made = self.call("POST", "/api/v2/backfills", {"dag_id": dag_id, **days, **choices})

        def look() -> bool | None:
            return True if self.call("GET", f"/api/v2/backfills/{made['id']}")["completed_at"] else None

        until(f"the end of the backfill of {first} to {last}", look, RUN_SECONDS)

    # --- Processes ---

    def sessions(self) -> set[int]:
        """The OS sessions of the components."""
        children = [pid for pid, parent, _ in _processes() if parent == self.process.pid]
        return {session for pid, _, session in _processes() if pid in children}

    def members(self) -> list[int]:
        """Every living process of these sessions."""
        found = self.sessions()
        return [pid for pid, _, session in _processes() if session in found]

    # --- The end ---

    def interrupt(self) -> float:
        """Press Ctrl-C; the seconds until it had ended."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        self.process.wait(STOP_SECONDS)
        return time.monotonic() - began


def _processes() -> Iterator[tuple[int, int, int]]:
    """Id, parent and session of every process that lives."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent, _, session = entry.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if state != "Z":
            yield int(entry.parent.name), int(parent), int(session)


def listening(pids: Iterable[int]) -> set[tuple[str, int]]:
    """Addresses and ports that some processes listen on."""
    inodes = set()
    for pid in pids:
        for link in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                inodes.add(str(link.readlink()).removeprefix("socket:[").removesuffix("]"))
            except OSError:
                continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                address, port = fields[1].split(":")
                name = socket.inet_ntoa(bytes.fromhex(address)[::-1]) if table == "tcp" else address
                found.add((name, int(port, 16)))
    return found


def _spoken(line: Mapping[str, Any]) -> str:
    errors = [f"{error['exc_type']}: {error['exc_value']}" for error in line.get("error_detail") or []]
    return "\n".join([str(line.get("event", "")), *errors])


def start(home: Path, conf: Path, **variables: str) -> Scheduler:
    """Start an Airflow and wait until it is at work."""
    site = Site(home, free_port())
    said = home.with_suffix(".out")
    command = [str(Path(sys.executable).parent / "lakehouse"), "airflow", "--home", str(home), "--port", str(site.port)]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "LAKEHOUSE"))}
    # The DAGs of a test never change: each file is read once. Airflow's own choice is every half minute.
    settings = {"LAKEHOUSE_CONF": str(conf), "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600"}
    with said.open("w") as stream:
        process = subprocess.Popen(
            command,
            env={**inherited, **settings, **variables},
            cwd=home.parent,
            stdout=stream,
            stderr=subprocess.STDOUT,
            text=True,
        )
    scheduler = Scheduler(site, process, said)

    def ready() -> bool | None:
        assert process.poll() is None, f"it ended with {process.returncode}: {said.read_text()}"
        return True if "Password" in said.read_text() else None

    try:
        until("the start of Airflow", ready, START_SECONDS)
        scheduler.log_in()
    except BaseException:
        scheduler.interrupt()
        raise
    return scheduler
