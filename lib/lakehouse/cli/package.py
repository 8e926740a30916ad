"""What clusters need, in one folder: wheel, job files, conf, a Python environment, Java archives, and a manifest."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from lakehouse.cli.outputs import writing
from lakehouse.contracts.artifacts import Jar, Package, jars
from lakehouse.contracts.locations import PACKAGE, jars_dir
from lakehouse.errors import ConfigurationError, LakehouseError

ARCHITECTURES = {"x86_64": "x86_64-manylinux_2_28", "arm64": "aarch64-manylinux_2_28"}
"""Processors, and the system that wheels for them may expect: older than Amazon Linux 2023 and Databricks' images."""

PYTHONS = ("3.10", "3.11", "3.12")

_NOT_PACKED = {"pyspark", "py4j", "setuptools", "wheel"}
"""Spark puts its own Python side first on the path, and nothing is built on a cluster."""

_EPOCH = 315532800
"""1980-01-01, the earliest time that a zip archive can hold: times of files must not change the bytes."""


@dataclass(frozen=True)
class Target:
    """The machines that a package is for."""

    arch: str
    python: str
    interpreter: str
    """Where their Python of that version is; the environment in the package points there."""

    def __post_init__(self) -> None:
        _choose("--arch", self.arch, tuple(ARCHITECTURES))
        _choose("--python", self.python, PYTHONS)


def make_package(out: Path, target: Target) -> Path:
    """Make the folder ``lakehouse-<version>`` in ``out`` and return its path; an older one is replaced.

    The same checkout gives the same bytes. Raises ConfigurationError without a checkout or its Java archives or when
    the folder cannot be written, and LakehouseError with the tool's own words when the wheel cannot be built or a
    dependency cannot be had.
    """
    checkout = _checkout()
    archives = _archives()
    done = out / Package(str(out)).folder
    with writing("--out", out):
        out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".package-") as work:
        package = Package(str(Path(work, "package")))
        Path(package.root, "jars").mkdir(parents=True)
        _build_wheel(checkout, Path(package.root), Path(work, "build"))
        shutil.copytree(checkout / "jobs", Path(package.root, "jobs"), ignore=shutil.ignore_patterns("__pycache__"))
        _pack(Path(package.conf), _files(checkout / "conf"))
        for jar, path in archives.items():
            shutil.copy(path, package.jar(jar))
        packed = _pack_environment(checkout, package, target, Path(work, "site-packages"))
        Path(package.manifest).write_text(json.dumps(_manifest(package, target, packed), indent=2) + "\n", "utf-8")
        shutil.rmtree(done, ignore_errors=True)
        Path(package.root).replace(done)
    return done


def _choose(option: str, found: str, allowed: tuple[str, ...]) -> None:
    if found not in allowed:
        raise ConfigurationError(
            f"{option}: '{found}' is not known. Allowed: {', '.join(allowed)}. Example: {option} {allowed[0]}"
        )


def _checkout() -> Path:
    root = PACKAGE.parents[1]
    if not (root / "setup.py").is_file():
        raise ConfigurationError(
            f"A package is made from a checkout, and {root} is none. Run 'make package' where setup.py and jobs/ are."
        )
    return root


def _archives() -> dict[Jar, Path]:
    found = {jar: jars_dir() / jar.file for jar in jars()}
    missing = [path.name for path in found.values() if not path.is_file()]
    if missing:
        raise ConfigurationError(
            f"Not in {jars_dir()}: {', '.join(missing)}. Run 'make package', which fetches what conf/jars.xml lists."
        )
    return found


