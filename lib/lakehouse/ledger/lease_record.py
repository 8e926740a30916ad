"""What a lease says, as it lies in the object store, and what it can be kept in."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Protocol

from lakehouse.errors import ConfigurationError, ExitCode, LakehouseError
from lakehouse.ledger.processes import Process


class ConflictError(Exception):
    """A conditional put was refused: the object is not as the condition says, or is being written by someone else."""


class UnreachableError(LakehouseError):
    """The object store did not answer, or not with what was asked for; a put may or may not have been done."""


class DeniedError(UnreachableError):
    """The object store refuses this process; trying again is of use only after a change of rights or place."""

    exit_code = ExitCode.WRONG_USAGE


@dataclass(frozen=True)
class Record:
    """Who holds a domain, or held it last."""

    token: int
    """The fencing token: one more with each taking."""
    taking: str
    """A random word for this taking, so that a holder knows its own lease again whatever answer was lost."""
    held: bool
    holder: Process
    run: str
    beats: int
    """Changes with each renewal. That it stands still is all that others need to see; no clock is compared."""
    seconds: float
    """How long it must stand still before others may take over."""
    since: str
    """When it was taken, by the holder's clock: for people only."""
    drivers: tuple[Process, ...] = ()
    """Processes that write for the holder and can outlive it."""
    note: str = ""
    """How it became free."""

    def __str__(self) -> str:
        return f"{self.holder}, run {self.run}, since {self.since}"

    def is_taking(self, other: Record) -> bool:
        """Whether the lease is still held by that taking of it."""
        return self.held and self.taking == other.taking

    def freed(self, note: str) -> Record:
        """The same lease, free; its token stays, so that the next one is greater."""
        return replace(self, held=False, beats=self.beats + 1, note=note)

    def encoded(self) -> bytes:
        """As JSON."""
        content = {
            "state": "held" if self.held else "free",
            "token": self.token,
            "user": self.holder.user,
            "host": self.holder.host,
            "process": self.holder.number,
            "run": self.run,
            "since": self.since,
            "beats": self.beats,
            "seconds": self.seconds,
            "taking": self.taking,
            "machine": self.holder.machine,
            "started": self.holder.started,
            "drivers": [{"process": driver.number, "started": driver.started} for driver in self.drivers],
            "note": self.note,
        }
        return json.dumps(content, indent=1).encode()


@dataclass(frozen=True)
class Found:
    """A lease as it was found in the store."""

    record: Record
    e_tag: str
    """The version that a conditional put has to name."""


class Store(Protocol):
    """Where a lease lies: one object, written under conditions."""

    place: str
    """Its address, for messages."""

    def read(self) -> tuple[bytes, str] | None:
        """The content and its ETag; None when there is no object. Raises UnreachableError."""

    def write(self, content: bytes, over: str | None) -> str:
        """Write over the version of that ETag, or where nothing is (None); return the new ETag.

        Raises ConflictError when the condition does not hold, UnreachableError when that is not known.
        """


def find(store: Store) -> Found | None:
    """The lease in a store; raises ConfigurationError when the object is none."""
    got = store.read()
    if got is None:
        return None
    content, e_tag = got
    try:
        return Found(_decoded(json.loads(content)), e_tag)
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"{store.place} is no lease that can be read, so nobody can tell who writes the domain. "
            "When no run is at work, delete that object."
        ) from error


def put(store: Store, record: Record, over: str | None) -> Found | None:
    """Put a lease under a condition; returns what the store holds now, which is read when it was refused or unclear.

    Raises UnreachableError when it remains unclear, DeniedError when this process may not write.
    """
    try:
        return Found(record, store.write(record.encoded(), over))
    except DeniedError:
        raise
    except (ConflictError, UnreachableError):
        return find(store)


def _decoded(content: Any) -> Record:
    def process(about: Any) -> Process:
        if not 0 < int(about["process"]) < 2**31:
            raise ValueError(about["process"])
        return Process(str(content["user"]), str(content["host"]), str(content["machine"]),
                       int(about["process"]), str(about["started"]))  # fmt: skip

    return Record(
        token=int(content["token"]),
        taking=str(content["taking"]),
        held=content["state"] != "free",
        holder=process(content),
        run=str(content["run"]),
        beats=int(content["beats"]),
        seconds=float(content["seconds"]),
        since=str(content["since"]),
        drivers=tuple(process(driver) for driver in content["drivers"]),
        note=str(content["note"]),
    )
