"""What a sample landing zone holds, as a value: the answer sheet that tests compare a lake with."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Literal

from lakehouse.errors import ConfigurationError

State = Literal["accepted", "refused", "unreadable"]
Figure = int | Decimal


class SampleError(ConfigurationError, ValueError):
    """Arguments from which no sample landing zone can be made. The message is meant for the user."""


@dataclass(frozen=True)
class Delivered:
    """One file of the landing zone and what was put into it.

    path: below the domain's landing folder, with forward slashes. delivery_date: None where the path names
    none. records: data records, also those of a file without a header; 0 where no record can be read.
    bad_records: those that break at least one rule. state: what a correct engine decides. row_kinds: records
    by kind of row dirt. broken_rules: records by rule that they break. figures: what the domain's tables hold
    of this delivery when all deliveries were taken in, by name; counts, and amounts as decimals.
    """

    path: str
    delivery_date: date | None
    state: State
    records: int
    bad_records: int
    file_kinds: tuple[str, ...]
    row_kinds: Mapping[str, int]
    broken_rules: Mapping[str, int]
    figures: Mapping[str, Figure] = field(default_factory=dict)

    @classmethod
    def unreadable(cls, path: str, day: date, kind: str, records: int = 0) -> Delivered:
        """A file that no engine can read, of a kind of file dirt."""
        return cls(path, day, "unreadable", records, 0, (kind,), {}, {})

    def as_document(self) -> dict[str, object]:
        """The delivery in JSON's types."""
        return {
            "path": self.path,
            "delivery_date": None if self.delivery_date is None else self.delivery_date.isoformat(),
            "state": self.state,
            "records": self.records,
            "bad_records": self.bad_records,
            "file_kinds": list(self.file_kinds),
            "row_kinds": dict(sorted(self.row_kinds.items())),
            "broken_rules": dict(sorted(self.broken_rules.items())),
            "figures": _as_document(self.figures),
        }


@dataclass(frozen=True)
class Truth:
    """A sample landing zone: the parameters it was made with and its deliveries, by path."""

    domain: str
    parameters: Mapping[str, int | float | str]
    deliveries: tuple[Delivered, ...]

    @property
    def records(self) -> int:
        """Data records in all files."""
        return sum(delivered.records for delivered in self.deliveries)

    @property
    def bad_records(self) -> int:
        """Records that break at least one rule, also those of refused deliveries."""
        return sum(delivered.bad_records for delivered in self.deliveries)

    @property
    def states(self) -> dict[str, int]:
        """Deliveries by expected state."""
        return _sorted_sum({delivered.state: 1} for delivered in self.deliveries)

    @property
    def row_kinds(self) -> dict[str, int]:
        """Records by kind of row dirt."""
        return _sorted_sum(delivered.row_kinds for delivered in self.deliveries)

    @property
    def broken_rules(self) -> dict[str, int]:
        """Records by broken rule, also those of refused deliveries."""
        return _sorted_sum(delivered.broken_rules for delivered in self.deliveries)

    @property
    def figures(self) -> dict[str, Figure]:
        """What the domain's tables hold when all deliveries were taken in: the sums of the deliveries' figures."""
        total: dict[str, Figure] = {}
        for delivered in self.deliveries:
            for name, figure in delivered.figures.items():
                total[name] = total.get(name, 0) + figure
        return dict(sorted(total.items()))

    @property
    def file_kinds(self) -> dict[str, list[str]]:
        """Paths by kind of file dirt."""
        kinds = sorted({kind for delivered in self.deliveries for kind in delivered.file_kinds})
        return {kind: [d.path for d in self.deliveries if kind in d.file_kinds] for kind in kinds}

    def as_json(self) -> str:
        """The truth as an indented JSON text: parameters, totals, deliveries."""
        totals = {
            "files": len(self.deliveries),
            "states": self.states,
            "records": self.records,
            "bad_records": self.bad_records,
            "row_kinds": self.row_kinds,
            "broken_rules": self.broken_rules,
            "figures": _as_document(self.figures),
            "file_kinds": {k: {"count": len(paths), "paths": paths} for k, paths in self.file_kinds.items()},
        }
        document = {
            "domain": self.domain,
            "parameters": dict(self.parameters),
            "totals": totals,
            "deliveries": [delivered.as_document() for delivered in self.deliveries],
        }
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def truth_path(out: Path, domain: str) -> Path:
    """Where the truth about a domain of the landing zone `out` is written: beside it, never into it."""
    return out.with_name(f"{out.name}.{domain}.truth.json")


def _as_document(figures: Mapping[str, Figure]) -> dict[str, int | str]:
    """Figures in JSON's types: amounts are texts, because JSON's numbers are floating point to many readers."""
    return {name: str(figure) if isinstance(figure, Decimal) else figure for name, figure in sorted(figures.items())}


def _sorted_sum(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(sorted(total.items()))
