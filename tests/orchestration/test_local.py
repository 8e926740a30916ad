"""Steps on this machine: the command, its log and result, and how its processes end with the task."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("airflow", reason="Airflow needs Python 3.11")

from airflow.sdk.exceptions import TaskDeferred

from lakehouse.contracts.locations import PACKAGE
from lakehouse.orchestration import local
from lakehouse.orchestration.jobs import Job
from lakehouse.orchestration.local import LocalStep, start, stop, submit_command
from lakehouse.orchestration.results import StepFailedError, StepMisconfiguredError
from tests.contracts.places import LOCAL, Change, copy_conf
from tests.orchestration.contexts import context

ROOT = Path(__file__).resolve().parents[2]

FAKE = """\
#!{python}
import json, os, pathlib, sys, time
words = sys.argv[1:]
print("spark says:", words[-1], flush=True)
lake, run = (words[words.index(option) + 1] for option in ("--lake", "--run-id"))
folder = pathlib.Path(lake, words[words.index("--lake") - 1 if "--from" not in words else words.index("--from") - 1])
code = int(os.environ["FAKE_CODE"])
if code >= 0:
    place = folder / "results" / (run + ".json")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps({{"run_id": run, "exit_code": code, "reason": "why", "nothing_new": True}}))
else:
    os.kill(os.getpid(), -code)
sys.exit(code)
"""


def alive(pid: int) -> bool:
    """Whether a process lives; one that only waits for its parent to look does not."""
    try:
        return "(zombie)" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalStep]:
    """The step refine, with a spark-submit that only says what it was told."""
    lake = Change(LOCAL, "lake: data/lake", f"lake: {tmp_path}/lake")
    monkeypatch.setenv("LAKEHOUSE_CONF", str(copy_conf(tmp_path / "conf", lake)))
    monkeypatch.delenv("LAKEHOUSE_ENV", raising=False)
    jars = tmp_path / "jars"
    jars.mkdir()
    (jars / "b.jar").touch()
    (jars / "a.jar").touch()
    monkeypatch.setenv("LAKEHOUSE_JARS", str(jars))
    fake = tmp_path / "bin" / "spark-submit"
    fake.parent.mkdir()
    fake.write_text(FAKE.format(python=sys.executable))
    fake.chmod(0o755)
    real = submit_command
    monkeypatch.setattr(local, "submit_command", lambda job: real(job, str(fake.parent / "python")))
    yield LocalStep(task_id="refine", domain="billing", step="refine")


def test_the_command_is_that_of_a_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.jar").touch()
    (tmp_path / "a.jar").touch()
    monkeypatch.setenv("LAKEHOUSE_JARS", str(tmp_path))
    settings = {"spark.master": "local[2]", "spark.driver.memory": "4g", "spark.driver.extraJavaOptions": "-Xss4m"}
    command = submit_command(Job("billing", "refine", "r", "/lake", ("billing", "--run-id", "r"), settings), "/venv/p")
    assert command == [
        "/venv/spark-submit", "--name", "lakehouse refine billing",
        "--conf", "spark.driver.bindAddress=127.0.0.1",
        "--conf", f"spark.driver.extraJavaOptions=-Dlog4j2.configurationFile=file://{PACKAGE}/log4j2.properties -Xss4m",
        "--conf", "spark.driver.host=127.0.0.1",
        "--conf", "spark.driver.memory=4g",
        "--conf", f"spark.jars={tmp_path}/a.jar,{tmp_path}/x.jar",
        "--conf", "spark.master=local[2]",
        f"{ROOT}/jobs/lakehouse_refine.py", "billing", "--run-id", "r",
    ]  # fmt: skip


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job("billing", "refine", "r", "/lake", ())
    monkeypatch.setenv("LAKEHOUSE_JARS", str(tmp_path))
    with pytest.raises(StepMisconfiguredError) as caught:
        submit_command(job)
    assert str(caught.value) == (
        f"No Java archives in {tmp_path}. Run 'make run' once, which fetches them, or set LAKEHOUSE_JARS to the folder "
        "that holds what conf/jars.xml lists."
    )
    (tmp_path / "a.jar").touch()
    monkeypatch.setenv("LAKEHOUSE_JOBS", str(tmp_path / "jobs"))
    with pytest.raises(StepMisconfiguredError) as caught:
        submit_command(job)
    assert str(caught.value) == (
        f"There is no lakehouse_refine.py in {tmp_path}/jobs. Set LAKEHOUSE_JOBS to the folder with the job files; a "
        "package made by 'lakehouse package' has them in jobs/."
    )


def test_what_spark_says_is_in_the_log_and_what_it_did_is_handed_on(
    step: LocalStep, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAKE_CODE", "0")
    run = context("2025-01-03", "2025-01-04")
    found = step.execute(run)
    assert found["nothing_new"] is True
    told = capsys.readouterr().out
    assert f"spark says: {found['run_id']}" in told
    assert "lakehouse_refine.py billing --from 2025-01-03 --to 2025-01-03" in told
    assert run["ti"].pushed == {"note": "refine: nothing new"}


@pytest.mark.parametrize(
    ("code", "error", "text"),
    [
        (1, StepFailedError, "exit code 1; why"),
        (2, StepMisconfiguredError, "exit code 2; why"),
        (-9, StepFailedError, "it was ended by signal 9; it left no result in "),
    ],
)
def test_a_step_ends_by_its_exit_code(
    code: int, error: type[Exception], text: str, step: LocalStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_CODE", str(code))
    with pytest.raises(error) as caught:
        step.execute(context())
    assert str(caught.value).startswith(f"refine of billing did not end well: {text}")


def test_a_domain_that_is_busy_is_waited_for(step: LocalStep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_CODE", "4")
    with pytest.raises(TaskDeferred):
        step.execute(context())


def test_a_refusal_is_no_failure_of_the_step(step: LocalStep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_CODE", "3")
    assert step.execute(context())["exit_code"] == 3


# --- Processes ---

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)
FAMILY = """\
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""


