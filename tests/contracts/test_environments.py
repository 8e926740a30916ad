"""Environments some of whose variables have no value: all else in them is checked."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lakehouse.contracts.environments import check_unset, environment_variables, load_environment
from lakehouse.errors import ConfigurationError
from tests.contracts.places import Change, change

ROOT = Path(__file__).resolve().parents[2]

SERVERLESS = "environments/emr_serverless.yml"
STANDALONE = "environments/standalone.yml"
DATABRICKS = "environments/databricks.yml"
RUNNER = (
    "Example: runner: {kind: emr_serverless, application_id: ${EMR_APPLICATION_ID}, execution_role: ${EMR_ROLE_ARN}, "
    "package: s3://bucket/lakehouse-0.1.0}"
)
OF_RUNNER = (
    "Allowed: application_id, connection, execution_role, kind, log_uri, package, poll_seconds, region, "
    f"timeout_minutes. {RUNNER}"
)
OF_ALL = (
    "Allowed: description, lake, landing, lease_seconds, runner, spark. "
    "Example: lake: data/lake, landing: data/landing, spark: {spark.driver.memory: 6g}"
)
MISTAKES = {
    "unknown key of a runner": (
        Change(SERVERLESS, "timeout_minutes:", "timeout_minuts:"),
        f"runner: unknown key 'timeout_minuts'. Did you mean 'timeout_minutes'? {OF_RUNNER}",
    ),
    "unknown key": (
        Change(SERVERLESS, "landing: $", "landnig: $"),
        f"unknown key 'landnig'. Did you mean 'landing'? {OF_ALL}",
    ),
    "missing key": (
        Change(SERVERLESS, "  application_id: ${EMR_APPLICATION_ID}\n", ""),
        f"runner.application_id: this key is required and missing. {RUNNER}",
    ),
    "kind": (
        Change(SERVERLESS, "kind: emr_serverless", "kind: emr_serverles"),
        "runner: 'emr_serverles' is not a kind of runner. Did you mean 'emr_serverless'? Allowed: 'local', "
        "'standalone', 'emr_serverless', 'emr_steps', 'databricks'. Example: runner: {kind: local}",
    ),
    "master that the platform chooses": (
        Change(SERVERLESS, "  spark.driver.cores:", "  spark.master: yarn\n  spark.driver.cores:"),
        "spark.master is chosen by the runner 'emr_serverless'. Take it out of the Spark settings.",
    ),
    "brace": (
        Change(SERVERLESS, "${LAKE_URI}", "${LAKE_URI"),
        "lake: '${LAKE_URI' holds a ${ that names no variable. Example: ${LAKE_BUCKET}/lake",
    ),
    "value": (
        Change(SERVERLESS, "timeout_minutes: 720", "timeout_minutes: long"),
        f"runner.timeout_minutes: expected a whole number, found 'long'. {RUNNER}",
    ),
    "no master": (
        Change(STANDALONE, "  spark.master: ${SPARK_MASTER}", "  # none"),
        "the runner 'standalone' needs the address of the cluster. Example: spark: {spark.master: spark://master:7077}",
    ),
    "cluster without a version": (
        Change(DATABRICKS, "    spark_version: 16.4.x-scala2.12\n", ""),
        "runner.cluster: the key 'spark_version' is required. Example: 16.4.x-scala2.12.",
    ),
    "settings in a cluster": (
        Change(DATABRICKS, "    num_workers: 2\n", "    num_workers: 2\n    spark_conf: {}\n"),
        "runner.cluster: 'spark_conf' does not belong here: Spark settings stand under 'spark' of the environment, and "
        "the variables that it names are handed on.",
    ),
}


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the examples, none of whose variables is set."""
    folder = tmp_path / "conf"
    shutil.copytree(ROOT / "conf" / "environments", folder / "environments")
    monkeypatch.setenv("LAKEHOUSE_CONF", str(folder))
    for path in (folder / "environments").glob("*.yml"):
        for variable in environment_variables(path.stem):
            monkeypatch.delenv(variable, raising=False)
    return folder


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_can_be_known_is_checked(mistake: str, conf: Path) -> None:
    wrong, text = MISTAKES[mistake]
    change(conf, wrong)
    with pytest.raises(ConfigurationError) as caught:
        check_unset(Path(wrong.file).stem)
    assert str(caught.value) == f"{conf / wrong.file}: {text}"


