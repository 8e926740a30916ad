"""`lakehouse package`: what is in it, that it needs no checkout, and that spark-submit runs a job from it."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyspark
import pytest

from lakehouse.cli.package import Target, _build_wheel, make_package
from lakehouse.contracts.artifacts import Package, jars
from lakehouse.errors import ConfigurationError
from tests.conftest import deliver, usage

ROOT = Path(__file__).resolve().parents[2]
SPARK = Path(pyspark.__file__).parent
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
SEPARATE = "from lakehouse.cli import main; main()"


def target() -> Target:
    """The machine that the tests run on."""
    arch = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
    return Target(arch, PYTHON, str(Path(sys.base_prefix, "bin", f"python{PYTHON}")))


def outside(**variables: str) -> dict[str, str]:
    """The variables of a process that knows nothing of this checkout."""
    kept = {name: os.environ[name] for name in ("PATH", "JAVA_HOME", "JDK_JAVA_OPTIONS") if name in os.environ}
    return {**kept, "COLUMNS": "200", **variables}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """A package, as `make package` makes it."""
    return Package(str(make_package(tmp_path_factory.mktemp("dist"), target())))


@pytest.fixture(scope="module")
def environment(package: Package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its Python environment, unpacked somewhere else."""
    folder = tmp_path_factory.mktemp("un packed") / "environment"
    with tarfile.open(package.environment) as archive:
        archive.extractall(folder)
    return folder


# --- What is in it ---


@pytest.mark.slow
def test_the_manifest_names_every_file_with_its_checksum(package: Package) -> None:
    manifest = json.loads(Path(package.manifest).read_text())
    named = {entry["path"]: entry for entry in [*manifest["files"], *manifest["jars"]]}
    there = {path.relative_to(package.root).as_posix(): path for path in Path(package.root).rglob("*")}
    there = {name: path for name, path in there.items() if path.is_file() and name != "MANIFEST.json"}
    assert named.keys() == there.keys()
    for name, path in there.items():
        assert named[name]["bytes"] == path.stat().st_size
        assert named[name]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert {f"jobs/{path.name}" for path in (ROOT / "jobs").glob("*.py")} < named.keys()


@pytest.mark.slow
def test_the_manifest_says_which_archives_a_platform_has_itself(package: Package) -> None:
    manifest = json.loads(Path(package.manifest).read_text())
    assert [entry["coordinates"] for entry in manifest["jars"]] == [jar.coordinates for jar in jars()]
    given = {entry["path"].split("/")[1].split("-")[0] for entry in manifest["jars"] if entry["emr"] == "give"}
    assert given == {"deequ", "dqdl"}
    assert all(entry["emr"] == entry["databricks"] and entry["standalone"] == "give" for entry in manifest["jars"])
    assert manifest["environment"]["python"] == PYTHON


@pytest.mark.slow
def test_the_environment_holds_the_lock_without_spark(package: Package) -> None:
    packed = {name.split("==")[0] for name in json.loads(Path(package.manifest).read_text())["environment"]["packages"]}
    assert {"lakehouse", "delta_spark", "deltalake", "pydeequ", "pydantic", "duckdb"} <= packed
    assert not packed & {"pyspark", "py4j", "setuptools", "wheel"}


@pytest.mark.slow
def test_conf_is_packed_as_it_is(package: Package, tmp_path: Path) -> None:
    with tarfile.open(package.conf) as archive:
        archive.extractall(tmp_path)
    for path in (ROOT / "conf").rglob("*.*"):
        assert (tmp_path / path.relative_to(ROOT / "conf")).read_bytes() == path.read_bytes()


@pytest.mark.slow
def test_the_wheel_asks_for_no_spark(package: Package) -> None:
    with zipfile.ZipFile(package.wheel) as wheel:
        (name,) = [name for name in wheel.namelist() if name.endswith("METADATA")]
        wanted = [line for line in wheel.read(name).decode().splitlines() if line.startswith("Requires-Dist:")]
    spark = [line for line in wanted if "spark" in line]
    assert len(spark) == 2 and len(wanted) > 10
    assert all('extra == "spark"' in line for line in spark)


