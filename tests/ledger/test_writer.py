"""One writer per domain: whoever comes second is told who is first."""

from __future__ import annotations

import getpass
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lakehouse.contracts.lakes import Lake
from lakehouse.errors import ClaimLostError, ConfigurationError, WriterBusyError
from lakehouse.ledger.commits import committing
from lakehouse.ledger.lease import Pace
from lakehouse.ledger.lease_object import LeaseObject
from lakehouse.ledger.lease_taking import take
from lakehouse.ledger.processes import Process
from lakehouse.ledger.writer import claim, claim_file, held_claim, hold
from tests.ledger.conftest import Clock
from tests.ledger.object_store import ObjectStore

LAKE = Lake.at("s3://bucket/lake")

HOLDER = """\
import sys
from lakehouse.contracts.lakes import Lake
from lakehouse.ledger.writer import claim
with claim(Lake.at(sys.argv[1]), "shop", "run-1"):
    print("held", flush=True)
    sys.stdin.readline()
"""

# What a Spark driver holds on after the process that started it was killed: Java takes POSIX locks.
DRIVER = """\
import fcntl, sys
with open(sys.argv[1], "r+") as file:
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    print("held", flush=True)
    sys.stdin.readline()
"""

Start = Callable[[str, str], "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a process that says when it holds its lock; it ends with the test."""
    started: list[subprocess.Popen[str]] = []

    def run(code: str, argument: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", code, argument], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout and process.stdout.readline() == "held\n"
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()


def test_the_second_writer_is_told_who_holds_the_domain(tmp_path: Path, start: Start) -> None:
    holder = start(HOLDER, str(tmp_path))
    with pytest.raises(WriterBusyError) as caught, claim(Lake.at(str(tmp_path)), "shop", "run-2"):
        pytest.fail("two writers")
    assert re.sub(r"since [-0-9T:]+\+00:00", "since NOW", str(caught.value)) == (
        f"Another process writes the domain 'shop': process {holder.pid} of {getpass.getuser()} on "
        f"{socket.gethostname()}, run run-1, since NOW. Nothing was changed. "
        "Wait until it has ended, then run the command again."
    )
    assert int(caught.value.exit_code) == 4


def test_other_domains_and_other_lakes_are_free(tmp_path: Path, start: Start) -> None:
    start(HOLDER, str(tmp_path / "one"))
    with (
        claim(Lake.at(str(tmp_path / "one")), "billing", "run-2"),
        claim(Lake.at(str(tmp_path / "two")), "shop", "run-3"),
    ):
        assert claim_file(Lake.at(str(tmp_path / "two")), "shop").is_file()


def test_the_kernel_frees_the_claim_of_a_killed_holder(tmp_path: Path, start: Start) -> None:
    holder = start(HOLDER, str(tmp_path))
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with claim(Lake.at(str(tmp_path)), "shop", "run-2"):
        assert '"run": "run-2"' in claim_file(Lake.at(str(tmp_path)), "shop").read_text()


def test_a_claim_ends_with_its_block_also_after_an_error(tmp_path: Path) -> None:
    lake = Lake.at(str(tmp_path))
    with pytest.raises(RuntimeError), claim(lake, "shop", "run-1"):
        raise RuntimeError
    with claim(lake, "shop", "run-2"):
        pass


def test_a_driver_that_outlived_its_process_still_is_the_writer(tmp_path: Path, start: Start) -> None:
    lake = Lake.at(str(tmp_path))
    with claim(lake, "shop", "run-1"):
        pass
    driver = start(DRIVER, str(claim_file(lake, "shop")))
    with pytest.raises(WriterBusyError, match="run run-1, since"), claim(lake, "shop", "run-2"):
        pytest.fail("two writers")
    driver.kill()
    driver.wait()
    with claim(lake, "shop", "run-2"):
        pass


def test_a_holder_that_left_no_name(tmp_path: Path, start: Start) -> None:
    lake = Lake.at(str(tmp_path))
    claim_file(lake, "shop").parent.mkdir()
    claim_file(lake, "shop").touch()
    start(DRIVER, str(claim_file(lake, "shop")))
    with pytest.raises(WriterBusyError, match="'shop': who it is could not be read"), claim(lake, "shop", "r"):
        pytest.fail("two writers")


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught, claim(Lake.at("s3://bucket/lake"), "shop", "run-1"):
        pytest.fail("claimed")
    assert str(caught.value) == "The lake s3://bucket/lake is not on a local disk; only local lakes can be written yet."
    (tmp_path / "lake").write_text("a file")
    with pytest.raises(ConfigurationError) as caught, claim(Lake.at(str(tmp_path / "lake")), "shop", "run-1"):
        pytest.fail("claimed")
    assert str(caught.value) == (
        f"The lake {tmp_path}/lake cannot be written: Not a directory ({tmp_path}/lake/shop/writer.lock)."
    )


# --- The fence


def commit(lake: Lake) -> None:
    with committing(f"{lake.domain('shop')}/silver/sales", "merge"):
        pass


@pytest.mark.parametrize("replaced", [False, True], ids=["deleted", "replaced"])
def test_a_lock_file_that_is_gone_ends_the_claim(tmp_path: Path, replaced: bool) -> None:
    lake = Lake.at(str(tmp_path))
    with claim(lake, "shop", "run-1") as held:
        held.check()
        commit(lake)
        claim_file(lake, "shop").unlink()
        if replaced:
            claim_file(lake, "shop").touch()
        with pytest.raises(ClaimLostError) as caught, committing(f"{tmp_path}/shop/silver/sales", "merge"):
            pytest.fail("committed")
        assert str(caught.value) == (
            f"This process lost the domain 'shop': its lock file {tmp_path}/shop/writer.lock was deleted or replaced. "
            "Nothing more is written. Run the command again: it finishes what was begun."
        )
        assert int(caught.value.exit_code) == 4
        with pytest.raises(ClaimLostError):
            held.check()
        commit(Lake.at(str(tmp_path / "other")))


def test_the_fence_ends_with_the_claim(tmp_path: Path) -> None:
    lake = Lake.at(str(tmp_path))
    with claim(lake, "shop", "run-1") as held:
        assert held_claim(lake, "shop") is held
    claim_file(lake, "shop").unlink()
    commit(lake)
    assert held_claim(lake, "shop") is None


def test_a_paused_holder_in_an_object_store_cannot_commit(store: ObjectStore, clock: Clock) -> None:
    other = Process("bob", "two", "boot-2", 22, "200")
    pace = Pace(60, 5, 1, clock.read, clock.wait)
    said: list[str] = []
    with hold(LAKE, "shop", "run-1", said.append, Pace(60, 3600, 1)) as held:
        held.check()
        commit(LAKE)
        replacement = take(LeaseObject(LAKE, "shop", 5), "shop", "run-2", pace, said.append, other)
        with pytest.raises(ClaimLostError) as caught, committing("s3://bucket/lake/shop/silver/sales", "merge"):
            pytest.fail("committed")
        assert str(caught.value) == (
            f"This process lost the domain 'shop': process 22 of bob on two, run run-2, since {store.lease['since']}, "
            "has taken it over (token 2). Nothing more is written. Run the command again: it finishes what was begun."
        )
    replacement.check()
    assert len(said) == 1, "who was replaced has nothing to give back"


def test_a_claim_in_an_object_store_is_given_back_also_after_an_error(store: ObjectStore) -> None:
    with pytest.raises(RuntimeError), hold(LAKE, "shop", "run-1"):
        assert store.lease["state"] == "held"
        raise RuntimeError
    assert (store.lease["state"], store.lease["note"]) == ("free", "given back")


def test_a_claim_that_cannot_be_given_back_says_how_long_it_lasts(store: ObjectStore) -> None:
    said: list[str] = []
    with hold(LAKE, "shop", "run-1", said.append):
        store.puts.extend(["never"] * 10)
        store.gets.extend(["500"] * 10)
    assert said == ["the lease on the domain 'shop' could not be given back; it ends by itself after 60 s"]
    assert store.lease["state"] == "held"
