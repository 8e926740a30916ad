"""What a sample landing zone holds, as a value: the answer sheet that tests compare a lake with."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from lakehouse.errors import ConfigurationError

State = Literal["accepted", "refused", "unreadable"]


class SampleError(ConfigurationError, ValueError):
    """Arguments from which no sample landing zone can be made. The message is meant for the user."""


@dataclass(frozen=True)
class Delivered:
    """One file of the landing zone and what was put into it.

    path: below the domain's landing folder, with forward slashes. records: data records, also those of a file
    without a header; 0 where no record can be read. bad_records: those that break at least one rule.
    state: what a correct engine decides. row_kinds: records by kind of row dirt. broken_rules: records by
    rule that they break.
    """

    path: str
    delivery_date: date
    state: State
    records: int
    bad_records: int
    file_kinds: tuple[str, ...]
    row_kinds: Mapping[str, int]
    broken_rules: Mapping[str, int]

    def as_document(self) -> dict[str, object]:
        """The delivery in JSON's types."""
        return {
            "path": self.path,
            "delivery_date": self.delivery_date.isoformat(),
            "state": self.state,
            "records": self.records,
            "bad_records": self.bad_records,
            "file_kinds": list(self.file_kinds),
            "row_kinds": dict(sorted(self.row_kinds.items())),
            "broken_rules": dict(sorted(self.broken_rules.items())),
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
            "file_kinds": {k: {"count": len(paths), "paths": paths} for k, paths in self.file_kinds.items()},
        }
        document = {
            "domain": self.domain,
            "parameters": dict(self.parameters),
            "totals": totals,
            "deliveries": [delivered.as_document() for delivered in self.deliveries],
        }
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def truth_path(out: Path) -> Path:
    """Where the truth about the landing zone `out` is written: beside it, never into it."""
    return out.with_name(out.name + ".truth.json")


def _sorted_sum(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(sorted(total.items()))
