"""Validation errors in the user's words: file, field path, value found, values allowed, a correct example."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from lakehouse.contracts.declaration import Declaration
from lakehouse.errors import ConfigurationError, nearest


def explain(file: str, error: ValidationError, model: type[Declaration]) -> ConfigurationError:
    """One error with a line per mistake in a declaration's file."""
    lines = [f"{file}: {_path(detail)}{_text(detail, model)}" for detail in error.errors()]
    return ConfigurationError("\n".join(lines))


def _path(detail: ErrorDetails) -> str:
    # Pydantic puts the chosen alternative of a union ("merge") into the location; the user never wrote that key.
    parts = [str(part) for part in detail["loc"] if part not in {"append", "merge", "replace_periods", "replace_all"}]
    return ".".join(parts) + ": " if parts else ""


def _text(detail: ErrorDetails, model: type[Declaration]) -> str:
    context: Mapping[str, Any] = detail.get("ctx", {})
    found = detail["input"]
    match detail["type"]:
        case "missing":
            example = f" Example: {model.example}" if model.example and len(detail["loc"]) == 1 else ""
            return f"this key is required and missing.{example}"
        case "literal_error":
            allowed = context["expected"]
            words = [word.strip("' ") for word in allowed.replace(" or ", ",").split(",")]
            return f"'{found}' is not allowed here.{nearest(str(found), words)} Allowed: {allowed}."
        case "union_tag_invalid":
            allowed = context["expected_tags"]
            words = [word.strip("' ") for word in allowed.split(",")]
            return f"'{context['tag']}' is not a strategy.{nearest(str(context['tag']), words)} Allowed: {allowed}."
        case "union_tag_not_found":
            return "the key 'strategy' is missing. Example: write: {strategy: replace_all, keys: [currency, user_id]}"
        case "unknown_key" | "column_type" | "column_name" | "table_id" | "placeholder" | "delimiter":
            return detail["msg"]
        case _:
            return f"{_sentence(detail['msg'])} Found: {found!r}."


def _sentence(message: str) -> str:
    return message[0].lower() + message[1:].rstrip(".") + "."
