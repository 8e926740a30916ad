"""What `lakehouse airflow` prepares before it starts anything."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lakehouse.cli import scheduling
from lakehouse.errors import LakehouseError
from tests.contracts.places import LOCAL, Change, copy_conf

Called = list[list[str]]
Ends = Callable[[Path], int]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with deliveries of billing in its own landing zone and none of retail."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LAKEHOUSE_ENV", raising=False)
    monkeypatch.setattr(scheduling, "domain_names", lambda: ("billing", "retail", "shop"))
    (tmp_path / "data/landing/billing").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> Called:
    """The commands that were called, which do nothing."""
    return sampling(monkeypatch, lambda _: 0)


def sampling(monkeypatch: pytest.MonkeyPatch, ends: Ends) -> Called:
    """Let commands do this with the folder of their deliveries."""
    called: Called = []

    def run(command: list[str], check: bool) -> subprocess.CompletedProcess[str]:
        called.append(command[1:])
        code = ends(Path(command[4]) / command[2])
        done = subprocess.CompletedProcess[str](command, code)
        if check:
            done.check_returncode()
        return done

    monkeypatch.setattr(subprocess, "run", run)
    return called


def half(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "customers.csv").write_text("customer_id\n")


def test_samples_are_made_of_domains_without_deliveries_that_have_a_sample(checkout: Path, called: Called) -> None:
    scheduling.make_samples()
    assert called == [["sample", "retail", "--out", "data/landing"]]


def test_no_samples_are_made_in_a_landing_zone_that_somebody_chose(
    checkout: Path, called: Called, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "files" / "retail").mkdir(parents=True)
    conf = copy_conf(checkout / "conf", Change(LOCAL, "landing: data/landing", f"landing: {checkout}/files"))
    monkeypatch.setenv("LAKEHOUSE_CONF", str(conf))
    scheduling.make_samples()
    assert capsys.readouterr().out == (
        f"No deliveries of billing in {checkout}/files: put some there. Samples are made in data/landing of the "
        "environment local alone.\n"
    )
    assert called == []


def test_no_samples_are_made_for_an_environment_that_somebody_chose(
    checkout: Path, called: Called, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    conf = copy_conf(checkout / "conf", Change(LOCAL, "A laptop.", "A laptop of the team."))
    (conf / LOCAL).rename(conf / LOCAL.replace("local", "team"))
    monkeypatch.setenv("LAKEHOUSE_CONF", str(conf))
    monkeypatch.setenv("LAKEHOUSE_ENV", "team")
    scheduling.make_samples()
    assert capsys.readouterr().out == (
        "No deliveries of retail in data/landing: put some there. Samples are made in data/landing of the environment "
        "local alone.\n"
    )
    assert called == []


def test_no_look_is_taken_into_an_object_store(
    checkout: Path, called: Called, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    conf = copy_conf(checkout / "conf", Change(LOCAL, "landing: data/landing", "landing: s3://bucket/landing"))
    monkeypatch.setenv("LAKEHOUSE_CONF", str(conf))
    scheduling.make_samples()
    assert (called, capsys.readouterr().out) == ([], "")


def test_a_sample_that_fails_is_told_and_leaves_no_half_behind(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(folder: Path) -> int:
        half(folder)
        return 2

    sampling(monkeypatch, fails)
    with pytest.raises(LakehouseError) as found:
        scheduling.make_samples()
    assert str(found.value) == (
        "No sample deliveries of retail could be made in data/landing (above: why). Put that right, or put deliveries "
        "of your own into data/landing/retail, and give the same command again."
    )
    assert [path.name for path in (checkout / "data/landing").iterdir()] == ["billing"]


def test_a_sample_that_is_interrupted_leaves_no_half_behind(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(folder: Path) -> int:
        half(folder)
        raise KeyboardInterrupt

    sampling(monkeypatch, interrupted)
    with pytest.raises(KeyboardInterrupt):
        scheduling.make_samples()
    assert [path.name for path in (checkout / "data/landing").iterdir()] == ["billing"]
