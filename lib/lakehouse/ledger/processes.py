"""Processes, named so that another one of the same machine can tell whether they are dead."""

from __future__ import annotations

import getpass
import os
import socket
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """A process of some machine."""

    user: str
    host: str
    machine: str
    """This start of this machine, and the numbering of processes that containers have; empty where neither is known."""
    number: int
    started: str
    """When it started, in the kernel's ticks: numbers are used again, but not with the same start."""

    def __str__(self) -> str:
        return f"process {self.number} of {self.user} on {self.host}"


def this_process() -> Process:
    """The process that asks."""
    return process_of_this_machine(os.getpid())


def process_of_this_machine(number: int) -> Process:
    """A process of this machine, by its number."""
    return Process(user_name(), socket.gethostname(), _machine(), number, _started(number))


def proven_dead(process: Process, observer: Process | None = None) -> bool:
    """Whether a process is certainly dead, as seen by another one (default: this one).

    False when it lives, when it belongs to another machine or container, and whenever that cannot be known.
    """
    here = observer or this_process()
    if not here.machine or (process.machine, process.host) != (here.machine, here.host):
        return False
    try:
        os.kill(process.number, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # It lives, and is somebody else's.
    started = _started(process.number)
    return _is_corpse(process.number) or bool(started and process.started and started != process.started)


def user_name() -> str:
    """The user that this process runs as."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # A container may run under a number that has no name.
        return f"user {os.getuid()}"


def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _started(number: int) -> str:
    fields = _stat(number)
    return fields[19] if len(fields) > 19 else ""


def _is_corpse(number: int) -> bool:
    """Whether all that is left of a process is its exit code, which its parent has not asked for yet."""
    try:
        threads = len(list(Path(f"/proc/{number}/task").iterdir()))
    except OSError:
        return False
    return threads == 1 and _stat(number)[:1] in (["Z"], ["X"])


def _stat(number: int) -> list[str]:
    """The fields of /proc/<number>/stat after the program's name, which may hold spaces and brackets."""
    try:
        return Path(f"/proc/{number}/stat").read_text("utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []
