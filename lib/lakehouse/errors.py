"""What can go wrong, in the user's words, with the exit code that each error ends a command with."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended; the meaning of each number is part of the public interface."""

    DONE = 0
    FAILED = 1
    WRONG_USAGE = 2
    GATE_REFUSED = 3
    WRITER_BUSY = 4
    INCOMPLETE = 5


class LakehouseError(Exception):
    """An error that is explained to the user by its text alone, without a stack trace."""

    exit_code = ExitCode.FAILED


class ConfigurationError(LakehouseError):
    """A contract, an environment or an argument is wrong; nothing was read or written."""

    exit_code = ExitCode.WRONG_USAGE


class WriterBusyError(LakehouseError):
    """Another process writes this domain; try again when it has ended."""

    exit_code = ExitCode.WRITER_BUSY


class ClaimLostError(WriterBusyError):
    """This process does not hold the domain any more, or cannot prove that it does; it must write nothing more."""


class ConservationError(LakehouseError):
    """Rows of an accepted delivery are missing from, or doubled in, the tables it was published to."""


class TableError(LakehouseError):
    """A table in the lake is not what its contract or the ledger says it should be."""


class ObstacleError(LakehouseError):
    """Something outside stands in the way: a full disk, a lake that cannot be written, a Spark that died."""


def busy(domain: str, holder: str) -> WriterBusyError:
    """The error of a second writer, which is told who is the first."""
    return WriterBusyError(
        f"Another process writes the domain '{domain}': {holder}. Nothing was changed. "
        "Wait until it has ended, then run the command again."
    )


def lost(domain: str, why: str) -> ClaimLostError:
    """The error of a writer that must write nothing more."""
    return ClaimLostError(
        f"This process lost the domain '{domain}': {why} Nothing more is written. "
        "Run the command again: it finishes what was begun."
    )


def nearest(word: str, known: Iterable[str]) -> str:
    """A ``Did you mean`` sentence for a misspelt word, or an empty text when nothing is close."""
    match = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" Did you mean '{match[0]}'?" if match else ""