@pytest.mark.parametrize(
    "unknown",
    [
        Change(SERVERLESS, "timeout_minutes: 720", "timeout_minutes: ${MINUTES}"),
        Change(SERVERLESS, "kind: emr_serverless", "kind: ${KIND}"),
        Change(STANDALONE, "", "description: x\nlake: ${A}\nlanding: ${B}\nrunner: {kind: standalone}\n"
                               "spark: {spark.master: 'spark://${HOST}:7077'}\n"),
    ],
    ids=["number", "kind", "part of a text"],
)  # fmt: skip
def test_what_cannot_be_known_is_not(unknown: Change, conf: Path) -> None:
    change(conf, unknown)
    check_unset(Path(unknown.file).stem)


@pytest.mark.parametrize("value", ["io.delta.sql.DeltaSparkSessionExtension", "${EXTENSIONS}"])
def test_settings_that_say_what_the_engine_says_are_taken(value: str, conf: Path) -> None:
    spark = (
        f"spark.sql.extensions: {value}\n  spark.sql.session.timeZone: UTC\n  spark.sql.ansi.enabled: false\n  "
        "spark.sql.files.ignoreMissingFiles: 'False'\n  spark.sql.optimizer.inSetConversionThreshold: 0\n  "
    )
    change(conf, Change(SERVERLESS, "spark.driver.cores:", f"{spark}spark.driver.cores:"))
    check_unset("emr_serverless")


@pytest.mark.parametrize(
    ("name", "found", "value"),
    [
        ("spark.sql.ansi.enabled", "true", "false"),
        ("spark.sql.session.timeZone", "Europe/Berlin", "UTC"),
        ("spark.sql.optimizer.inSetConversionThreshold", "10", "0"),
    ],
)
def test_settings_that_say_otherwise_are_refused(name: str, found: str, value: str, conf: Path) -> None:
    change(conf, Change(SERVERLESS, "spark.driver.cores:", f"{name}: {found}\n  spark.driver.cores:"))
    with pytest.raises(ConfigurationError) as caught:
        check_unset("emr_serverless")
    assert str(caught.value) == (
        f"{conf / SERVERLESS}: spark: '{name}' is {found} here, and the engine itself sets it to {value}. Take it out "
        "of the Spark settings."
    )


@pytest.mark.parametrize("package", ["dbfs:/FileStore/lakehouse-0.1.0", "hdfs:/user/x", "s3://bucket/lakehouse-0.1.0"])
def test_a_package_lies_where_its_cluster_says(package: str, conf: Path) -> None:
    change(conf, Change(DATABRICKS, "${PACKAGE_URI}", package))
    check_unset("databricks")


def test_a_variable_that_has_a_value_is_checked_with_it(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARK_MASTER", "local[2]")
    with pytest.raises(ConfigurationError, match="the runner 'standalone' needs the address of the cluster"):
        check_unset("standalone")


def test_an_empty_variable_is_one_without_a_value(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder would be the one that the command is called in."""
    monkeypatch.setenv("LAKE_FOLDER", "")
    monkeypatch.setenv("LANDING_FOLDER", "/mnt/landing")
    found = environment_variables("standalone")
    assert found == {"LAKE_FOLDER": None, "LANDING_FOLDER": "/mnt/landing", "SPARK_MASTER": None}
    with pytest.raises(ConfigurationError) as caught:
        load_environment("standalone")
    assert str(caught.value) == (
        f"{conf / STANDALONE}: lake: the environment variable LAKE_FOLDER is empty. Example: export LAKE_FOLDER=..."
    )
