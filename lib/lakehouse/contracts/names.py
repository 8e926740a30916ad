"""Table ids: ``<domain>.<layer>.<name>`` names a contract, a transform, a folder and a SQL view at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lakehouse.errors import ConfigurationError, nearest

LAYERS = ("bronze", "silver", "gold")
BESIDE = "outranked"
"""In place of a layer: the rows beside a silver table. They have no contract of their own."""

_WORD = re.compile(r"[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True, order=True)
class TableId:
    """The identity of one table, for example ``billing.silver.usage``."""

    domain: str
    layer: str
    name: str

    @classmethod
    def parse(cls, text: str, layers: Sequence[str] = LAYERS) -> TableId:
        """Read ``domain.layer.name``; raises ConfigurationError with the allowed layers otherwise."""
        parts = str(text).split(".")
        if len(parts) != 3 or not all(_WORD.match(part) for part in parts):
            raise ConfigurationError(
                f"'{text}' is not a table id. Write <domain>.<layer>.<name> in lower case, "
                "for example billing.silver.usage."
            )
        if parts[1] not in layers:
            raise ConfigurationError(
                f"'{parts[1]}' in '{text}' is not a layer. Allowed: {', '.join(layers)}.{nearest(parts[1], layers)}"
            )
        return cls(*parts)

    @property
    def owner(self) -> TableId:
        """The table whose contract speaks of these rows: itself, or the silver table that they lie beside."""
        return TableId(self.domain, "silver", self.name) if self.layer == BESIDE else self

    @property
    def beside(self) -> TableId:
        """The rows beside a silver table, as an input of computed ones."""
        return TableId(self.domain, BESIDE, self.name)

    @property
    def path(self) -> str:
        """Folder below the lake."""
        return f"{self.domain}/{self.layer}/{self.name}"

    @property
    def view(self) -> str:
        """Name in SQL: ``billing_silver.usage``."""
        return f"{self.domain}_{self.layer}.{self.name}"

    @property
    def outranked_path(self) -> str:
        """Folder of the rows that lost their key to another row."""
        return f"{self.domain}/outranked/{self.name}"

    @property
    def quarantine_path(self) -> str:
        """Folder of the rows that broke a rule."""
        return f"{self.domain}/quarantine/{self.name}"

    def __str__(self) -> str:
        return f"{self.domain}.{self.layer}.{self.name}"
