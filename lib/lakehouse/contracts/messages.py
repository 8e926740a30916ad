"""Validation errors in the user's words: file, field path, value found, values allowed, a correct example."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from lakehouse.contracts.declaration import Declaration
from lakehouse.contracts.runners import LocalRunner
from lakehouse.contracts.writes import Merge, ReplacePeriods
from lakehouse.errors import ConfigurationError, nearest

_CHOSEN = {
    "write": {"append", "merge", "scd2", "replace_periods", "replace_all"},
    "runner": {"local", "standalone", "emr_serverless", "emr_steps", "databricks"},
    "chart": {"line", "bar", "stacked_bar", "table", "tiles"},
}
"""Keys whose value is one of several declarations, and the names that pydantic puts into the path for these."""

_TAGS = {
    "write": ("a strategy", f" Example: {ReplacePeriods.example}"),
    "runner": ("a kind of runner", f" Example: {LocalRunner.example}"),
    "chart": ("a kind of chart", " Example: chart: {kind: line, x: usage_date, y: [credits_used], apart: currency}"),
}
"""The same keys, what they choose, and an example."""

_LONGEST = 60

_EXPECTED = {
    "string_type": "text (a number or date that is meant as text stands in quotes)",
    "tuple_type": "a list such as [usage_date, currency]",
    "dict_type": "'name: ...' lines",
    "model_type": "'key: value' lines",
    "model_attributes_type": "'key: value' lines",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "date_type": "a date such as 2025-01-31",
    "date_parsing": "a date such as 2025-01-31",
    "date_from_datetime_parsing": "a date such as 2025-01-31",
    "date_from_datetime_inexact": "a date such as 2025-01-31",
    "greater_than": "more than {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
}
"""What pydantic expected, by the type of its error, in words."""


def explain(
    file: str, error: ValidationError, model: type[Declaration], leave_out: Sequence[tuple[int | str, ...]] = ()
) -> ConfigurationError:
    """One error with a line per mistake in a declaration's file, but those at the places to be left out."""
    mistakes = [detail for detail in error.errors() if detail["loc"] not in leave_out]
    lines = [f"{file}: {_path(detail['loc'])}{_text(detail, model)}" for detail in mistakes]
    return ConfigurationError("\n".join(lines))


def _path(location: Sequence[int | str]) -> str:
    parts = [str(part) for part in _written(location)]
    return ".".join(parts) + ": " if parts else ""


def _written(location: Sequence[int | str]) -> Iterator[int | str]:
    """The keys that the user wrote: pydantic adds the chosen kind of a write, and a mark for errors about a key."""
    for number, part in enumerate(location):
        chosen = number > 0 and part in _CHOSEN.get(str(location[number - 1]), ())
        if not chosen and part != "[key]":
            yield part


def _text(detail: ErrorDetails, model: type[Declaration]) -> str:
    if "url" not in detail:
        return detail["msg"]  # one of ours
    context: Mapping[str, Any] = detail.get("ctx", {})
    example = _example(detail["loc"], model)
    kind = detail["type"]
    match kind:
        case "missing":
            return f"this key is required and missing.{example}"
        case "literal_error":
            return _choice(str(detail["input"]), context["expected"].replace(" or ", ", "), "allowed here") + example
        case "union_tag_invalid":
            what, example = _TAGS[str(detail["loc"][-1])]
            if "'merge'" in context["expected_tags"]:
                example = f" Example: {Merge.example}"
            return _choice(context["tag"], context["expected_tags"], what) + example
        case "union_tag_not_found":
            chosen = _TAGS[str(detail["loc"][-1])]
            return f"the key {context['discriminator']} is required and missing.{chosen[1]}"
        case "too_short":
            return f"at least {context['min_length']} is needed, found {len(detail['input'])}.{example}"
        case "too_long":
            return f"at most {context['max_length']} is allowed here, found {len(detail['input'])}.{example}"
    expected = _EXPECTED.get(kind, "").format_map(context) or f"something else ({detail['msg']})"
    return f"expected {expected}, found {_shown(detail['input'])}.{example}"


def _choice(found: str, expected: str, what: str) -> str:
    allowed = [word.strip("' ") for word in expected.split(",")]
    quoted = ", ".join(f"'{word}'" for word in allowed)
    return f"'{found}' is not {what}.{nearest(found, allowed)} Allowed: {quoted}."


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."


def _example(location: Sequence[int | str], model: type[Declaration]) -> str:
    """A correct way to write the innermost declaration that an error lies in."""
    found = model
    candidates = [model]
    for part in location:
        fields = [field for c in candidates for name, field in c.model_fields.items() if part in {name, field.alias}]
        if fields:
            candidates = [declaration for field in fields for declaration in _declarations(field.annotation)]
        else:
            # A name of the user's, a place in a list, or the kind that pydantic chose among several.
            candidates = [c for c in candidates if _tag(c) == part] or candidates
        if len(candidates) == 1:
            found = candidates[0]
    return f" Example: {found.example}" if found.example else ""


def _declarations(annotation: object) -> Iterator[type[Declaration]]:
    if isinstance(annotation, type) and issubclass(annotation, Declaration):
        yield annotation
    for inner in get_args(annotation):
        yield from _declarations(inner)


def _tag(declaration: type[Declaration]) -> str | None:
    field = declaration.model_fields.get("strategy") or declaration.model_fields.get("kind")
    return get_args(field.annotation)[0] if field else None
