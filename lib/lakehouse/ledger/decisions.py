"""Decisions: what people have ruled about deliveries and single rows, beside what the contracts say.

The tables follow from the accepted deliveries, the contracts and these entries. A later entry about the same thing
replaces an earlier one; none is ever changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from lakehouse.contracts.names import TableId
from lakehouse.ledger.entries import Row

Kind = Literal["retract", "hold", "release", "accept", "patch", "discard", "revoke"]
"""About a delivery: ``retract`` (its contents so far do not count), ``hold`` (one content does not count), ``release``
(they count again), ``accept`` (published although gates refused it). About a row: ``patch``, ``discard``. ``revoke``
takes back what was decided about a row, or an ``accept``."""

_OF_ROWS = {"patch", "discard", "revoke"}


@dataclass(frozen=True)
class Decision:
    """What somebody decided about one delivery, or about one row of it."""

    kind: Kind
    delivery_id: str
    sequence: int
    """The content that was there when it was decided."""
    who: str
    why: str
    table: TableId | None = None
    """The silver table in whose quarantine the row was; None for decisions about deliveries."""
    record_number: int | None = None
    quarantine_id: str | None = None
    column: str | None = None
    """Bronze column that is patched."""
    value: str | None = None
    """What should have been delivered in it; empty for nothing."""
    entry: int = 0
    run_id: str = ""


@dataclass(frozen=True)
class RowDecision:
    """What all decisions about one row amount to."""

    sequence: int
    record_number: int
    values: Mapping[str, str]
    """Bronze column -> text that stands in for the delivered one."""
    discarded: str | None
    """Why the row is left out for good; None when it is not."""


@dataclass(frozen=True)
class Decisions:
    """All decisions of a domain, in the order in which they were recorded."""

    entries: tuple[Decision, ...] = ()

    def withheld(self) -> dict[str, tuple[int, dict[int, str]]]:
        """Per delivery: the last sequence up to which it is retracted, and other contents that are held, with why."""
        found: dict[str, tuple[int, dict[int, str]]] = {}
        for one in self.entries:
            upto, held = found.get(one.delivery_id, (0, {}))
            match one.kind:
                case "retract":
                    upto = max(upto, one.sequence)
                case "hold":
                    held = {**held, one.sequence: one.why}
                case "release":
                    upto, held = 0, {sequence: why for sequence, why in held.items() if sequence != one.sequence}
                case _:
                    continue
            found[one.delivery_id] = (upto, held)
        return found

    def accepted(self) -> set[int]:
        """Sequences that are published whatever their gates say."""
        found: dict[int, bool] = {}
        for one in self.entries:
            if one.kind == "accept" or (one.kind == "revoke" and one.record_number is None):
                found[one.sequence] = one.kind == "accept"
        return {sequence for sequence, accepted in found.items() if accepted}

    def mark(self, table: TableId, sequence: int | None) -> int:
        """The newest entry that matters to how a table judges a content; 0 when there is none."""
        mine = (one.entry for one in self.entries if one.sequence == sequence and _judges(one, table))
        return max(mine, default=0)

    def of_rows(self, table: TableId) -> list[RowDecision]:
        """What was decided about single rows in the quarantine of a table."""
        found: dict[tuple[int, int], RowDecision] = {}
        for one in self.entries:
            if one.kind in _OF_ROWS and one.table == table and one.record_number is not None:
                place = (one.sequence, one.record_number)
                before = found.get(place, RowDecision(*place, {}, None))
                if one.kind == "revoke":
                    found.pop(place, None)
                elif one.kind == "discard":
                    found[place] = RowDecision(*place, before.values, one.why)
                else:
                    found[place] = RowDecision(*place, {**before.values, str(one.column): one.value or ""}, None)
        return list(found.values())


def _judges(one: Decision, table: TableId) -> bool:
    return (one.kind in _OF_ROWS and one.table == table) or (one.kind in {"accept", "revoke"} and one.table is None)


def decisions(rows: Iterable[Row]) -> Decisions:
    """The decisions that the entries of the ledger's ``decisions`` table hold; other kinds of entry are left out."""
    found = [
        Decision(
            kind=row["kind"],
            delivery_id=row["delivery_id"],
            sequence=row["delivery_sequence"],
            who=row["who"],
            why=row["why"],
            table=TableId.parse(row["table_id"]) if row["table_id"] else None,
            record_number=row["record_number"],
            quarantine_id=row["quarantine_id"],
            column=row["column"],
            value=row["value"],
            entry=row["entry"],
            run_id=row["run_id"],
        )
        for row in rows
        if row["kind"] in get_args(Kind)
    ]
    return Decisions(tuple(found))


def decision_rows(found: Sequence[Decision], run_id: str) -> list[Row]:
    """The ledger entries that say this."""
    return [
        {
            "kind": one.kind,
            "table_id": str(one.table) if one.table else None,
            "delivery_id": one.delivery_id,
            "delivery_sequence": one.sequence,
            "record_number": one.record_number,
            "quarantine_id": one.quarantine_id,
            "column": one.column,
            "value": one.value,
            "who": one.who,
            "why": one.why,
            "run_id": run_id,
        }
        for one in found
    ]
