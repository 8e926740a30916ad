"""The shape that all declarations share: immutable, and strict about keys that nobody asked for."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from lakehouse.errors import nearest


def _split_text(value: object) -> str:
    # {because: small, rare} is two keys in YAML, and {type: decimal(20,8)} too.
    return " Is it the end of a text with a comma? Then put that text in quotes." if value is None else ""


class Declaration(BaseModel):
    """A frozen value read from YAML; unknown keys are errors that name the nearest known one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    example: ClassVar[str] = ""
    """A correct way to write this declaration, shown with every error about it."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        known = {field.alias or name for name, field in cls.model_fields.items()}
        for key in data:
            if key not in known:
                allowed = ", ".join(sorted(known - cls._hidden()))
                raise PydanticCustomError(
                    "unknown_key",
                    "unknown key '{key}'.{hint} Allowed: {allowed}.{example}",
                    {
                        "key": str(key),
                        "hint": nearest(str(key), known - cls._hidden()) or _split_text(data[key]),
                        "allowed": allowed,
                        "example": f" Example: {cls.example}" if cls.example else "",
                    },
                )
        return data

    @classmethod
    def _hidden(cls) -> set[str]:
        """Fields that the loader fills in, never the user."""
        return set()
