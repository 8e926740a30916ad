"""Patterns of paths below a source's folder: names, stars, and placeholders for the day of a delivery."""

from __future__ import annotations

import re
from functools import lru_cache

from pydantic_core import PydanticCustomError

PLACEHOLDERS = {
    "year": "(?P<year>[0-9]{4})",
    "month": "(?P<month>[0-9]{1,2})",
    "day": "(?P<day>[0-9]{1,2})",
    "date": "(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8})",
}
_TOKEN = re.compile(r"\{(\w+)\}|(\*)|([^{*]+|\{)")
_NAMED = re.compile(r"\(\?P<\w+>")


@lru_cache
def expression(pattern: str) -> str:
    """The regular expression of a pattern; each placeholder is a named group of it."""
    seen: set[str] = set()
    parts = []
    for name, star, literal in _TOKEN.findall(pattern):
        if star:
            parts.append("[^/]*")
        elif name:
            parts.append(f"(?P={name})" if name in seen else PLACEHOLDERS[name])
            seen.add(name)
        else:
            parts.append(re.escape(literal))
    return "".join(parts)


@lru_cache
def loose_expression(pattern: str) -> str:
    """The regular expression of a pattern without groups that have names: it can stand in another one."""
    parts = [
        "[^/]*" if star else _NAMED.sub("(?:", PLACEHOLDERS[name]) if name else re.escape(literal)
        for name, star, literal in _TOKEN.findall(pattern)
    ]
    return "".join(parts)


def checked_path(path: str) -> str:
    """A path below the landing zone, without a slash at its end."""
    if path.startswith("/") or "://" in path or ".." in path.split("/") or not path.strip("/"):
        raise PydanticCustomError(
            "path",
            "'{found}' is not a path below the landing zone. Example: billing/usage.",
            {"found": path},
        )
    return path.rstrip("/")
