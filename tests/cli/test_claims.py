"""lakehouse unlock, and that commands which only read take no claim."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from lakehouse.cli import main, restores
from lakehouse.contracts.lakes import Lake
from lakehouse.errors import ClaimLostError
from lakehouse.ledger.book import Ledger
from lakehouse.ledger.lease import Pace
from lakehouse.ledger.lease_object import LeaseObject
from lakehouse.ledger.lease_taking import take
from lakehouse.ledger.processes import Process
from lakehouse.ledger.writer import Claim, Say, claim, claim_file
from tests.contracts.places import LOCAL, Change, change, copy_conf
from tests.ledger.object_store import ObjectStore, served

LAKE = Lake.at("s3://bucket/lake")
ELSEWHERE = Process("ann", "far-away", "boot-1", 4711, "100")

WRITER = """\
import sys
from lakehouse.contracts.lakes import Lake
from lakehouse.ledger.writer import hold
with hold(Lake.at(sys.argv[1]), "billing", "nightly"):
    print("held", flush=True)
    sys.stdin.readline()
"""

Lakehouse = Callable[..., tuple[int, str, str]]


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    yield from served(monkeypatch)


@pytest.fixture
def lakehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lakehouse:
    """Run a command: its exit code, and what it said on both streams."""
    for name in ("LAKEHOUSE_ENV", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LAKEHOUSE_CONF", str(copy_conf(tmp_path / "conf")))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["lakehouse", *arguments])
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def writer(store: ObjectStore) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Start a process of this machine that writes billing in the object store."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", WRITER, LAKE.root]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        stdout = started[-1].stdout
        assert stdout and stdout.readline() == "held\n"
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_restore_takes_its_claim_for_the_seconds_of_its_environment(
    lakehouse: Lakehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(tmp_path / "conf", Change(LOCAL, "landing:", "lease_seconds: 90\nlanding:"))
    given = []

    def noted(lake: Lake, domain: str, run_id: str, say: Say, seconds: float = 0) -> AbstractContextManager[Claim]:
        given.append(seconds)
        return claim(lake, domain, run_id, say, seconds)

    monkeypatch.setattr(restores, "claim", noted)
    assert lakehouse("restore", "billing", "--to", "monday", "--because", "wrong", "--lake", "lake")[0] == 2
    assert given == [90]


def test_nobody_writes(lakehouse: Lakehouse, store: ObjectStore, tmp_path: Path) -> None:
    assert lakehouse("unlock", "billing", "--lake", "lake") == (
        0, f"Nobody writes the domain 'billing' in {tmp_path}/lake.\n", "",
    )  # fmt: skip
    assert not (tmp_path / "lake").exists()
    for arguments in ([], ["--force"]):
        assert lakehouse("unlock", "billing", "--lake", LAKE.root, *arguments) == (
            0, "Nobody writes the domain 'billing' in s3://bucket/lake.\n", "",
        )  # fmt: skip
    assert store.objects == {}


def test_the_environment_names_the_lake(lakehouse: Lakehouse, tmp_path: Path) -> None:
    assert lakehouse("unlock", "billing")[1] == f"Nobody writes the domain 'billing' in {tmp_path}/data/lake.\n"


def test_an_unknown_domain(lakehouse: Lakehouse, tmp_path: Path) -> None:
    assert lakehouse("unlock", "biling") == (
        2, "", "error There is no domain 'biling'. Did you mean 'billing'? Domains: billing (folders with a domain.yml "
        f"in {tmp_path}/conf).\n",
    )  # fmt: skip


def test_a_lock_is_the_kernels(lakehouse: Lakehouse, tmp_path: Path) -> None:
    with claim(Lake.at(str(tmp_path / "lake")), "billing", "nightly"):
        for arguments in ([], ["--force", "--because", "hurry"]):
            code, out, err = lakehouse("unlock", "billing", "--lake", "lake", *arguments)
            assert (code, out) == (4, "")
            assert re.fullmatch(
                rf"error The domain 'billing' is written by process {os.getpid()} of \S+ on \S+, run nightly, since "
                r"\S+\. The kernel frees it when that process ends, and only then: wait, or end that process\. "
                r"There is nothing to remove\.\n",
                err,
            )


def test_a_driver_that_is_left(lakehouse: Lakehouse, tmp_path: Path) -> None:
    lake = Lake.at(str(tmp_path / "lake"))
    with claim(lake, "billing", "nightly"):
        pass
    code = "import fcntl, sys; f = open(sys.argv[1], 'r+'); fcntl.lockf(f, fcntl.LOCK_EX); print('held'); input()"
    command = [sys.executable, "-u", "-c", code, str(claim_file(lake, "billing"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout and driver.stdout.readline() == "held\n"
        status, out, err = lakehouse("unlock", "billing", "--lake", "lake")
        driver.kill()
    assert (status, out) == (4, "")
    assert re.fullmatch(
        rf"error The domain 'billing' was written by process {os.getpid()} of \S+ on \S+, run nightly, since \S+\. "
        r"That process has ended, but its Spark driver is still at work\. The driver ends by itself within moments, "
        r"and the kernel frees the domain with it\.\n",
        err,
    )


def test_a_lease_that_may_be_alive(lakehouse: Lakehouse, store: ObjectStore) -> None:
    pace = Pace()
    lease = take(LeaseObject(LAKE, "billing", 5), "billing", "nightly", pace, print, ELSEWHERE)
    since = lease.record.since
    shown = (
        "billing: held by a lease\n"
        "  holder     process 4711 of ann on far-away (not known to be dead)\n"
        "  run        nightly\n"
        f"  since      {since}\n"
        "  token      1\n"
        "  counter    1\n"
        "  free after 60 s without renewal\n"
    )
    assert lakehouse("unlock", "billing", "--lake", LAKE.root) == (
        4, shown, "error The lease was not removed: its holder may be alive. The next run sees whether it is, and "
        "takes over after 60 s of silence. When you know that the holder has ended, remove it: "
        'lakehouse unlock billing --lake s3://bucket/lake --force --because "..."\n',
    )  # fmt: skip
    lease.check()
    code, out, err = lakehouse("unlock", "billing", "--lake", LAKE.root, "--force", "--because", "it burnt down")
    assert (code, err) == (0, "")
    note = store.lease_of("billing")["note"]
    assert re.fullmatch(r"removed by \S+ on \S+ at \S+: it burnt down", note)
    assert out == (
        shown.replace("counter    1", "counter    2")
        + f"The lease of process 4711 of ann on far-away, run nightly, since {since}, was {note}.\n"
        "Should that process live, it stops before its next commit.\n"
    )
    with pytest.raises(ClaimLostError, match=r"its lease was removed by .*: it burnt down"):
        lease.check()
    assert lakehouse("unlock", "billing", "--lake", LAKE.root)[:2] == (
        0, "Nobody writes the domain 'billing' in s3://bucket/lake.\n",
    )  # fmt: skip


def test_a_lease_of_the_dead(
    lakehouse: Lakehouse, store: ObjectStore, writer: Callable[[], subprocess.Popen[str]]
) -> None:
    process = writer()
    assert lakehouse("unlock", "billing", "--lake", LAKE.root)[0] == 4
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    code, out, err = lakehouse("unlock", "billing", "--lake", LAKE.root)
    assert (code, err) == (0, "")
    assert f"  holder     process {process.pid} of " in out and " (dead)\n" in out
    assert store.lease_of("billing")["note"].endswith(": its process is dead")


def test_help_has_an_example(lakehouse: Lakehouse) -> None:
    code, out, _ = lakehouse("unlock", "--help")
    assert code == 0
    assert (
        'Example: lakehouse unlock billing --lake s3://bucket/lake --force --because "the cluster was switched off"'
        in " ".join(out.split())
    )


def test_who_only_reads_does_not_wait(lakehouse: Lakehouse, tmp_path: Path) -> None:
    lake = Lake.at(str(tmp_path / "lake"))
    Ledger(lake, "billing").record("runs", [{"run_id": "r", "state": "finished", "command": "run"}])
    before = claim_file(lake, "billing")
    assert not before.exists()
    commands = (
        ("validate", "billing"),
        ("plan", "billing", "--landing", ".", "--lake", "lake"),
        ("run", "billing", "--landing", ".", "--lake", "lake", "--dry-run"),
        ("sql", "--lake", "lake", "select run_id from billing_ledger.runs"),
    )
    for command in commands:
        assert lakehouse(*command)[0] == 0
        assert not before.exists(), "nor does it make a lock"
    with claim(lake, "billing", "nightly"):
        assert [lakehouse(*command)[0] for command in commands] == [0, 0, 0, 0]
        assert lakehouse("run", "billing", "--landing", ".", "--lake", "lake")[0] == 4
