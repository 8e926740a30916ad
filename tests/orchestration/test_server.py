"""Starting and ending an Airflow, with a program in its place that does nothing: what is refused, and what ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lakehouse.errors import ConfigurationError
from lakehouse.orchestration import server
from lakehouse.orchestration.server import Components, ServerError, Site, check, password, prepare

FAKE = """\
#!{python}
import os, signal, subprocess, sys, time
print("airflow", *sys.argv[1:], flush=True)
if sys.argv[1] in ("db", "pools"):
    sys.exit(int(os.environ.get("FAKE_CODE", "0")))
if sys.argv[1] == "triggerer" and os.environ.get("FAKE_END"):
    sys.exit("the triggerer has a problem")
# A task and its driver: a group of their own, deaf to polite words.
code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('driver', flush=True); time.sleep(600)"
driver = subprocess.Popen([sys.executable, "-c", code], preexec_fn=os.setpgrp)
time.sleep(600)
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    fake = tmp_path / "bin" / "airflow"
    fake.parent.mkdir()
    fake.write_text(FAKE.format(python=sys.executable))
    fake.chmod(0o755)
    monkeypatch.setattr(server, "_airflow", lambda: fake)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    return Site(tmp_path / "home", port)


def test_a_port_that_is_taken_is_named(site: Site) -> None:
    check(site)
    with socket.socket() as other:
        other.bind(("127.0.0.1", site.port))
        other.listen()
        with pytest.raises(ConfigurationError) as caught:
            check(site)
    assert str(caught.value) == (
        f"The port {site.port} of 127.0.0.1 cannot be used: Address already in use. Is another Airflow running? "
        f'Name another port. Example: make airflow ARGS="--port {site.port + 1}"'
    )


def test_an_airflow_that_is_not_installed_is_named(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_airflow", lambda: tmp_path / "nothing")
    with pytest.raises(ConfigurationError) as caught:
        check(site)
    text = "Airflow is not installed here. 'make airflow' does that; it needs Python 3.11 or 3.12."
    assert str(caught.value) == text


def test_a_checkout_without_dags_is_named(site: Site, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check(Site(site.home, site.port, tmp_path / "dags"))
    assert str(caught.value) == f"There is no folder {tmp_path}/dags with DAGs. Run 'make airflow' in a checkout."


def test_the_password_is_made_once_and_is_nobody_elses(site: Site) -> None:
    told: list[str] = []
    prepare(site, told.append)
    first = password(site)
    prepare(site, told.append)
    assert password(site) == first and len(first) >= 16
    assert stat.S_IMODE(site.password_file.stat().st_mode) == 0o600
    assert json.loads((site.home / "pools.json").read_text())["lakehouse_billing"]["slots"] == 1
    assert told[0] == f"Setting up Airflow in {site.home}"


def test_what_airflow_says_against_it_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_CODE", "1")
    with pytest.raises(ServerError) as caught:
        prepare(site, lambda text: None)
    assert str(caught.value) == "'airflow db migrate' failed:\nairflow db migrate"


def test_a_part_that_ends_by_itself_is_told_with_the_end_of_its_log(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_END", "1")
    site.home.mkdir()
    components = Components(site)
    components.start()
    try:
        with pytest.raises(ServerError) as caught:
            components.wait_until_ready()
    finally:
        components.stop()
    assert str(caught.value) == (
        f"Airflow's triggerer ended by itself (exit code 1). The end of {site.log('triggerer')}:\n"
        "airflow triggerer --skip-serve-logs\nthe triggerer has a problem"
    )


def test_the_end_reaches_what_has_a_process_group_of_its_own(site: Site) -> None:
    site.home.mkdir()
    components = Components(site)
    components.start()
    deadline = time.monotonic() + 30
    while not all("driver" in site.log(name).read_text() for name in ("api-server", "scheduler", "triggerer")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    leaders = [process.pid for process in components._processes.values()]
    members = server._members(leaders)
    assert len(members) >= 7
    assert len({os.getsid(pid) for pid in members}) == 4
    components.stop()
    assert server._members(leaders) == []
    assert all(process.returncode == -signal.SIGTERM for process in components._processes.values())


def test_only_this_machine_is_served(site: Site) -> None:
    told = site.environment()
    assert told["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert told["AIRFLOW__API__BASE_URL"] == f"http://127.0.0.1:{site.port}"
    assert told["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == f"http://127.0.0.1:{site.port}/execution/"


def test_help_shows_an_example() -> None:
    lakehouse = Path(sys.executable).parent / "lakehouse"
    done = subprocess.run([str(lakehouse), "airflow", "--help"], capture_output=True, text=True, check=True)
    assert "Example: lakehouse airflow --port 8081 --home data/airflow" in done.stdout
