"""What runs on a cluster: the Java archives of conf/jars.xml, and the folder that `lakehouse package` makes."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from importlib.metadata import version

from lakehouse.contracts.locations import PACKAGE, checkout_folder, conf_dir
from lakehouse.errors import ConfigurationError

_DELTA = "io.delta"
"""Managed platforms bring their own build of Delta; a second one beside it breaks the class path."""


@dataclass(frozen=True)
class Jar:
    """One Java archive."""

    group: str
    artifact: str
    revision: str

    @property
    def file(self) -> str:
        """Its file name."""
        return f"{self.artifact}-{self.revision}.jar"

    @property
    def coordinates(self) -> str:
        """Its Maven coordinates."""
        return f"{self.group}:{self.artifact}:{self.revision}"

    @property
    def part_of_platform(self) -> bool:
        """Whether EMR and Databricks have it already, so that it must not be given to them."""
        return self.group == _DELTA


def jars() -> tuple[Jar, ...]:
    """The archives that conf/jars.xml lists; raises ConfigurationError when it cannot be read."""
    # A folder named by LAKEHOUSE_CONF holds contracts; the archives belong to the code.
    places = [conf_dir() / "jars.xml", PACKAGE / "conf" / "jars.xml", checkout_folder("conf") / "jars.xml"]
    path = next((place for place in places if place.is_file()), places[0])
    try:
        found = ET.parse(path).iter("dependency")
        return tuple(Jar(jar.attrib["org"], jar.attrib["name"], jar.attrib["rev"]) for jar in found)
    except (OSError, ET.ParseError, KeyError) as error:
        raise ConfigurationError(
            f"{path}: not a list of Java archives: {error}. Example of a line: "
            '<dependency org="io.delta" name="delta-storage" rev="3.3.2"/>'
        ) from error


def platform_jars() -> tuple[Jar, ...]:
    """The archives that EMR and Databricks are given."""
    return tuple(jar for jar in jars() if not jar.part_of_platform)


@dataclass(frozen=True)
class Package:
    """The files of a package by their places below the folder or URI that it was copied to."""

    root: str

    @property
    def folder(self) -> str:
        """The folder's name, as `lakehouse package` makes it."""
        return f"lakehouse-{version('lakehouse')}"

    @property
    def wheel(self) -> str:
        """This package, with conf/ inside."""
        return f"{self.root}/lakehouse-{version('lakehouse')}-py3-none-any.whl"

    @property
    def environment(self) -> str:
        """The Python environment for clusters that have none of ours."""
        return f"{self.root}/environment.tar.gz"

    @property
    def conf(self) -> str:
        """The contracts and environments."""
        return f"{self.root}/conf.tar.gz"

    @property
    def manifest(self) -> str:
        """What is in the package, with versions and checksums."""
        return f"{self.root}/MANIFEST.json"

    def script(self, name: str) -> str:
        """A job file."""
        return f"{self.root}/jobs/{name}"

    def jar(self, jar: Jar) -> str:
        """A Java archive."""
        return f"{self.root}/jars/{jar.file}"
