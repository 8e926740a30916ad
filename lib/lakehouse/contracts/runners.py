"""Runners: what runs the steps of an environment, one typed section per kind."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from lakehouse.contracts.declaration import Declaration
from lakehouse.contracts.places import ClusterPlace

Seconds = Annotated[int, Field(ge=1)]
Minutes = Annotated[int, Field(ge=0)]


class _OfPackage(Declaration):
    """A runner on machines that get their code from a package."""

    package: ClusterPlace
    """Folder or URI that a folder made by ``lakehouse package`` was copied to."""
    poll_seconds: Seconds = 20
    """How often the state of a job is asked for."""

    @field_validator("package")
    @classmethod
    def _check_package(cls, place: str) -> str:
        return place.rstrip("/")


class LocalRunner(Declaration):
    """Spark runs inside a process on the machine that runs the task."""

    example: ClassVar[str] = "runner: {kind: local}"

    kind: Literal["local"] = "local"


class StandaloneRunner(Declaration):
    """A Spark cluster of one's own; the driver runs on the machine that runs the task."""

    example: ClassVar[str] = "runner: {kind: standalone}"

    kind: Literal["standalone"]


class EmrServerlessRunner(_OfPackage):
    """An application of Amazon EMR Serverless."""

    example: ClassVar[str] = (
        "runner: {kind: emr_serverless, application_id: ${EMR_APPLICATION_ID}, execution_role: ${EMR_ROLE_ARN}, "
        "package: s3://bucket/lakehouse-0.1.0}"
    )

    kind: Literal["emr_serverless"]
    application_id: str
    execution_role: str
    """ARN of the role that jobs run as."""
    log_uri: str | None = None
    """Where the logs of drivers and executors go, for example s3://bucket/logs/."""
    timeout_minutes: Minutes = 720
    """The platform stops a job that runs longer; 0 for never."""
    connection: str = "aws_default"
    region: str | None = None


class EmrStepsRunner(_OfPackage):
    """Steps on a running cluster of Amazon EMR on EC2."""

    example: ClassVar[str] = (
        "runner: {kind: emr_steps, cluster_id: ${EMR_CLUSTER_ID}, package: s3://bucket/lakehouse-0.1.0}"
    )

    kind: Literal["emr_steps"]
    cluster_id: str
    execution_role: str | None = None
    """ARN of the role that steps run as, on clusters that have runtime roles."""
    python: str = "/opt/lakehouse/environment/bin/python"
    """Where a bootstrap action of the cluster has unpacked the package's environment."""
    connection: str = "aws_default"
    region: str | None = None


class DatabricksRunner(_OfPackage):
    """One-time runs on Databricks, each on a job cluster of its own."""

    example: ClassVar[str] = (
        "runner: {kind: databricks, package: s3://bucket/lakehouse-0.1.0, "
        "cluster: {spark_version: 16.4.x-scala2.12, node_type_id: m6gd.large, num_workers: 2}}"
    )

    kind: Literal["databricks"]
    cluster: dict[str, Any]
    """The job cluster, as the Jobs API takes it; Spark settings and variables are added by us."""
    timeout_minutes: Minutes = 720
    """The platform stops a run that runs longer; 0 for never."""
    connection: str = "databricks_default"

    @field_validator("cluster")
    @classmethod
    def _check_cluster(cls, cluster: dict[str, Any]) -> dict[str, Any]:
        if "spark_version" not in cluster:
            raise PydanticCustomError("cluster", "the key 'spark_version' is required. Example: 16.4.x-scala2.12.")
        for key in ("spark_conf", "spark_env_vars"):
            if key in cluster:
                raise PydanticCustomError(
                    "cluster",
                    "'{key}' does not belong here: Spark settings stand under 'spark' of the environment, and the "
                    "variables that it names are handed on.",
                    {"key": key},
                )
        return cluster


Runner = Annotated[
    LocalRunner | StandaloneRunner | EmrServerlessRunner | EmrStepsRunner | DatabricksRunner,
    Field(discriminator="kind"),
]
