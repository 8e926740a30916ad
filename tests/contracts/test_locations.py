"""Where conf/, the Java archives and places of data are looked for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lakehouse.contracts.lakes import Lake
from lakehouse.contracts.locations import jars_dir
from lakehouse.contracts.places import absolute
from lakehouse.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[2]
WHERE = """\
from lakehouse.contracts.locations import PACKAGE, checkout_folder, conf_dir, jars_dir
print(*[path.relative_to(PACKAGE.parent) for path in (conf_dir(), jars_dir(), checkout_folder("jobs"))], sep="\\n")
"""


def test_a_package_out_of_an_archive_uses_nothing_that_lies_beside_it(tmp_path: Path) -> None:
    """Among temporary files anybody can put a folder that looks like a checkout's."""
    wheel = tmp_path / "lakehouse.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for source, inside, files in (("lib", ".", "*.py"), ("conf", "lakehouse/conf", "*.yml")):
            for path in (ROOT / source).rglob(files):
                archive.write(path, Path(inside, path.relative_to(ROOT / source)))
    scratch = tmp_path / "scratch"
    shutil.copytree(ROOT / "conf", scratch / "conf")
    for folder in (".jars", "jobs", "lib"):
        (scratch / folder).mkdir()
    (scratch / "setup.py").touch()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LAKEHOUSE_")}
    found = subprocess.run(
        [sys.executable, "-c", WHERE], cwd=tmp_path, env={**clean, "PYTHONPATH": str(wheel), "TMPDIR": str(scratch)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert found.stdout.splitlines() == ["lakehouse/conf", "lakehouse/.jars", "lakehouse/jobs"]


def test_a_checkout_uses_its_own_archives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAKEHOUSE_JARS", raising=False)
    assert jars_dir() == ROOT / ".jars"


def test_places_from_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.chdir(tmp_path)
    assert absolute("~/o3") == "/home/ada/o3"
    assert absolute("data/../lake") == f"{tmp_path}/lake"
    assert absolute("s3://bucket/landing/") == "s3://bucket/landing"
    assert absolute("C:/lake") == f"{tmp_path}/C:/lake"
    assert Lake.at("~/lake").root == "/home/ada/lake"


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("", "expected a folder or an address, found nothing. Example: data/lake or s3://bucket/lake"),
        ("s3:/bucket/lake", "'s3:/bucket/lake' has one slash where an address has two. Example: s3://bucket/lake"),
        (
            "dbfs:/lake",
            "'dbfs:/lake' would be taken for a folder of the name 'dbfs:'. Name a folder by its path, or an address "
            "with two slashes. Example: /mnt/data/lake or s3://bucket/lake",
        ),
        (
            "~nosuch/lake",
            "'~nosuch/lake' lies in a home directory that is not known here. Write its path. Example: /mnt/data/lake",
        ),
        (
            "~/lake",
            "'~/lake' lies in a home directory that is not known here. Write its path. Example: /mnt/data/lake",
        ),
    ],
)
def test_a_place_that_is_none(place: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # As in a container: a user that has no name.
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    for read in (absolute, Lake.at):
        with pytest.raises(ConfigurationError) as caught:
            read(place)
        assert str(caught.value) == text
