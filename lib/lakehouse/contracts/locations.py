"""Where the configuration lies: LAKEHOUSE_CONF, else the checkout's conf/, else the copy in the wheel."""

from __future__ import annotations

import ast
import atexit
import os
import shutil
import tempfile
import zipfile
from pathlib import Path

import lakehouse
from lakehouse.errors import ConfigurationError


def _package_folder() -> Path:
    """The folder of this package; one unpacked for this process when it was imported from a wheel (--py-files)."""
    folder = Path(lakehouse.__file__).parent
    if folder.is_dir():
        return folder
    unpacked = Path(tempfile.mkdtemp(prefix="lakehouse-"))
    atexit.register(shutil.rmtree, unpacked, ignore_errors=True)
    with zipfile.ZipFile(folder.parent) as wheel:
        wheel.extractall(unpacked, [name for name in wheel.namelist() if name.startswith(f"{folder.name}/")])
    return unpacked / folder.name


PACKAGE = _package_folder()
"""Where the sources, conf/ and the log settings of this package can be read as files."""


def checkout_folder(name: str) -> Path:
    """A folder of the checkout; where there is none, a folder of this package, which may not be there."""
    # Beside a package that was unpacked among the temporary files lie folders of anybody's.
    checkout = PACKAGE.parents[1]
    inside = PACKAGE.parent.name == "lib" and (checkout / "setup.py").is_file()
    return (checkout if inside else PACKAGE) / name


def conf_dir() -> Path:
    """The folder with environments/ and one folder per domain; raises ConfigurationError naming what was tried."""
    named = os.environ.get("LAKEHOUSE_CONF")
    if named:
        if not Path(named).is_dir():
            raise ConfigurationError(
                f"LAKEHOUSE_CONF names '{named}', which is not a folder. "
                "Name the folder that holds environments/ and one folder per domain."
            )
        return Path(named)
    tried = list(dict.fromkeys([checkout_folder("conf"), PACKAGE / "conf"]))
    for folder in tried:
        if (folder / "environments").is_dir():
            return folder
    raise ConfigurationError(
        f"No configuration found. Tried: {', '.join(str(folder) for folder in tried)}. "
        "Set LAKEHOUSE_CONF to the folder that holds environments/ and one folder per domain."
    )


def jars_dir() -> Path:
    """The folder with the Java archives: LAKEHOUSE_JARS, else the checkout's .jars."""
    return Path(os.environ.get("LAKEHOUSE_JARS") or checkout_folder(".jars"))


def transform_file(domain: str, layer: str, name: str) -> Path:
    """The module that holds a table's transform function."""
    return PACKAGE / "domains" / domain / layer / f"{name}.py"


def parsed_code(path: Path) -> ast.Module:
    """The syntax tree of a Python file; raises ConfigurationError with its line when it is not Python."""
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise ConfigurationError(f"{path}, line {error.lineno}: not valid Python: {error.msg}.") from error
