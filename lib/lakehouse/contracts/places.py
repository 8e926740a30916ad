"""Places that an environment or an option names: folders, and addresses of object stores."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from lakehouse.errors import ConfigurationError

_ONE_SLASH = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/(?!/)(.*)")


def absolute(place: str) -> str:
    """A folder's path from the root, a home directory spelled out; an address as it is, without a slash at its end.

    Raises ConfigurationError for a text that is neither.
    """
    if problem := _problem(place):
        raise ConfigurationError(problem)
    return place.rstrip("/") if "://" in place else str(Path(place).expanduser().resolve())


def _checked(place: str) -> str:
    if problem := _problem(place):
        raise PydanticCustomError("place", "{problem}", {"problem": problem})
    return place


Place = Annotated[str, AfterValidator(_checked)]


def _problem(place: str) -> str | None:
    # Both would be taken for folders: the current one, and one of a name with a colon in it.
    if not place.strip():
        return "expected a folder or an address, found nothing. Example: data/lake or s3://bucket/lake"
    if found := _ONE_SLASH.fullmatch(place):
        return f"'{place}' has one slash where an address has two. Example: {found[1]}://{found[2]}"
    return None
