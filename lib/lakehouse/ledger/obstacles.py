"""What stops a run from outside - a full disk, a lake that cannot be written, a Spark that died - in words."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EACCES, EDQUOT, EFBIG, EIO, EMFILE, ENOSPC, EROFS
from pathlib import Path

from lakehouse.errors import LakehouseError, ObstacleError

_REASONS = {
    ENOSPC: "no space is left on the device",
    EDQUOT: "the disk quota is used up",
    EROFS: "the file system is read-only",
    EACCES: "permission is denied",
    EFBIG: "a file would be larger than this process may write",
    EMFILE: "this process has too many open files",
    EIO: "the disk reports an input/output error",
}
_NO_SPARK = ("Py4JNetworkError", "ConnectionRefusedError")
"""What py4j raises when the JVM is gone; named, because nothing of Spark may be imported here."""
_THEN = "Nothing is lost: put that right and give the same command again; it finishes what this one began."


@contextmanager
def explaining(place: str) -> Iterator[None]:
    """Raise ObstacleError instead of an error that comes from outside: it says what is wrong and what to do.

    ``place`` is the folder that is worked on.
    """
    try:
        yield
    except LakehouseError:
        raise
    except Exception as error:
        found = obstacle(error, place)
        if found is None:
            raise
        raise found from error


def obstacle(error: BaseException, place: str) -> ObstacleError | None:
    """What is said of an error that comes from outside; None for any other."""
    chain = list(_chain(error))
    for code, reason in _REASONS.items():
        # delta-rs and Java have the words of the operating system in their messages.
        said = next((e for e in chain if getattr(e, "errno", None) == code or os.strerror(code) in str(e)), None)
        if said is not None:
            where = getattr(said, "filename", None) or place
            space = _space(place) if code == ENOSPC else ""
            return ObstacleError(f"This command cannot go on: {reason} ({where}).{space} {_THEN}")
    if any(type(e).__name__ in _NO_SPARK for e in chain):
        return ObstacleError(
            "This command cannot go on: the process of Spark's driver has ended. Often the machine has run out of "
            f"memory: see spark.driver.memory in the environment. {_THEN}"
        )
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _space(place: str) -> str:
    """How much is free: Spark's temporary files may be what fills a disk."""
    temporary = tempfile.gettempdir()
    found = {folder: _free(folder) for folder in (place, temporary)}
    return " Free: " + ", ".join(f"{mb:,} MB in {folder}" for folder, mb in found.items() if mb is not None) + "."


def _free(folder: str) -> int | None:
    existing = next((path for path in (Path(folder), *Path(folder).parents) if path.exists()), None)
    return shutil.disk_usage(existing).free // 1_000_000 if existing and "://" not in folder else None
