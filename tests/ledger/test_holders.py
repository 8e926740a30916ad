"""Who writes a domain, said without taking anything, and leases that people remove."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from lakehouse.contracts.lakes import Lake
from lakehouse.errors import ClaimLostError, ConfigurationError, WriterBusyError
from lakehouse.ledger.holders import held_lease, holder, holder_of, remove_lease
from lakehouse.ledger.lease import Pace
from lakehouse.ledger.lease_object import LeaseObject
from lakehouse.ledger.lease_record import UnreachableError
from lakehouse.ledger.lease_taking import take
from lakehouse.ledger.processes import Process
from lakehouse.ledger.writer import claim, claim_file, hold
from tests.ledger.conftest import Clock
from tests.ledger.object_store import ObjectStore

LAKE = Lake.at("s3://bucket/lake")
ANN = Process("ann", "one", "boot-1", 11, "100")
BOB = Process("bob", "two", "boot-2", 22, "200")

DRIVER = """\
import fcntl, sys
with open(sys.argv[1], "r+") as file:
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_a_disk(tmp_path: Path) -> None:
    lake = Lake.at(str(tmp_path))
    assert holder(lake, "shop") is None
    assert not (tmp_path / "shop").exists(), "who asks makes nothing"
    with claim(lake, "shop", "run-1"):
        found = holder(lake, "shop")
        assert found and not found.dead
        assert re.fullmatch(rf"process {os.getpid()} of \S+ on \S+, run run-1, since \S+", str(found))
    assert holder(lake, "shop") is None


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[None]:
    """A Spark driver that works on after the process that started it has ended."""
    lake = Lake.at(str(tmp_path))
    with claim(lake, "shop", "run-1"):
        pass
    command = [sys.executable, "-c", DRIVER, str(claim_file(lake, "shop"))]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline() == "held\n"
    yield
    process.kill()
    process.communicate()


@pytest.mark.usefixtures("driver")
def test_a_driver_alone(tmp_path: Path) -> None:
    found = holder(Lake.at(str(tmp_path)), "shop")
    assert found and found.dead
    assert ", run run-1, since " in str(found)


def test_who_asks_keeps_no_writer_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = Lake.at(str(tmp_path))
    with claim(lake, "shop", "run-0"):
        pass
    asking = claim_file(lake, "shop").open()
    fcntl.flock(asking, fcntl.LOCK_SH)
    waited: list[float] = []

    def has_asked(seconds: float) -> None:
        waited.append(seconds)
        asking.close()

    # The module alone, not the function that threads of other tests call too.
    monkeypatch.setattr("lakehouse.ledger.writer.time", SimpleNamespace(sleep=has_asked))
    with claim(lake, "shop", "run-1"):
        assert waited == [0.02]


def test_a_lake_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def not_permitted(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("lakehouse.ledger.holders.os.open", not_permitted)
    with pytest.raises(ConfigurationError) as caught:
        holder(Lake.at(str(tmp_path)), "shop")
    assert str(caught.value) == f"The lake {tmp_path} cannot be read: Permission denied ({tmp_path}/shop/writer.lock)."


def test_an_object_store(store: ObjectStore) -> None:
    assert holder(LAKE, "shop") is None
    with hold(LAKE, "shop", "run-1"):
        written = len(store.accepted)
        found = holder(LAKE, "shop")
        assert found and not found.dead
        assert re.fullmatch(rf"process {os.getpid()} of \S+ on \S+, run run-1, since \S+", str(found))
        assert len(store.accepted) == written
    assert holder(LAKE, "shop") is None


def test_a_removed_lease(store: ObjectStore, clock: Clock) -> None:
    pace = Pace(60, 5, 1, clock.read, clock.wait)
    lease = take(LeaseObject(LAKE, "shop", 5), "shop", "run-1", pace, print, ANN)
    found = held_lease(LAKE, "shop")
    assert found and found.record == lease.record and not holder_of(found).dead
    lease.renew()
    note = remove_lease(LAKE, "shop", found, "the cluster is gone")
    assert re.fullmatch(r"removed by \S+ on \S+ at \d{4}-\d\d-\d\dT\S+: the cluster is gone", note)
    assert (store.lease["state"], store.lease["token"], store.lease["note"]) == ("free", 1, note)
    with pytest.raises(ClaimLostError) as caught:
        lease.check()
    assert str(caught.value) == (
        f"This process lost the domain 'shop': its lease was {note}. Nothing more is written. "
        "Run the command again: it finishes what was begun."
    )
    assert holder(LAKE, "shop") is None
    assert take(LeaseObject(LAKE, "shop", 5), "shop", "run-2", pace, print, BOB).record.token == 2
    assert clock.waited == []


def test_only_the_lease_that_was_shown_is_removed(store: ObjectStore, clock: Clock) -> None:
    pace = Pace(60, 5, 1, clock.read, clock.wait)
    first = take(LeaseObject(LAKE, "shop", 5), "shop", "run-1", pace, print, ANN)
    found = held_lease(LAKE, "shop")
    assert found
    first.release()
    second = take(LeaseObject(LAKE, "shop", 5), "shop", "run-2", pace, print, BOB)
    with pytest.raises(WriterBusyError, match="process 22 of bob on two, run run-2, since"):
        remove_lease(LAKE, "shop", found, "")
    second.check()


def test_a_store_that_does_not_remove(store: ObjectStore, clock: Clock) -> None:
    take(LeaseObject(LAKE, "shop", 5), "shop", "run-1", Pace(60, 5, 1, clock.read, clock.wait), print, ANN)
    found = held_lease(LAKE, "shop")
    assert found
    store.puts.extend(["409"] * 10)
    with pytest.raises(UnreachableError, match=r"^s3://bucket/lake/shop/writer\.lease was not removed\.$"):
        remove_lease(LAKE, "shop", found, "")