def _build_wheel(checkout: Path, out: Path, build: Path) -> None:
    # From a copy: a build writes beside its sources, and modes of files get into the wheel.
    for folder in ("lib", "conf"):
        shutil.copytree(checkout / folder, build / folder, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for file in ("setup.py", "pyproject.toml"):
        shutil.copy(checkout / file, build)
    for path in build.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    how = ("--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check")
    _call(
        "The wheel could not be built",
        [sys.executable, "-m", "pip", "wheel", str(build), *how, "--wheel-dir", str(out)],
        {"SOURCE_DATE_EPOCH": str(_EPOCH)},
    )


def _call(failure: str, command: list[str], variables: Mapping[str, str]) -> None:
    # Modes of what the tools write get into archives too: the same ones, whatever this shell's mask is.
    done = subprocess.run(
        command, env={**os.environ, **variables}, umask=0o022, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise LakehouseError(f"{failure}:\n{(done.stderr or done.stdout).strip()}")


# --- The Python environment ---


def _pack_environment(checkout: Path, package: Package, target: Target, site: Path) -> list[str]:
    """Pack an environment that works wherever it is unpacked; returns what is installed in it."""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if uv is None:
        raise ConfigurationError("uv is missing beside this Python. Run 'make package', which installs it.")
    wanted = site.with_name("requirements.txt")
    wanted.write_text(_cluster_requirements((checkout / "requirements" / "main.txt").read_text("utf-8")), "utf-8")
    where = ("--target", str(site), "--python-version", target.python, "--python-platform", ARCHITECTURES[target.arch])
    what = ("--only-binary", ":all:", "--no-deps", "--require-hashes", "--requirement", str(wanted))
    _call(
        "The Python environment could not be made",
        [uv, "pip", "install", "--quiet", "--link-mode", "copy", "--python", sys.executable, *where, *what],
        # The certificates that this machine trusts, as pip does.
        {"UV_SYSTEM_CERTS": "true", "UV_NATIVE_TLS": "true"},
    )
    shutil.rmtree(site / "bin", ignore_errors=True)  # scripts that name the Python of this machine
    with zipfile.ZipFile(package.wheel) as wheel:
        wheel.extractall(site)
    _pack(Path(package.environment), _environment(site, target))
    return sorted(path.name.removesuffix(".dist-info").replace("-", "==", 1) for path in site.glob("*.dist-info"))


def _cluster_requirements(lock: str) -> str:
    """The lock without what clusters have themselves; hashes stay."""
    blocks = re.split(r"(?m)^(?=[a-z0-9])", lock)
    return "".join(block for block in blocks if re.split(r"[^a-z0-9.-]", block)[0] not in _NOT_PACKED)


def _environment(site: Path, target: Target) -> dict[str, Path | bytes | str]:
    """The files of a virtual environment: Python finds all else from the place of bin/python."""
    home = str(Path(target.interpreter).parent)
    settings = f"home = {home}\ninclude-system-site-packages = false\nversion = {target.python}\n"
    inside = f"lib/python{target.python}/site-packages"
    packages = {f"{inside}/{name}": path for name, path in _files(site).items() if name != ".lock"}
    links = {f"bin/{name}": target.interpreter for name in ("python", "python3", f"python{target.python}")}
    return {"pyvenv.cfg": settings.encode(), **links, **packages}


def _files(folder: Path) -> dict[str, Path]:
    paths = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path for path in paths}


def _pack(archive: Path, content: Mapping[str, Path | bytes | str]) -> None:
    """Pack files (a path or bytes) and symbolic links (a text) so that nothing but them decides about the bytes."""
    # pigz and the like would be faster; their bytes depend on how many processors there are.
    with (
        archive.open("wb") as raw,
        gzip.GzipFile("", "wb", 3, raw, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.GNU_FORMAT) as tar,
    ):
        for name, source in sorted(content.items()):
            entry = tarfile.TarInfo(name)
            entry.mtime = _EPOCH
            if isinstance(source, str):
                entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, source, 0o777
                tar.addfile(entry)
                continue
            data = source if isinstance(source, bytes) else source.read_bytes()
            entry.size = len(data)
            entry.mode = 0o755 if isinstance(source, Path) and os.access(source, os.X_OK) else 0o644
            tar.addfile(entry, BytesIO(data))


# --- The manifest ---


def _manifest(package: Package, target: Target, packed: Iterable[str]) -> dict[str, Any]:
    root = Path(package.root)
    archives = {f"jars/{jar.file}": jar for jar in jars()}
    files = {name: _checksum(path) for name, path in sorted(_files(root).items())}
    return {
        "lakehouse": Package("").folder.removeprefix("lakehouse-"),
        "environment": {
            "arch": target.arch,
            "python": target.python,
            "interpreter": target.interpreter,
            "packages": list(packed),
        },
        "jars": [{"path": name, **_where(jar), **files.pop(name)} for name, jar in archives.items()],
        "files": [{"path": name, **checksum} for name, checksum in files.items()],
    }


def _where(jar: Jar) -> dict[str, str]:
    platform = "leave out: the platform has its own" if jar.part_of_platform else "give"
    return {"coordinates": jar.coordinates, "standalone": "give", "emr": platform, "databricks": platform}


def _checksum(path: Path) -> dict[str, Any]:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return {"sha256": digest.hexdigest(), "bytes": path.stat().st_size}
