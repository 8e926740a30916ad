"""Patch files: what should have been delivered in single columns of quarantined rows, by whom and why."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakehouse.contracts.domains import Domain
from lakehouse.contracts.names import TableId
from lakehouse.contracts.tables import SilverTable
from lakehouse.errors import ConfigurationError, nearest
from lakehouse.ledger.decisions import Decision

NEEDED = ("quarantine_id", "column", "value", "who", "why")
_EXAMPLE = '{"quarantine_id": "9f86d081884c7d65", "column": "user_id", "value": "u17", "who": "ann", "why": "typo"}'


@dataclass(frozen=True)
class Patch:
    """One line of a patch file."""

    place: str
    """File and line, for messages."""
    quarantine_id: str
    column: str
    value: str
    who: str
    why: str


def read_patches(path: Path, ignored: Sequence[str] = ()) -> list[Patch]:
    """The patches of a CSV or JSON file; raises ConfigurationError that names the file and the line.

    ``ignored`` names columns that may stand there besides, as exports have them.
    """
    found = []
    for number, entry in _entries(path):
        place = f"{path}, {'line' if path.suffix == '.csv' else 'entry'} {number}"
        unknown = [name for name in entry if name not in NEEDED and name not in ignored]
        if unknown:
            raise ConfigurationError(
                f"{place}: '{unknown[0]}' is not a field of a patch.{nearest(unknown[0], NEEDED)} "
                f"Allowed: {', '.join(NEEDED)}. Example: {_EXAMPLE}"
            )
        missing = [name for name in NEEDED if name not in entry]
        if missing:
            raise ConfigurationError(f"{place}: '{missing[0]}' is missing. Example: {_EXAMPLE}")
        texts = {name: _text(place, name, entry[name]) for name in NEEDED}
        if not texts["quarantine_id"]:
            raise ConfigurationError(f"{place}: 'quarantine_id' is empty. Example: {_EXAMPLE}")
        found.append(Patch(place, **texts))
    if not found:
        raise ConfigurationError(f"{path}: there is no patch in it. Example of one: {_EXAMPLE}")
    return found


def _text(place: str, name: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        # A number would lose digits or zeros on its way through JSON: 1.10, 007.
        raise ConfigurationError(f"{place}: '{name}' is {value!r}; write it as text: \"{value}\". Example: {_EXAMPLE}")
    # Exports put an apostrophe before what a spreadsheet would take for a formula.
    return value[1:] if len(value) > 1 and value[0] == "'" and value[1] in "=+-@\t\r\n|%" else value


def _entries(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigurationError(f"{path}: the patch file cannot be read: {problem}.") from error
    if path.suffix == ".csv":
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        try:
            for row in reader:
                if None in row or None in row.values():
                    raise ConfigurationError(
                        f"{path}, line {reader.line_num}: it has not as many values as the header names."
                    )
                yield reader.line_num, row
        except csv.Error as error:
            raise ConfigurationError(f"{path}, line {reader.line_num}: not CSV: {error}.") from error
    elif path.suffix == ".json":
        try:
            entries = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ConfigurationError(f"{path}: not JSON: {error}. Example: [{_EXAMPLE}]") from error
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise ConfigurationError(f"{path}: expected a list of patches. Example: [{_EXAMPLE}]")
        yield from enumerate(entries, start=1)
    else:
        raise ConfigurationError(f"{path}: a patch file's name ends in .csv or .json.")


@dataclass(frozen=True)
class RowAddress:
    """Where a quarantined row is, and how it was delivered."""

    table: TableId
    """The silver table that it was kept out of."""
    quarantine_id: str
    delivery_id: str
    sequence: int
    record_number: int
    status: str
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class Patched:
    """What a patch file amounts to."""

    decisions: Sequence[Decision]
    rows: Sequence[RowAddress]
    """The rows that these decisions are about."""
    notes: Sequence[str]


def resolve(patches: Sequence[Patch], rows: Mapping[str, RowAddress], domain: Domain) -> Patched:
    """The decisions that patches ask for; raises ConfigurationError, with the line, for one that cannot be meant.

    ``rows`` are the quarantined rows by id. Lines that change nothing, and those of rows that left the quarantine,
    are counted in the notes.
    """
    decisions: list[Decision] = []
    unchanged = replayed = 0
    for patch in patches:
        row = rows.get(patch.quarantine_id)
        if row is None:
            raise ConfigurationError(f"{patch.place}: there is no quarantined row '{patch.quarantine_id}'.")
        if row.status == "superseded":
            raise ConfigurationError(
                f"{patch.place}: the row {patch.quarantine_id} belongs to a content of {row.delivery_id} that does not "
                "count any more: the delivery was corrected or retracted."
            )
        if row.status == "replayed":
            replayed += 1
            continue
        if not patch.column and not patch.value:
            unchanged += 1
            continue
        column = patched_column(patch, silver_table(domain, row.table), domain)
        if patch.value == (row.payload.get(column) or "") and not row.payload.get("malformed_record"):
            unchanged += 1
            continue
        decisions.append(_decision(patch, row, column))
    _check_malformed(patches, rows, decisions, domain)
    named = {one.quarantine_id for one in decisions}
    notes = [f"{replayed} patches are of rows that were replayed before"] if replayed else []
    notes += [f"{unchanged} lines change nothing"] if unchanged else []
    return Patched(decisions, [rows[name] for name in sorted(filter(None, named))], notes)


def _decision(patch: Patch, row: RowAddress, column: str) -> Decision:
    for name in ("who", "why"):
        if not getattr(patch, name).strip():
            raise ConfigurationError(f"{patch.place}: '{name}' is empty: the ledger keeps who patched a row and why.")
    return Decision(
        "patch", row.delivery_id, row.sequence, patch.who.strip(), patch.why.strip(), row.table, row.record_number,
        row.quarantine_id, column, patch.value,
    )  # fmt: skip


def _check_malformed(
    patches: Sequence[Patch], rows: Mapping[str, RowAddress], decisions: Sequence[Decision], domain: Domain
) -> None:
    """A record that could not be parsed has no columns: its patch has to give all of them."""
    for patch in patches:
        row = rows[patch.quarantine_id]
        if not row.payload.get("malformed_record"):
            continue
        bronze = domain.tables[silver_table(domain, row.table).bronze]
        given = {one.column for one in decisions if one.quarantine_id == row.quarantine_id}
        missing = [name for name in bronze.columns if name not in given]
        if given and missing:
            raise ConfigurationError(
                f"{patch.place}: the row {row.quarantine_id} could not be parsed, so its patch has to give every "
                f"column; missing: {', '.join(missing)}."
            )


def patched_column(patch: Patch, table: SilverTable, domain: Domain) -> str:
    """The bronze column that a patch means, by its own name or that of the column that is read from it."""
    bronze = domain.tables[table.bronze]
    read = {name: column.source or name for name, column in table.conformed()}
    names = {**{name: name for name in bronze.columns}, **read}
    if patch.column in names:
        return names[patch.column]
    raise ConfigurationError(
        f"{patch.place}: '{patch.column}' is not a column that is delivered to {table.id}."
        f"{nearest(patch.column, names)} Allowed: {', '.join(names)}."
    )


def silver_table(domain: Domain, table: TableId) -> SilverTable:
    """A silver table of a domain; raises ConfigurationError when its contract is gone."""
    found = domain.tables.get(table)
    if not isinstance(found, SilverTable):
        raise ConfigurationError(f"{table} has no contract any more, so its rows cannot be judged again.")
    return found
