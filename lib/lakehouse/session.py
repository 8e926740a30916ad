"""The Spark session: one per command, set up for Delta, exact types and UTC."""

from __future__ import annotations

import os
import shlex

import pyspark
from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkRuntimeError
from pyspark.sql import SparkSession

from lakehouse.contracts.engine import ENGINE
from lakehouse.contracts.environments import Environment
from lakehouse.contracts.lakes import Lake
from lakehouse.contracts.locations import PACKAGE, jars_dir
from lakehouse.errors import ConfigurationError
from lakehouse.ledger.writer import claim_file, held_claim

_JAVA_OPTIONS = "spark.driver.extraJavaOptions"

_NEEDED = (
    "io.delta.sql.DeltaSparkSessionExtension",
    "com.amazon.deequ.dqdl.EvaluateDataQuality",
    "software.amazon.glue.dqdl.parser.DQDLParser",
)
"""One class of each Java archive that this process calls."""


def open_session(name: str, environment: Environment) -> SparkSession:
    """The session of this process, made when there is none yet.

    Under spark-submit and on managed platforms the master, memory and jars are theirs; on a laptop they come from the
    environment's file. Raises ConfigurationError when the jars are missing, or when Java does not start.
    """
    os.environ.setdefault("SPARK_VERSION", ".".join(pyspark.__version__.split(".")[:2]))
    attached = "PYSPARK_GATEWAY_PORT" in os.environ
    if attached:
        # Under spark-submit the driver runs already; its settings are seen only once this process is attached to it.
        SparkContext._ensure_initialized()
        _check_classes()
    launched = SparkConf()
    builder = SparkSession.builder.appName(name)
    for key, value in {**environment.settings(), **ENGINE}.items():
        if key in ENGINE or not launched.contains(key):
            builder = builder.config(key, value)
    if not attached:
        builder = _on_this_machine(builder, environment)
    session = _started(builder)
    session.sparkContext.setLogLevel("ERROR")
    return session


def _started(builder: SparkSession.Builder) -> SparkSession:
    try:
        return builder.getOrCreate()
    except PySparkRuntimeError as error:
        if error.getErrorClass() != "JAVA_GATEWAY_EXITED":
            raise
        home = os.environ.get("JAVA_HOME")
        raise ConfigurationError(
            f"Java did not start{f' (JAVA_HOME is {home})' if home else ''}; what it said stands above. Install Java "
            "17, let JAVA_HOME name its folder, and look at the Java options of the environment."
        ) from error


def hold_claim(session: SparkSession, lake: Lake, domain: str) -> None:
    """Let the driver hold the writer's claim too, so that it counts as the writer even if this process is killed."""
    jvm = session.sparkContext._jvm
    assert jvm is not None
    if not lake.local:
        claim = held_claim(lake, domain)
        if claim is not None:
            claim.include(jvm.java.lang.ProcessHandle.current().pid())
        return
    path = str(claim_file(lake, domain))
    held = jvm.java.lang.System.getProperties()
    key = f"lakehouse.claim.{path}"
    if held.get(key) is None:
        lock = jvm.java.io.RandomAccessFile(path, "rw").getChannel().tryLock()
        held.put(key, lock)


def release_claim(session: SparkSession, lake: Lake, domain: str) -> None:
    """Let the driver give the claim back; a lease is given back for it."""
    if not lake.local:
        return
    jvm = session.sparkContext._jvm
    lock = jvm.java.lang.System.getProperties().remove(f"lakehouse.claim.{claim_file(lake, domain)}") if jvm else None
    if lock is not None:
        lock.acquiredBy().close()


def _on_this_machine(builder: SparkSession.Builder, environment: Environment) -> SparkSession.Builder:
    """What spark-submit would say: this process starts the driver."""
    os.environ.setdefault("PYSPARK_SUBMIT_ARGS", _submit_arguments(environment))
    if not {"spark.jars", "spark.jars.packages"} & environment.spark.keys():
        builder = builder.config("spark.jars", ",".join(_jars()))
    if str(environment.spark.get("spark.master", "local")).startswith("local"):
        # Nobody else talks to this driver: no port is open to others.
        builder = builder.config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1")
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    return builder


def _check_classes() -> None:
    """Without them Spark starts, warns, and fails much later with a text that names neither Delta nor Deequ."""
    jvm = SparkContext._jvm
    assert jvm is not None
    loader = jvm.java.lang.Thread.currentThread().getContextClassLoader()
    missing = [name for name in _NEEDED if loader.getResource(name.replace(".", "/") + ".class") is None]
    if missing:
        raise ConfigurationError(
            f"Spark was started without {', '.join(missing)}. Give spark-submit the Java archives: "
            "--jars \"$(echo .jars/*.jar | tr ' ' ,)\". EMR and Databricks have those of Delta: see docs/deploying.md."
        )


def _submit_arguments(environment: Environment) -> str:
    # Spark's start-up warnings tell a user of this product nothing.
    settings = f"-Dlog4j2.configurationFile={(PACKAGE / 'log4j2.properties').as_uri()}"
    options = f"{settings} {environment.spark.get(_JAVA_OPTIONS, '')}".strip()
    return f"--driver-java-options {shlex.quote(options)} pyspark-shell"


def _jars() -> list[str]:
    folder = jars_dir()
    jars = sorted(str(path) for path in folder.glob("*.jar"))
    if not jars:
        raise ConfigurationError(
            f"No jars in {folder}. Run 'make run' once, which fetches them, or set LAKEHOUSE_JARS to the folder with "
            "the jars that conf/jars.xml lists."
        )
    return jars
