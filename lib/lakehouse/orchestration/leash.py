"""Becomes another program that ends with the process that started it: ``python leash.py PARENT PROGRAM ARGUMENTS...``.

A file of its own and not a function for a fork to call: between fork and exec, Python code may wait for a lock that a
thread of the parent held, for ever.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Take a process group of its own, ask the kernel to be killed with the parent, and become the program."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    os.setpgid(0, 0)
    if sys.platform == "linux":
        # spark-submit and java keep this across exec.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("The process that wanted this program has gone.")
    try:
        os.execv(program[0], program)
    except OSError as error:
        sys.exit(f"{program[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
