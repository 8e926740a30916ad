"""docker-compose.yml, as far as it can be judged without a container engine."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyspark
import pytest
import yaml

from lakehouse.contracts.environments import load_environment
from lakehouse.contracts.runners import StandaloneRunner
from lakehouse.orchestration.server import Site

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
TEXT = FILE.read_text()
PROJECT: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = PROJECT["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "lakehouse:local"}
ONCE = {"airflow-init", "s3-bucket"}
"""Services that end by themselves."""
LASTING = {name: service for name, service in SERVICES.items() if name not in ONCE}


def example() -> dict[str, str]:
    """The variables of .env.example."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str):
        yield value


# --- The file


def test_it_follows_the_schema_of_the_compose_specification() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


def test_it_holds_the_parts_that_belong_together() -> None:
    assert set(SERVICES) == {
        "airflow-api-server", "airflow-dag-processor", "airflow-init", "airflow-scheduler", "airflow-triggerer",
        "postgres", "s3", "s3-bucket", "spark-master", "spark-worker",
    }  # fmt: skip


# --- Variables and secrets


def test_every_variable_is_in_the_example_and_is_asked_for() -> None:
    references = re.findall(r"\$\{(\w+)([^}]*)\}", TEXT)
    assert {name for name, _ in references} == set(example())
    for name, rest in references:
        assert rest == ":?see .env.example", name


def test_the_example_holds_no_secret() -> None:
    assert {name: value for name, value in example().items() if value} == {"LANDING": "./data/landing"}


@pytest.mark.parametrize("name", SERVICES)
def test_no_secret_is_written_down(name: str) -> None:
    for key, value in SERVICES[name].get("environment", {}).items():
        if re.search("PASSWORD$|SECRET|KEY", key):
            assert re.fullmatch(r"\$\{\w+:\?see \.env\.example\}", value), key
        assert not re.search(r"://[^/@]*:[^$/@]+@", re.sub(r"\$\{.*?\}", "$", str(value))), key


def test_the_filled_in_file_is_not_committed() -> None:
    assert "/.env" in (ROOT / ".gitignore").read_text().splitlines()


@pytest.mark.parametrize("name", SERVICES)
def test_every_setting_of_airflow_exists(name: str) -> None:
    pytest.importorskip("airflow", reason="Airflow needs Python 3.11")
    from airflow.configuration import conf

    known = conf.configuration_description
    for key in SERVICES[name].get("environment", {}):
        if key.startswith("AIRFLOW__"):
            section, option = key.removeprefix("AIRFLOW__").lower().split("__")
            assert option in known[section]["options"], key


def test_airflow_is_set_up_as_by_make_airflow() -> None:
    here = set(SERVICES["airflow-scheduler"]["environment"])
    # There the address is an option of the command.
    assert set(Site(ROOT, 8080).variables()) - here == {"AIRFLOW__API__HOST", "AIRFLOW__API__PORT"}


# --- Places


def mounts(service: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Source, target and whether it may only be read."""
    for volume in service.get("volumes", []):
        if isinstance(volume, dict):
            assert volume["bind"] == {"create_host_path": False}
            yield volume["source"], volume["target"], volume["read_only"]
        else:
            source, target, *mode = volume.split(":")
            yield source, target, mode == ["ro"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_mounted_path_exists(name: str) -> None:
    for source, _, read_only in mounts(SERVICES[name]):
        if source.startswith("./"):
            assert (ROOT / source).is_dir(), source
            assert read_only, f"{source}: containers do not change the checkout"
        elif not source.startswith("${"):
            assert source in PROJECT["volumes"], source


def test_every_named_volume_is_used() -> None:
    used = {source for service in SERVICES.values() for source, _, _ in mounts(service)}
    assert set(PROJECT["volumes"]) <= used


def test_driver_and_workers_see_lake_and_landing_zone_at_the_same_place() -> None:
    environment = load_environment("docker")
    assert isinstance(environment.runner, StandaloneRunner)
    for name in ("airflow-scheduler", "airflow-triggerer", "spark-worker"):
        found = {target: (source, read_only) for source, target, read_only in mounts(SERVICES[name])}
        assert found[environment.lake] == ("lake", False), name
        assert found[environment.landing] == ("${LANDING:?see .env.example}", True), name


def test_the_environment_names_services_of_the_file() -> None:
    spark = load_environment("docker").spark
    assert spark["spark.master"] == "spark://spark-master:7077"
    assert spark["spark.driver.host"] == SERVICES["airflow-scheduler"]["hostname"] == "airflow-scheduler"
    master, worker = SERVICES["spark-master"]["command"], SERVICES["spark-worker"]["command"]
    assert master[2:6] == ["--host", "spark-master", "--port", "7077"]
    assert worker[-1] == spark["spark.master"]
    memory = int(worker[worker.index("--memory") + 1].removesuffix("g"))
    assert int(str(spark["spark.executor.memory"]).removesuffix("g")) < memory
    for service in OURS.values():
        assert service.get("environment", {}).get("LAKEHOUSE_ENV", "docker") == "docker"


@pytest.mark.parametrize("name", SERVICES)
def test_every_host_that_is_named_is_a_service(name: str) -> None:
    for text in texts([SERVICES[name].get(key) for key in ("environment", "command", "healthcheck")]):
        for host in re.findall(r"(?:http|spark|psycopg2)://(?:[^@/]*@)?([\w.-]+)", text):
            assert host in SERVICES or host == "127.0.0.1", text


# --- Safety


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_on_this_machine_only(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port), port
    assert "network_mode" not in SERVICES[name]
    assert "privileged" not in SERVICES[name]


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_runs_as_root_or_can_become_it(name: str) -> None:
    user, group = SERVICES[name]["user"].split(":")
    assert int(user) > 0 and int(group) > 0
    assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]
    assert SERVICES[name]["cap_drop"] == ["ALL"]


@pytest.mark.parametrize("name", sorted(set(SERVICES) - set(OURS)))
def test_images_of_others_are_pinned(name: str) -> None:
    assert re.fullmatch(r"[a-z/]+:\d+\.\d+(-bookworm)?", SERVICES[name]["image"])


# --- Health and order


@pytest.mark.parametrize("name", LASTING)
def test_every_lasting_service_tells_its_health(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] == "CMD", "no shell stands between the check and its exit code"
    assert set(check) == {"test", "interval", "timeout", "retries", "start_period"}
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_waits_for_what_it_needs(name: str) -> None:
    for needed, how in SERVICES[name].get("depends_on", {}).items():
        wanted = "service_completed_successfully" if needed in ONCE else "service_healthy"
        assert how == {"condition": wanted}, needed


def test_every_service_that_ends_is_waited_for() -> None:
    """`docker compose up --wait` fails when one has ended that nobody waits for, however it ended."""
    needs = [need for service in LASTING.values() for need in service.get("depends_on", {}).items()]
    assert {name for name, how in needs if how["condition"] == "service_completed_successfully"} == {
        "airflow-init", "s3-bucket",
    }  # fmt: skip


def test_services_that_end_are_tried_again_but_not_for_ever() -> None:
    for name in ONCE:
        assert SERVICES[name]["restart"] == "on-failure:5"
        assert "healthcheck" not in SERVICES[name]


# --- Commands


def commands() -> Iterator[list[str]]:
    for service in OURS.values():
        yield service["command"]
        if "healthcheck" in service:
            yield service["healthcheck"]["test"][1:]


@pytest.mark.parametrize("command", list(commands()), ids=shlex.join)
def test_every_command_exists_in_our_environment(command: list[str]) -> None:
    program, *arguments = command
    match program:
        case "airflow":
            pytest.importorskip("airflow", reason="Airflow needs Python 3.11")
            from airflow.cli.cli_parser import get_parser

            assert get_parser().parse_args(arguments).subcommand == arguments[0]
        case "spark-class":
            java_class = arguments[0].replace(".", "/") + ".class"
            (jar,) = (Path(pyspark.__file__).parent / "jars").glob("spark-core_*.jar")
            assert java_class in zipfile.ZipFile(jar).namelist()
        case "python" | "sh":
            assert (ROOT / arguments[0]).is_file()
        case _:
            pytest.fail(f"what is {program}?")
    if program != "sh":
        assert (Path(sys.executable).parent / program).exists()
