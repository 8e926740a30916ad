"""Environments: where the lake and the landing zone are, and how Spark is set up there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from lakehouse.contracts.declaration import Declaration
from lakehouse.contracts.engine import ENGINE
from lakehouse.contracts.locations import conf_dir
from lakehouse.contracts.messages import explain
from lakehouse.contracts.places import Place
from lakehouse.contracts.runners import LocalRunner, Runner, StandaloneRunner
from lakehouse.contracts.yaml_files import read_mapping
from lakehouse.errors import ConfigurationError, nearest

_REFERENCE = re.compile(r"\$\{(\w+)\}")
DEFAULT = "local"
_CHOSEN_BY_PLATFORMS = ("spark.master", "spark.jars", "spark.archives")

Setting = str | int | float | bool


def _checked_setting(value: object) -> Setting:
    if isinstance(value, Setting):
        return value
    raise PydanticCustomError(
        "setting",
        "expected a text, a number, true or false, found {found}. Example: spark.driver.memory: 6g",
        {"found": "nothing" if value is None else str(value)},
    )


def _checked_name(name: str) -> str:
    if not name.startswith("spark."):
        raise PydanticCustomError(
            "setting_name",
            "'{name}' is not a Spark setting: their names begin with 'spark.'. Example: spark.driver.memory: 6g",
            {"name": name},
        )
    return name


def _spark_text(value: Setting) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


SettingName = Annotated[str, AfterValidator(_checked_name)]


class Environment(Declaration):
    """One place where the lakehouse runs."""

    example: ClassVar[str] = "lake: data/lake, landing: data/landing, spark: {spark.driver.memory: 6g}"

    description: str
    lake: Place
    """Folder or URI that holds every table; relative paths start where the command is run."""
    landing: Place
    """Folder or URI where deliveries arrive; only read."""
    spark: dict[SettingName, Annotated[Setting, BeforeValidator(_checked_setting)]] = {}
    """Spark settings, but for the engine's own (Delta, time zone), which come on top."""
    runner: Runner = LocalRunner()
    """What runs the steps when a scheduler starts them."""
    lease_seconds: Annotated[int, Field(ge=10, le=3600)] = 60
    """In an object store: how long a writer must give no sign of life before another one takes the domain over."""

    @field_validator("spark")
    @classmethod
    def _check_engine(cls, spark: dict[str, Setting]) -> dict[str, Setting]:
        for name, value in spark.items():
            found = _spark_text(value)
            unknown = _REFERENCE.search(found)
            if name in ENGINE and found.casefold() != ENGINE[name].casefold() and not unknown:
                raise PydanticCustomError(
                    "setting",
                    "'{name}' is {found} here, and the engine itself sets it to {value}. Take it out of the Spark "
                    "settings.",
                    {"name": name, "found": found, "value": ENGINE[name]},
                )
        return spark

    @model_validator(mode="after")
    def _check_master(self) -> Environment:
        master = str(self.spark.get("spark.master", ""))
        known = master.startswith("spark://") or _REFERENCE.search(master)
        if isinstance(self.runner, StandaloneRunner) and not known:
            raise PydanticCustomError(
                "master",
                "the runner 'standalone' needs the address of the cluster. Example: spark: "
                "{spark.master: spark://master:7077}",
            )
        chosen = [] if isinstance(self.runner, StandaloneRunner | LocalRunner) else _CHOSEN_BY_PLATFORMS
        for name in chosen:
            if name in self.spark:
                raise PydanticCustomError(
                    "master",
                    "{name} is chosen by the runner '{kind}'. Take it out of the Spark settings.",
                    {"name": name, "kind": self.runner.kind},
                )
        return self

    def settings(self) -> dict[str, str]:
        """The Spark settings as Spark takes them: texts."""
        return {name: _spark_text(value) for name, value in self.spark.items()}


def environment_files() -> dict[str, Path]:
    """Every environment's file by name."""
    folder = conf_dir() / "environments"
    for path in sorted(folder.glob("*.yaml")):
        raise ConfigurationError(f"{path}: this file would not be read. Name it {path.with_suffix('.yml').name}.")
    return {path.stem: path for path in sorted(folder.glob("*.yml"))}


def environment_name() -> str:
    """The environment that is meant where none is named: that of LAKEHOUSE_ENV, else local."""
    return os.environ.get("LAKEHOUSE_ENV") or DEFAULT


def load_environment(name: str | None = None) -> Environment:
    """The environment of that name (default: local); ``${NAME}`` in it is taken from the process's variables.

    Raises ConfigurationError for an unknown name, a wrong key or value, or a variable that is not set.
    """
    path = _file(name)
    content = _resolved(path, read_mapping(path))
    try:
        return Environment.model_validate(content)
    except ValidationError as error:
        raise explain(str(path), error, Environment) from error


def environment_variables(name: str | None = None) -> dict[str, str | None]:
    """The variables that an environment's file names, with their values; None for one that is empty or not set."""
    found = _REFERENCE.findall("\n".join(_texts(read_mapping(_file(name)))))
    return {variable: os.environ.get(variable) or None for variable in found}


def check_unset(name: str) -> None:
    """Check as much of an environment as can be known while some of its variables are not set.

    Raises ConfigurationError as load_environment does, but for values that name a variable.
    """
    path = _file(name)
    content = _resolved(path, read_mapping(path), partly=True)
    try:
        Environment.model_validate(content)
    except ValidationError as error:
        unknown = [detail["loc"] for detail in error.errors() if _names_variable(detail)]
        if len(unknown) < error.error_count():
            raise explain(str(path), error, Environment, unknown) from error


def _file(name: str | None) -> Path:
    source = " (LAKEHOUSE_ENV)" if os.environ.get("LAKEHOUSE_ENV") and not name else ""
    name = name or environment_name()
    files = environment_files()
    if name not in files:
        raise ConfigurationError(
            f"There is no environment '{name}'{source}.{nearest(name, files)} "
            f"Environments: {', '.join(files) or 'none'} (files <name>.yml in {conf_dir() / 'environments'})."
        )
    return files[name]


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value


def _names_variable(detail: ErrorDetails) -> bool:
    """Whether a mistake is about a value that is not known yet: of a kind, its name; else the value by itself."""
    found = detail.get("ctx", {}).get("tag", detail["input"])
    return isinstance(found, str) and _REFERENCE.search(found) is not None


def _resolved(path: Path, value: Any, key: str = "", partly: bool = False) -> Any:
    """A value with its variables filled in; those that have no value stay when it may be done partly."""
    if isinstance(value, dict):
        below = f"{key}." if key else ""
        return {name: _resolved(path, item, f"{below}{name}", partly) for name, item in value.items()}
    if isinstance(value, list):
        return [_resolved(path, item, key, partly) for item in value]
    if not isinstance(value, str):
        return value
    if "${" in _REFERENCE.sub("", value):
        raise ConfigurationError(
            f"{path}: {key}: '{value}' holds a ${{ that names no variable. Example: ${{LAKE_BUCKET}}/lake"
        )
    for variable in _REFERENCE.findall(value):
        if not partly and not os.environ.get(variable):
            what = "is empty." if variable in os.environ else f"is not set.{nearest(variable, os.environ)}"
            raise ConfigurationError(
                f"{path}: {key}: the environment variable {variable} {what} Example: export {variable}=..."
            )
    return _REFERENCE.sub(lambda match: os.environ.get(match[1]) or match[0], value)
