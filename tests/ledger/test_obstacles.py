"""What is said of errors that come from outside."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import pytest

from lakehouse.errors import ConservationError, ObstacleError
from lakehouse.ledger.obstacles import explaining

THEN = "Nothing is lost: put that right and give the same command again; it finishes what this one began."


class Py4JNetworkError(Exception):
    """Named as py4j names the loss of its JVM."""


def said(error: BaseException, place: str = "/lake/billing") -> str:
    with pytest.raises(ObstacleError) as found, explaining(place):
        raise error
    assert found.value.exit_code == 1
    return str(found.value)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (PermissionError(errno.EACCES, "no", "/lake/x"), "permission is denied (/lake/x)"),
        (OSError(errno.EDQUOT, "no"), "the disk quota is used up (/lake/billing)"),
        # As delta-rs and Java say it: with the words of the operating system somewhere in their own.
        (OSError("Generic LocalFileSystem error\n ↳ Read-only file system (os error 30)\n"),
         "the file system is read-only (/lake/billing)"),
        (Exception("FileNotFoundException: /lake/p.parquet (Too many open files)"),
         "this process has too many open files (/lake/billing)"),
        (Exception("java.io.IOException: Input/output error"),
         "the disk reports an input/output error (/lake/billing)"),
    ],
)  # fmt: skip
def test_reasons_in_words(error: Exception, reason: str) -> None:
    assert said(error) == f"This command cannot go on: {reason}. {THEN}"


def test_a_full_disk_is_told_with_what_is_free(tmp_path: Path) -> None:
    """Spark's temporary files may be what fills a disk."""
    text = said(OSError(errno.ENOSPC, "full"), str(tmp_path / "lake"))
    pattern = (
        rf"no space is left on the device \({tmp_path}/lake\)\. Free: [\d,]+ MB in {tmp_path}/lake, [\d,]+ MB in /"
    )
    assert re.search(pattern, text), text


def test_a_driver_that_died_is_found_behind_what_followed() -> None:
    error = ValueError("the claim could not be given back")
    error.__context__ = Py4JNetworkError("Answer from Java side is empty")
    assert said(error) == (
        "This command cannot go on: the process of Spark's driver has ended. Often the machine has run out of memory: "
        f"see spark.driver.memory in the environment. {THEN}"
    )


@pytest.mark.parametrize("error", [ValueError("a mistake"), ConservationError("rows are missing"), KeyError(28)])
def test_other_errors_stay_what_they_are(error: Exception) -> None:
    with pytest.raises(type(error)) as found, explaining("/lake"):
        raise error
    assert found.value is error