@pytest.mark.slow
def test_the_same_checkout_gives_the_same_bytes(package: Package, tmp_path: Path) -> None:
    again = Package(str(make_package(tmp_path, target())))
    assert Path(again.manifest).read_bytes() == Path(package.manifest).read_bytes()


@pytest.mark.slow
def test_the_wheel_is_the_same_under_any_umask(tmp_path: Path) -> None:
    wheels = []
    for mask in (0o022, 0o077):
        out, before = tmp_path / oct(mask), os.umask(mask)
        try:
            _build_wheel(ROOT, out, out / "build")
        finally:
            os.umask(before)
        (wheel,) = out.glob("*.whl")
        wheels.append(wheel.read_bytes())
    assert wheels[0] == wheels[1]


# --- Errors ---


def test_an_unknown_target_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as error:
        Target("sparc", "3.11", "/usr/bin/python3.11")
    assert str(error.value) == "--arch: 'sparc' is not known. Allowed: x86_64, arm64. Example: --arch x86_64"
    with pytest.raises(ConfigurationError) as error:
        Target("arm64", "3.9", "/usr/bin/python3.9")
    assert str(error.value) == "--python: '3.9' is not known. Allowed: 3.10, 3.11, 3.12. Example: --python 3.10"


def test_missing_archives_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_JARS", str(tmp_path))
    with pytest.raises(ConfigurationError) as error:
        make_package(tmp_path / "dist", target())
    assert str(error.value) == (
        f"Not in {tmp_path}: {', '.join(jar.file for jar in jars())}. "
        "Run 'make package', which fetches what conf/jars.xml lists."
    )
    assert not (tmp_path / "dist").exists()


# --- Without a checkout ---


