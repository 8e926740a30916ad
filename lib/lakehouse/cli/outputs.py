"""Files that a command is told to write: checked before the work begins, written whole, refused in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lakehouse.errors import ConfigurationError


def check_output(option: str, path: Path) -> None:
    """Raise ConfigurationError for a file that an option names in a folder that is not there."""
    if not path.parent.is_dir():
        raise ConfigurationError(f"{option}: the folder '{path.parent}' does not exist.")


@contextmanager
def writing(option: str, path: Path) -> Iterator[None]:
    """Raise ConfigurationError when the place that an option names cannot be written."""
    try:
        yield
    except OSError as error:
        raise ConfigurationError(f"{option}: '{path}' cannot be written: {error.strerror}.") from error


@contextmanager
def whole_file(option: str, path: Path) -> Iterator[Path]:
    """As :func:`replaced`; raises ConfigurationError when the place that an option names cannot be written."""
    with writing(option, path), replaced(path) as aside:
        yield aside


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """The file to write in its stead; it takes the place of ``path`` when the block ends: no reader finds half of it.

    When the block fails, what was there before stays.
    """
    aside = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        yield aside
        aside.replace(path)
    except BaseException:
        # A place that cannot be written cannot hold a leftover either.
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise
