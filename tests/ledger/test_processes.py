"""Whether another process is dead: said only when it is certain."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from lakehouse.ledger.processes import Process, process_of_this_machine, proven_dead, this_process


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def test_this_process() -> None:
    me = this_process()
    assert (me.number, str(me)) == (os.getpid(), f"process {os.getpid()} of {me.user} on {me.host}")
    assert me.machine and me.started.isdigit()
    assert not proven_dead(me)


def test_a_process_dies(child: subprocess.Popen[bytes]) -> None:
    process = process_of_this_machine(child.pid)
    assert not proven_dead(process)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert proven_dead(process), "its exit code is all that is left"
    child.wait()
    assert proven_dead(process)


def test_a_number_that_was_used_again(child: subprocess.Popen[bytes]) -> None:
    process = process_of_this_machine(child.pid)
    assert proven_dead(replace(process, started="1"))
    assert not proven_dead(replace(process, started="")), "not known when it started"


def test_processes_of_other_machines_are_never_known_to_be_dead(child: subprocess.Popen[bytes]) -> None:
    process = process_of_this_machine(child.pid)
    child.kill()
    child.wait()
    assert proven_dead(process)
    assert not proven_dead(replace(process, host="another"))
    assert not proven_dead(replace(process, machine="this one, before it was started again"))
    assert not proven_dead(replace(process, machine=""))


def test_where_machines_cannot_be_told_apart_nobody_is_dead(child: subprocess.Popen[bytes]) -> None:
    process = replace(process_of_this_machine(child.pid), machine="")
    child.kill()
    child.wait()
    assert not proven_dead(process, replace(this_process(), machine=""))


def test_a_process_of_another_user_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_permitted(number: int, signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr("lakehouse.ledger.processes.os.kill", not_permitted)
    assert not proven_dead(this_process())


def test_a_user_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_name() -> str:
        raise KeyError

    monkeypatch.setattr("lakehouse.ledger.processes.getpass.getuser", no_name)
    assert this_process().user == f"user {os.getuid()}"


def test_words() -> None:
    assert str(Process("ann", "one", "", 11, "")) == "process 11 of ann on one"
