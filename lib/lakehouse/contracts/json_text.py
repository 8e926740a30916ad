"""Read JSON that others wrote, without guessing: what Python's reader lets pass, or says badly, is an error here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_KINDS: Mapping[type, str] = {list: "a list", dict: "an object"}


class BrokenJsonError(Exception):
    """Why a text is no JSON that can be used."""


def read_json(text: str) -> Any:
    """What a JSON text says; raises BrokenJsonError for anything else, and for a key that stands twice in an object."""
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise BrokenJsonError(f"not JSON: {error.msg} in line {error.lineno}, column {error.colno}") from error
    except RecursionError as error:
        raise BrokenJsonError("lists and objects in one another too deeply") from error
    except ValueError as error:
        # Python reads no number of thousands of digits.
        raise BrokenJsonError("a number has too many digits") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise BrokenJsonError(f"the key {shown(key)} stands there twice in one object")
        found[key] = value
    return found


def _no_number(word: str) -> Any:
    raise BrokenJsonError(f"not JSON: {word} is no number there")


def shown(value: object) -> str:
    """A value in a message: short, and in characters that every ledger and screen can hold."""
    text = f"'{value}'" if isinstance(value, str) else _KINDS.get(type(value)) or json.dumps(value)
    printable = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return printable if len(printable) <= 60 else printable[:60] + "..."