def test_a_program_that_is_not_there_is_named() -> None:
    process = start(["/no/such/spark-submit"])
    assert process.stdout is not None
    assert process.stdout.read() == "/no/such/spark-submit: No such file or directory\n"
    assert process.wait() == 1


def test_a_driver_ends_with_all_that_it_started() -> None:
    process = start([sys.executable, "-c", FAMILY])
    assert process.stdout is not None
    child = int(process.stdout.readline())
    assert os.getpgid(child) == process.pid != os.getpgid(0)
    stop(process)
    until(lambda: not alive(child))
    assert process.returncode == -signal.SIGTERM


def test_a_driver_that_does_not_listen_is_killed() -> None:
    process = start([sys.executable, "-c", STUBBORN])
    assert process.stdout is not None and process.stdout.readline() == "up\n"
    stop(process, grace=0.2)
    assert process.returncode == -signal.SIGKILL


def test_clearing_a_task_ends_its_driver(step: LocalStep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "submit_command", lambda job: [sys.executable, "-c", FAMILY])
    monkeypatch.setattr(local, "_GRACE", 0.5)
    seen: list[int] = []

    def kill() -> None:
        until(
            lambda: step._process is not None and bool(_group(step._process.pid)) and len(_group(step._process.pid)) > 1
        )
        assert step._process is not None
        seen.extend(_group(step._process.pid))
        step.on_kill()

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(StepFailedError, match="it was ended by signal 15"):
        step.execute(context())
    killer.join()
    assert len(seen) == 2
    until(lambda: not any(alive(pid) for pid in seen))


def _group(group: int) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(entry.name)) == group and alive(int(entry.name)):
                found.append(int(entry.name))
        except ProcessLookupError:
            continue
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's signal to orphans is Linux's")
def test_a_worker_that_is_killed_takes_its_driver_along(tmp_path: Path) -> None:
    worker = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(
                f"""\
                import sys, time
                from lakehouse.orchestration.local import start
                driver = start([sys.executable, "-c", {STUBBORN!r}])
                driver.stdout.readline()
                print(driver.pid, flush=True)
                time.sleep(600)
                """
            ),
        ],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "AIRFLOW_HOME": str(tmp_path)},
    )
    assert worker.stdout is not None
    driver = int(worker.stdout.readline())
    assert alive(driver)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    until(lambda: not alive(driver))


def test_a_leash_without_its_holder_starts_nothing() -> None:
    leash = [sys.executable, str(PACKAGE / "orchestration" / "leash.py"), "1", sys.executable, "-c", "print('ran')"]
    done = subprocess.run(leash, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "The process that wanted this program has gone.\n"
