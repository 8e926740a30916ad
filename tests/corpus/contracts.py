"""The contracts by which the corpus is read: one table to silver, and bronze tables with other dialects."""

from __future__ import annotations

from pathlib import Path

_BRONZE = """\
description: The corpus.
source: {{kind: csv, folder: {folder}, files: "*"{dialect}}}
columns:
  id: {{}}
  name: {{aliases: [title]}}
  note: {{}}
  amount: {{}}
  day: {{}}
  at: {{}}
  count: {{}}
  ok: {{}}
"""

_SILVER = """\
description: The corpus, each file by itself.
inputs: {usage: billing.bronze.usage}
columns:
  file: {type: string, required: true, derived: delivery_id, description: The file}
  id: {type: string, required: true, description: Its key within the file}
  name: {type: string, description: A text}
  note: {type: string, description: Another}
  amount: {type: "decimal(20,8)", description: An amount}
  day: {type: date, description: A day}
  at: {type: timestamp, description: A moment}
  count: {type: bigint, description: A number}
  ok: {type: boolean, description: Yes or no}
write: {strategy: merge, keys: [file, id]}
row_rules:
  id_is_plain: {assert: "id RLIKE '^[a-z0-9]+$'", because: ids are small letters and digits}
gates:
  - {on: conformed, rule: RowCount > 0}
quarantine_share: {warn: 1, error: 1}
"""

DIALECTS = {
    "raw": "",
    "western": ", encoding: windows-1252",
    "wide": ", encoding: utf-16",
    "piped": ", delimiters: ['|', \"\\t\"]",
}
"""Sources that end in bronze, by name; ``plain`` goes on to silver."""


def write_contracts(conf: Path) -> None:
    """Put the corpus's contracts in place of those of billing."""
    domain = conf / "billing"
    for path in [*(domain / "bronze").iterdir(), *(domain / "silver").iterdir(), *(domain / "gold").iterdir()]:
        path.unlink()
    (domain / "bronze/usage.yml").write_text(_BRONZE.format(folder="plain", dialect=""))
    for name, dialect in DIALECTS.items():
        (domain / f"bronze/{name}.yml").write_text(_BRONZE.format(folder=name, dialect=dialect))
    (domain / "silver/usage.yml").write_text(_SILVER)