@pytest.mark.slow
def test_the_environment_works_where_it_was_unpacked(environment: Path, tmp_path: Path) -> None:
    command = [str(environment / "bin" / "python"), "-c", SEPARATE, "validate"]
    done = subprocess.run(command, cwd=tmp_path, env=outside(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "ok     domain billing: " in done.stdout
    command = [str(environment / "bin" / "python"), "-c", SEPARATE, "package"]
    done = subprocess.run(command, cwd=tmp_path, env=outside(), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "A package is made from a checkout, and " in done.stderr


@pytest.mark.slow
def test_the_wheel_works_as_an_archive_on_the_path(package: Package, environment: Path, tmp_path: Path) -> None:
    """As spark-submit --py-files puts it there; what it unpacked is gone afterwards."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    where = "from lakehouse.contracts.locations import PACKAGE; print(PACKAGE); from lakehouse.cli import main; main()"
    done = subprocess.run(
        [str(environment / "bin" / "python"), "-c", where, "validate"],
        cwd=tmp_path, env=outside(PYTHONPATH=package.wheel, TMPDIR=str(scratch)),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(str(scratch))
    assert "ok     domain billing: " in done.stdout
    assert not list(scratch.iterdir())


# --- spark-submit ---


def submit(package: Package, python: Path, master: str, job: str, *arguments: str, with_jars: bool = True) -> Any:
    """Run a packaged job with spark-submit: how it ended, with what it said."""
    archives = ("--jars", ",".join(package.jar(jar) for jar in jars())) if with_jars else ()
    local = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1", "spark.ui.enabled": "false"}
    settings = [word for name, value in local.items() for word in ("--conf", f"{name}={value}")]
    return subprocess.run(
        [
            *(str(SPARK / "bin" / "spark-submit"), "--master", master, "--driver-memory", "1g", *archives, *settings),
            *("--py-files", package.wheel, package.script(job), *arguments),
        ],
        env=outside(SPARK_HOME=str(SPARK), PYSPARK_PYTHON=str(python), SPARK_LOCAL_IP="127.0.0.1"),
        capture_output=True, text=True, check=False, timeout=400,
    )  # fmt: skip


@pytest.fixture(scope="module")
def bare(environment: Path) -> Path:
    """The Python of the environment, without our own package in it: that comes as a wheel."""
    for folder in environment.glob("lib/python*/site-packages/lakehouse*"):
        shutil.move(folder, environment / folder.name)
    return environment / "bin" / "python"


@pytest.mark.slow
def test_spark_submit_without_the_archives_says_what_is_missing(package: Package, bare: Path, tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    deliver(landing, "2025-01-02", "usage-1.csv", [usage("2025-01-02T10:00:00Z")])
    places = ("billing", "--landing", str(landing), "--lake", str(tmp_path / "lake"))
    done = submit(package, bare, "local[1]", "lakehouse_ingest.py", *places, with_jars=False)
    assert done.returncode == 2
    assert (
        "error Spark was started without io.delta.sql.DeltaSparkSessionExtension, "
        "com.amazon.deequ.dqdl.EvaluateDataQuality, software.amazon.glue.dqdl.parser.DQDLParser. Give spark-submit the "
        "Java archives: --jars \"$(echo .jars/*.jar | tr ' ' ,)\". EMR and Databricks have those of Delta: see "
        "docs/deploying.md." in done.stdout
    )


@contextmanager
def standalone_cluster(folder: Path) -> Iterator[str]:
    """A Spark master and one worker on this machine, for as long as the block lasts: the master's address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"spark://127.0.0.1:{free.getsockname()[1]}"
    port = address.rpartition(":")[2]
    quiet = ("--host", "127.0.0.1", "--webui-port", "0")
    capacity = ("--cores", "1", "--memory", "1g", "--work-dir", str(folder / "work"))
    commands = {
        "master": ("org.apache.spark.deploy.master.Master", *quiet, "--port", port),
        "worker": ("org.apache.spark.deploy.worker.Worker", *quiet, *capacity, address),
    }
    settings = outside(SPARK_HOME=str(SPARK), SPARK_LOCAL_IP="127.0.0.1", SPARK_DAEMON_MEMORY="256m")
    processes = []
    try:
        for name, command in commands.items():
            with (folder / f"{name}.log").open("w") as log:
                spark_class = str(SPARK / "bin" / "spark-class")
                processes.append(subprocess.Popen([spark_class, *command], env=settings, stdout=log, stderr=log))
            await_text(folder / f"{name}.log", {"master": "I have been elected", "worker": "Successfully registered"})
        yield address
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)


def await_text(log: Path, texts: dict[str, str]) -> None:
    deadline = time.monotonic() + 60
    while texts[log.stem] not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.soak
def test_spark_submit_runs_a_packaged_job_on_a_cluster(package: Package, bare: Path, tmp_path: Path) -> None:
    landing, lake, result = tmp_path / "landing", tmp_path / "lake", tmp_path / "result.json"
    deliver(landing, "2025-01-02", "usage-1.csv", [usage("2025-01-02T10:00:00Z"), usage("2025-01-02T11:00:00Z", "u2")])
    places = ("billing", "--landing", str(landing), "--lake", str(lake), "--result", str(result))
    with standalone_cluster(tmp_path) as master:
        done = submit(package, bare, master, "lakehouse_run.py", *places)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    found = json.loads(result.read_text())
    assert (found["exit_code"], found["steps"]) == (0, ["ingest", "refine", "aggregate", "maintain"])
    (accepted,) = [delivery for delivery in found["deliveries"] if delivery["state"] == "accepted"]
    assert (accepted["rows_in"], accepted["rows_accepted"], accepted["rows_quarantined"]) == (2, 2, 0)
    rows = {table["table"]: table["rows"] for table in found["tables"]}
    assert (rows["billing.silver.usage"], rows["billing.gold.daily_user_usage"]) == (2, 2)
    assert list((tmp_path / "work").glob("app-*")), "the worker ran executors"
    again = submit(package, bare, "local[1]", "lakehouse_run.py", *places)
    assert again.returncode == 0, again.stdout[-3000:]
    assert json.loads(result.read_text())["nothing_new"] is True
