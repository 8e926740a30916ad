"""Steps on the machine of the scheduler's worker, by spark-submit in local mode."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lakehouse.contracts.locations import PACKAGE, checkout_folder, jars_dir
from lakehouse.orchestration.domain_step import DomainStep
from lakehouse.orchestration.jobs import Job
from lakehouse.orchestration.results import Context, StepMisconfiguredError, conclude

_JAVA_OPTIONS = "spark.driver.extraJavaOptions"
_GRACE = 20.0
"""Seconds that a driver gets to end by itself."""


class LocalStep(DomainStep):
    """One step of a domain, in a process group of its own that ends with the task, however the task ends."""

    ui_color = "#e8f0fe"

    def __init__(self, **step: Any) -> None:
        super().__init__(**step)
        self._process: subprocess.Popen[str] | None = None

    def carry_out(self, job: Job, context: Context) -> dict[str, Any]:
        """Run the job as a process and hand its figures on; raises as results.conclude does."""
        command = submit_command(job)
        # Without the settings: some are secrets.
        self.log.info("spark-submit %s %s", job.script, shlex.join(job.arguments))
        code = self._run(command, {"SPARK_LOCAL_IP": "127.0.0.1"} if is_local(job.spark) else {})
        ended = f"it was ended by signal {-code}" if code < 0 else f"exit code {code}"
        return conclude(job, code, context, ended)

    def _run(self, command: Sequence[str], variables: Mapping[str, str]) -> int:
        self._process = start(command, variables)
        assert self._process.stdout is not None
        try:
            for line in self._process.stdout:
                self.log.info("%s", line.rstrip())
            return self._process.wait()
        finally:
            # Also when the task ends by an exception here: nobody would read from the driver any more.
            stop(self._process)

    def on_kill(self) -> None:
        """End the driver when the task is cleared, failed by hand, or timed out."""
        process = self._process
        if process is None:
            return
        self.log.info("Ending the Spark driver, process group %s", process.pid)
        send(process, signal.SIGTERM)
        # A signal's handler runs this in the midst of _run, which waits for the process already: no waiting here.
        late = threading.Timer(_GRACE, send, (process, signal.SIGKILL))
        late.daemon = True
        late.start()


def submit_command(job: Job, python: str = sys.executable) -> list[str]:
    """The command that runs a job on this machine.

    Raises StepMisconfiguredError when the job files or the Java archives are not there.
    """
    # Spark's start-up warnings tell a user of this product nothing.
    quiet = f"-Dlog4j2.configurationFile={(PACKAGE / 'log4j2.properties').as_uri()}"
    settings = {
        **_loopback(job.spark),
        "spark.master": "local[*]",
        **_jars(job.spark),
        **job.spark,
        _JAVA_OPTIONS: f"{quiet} {job.spark.get(_JAVA_OPTIONS, '')}".strip(),
    }
    options = [word for name, value in sorted(settings.items()) for word in ("--conf", f"{name}={value}")]
    return [
        str(Path(python).parent / "spark-submit"),
        "--name", job.title,
        *options,
        str(_script(job.script)),
        *job.arguments,
    ]  # fmt: skip


def _loopback(settings: Mapping[str, str]) -> dict[str, str]:
    if not is_local(settings):
        return {}
    # Nobody else talks to this driver: no port is open to others.
    return {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}


def is_local(settings: Mapping[str, str]) -> bool:
    """Whether Spark runs inside the driver, and not on a cluster that must reach it."""
    return settings.get("spark.master", "local").startswith("local")


def _jars(settings: Mapping[str, str]) -> dict[str, str]:
    if {"spark.jars", "spark.jars.packages"} & settings.keys():
        return {}
    found = sorted(str(path) for path in jars_dir().glob("*.jar"))
    if not found:
        raise StepMisconfiguredError(
            f"No Java archives in {jars_dir()}. Run 'make run' once, which fetches them, or set LAKEHOUSE_JARS to the "
            "folder that holds what conf/jars.xml lists."
        )
    return {"spark.jars": ",".join(found)}


def _script(name: str) -> Path:
    folder = Path(os.environ.get("LAKEHOUSE_JOBS") or checkout_folder("jobs"))
    if not (folder / name).is_file():
        raise StepMisconfiguredError(
            f"There is no {name} in {folder}. Set LAKEHOUSE_JOBS to the folder with the job files; a package made by "
            "'lakehouse package' has them in jobs/."
        )
    return folder / name


# --- Processes ---


def start(command: Sequence[str], variables: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start a command in a process group of its own, which the kernel ends when this process dies."""
    leash = [sys.executable, "-S", "-E", str(PACKAGE / "orchestration" / "leash.py"), str(os.getpid())]
    return subprocess.Popen(
        [*leash, *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**os.environ, "PYTHONUNBUFFERED": "1", "PYSPARK_PYTHON": sys.executable, **(variables or {})},
    )


def stop(process: subprocess.Popen[str], grace: float = _GRACE) -> None:
    """End a process and all of its group; what does not end by itself within the grace is killed."""
    if process.poll() is None:
        send(process, signal.SIGTERM)
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            send(process, signal.SIGKILL)
            process.wait()
    # Its children may have outlived it.
    send(process, signal.SIGKILL)


def send(process: subprocess.Popen[str], number: int) -> None:
    """Signal the group of a process that may have ended, or may not have made its group yet."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        process.send_signal(number)
