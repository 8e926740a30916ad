"""What patch files amount to: decisions about single columns of quarantined rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lakehouse.contracts.domains import Domain
from lakehouse.contracts.names import TableId
from lakehouse.contracts.tables import SilverTable
from lakehouse.errors import ConfigurationError, nearest
from lakehouse.ledger.decisions import Decision, Decisions
from lakehouse.steps.patch_files import Patch


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
    shown: frozenset[tuple[str, str]] = frozenset()
    """What exports show of it: the columns that the reasons name, each with the offending value."""
    patched: Mapping[str, str] = field(default_factory=dict)
    """What earlier patches gave, by bronze column."""


@dataclass(frozen=True)
class Patched:
    """What a patch file amounts to."""

    decisions: Sequence[Decision]
    rows: Sequence[RowAddress]
    """The rows that these decisions are about."""
    notes: Sequence[str]


def patched_before(rows: Iterable[RowAddress], decisions: Decisions) -> dict[str, RowAddress]:
    """Quarantined rows by id, with what earlier patches gave."""
    known = list(rows)
    values = {
        (table, one.sequence, one.record_number): one.values
        for table in {row.table for row in known}
        for one in decisions.of_rows(table)
    }
    return {
        row.quarantine_id: replace(row, patched=values.get((row.table, row.sequence, row.record_number), {}))
        for row in known
    }


def resolve(patches: Sequence[Patch], rows: Mapping[str, RowAddress], domain: Domain) -> Patched:
    """The decisions that patches ask for; raises ConfigurationError, with the line, for one that cannot be meant.

    ``rows`` are the quarantined rows by id. Lines that change nothing, and those of rows that left the quarantine,
    are counted in the notes.
    """
    decisions: dict[tuple[str, str], Decision] = {}
    unchanged = replayed = 0
    for patch in patches:
        row = _row(patch, rows)
        if row.status == "replayed":
            replayed += 1
            continue
        # An export shows what a rule has read, and names columns that are derived: as long as that stands, nobody has
        # changed the line.
        if (patch.column, patch.value) in {*row.shown, ("", "")}:
            unchanged += 1
            continue
        column = patched_column(patch, silver_table(domain, row.table), domain)
        as_delivered = patch.value == (row.payload.get(column) or "") and not row.payload.get("malformed_record")
        # An earlier patch stands in for what was delivered: this one may take it back.
        if as_delivered and column not in row.patched:
            unchanged += 1
            continue
        decision = _decision(patch, row, column)
        before = decisions.setdefault((row.quarantine_id, column), decision)
        if before.value != decision.value:
            raise ConfigurationError(
                f"{patch.place}: '{column}' of the row {row.quarantine_id} is to be '{decision.value}' here, and "
                f"'{before.value}' in a line before. Keep one of them."
            )
    _check_malformed(patches, rows, decisions, domain)
    named = {name for name, _ in decisions}
    notes = [f"{replayed} patches are of rows that were replayed before"] if replayed else []
    notes += [f"{unchanged} lines change nothing"] if unchanged else []
    return Patched([*decisions.values()], [rows[name] for name in sorted(named)], notes)


def _row(patch: Patch, rows: Mapping[str, RowAddress]) -> RowAddress:
    row = rows.get(patch.quarantine_id)
    if row is None:
        raise ConfigurationError(f"{patch.place}: there is no quarantined row '{patch.quarantine_id}'.")
    if row.status == "superseded":
        raise ConfigurationError(
            f"{patch.place}: the row {patch.quarantine_id} belongs to a content of {row.delivery_id} that does not "
            "count any more: the delivery was corrected or retracted."
        )
    return row


def _decision(patch: Patch, row: RowAddress, column: str) -> Decision:
    for name in ("who", "why"):
        if not getattr(patch, name).strip():
            raise ConfigurationError(f"{patch.place}: '{name}' is empty: the ledger keeps who patched a row and why.")
    return Decision(
        "patch", row.delivery_id, row.sequence, patch.who.strip(), patch.why.strip(), row.table, row.record_number,
        row.quarantine_id, column, patch.value,
    )  # fmt: skip


def _check_malformed(
    patches: Sequence[Patch],
    rows: Mapping[str, RowAddress],
    decisions: Mapping[tuple[str, str], Decision],
    domain: Domain,
) -> None:
    """A record that could not be parsed has no columns: its patches have to give all of them."""
    for patch in patches:
        row = rows[patch.quarantine_id]
        if not row.payload.get("malformed_record"):
            continue
        bronze = domain.tables[silver_table(domain, row.table).bronze]
        given = {column for name, column in decisions if name == row.quarantine_id}
        missing = [name for name in bronze.columns if name not in given and name not in row.patched]
        if given and missing:
            raise ConfigurationError(
                f"{patch.place}: the row {row.quarantine_id} could not be parsed, so its patch has to give every "
                f"column; missing: {', '.join(missing)}."
            )


def patched_column(patch: Patch, table: SilverTable, domain: Domain) -> str:
    """The bronze column that a patch means, by its own name or that of the column that is read from it."""
    bronze = domain.tables[table.bronze]
    read = table.sources()
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
