"""The tables that a lake holds, by their ids and by their names in SQL."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lakehouse.contracts.lakes import Lake
from lakehouse.errors import ConfigurationError, nearest

_LAYERS = ("bronze", "silver", "gold", "outranked", "quarantine", "ledger")

_ENTRY = re.compile(r"\d{20}\.(json|checkpoint\..*)")


@dataclass(frozen=True)
class LakeTable:
    """One table of a lake; outranked, quarantine and ledger are layers too."""

    domain: str
    layer: str
    name: str
    path: str

    @property
    def id(self) -> str:
        """``billing.gold.daily_usage``."""
        return f"{self.domain}.{self.layer}.{self.name}"

    @property
    def view(self) -> str:
        """Its name in SQL: ``billing_gold.daily_usage``."""
        return f"{self.domain}_{self.layer}.{self.name}"


def lake_tables(lake: Lake) -> list[LakeTable]:
    """Every table of a lake; raises ConfigurationError when there is none at its place."""
    root = Path(lake.root)
    logs = [log for log in sorted(root.glob("*/*/*/_delta_log")) if _is_written(log)]
    places = [(*log.parent.relative_to(root).parts, str(log.parent)) for log in logs]
    found = [LakeTable(*place) for place in places if place[1] in _LAYERS]
    if not found:
        raise ConfigurationError(
            f"There is no lake at {lake.root}. Run 'lakehouse run DOMAIN --lake {lake.root} --landing ...' first, "
            "or name another folder with --lake."
        )
    return found


def _is_written(log: Path) -> bool:
    """Whether a log tells of a table; a full disk may have left no more than its folder."""
    with os.scandir(log) as entries:
        return any(_ENTRY.fullmatch(entry.name) for entry in entries)


def find_table(lake: Lake, name: str) -> LakeTable:
    """The table of that id or name in SQL; raises ConfigurationError with the nearest one for another."""
    tables = lake_tables(lake)
    for table in tables:
        if name in (table.id, table.view):
            return table
    known = [table.view for table in tables] if "_" in name.partition(".")[0] else [table.id for table in tables]
    raise ConfigurationError(
        f"There is no table '{name}' in the lake {lake.root}.{nearest_table(name, known)} Tables: {', '.join(known)}."
    )


def nearest_table(name: str, known: Sequence[str]) -> str:
    """A ``Did you mean`` sentence for a misspelt table; one without domain and layer is compared with bare names."""
    by_name = {one.rpartition(".")[2]: one for one in known}
    close = nearest(name, known) or nearest(name.rpartition(".")[2], by_name)
    found = re.search("'(.*)'", close)
    return f" Did you mean '{by_name.get(found[1], found[1])}'?" if found else ""
