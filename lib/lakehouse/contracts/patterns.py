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
_DAY = "{}"
_RUNS = ("*", _DAY)
"""What stands for any number of letters: a star for all of them, a placeholder for those of a day."""
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


def share_a_path(one: str, other: str) -> bool:
    """Whether one path can fit both patterns; a placeholder counts as any digits and dashes."""
    names, others = one.split("/"), other.split("/")
    return len(names) == len(others) and all(map(_share_a_name, names, others))


def _share_a_name(one: str, other: str) -> bool:
    # Most names differ before anything stands for something else; the others are compared letter by letter.
    starts = [re.split(r"[*{]", name, maxsplit=1)[0] for name in (one, other)]
    if starts == [one, other]:
        return one == other
    if any(first != second for first, second in zip(*starts, strict=False)):
        return False
    first, second = _letters(one), _letters(other)
    # From the ends: what is left of both can be the same, when a letter that both have or a run goes before it.
    same = {(len(first), len(second))}
    for i in reversed(range(len(first))):
        for j in reversed(range(len(second))):
            taken = {(i + 1, j + 1)} if first[i] == second[j] else set()
            if first[i] in _RUNS:
                taken |= {(i + 1, j), (i, j + 1)} if _takes(first[i], second[j]) else {(i + 1, j)}
            if second[j] in _RUNS:
                taken |= {(i, j + 1), (i + 1, j)} if _takes(second[j], first[i]) else {(i, j + 1)}
            if not same.isdisjoint(taken):
                same.add((i, j))
    return (0, 0) in same


def _letters(pattern: str) -> list[str]:
    """A name's letters and runs, and a slash as its end."""
    found: list[str] = []
    for name, star, literal in _TOKEN.findall(pattern):
        found += [_DAY] if name else [star] if star else literal
    return [*found, "/"]


def _takes(run: str, letter: str) -> bool:
    return letter != "/" and (run == "*" or letter in _RUNS or letter in "0123456789-")


def checked_path(path: str) -> str:
    """A path below the landing zone, without a slash at its end."""
    if path.startswith("/") or "://" in path or ".." in path.split("/") or not path.strip("/"):
        raise PydanticCustomError(
            "path",
            "'{found}' is not a path below the landing zone. Example: billing/usage.",
            {"found": path},
        )
    return path.rstrip("/")
