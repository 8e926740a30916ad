"""Places that an environment or an option names: folders, and addresses of object stores."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from lakehouse.errors import ConfigurationError

_BUCKET = re.compile(r"(s3[an]?|gs|abfss?|wasbs?):/(?!/)(.*)", re.IGNORECASE)
_ONE_SLASH = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+:)/(?!/).*")


def absolute(place: str) -> str:
    """A folder's path from the root, a home directory spelled out; an address as it is, without a slash at its end.

    Raises ConfigurationError for a text that is neither, and for a home directory that is not known.
    """
    if problem := _problem(place, here=True):
        raise ConfigurationError(problem)
    if "://" in place:
        return place.rstrip("/")
    try:
        folder = Path(place).expanduser()
    except RuntimeError as error:
        raise ConfigurationError(
            f"'{place}' lies in a home directory that is not known here. Write its path. Example: /mnt/data/lake"
        ) from error
    return str(folder.resolve())


def _checker(here: bool) -> AfterValidator:
    def checked(place: str) -> str:
        if problem := _problem(place, here):
            raise PydanticCustomError("place", "{problem}", {"problem": problem})
        return place

    return AfterValidator(checked)


Place = Annotated[str, _checker(here=True)]
"""A place that is looked at from here."""
ClusterPlace = Annotated[str, _checker(here=False)]
"""A place that only clusters look at: they know some addresses with one slash, such as dbfs:/ and hdfs:/."""


def _problem(place: str, here: bool) -> str | None:
    # All of these would be taken for folders: the current one, and those of a name with a colon in it.
    if not place.strip():
        return "expected a folder or an address, found nothing. Example: data/lake or s3://bucket/lake"
    if found := _BUCKET.fullmatch(place):
        return f"'{place}' has one slash where an address has two. Example: {found[1]}://{found[2]}"
    if here and (found := _ONE_SLASH.fullmatch(place)):
        return (
            f"'{place}' would be taken for a folder of the name '{found[1]}'. Name a folder by its path, or an address "
            "with two slashes. Example: /mnt/data/lake or s3://bucket/lake"
        )
    return None
