"""The image's recipe names what is there, and the programs that only containers run do what they should."""

from __future__ import annotations

import json
import os
import re
import runpy
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from lakehouse.contracts.domains import domain_names
from lakehouse.orchestration.pools import pools

ROOT = Path(__file__).resolve().parents[2]
RECIPE = re.sub(r"\\\n\s*", "", (ROOT / "docker" / "Dockerfile").read_text())
PROGRAMS = {name: runpy.run_path(str(ROOT / "docker" / f"{name}.py")) for name in ("bucket", "healthy")}
"""By path: a package of others may be called docker."""
create_bucket = PROGRAMS["bucket"]["create_bucket"]
main, problem = PROGRAMS["healthy"]["main"], PROGRAMS["healthy"]["problem"]
LINES = [line for line in RECIPE.splitlines() if line and not line.startswith("#")]


# --- Recipe


def copied() -> list[str]:
    return [word for line in LINES if line.startswith("COPY ") for word in line.split()[2:-1]]


def test_what_is_copied_exists_and_is_let_through() -> None:
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(copied()) == let_through
    for name in copied():
        assert (ROOT / name).exists(), name


def test_everything_that_make_reads_is_copied_before_it_runs() -> None:
    (place,) = [number for number, line in enumerate(LINES) if line.startswith("RUN make ")]
    before = {word for line in LINES[:place] if line.startswith("COPY ") for word in line.split()[2:-1]}
    assert before == {"Makefile", "setup.py", "pyproject.toml", "requirements", "conf", "lib"}


def test_the_image_is_made_from_the_locks_by_targets_of_the_makefile() -> None:
    (line,) = [line for line in LINES if line.startswith("RUN make ")]
    targets = {line.split(":")[0].replace("$(VENV)", ".venv") for line in (ROOT / "Makefile").read_text().splitlines()}
    assert set(line.split()[2:]) <= targets
    assert set(line.split()[2:]) == {".venv/.airflow", ".jars/.complete"}


def test_the_base_is_pinned_and_the_user_is_not_root() -> None:
    assert LINES[0] == "FROM python:3.11.15-slim-bookworm"
    users = [line for line in LINES if line.startswith("USER ")]
    assert users == ["USER lakehouse"]
    assert "useradd --uid 1000 " in RECIPE
    assert LINES.index("USER lakehouse") < next(n for n, line in enumerate(LINES) if line.startswith("COPY"))


def test_mounted_volumes_belong_to_the_user() -> None:
    (made,) = re.findall(r"install --directory --owner=lakehouse --group=lakehouse ([/\w ]+)", RECIPE)
    assert {"/data/airflow", "/data/lake", "/data/spark"} <= set(made.split())


# --- healthy.py


class Pages(BaseHTTPRequestHandler):
    """Airflow's health report, a page, and a page that is not there."""

    def do_GET(self) -> None:
        report = {"metadatabase": {"status": "healthy"}, "triggerer": {"status": "unhealthy"}, "dag_processor": None}
        found = {"/health": json.dumps(report), "/page": "fine"}.get(self.path)
        self.send_response(200 if found else 500)
        self.end_headers()
        self.wfile.write((found or "").encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{found.server_address[1]}"
        found.shutdown()


def test_a_page_that_answers(server: str) -> None:
    assert main([f"{server}/page"]) == 0
    assert main([f"{server}/health", "metadatabase"]) == 0


@pytest.mark.parametrize(
    ("page", "component", "text"),
    [
        ("health", "triggerer", "triggerer is unhealthy"),
        ("health", "dag_processor", "no report about dag_processor"),
        ("health", "scheduler", "no report about scheduler"),
        ("page", "scheduler", "no report about scheduler"),
        ("gone", None, "HTTP Error 500: Internal Server Error"),
    ],
)
def test_a_service_that_is_not_well(
    page: str, component: str | None, text: str, server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([f"{server}/{page}", *filter(None, [component])]) == 1
    assert capsys.readouterr().err == f"{server}/{page}: {text}\n"


def test_nobody_answers() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        found = problem(f"http://127.0.0.1:{taken.getsockname()[1]}/")
    assert found and "Connection refused" in found


# --- bucket.py


def test_the_bucket_is_created_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        store = boto3.client("s3", region_name="eu-west-1")
        store.create_bucket = lambda Bucket, make=store.create_bucket: make(  # noqa: N803
            Bucket=Bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        assert create_bucket(store, "lakehouse") is True
        assert create_bucket(store, "lakehouse") is False
        assert [bucket["Name"] for bucket in store.list_buckets()["Buckets"]] == ["lakehouse"]


# --- init.sh

PASSWORD = 'it\'s "secret"'
FAKE = """\
#!/bin/sh
echo "airflow $*" >> "$AIRFLOW_HOME/said"
case "$*" in *"$FAILING"*) exit 1 ;; esac
"""


@pytest.mark.parametrize("failing", ["nothing", "migrate"])
def test_the_start_of_airflow(failing: str, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "airflow").write_text(FAKE)
    (programs / "airflow").chmod(0o755)
    passwords = tmp_path / "passwords.json"
    settings = {
        "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}", "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords), "FAILING": failing,
        "AIRFLOW_ADMIN_PASSWORD": PASSWORD,
    }  # fmt: skip
    command = ["sh", "docker/init.sh"]
    found = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, check=False)
    assert (found.returncode == 0) is (failing == "nothing"), found.stderr
    assert json.loads(passwords.read_text()) == {"admin": PASSWORD}
    assert passwords.stat().st_mode & 0o077 == 0
    lines = (tmp_path / "said").read_text().splitlines()
    assert lines == ["airflow db migrate", f"airflow pools import {tmp_path}/pools.json"][: 1 + (failing == "nothing")]
    if failing == "nothing":
        assert (tmp_path / "pools.json").read_text() == pools(domain_names())


def test_airflow_takes_the_commands_of_the_start() -> None:
    pytest.importorskip("airflow", reason="Airflow needs Python 3.11")
    from airflow.cli.cli_parser import get_parser

    assert get_parser().parse_args(["db", "migrate"]).subcommand == "migrate"
    assert get_parser().parse_args(["pools", "import", "pools.json"]).file == "pools.json"


# --- Spark


@pytest.mark.slow
def test_a_master_and_its_worker_start_and_tell_their_health(tmp_path: Path) -> None:
    """The very commands of docker-compose.yml, with this machine's name and free ports in place of the services'."""
    ports = free_ports(3)
    programs = Path(sys.executable).parent
    master = f"org.apache.spark.deploy.master.Master --host 127.0.0.1 --port {ports[0]} --webui-port {ports[1]}"
    worker = (
        f"org.apache.spark.deploy.worker.Worker --host 127.0.0.1 --webui-port {ports[2]} --cores 1 --memory 1g "
        f"--work-dir {tmp_path} spark://127.0.0.1:{ports[0]}"
    )
    # As in the image, the environment's programs come first: spark-class asks python3 where Spark is.
    settings = {
        **os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_DAEMON_MEMORY": "256m",
    }  # fmt: skip
    settings.pop("SPARK_HOME", None)
    running = []
    try:
        for arguments, port in ((master, ports[1]), (worker, ports[2])):
            command = [str(programs / "spark-class"), *arguments.split()]
            log = (tmp_path / f"{port}.log").open("wb")
            running.append(subprocess.Popen(command, env=settings, stdout=log, stderr=subprocess.STDOUT))
            wait_until_well(f"http://127.0.0.1:{port}/json/", tmp_path / f"{port}.log")
    finally:
        for process in running:
            process.terminate()
            process.wait(30)


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


def wait_until_well(address: str, log: Path) -> None:
    until = time.monotonic() + 60
    while found := problem(address):
        assert time.monotonic() < until, f"{found}\n{log.read_text()}"
        time.sleep(0.2)
