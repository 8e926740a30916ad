"""Environments: where the lake and the landing zone are, and how Spark is set up there."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import ClassVar

from pydantic import ValidationError

from lakehouse.contracts.declaration import Declaration
from lakehouse.contracts.locations import conf_dir
from lakehouse.contracts.messages import explain
from lakehouse.contracts.yaml_files import read_mapping
from lakehouse.errors import ConfigurationError, nearest

_REFERENCE = re.compile(r"\$\{(\w+)\}")
DEFAULT = "local"


class Environment(Declaration):
    """One place where the lakehouse runs."""

    example: ClassVar[str] = "lake: data/lake, landing: data/landing, spark: {spark.driver.memory: 6g}"

    description: str
    lake: str
    """Folder or URI that holds every table; relative paths start where the command is run."""
    landing: str
    """Folder or URI where deliveries arrive; only read."""
    spark: dict[str, str | int | bool] = {}
    """Spark settings; the engine's own (Delta, time zone) come on top."""


def environment_files() -> dict[str, Path]:
    """Every environment's file by name."""
    return {path.stem: path for path in sorted((conf_dir() / "environments").glob("*.yml"))}


def load_environment(name: str | None = None) -> Environment:
    """The environment of that name (default: local); ``${NAME}`` in it is taken from the process's variables.

    Raises ConfigurationError for an unknown name, a wrong key or value, or a variable that is not set.
    """
    name = name or os.environ.get("LAKEHOUSE_ENV") or DEFAULT
    files = environment_files()
    if name not in files:
        raise ConfigurationError(
            f"There is no environment '{name}'.{nearest(name, files)} Environments: {', '.join(files)} "
            f"(files in {conf_dir() / 'environments'})."
        )
    path = files[name]
    content = {key: _resolved(path, key, value) for key, value in read_mapping(path).items()}
    try:
        return Environment.model_validate(content)
    except ValidationError as error:
        raise explain(str(path), error, Environment) from error


def _resolved(path: Path, key: str, value: object) -> object:
    if isinstance(value, dict):
        return {name: _resolved(path, f"{key}.{name}", item) for name, item in value.items()}
    if not isinstance(value, str):
        return value
    for variable in _REFERENCE.findall(value):
        if variable not in os.environ:
            raise ConfigurationError(f"{path}: {key}: the environment variable {variable} is not set.")
    return _REFERENCE.sub(lambda match: os.environ[match[1]], value)
