"""Table ids: ``<domain>.<layer>.<name>`` names a contract, a transform, a folder and a SQL view at once."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lakehouse.errors import ConfigurationError, nearest

LAYERS = ("bronze", "silver", "gold")
_WORD = re.compile(r"[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True, order=True)
class TableId:
    """The identity of one table, for example ``billing.silver.usage``."""

    domain: str
    layer: str
    name: str

    @classmethod
    def parse(cls, text: str) -> TableId:
        """Read ``domain.layer.name``; raises ConfigurationError with the allowed layers otherwise."""
        parts = str(text).split(".")
        if len(parts) != 3 or not all(_WORD.match(part) for part in parts):
            raise ConfigurationError(
                f"'{text}' is not a table id. Write <domain>.<layer>.<name> in lower case, "
                "for example billing.silver.usage."
            )
        if parts[1] not in LAYERS:
            raise ConfigurationError(
                f"'{parts[1]}' in '{text}' is not a layer. Allowed: {', '.join(LAYERS)}.{nearest(parts[1], LAYERS)}"
            )
        return cls(*parts)

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
