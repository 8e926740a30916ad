"""An Airflow on this machine: set up, started, and ended with all that it started. Imports nothing of Airflow."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lakehouse.contracts.domains import domain_names
from lakehouse.contracts.locations import checkout_folder
from lakehouse.errors import ConfigurationError, LakehouseError
from lakehouse.orchestration.pools import pools

USER = "admin"
_ADDRESS = "127.0.0.1"
_COMPONENTS = {
    "api-server": ["api-server"],
    # Without their own servers for logs: only the port of the page is open.
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_START_SECONDS = 180.0
_STOP_SECONDS = 10.0
_TAIL = 15

Say = Callable[[str], None]


@dataclass(frozen=True)
class Site:
    """Where an Airflow lives, and what it schedules."""

    home: Path
    port: int
    dags: Path = field(default_factory=lambda: checkout_folder("dags"))
    parallelism: int = 4

    @property
    def url(self) -> str:
        """Address of the page and of the API."""
        return f"http://{_ADDRESS}:{self.port}"

    @property
    def password_file(self) -> Path:
        """Where the user's password stands, in the form that Airflow reads."""
        return self.home / "simple_auth_manager_passwords.json.generated"

    def log(self, component: str) -> Path:
        """Where a component writes what it has to say."""
        return self.home / f"{component}.log"

    def variables(self) -> dict[str, str]:
        """The settings, as variables of the components' environment; those that are set already win."""
        return {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": str(self.parallelism),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__API__HOST": _ADDRESS,
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home}/airflow.db",
        }

    def environment(self) -> dict[str, str]:
        """The environment of the components: what they are told, over what this process has."""
        own = {name: value for name, value in self.variables().items() if name not in _KEPT or name not in os.environ}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        return {**os.environ, **own, "PATH": path, "PYTHONWARNINGS": "ignore"}


_KEPT = ("AIRFLOW__CORE__PARALLELISM", "AIRFLOW__CORE__DAGS_FOLDER", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN")


class ServerError(LakehouseError):
    """Airflow could not be set up, or a part of it ended by itself."""


def check(site: Site) -> None:
    """Raise ConfigurationError when Airflow is not installed, the port is taken, or there are no DAGs."""
    if not _airflow().is_file():
        raise ConfigurationError(
            "Airflow is not installed here. 'make airflow' does that; it needs Python 3.11 or 3.12."
        )
    if not site.dags.is_dir():
        raise ConfigurationError(f"There is no folder {site.dags} with DAGs. Run 'make airflow' in a checkout.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_ADDRESS, site.port))
        except OSError as error:
            raise ConfigurationError(
                f"The port {site.port} of {_ADDRESS} cannot be used: {error.strerror}. Is another Airflow running? "
                f'Name another port. Example: make airflow ARGS="--port {site.port + 1}"'
            ) from error


def prepare(site: Site, say: Say) -> None:
    """Make or renew the database, the pools and the password; raises ServerError with what Airflow says."""
    site.home.mkdir(parents=True, exist_ok=True)
    if not site.password_file.is_file():
        site.password_file.touch(mode=0o600)
        site.password_file.write_text(json.dumps({USER: secrets.token_urlsafe(12)}) + "\n", "utf-8")
    if not (site.home / "airflow.db").is_file():
        say(f"Setting up Airflow in {site.home}")
    _call(site, "db", "migrate")
    made = site.home / "pools.json"
    made.write_text(pools(domain_names()), "utf-8")
    _call(site, "pools", "import", str(made))


def password(site: Site) -> str:
    """The password of the user."""
    found: str = json.loads(site.password_file.read_text("utf-8"))[USER]
    return found


def _airflow() -> Path:
    return Path(sys.executable).parent / "airflow"


def _call(site: Site, *arguments: str) -> None:
    command = [str(_airflow()), *arguments]
    done = subprocess.run(command, env=site.environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-_TAIL:])
        raise ServerError(f"'airflow {' '.join(arguments)}' failed:\n{tail}")


# --- Running ---


class Components:
    """The processes of an Airflow. Each is the leader of an OS session, in which all that it starts stays."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start them all."""
        environment = self._site.environment()
        for name, arguments in _COMPONENTS.items():
            with self._site.log(name).open("ab") as log:
                self._processes[name] = subprocess.Popen(
                    [str(_airflow()), *arguments],
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )

    def stop(self) -> None:
        """End them and all that they started: politely first, and what is left of their sessions by force."""
        leaders = [process.pid for process in self._processes.values()]
        _send(leaders, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        for process in self._processes.values():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                continue
        # Tasks and their Spark drivers have process groups of their own, but share the session.
        while left := _members(leaders):
            for pid in left:
                _kill(pid)
            for process in self._processes.values():
                process.poll()
            time.sleep(0.05)

    def check(self) -> None:
        """Raise ServerError when one of them has ended, with the end of its log."""
        for name, process in self._processes.items():
            code = process.poll()
            if code is not None:
                log = self._site.log(name)
                tail = "\n".join(log.read_text("utf-8", "replace").splitlines()[-_TAIL:])
                raise ServerError(f"Airflow's {name} ended by itself (exit code {code}). The end of {log}:\n{tail}")

    def wait_until_ready(self) -> None:
        """Wait until all of them are at work; raises ServerError when one ends, or it takes too long."""
        deadline = time.monotonic() + _START_SECONDS
        while True:
            self.check()
            states = health(self._site)
            if states and all(state == "healthy" for state in states.values()):
                return
            if time.monotonic() > deadline:
                found = ", ".join(f"{name} {state}" for name, state in states.items()) or "no answer"
                raise ServerError(
                    f"Airflow did not start within {_START_SECONDS:.0f} s ({found}). Logs: {self._site.home}"
                )
            time.sleep(0.5)


def health(site: Site) -> Mapping[str, str | None]:
    """State by component, empty while there is no answer."""
    try:
        with urllib.request.urlopen(f"{site.url}/api/v2/monitor/health", timeout=5) as answer:
            found = json.load(answer)
    except (OSError, ValueError, urllib.error.URLError):
        return {}
    return {name: facts["status"] for name, facts in found.items()}


def _send(groups: Iterable[int], number: int) -> None:
    for group in groups:
        try:
            os.killpg(group, number)
        except ProcessLookupError:
            continue


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _members(sessions: Sequence[int]) -> list[int]:
    """Living processes of these sessions."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name, in brackets, may hold anything; state, parent, group and session come after it.
            state, _, _, session = entry.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(session) in sessions and state != "Z":
            found.append(int(entry.parent.name))
    return found


def serve(site: Site, say: Say, ready: Callable[[], None]) -> None:
    """Run an Airflow until this process is interrupted or terminated; then end all that it started."""
    # Ctrl-C too: a shell starts what runs in its background with this signal ignored.
    for number in _ENDS:
        signal.signal(number, _interrupt)
    components = Components(site)
    try:
        say("Starting Airflow")
        components.start()
        components.wait_until_ready()
        ready()
        while True:
            time.sleep(1)
            components.check()
    except KeyboardInterrupt:
        say("Ending Airflow")
    finally:
        # A second Ctrl-C must not leave half of it behind.
        for number in _ENDS:
            signal.signal(number, signal.SIG_IGN)
        components.stop()


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
