"""Threads and processes that race for one lease, and processes that die with it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from lakehouse.contracts.lakes import Lake
from lakehouse.errors import WriterBusyError
from lakehouse.ledger.lease import Pace, beating
from lakehouse.ledger.lease_object import LeaseObject
from lakehouse.ledger.lease_taking import take
from tests.ledger.conftest import Clock
from tests.ledger.object_store import ObjectStore

LAKE = Lake.at("s3://bucket/lake")
QUICK = Pace(60, 0.1, 0.02)
"""Much time to live and quick beats: nobody is replaced on a slow machine, and nobody waits long."""

RACER = """\
import sys
from lakehouse.contracts.lakes import Lake
from lakehouse.errors import WriterBusyError
from lakehouse.ledger.lease import Pace
from lakehouse.ledger.writer import hold
print("ready", flush=True)
sys.stdin.readline()
try:
    with hold(Lake.at("s3://bucket/lake"), "shop", sys.argv[1], pace=Pace(60, 0.1, 0.02)) as claim:
        claim.check()
        print("held", flush=True)
        sys.stdin.readline()
except WriterBusyError as error:
    print(error, flush=True)
"""

WRITER = """\
import subprocess, sys
from lakehouse.contracts.lakes import Lake
from lakehouse.ledger.writer import hold
wait = "import signal; signal.pause()"
driver = subprocess.Popen([sys.executable, "-c", wait], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
with hold(Lake.at("s3://bucket/lake"), "shop", "run-1") as claim:
    if sys.argv[1] == "with driver":
        claim.include(driver.pid)
    print(driver.pid, flush=True)
    sys.stdin.readline()
"""

Start = Callable[[str, str], "subprocess.Popen[str]"]


@pytest.fixture
def start(store: ObjectStore) -> Iterator[Start]:
    """Start a process that speaks by lines; it ends with the test."""
    started: list[subprocess.Popen[str]] = []

    def run(code: str, argument: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", code, argument]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


def heard(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.write("go on\n")
    process.stdin.flush()


def test_of_many_threads_one_gets_the_lease(store: ObjectStore) -> None:
    racers = 12
    at_once, refused = threading.Barrier(racers), threading.Semaphore(0)

    def race(number: int) -> str:
        at_once.wait()
        try:
            lease = take(LeaseObject(LAKE, "shop", 5), "shop", f"run-{number}", QUICK, print)
        except WriterBusyError as error:
            refused.release()
            return str(error)
        with beating(lease, QUICK):
            for _ in range(racers - 1):
                assert refused.acquire(timeout=60)
        lease.check()
        return f"won by run-{number}" if lease.release() else "not released"

    for token in (1, 2, 3):
        with ThreadPoolExecutor(racers) as pool:
            ends = list(pool.map(race, range(racers)))
        (winner,) = [end.removeprefix("won by ") for end in ends if end.startswith("won by")]
        assert sum(f"run {winner}, since" in end for end in ends) == racers - 1
        assert (store.lease["token"], store.lease["run"], store.lease["state"]) == (token, winner, "free")


def test_of_many_processes_one_gets_the_lease(store: ObjectStore, start: Start) -> None:
    racers = {f"run-{number}": start(RACER, f"run-{number}") for number in range(5)}
    assert [heard(process) for process in racers.values()] == ["ready"] * 5
    for process in racers.values():
        tell(process)
    ends = {run: heard(process) for run, process in racers.items()}
    (winner,) = [run for run, end in ends.items() if end == "held"]
    holder = f"process {racers[winner].pid} of "
    assert sum(holder in end and f"run {winner}, since" in end for end in ends.values()) == 4
    tell(racers[winner])
    assert racers[winner].wait(60) == 0
    assert [record["run"] for record in store.accepted] == [winner] * len(store.accepted)
    assert (store.lease["token"], store.lease["state"]) == (1, "free")


def nobody_waits(clock: Clock) -> Pace:
    def wait(seconds: float) -> None:
        pytest.fail("waited for a dead process")

    return Pace(60, 5, 1, clock.read, wait)


@pytest.mark.parametrize("buried", [True, False], ids=["gone", "its parent has not asked for its end"])
def test_a_dead_process_of_this_machine_is_replaced_at_once(
    store: ObjectStore, start: Start, clock: Clock, buried: bool
) -> None:
    process = start(WRITER, "without driver")
    driver = int(heard(process))
    os.kill(process.pid, signal.SIGKILL)
    if buried:
        process.wait()
    else:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    lease = take(LeaseObject(LAKE, "shop", 5), "shop", "run-2", nobody_waits(clock), print)
    assert (lease.record.token, store.lease["process"]) == (2, os.getpid())
    end(driver)


def test_a_driver_that_outlived_its_process_is_waited_for(store: ObjectStore, start: Start, clock: Clock) -> None:
    process = start(WRITER, "with driver")
    driver = int(heard(process))
    assert [about["process"] for about in store.lease["drivers"]] == [driver]
    process.kill()
    process.wait()
    clock.meanwhile = lambda: end(driver) if len(clock.waited) == 10 else None
    lease = take(LeaseObject(LAKE, "shop", 5), "shop", "run-2", Pace(60, 5, 1, clock.read, clock.wait), print)
    assert (lease.record.token, sum(clock.waited)) == (2, 10)


def end(process: int) -> None:
    """Kill a process that is nobody's child here, and wait until it is gone."""
    descriptor = os.pidfd_open(process)
    os.kill(process, signal.SIGKILL)
    assert select.select([descriptor], [], [], 60)[0]
    os.close(descriptor)
