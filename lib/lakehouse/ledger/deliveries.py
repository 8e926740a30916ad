"""Deliveries: which content is current, and what became of it in each table."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal

from lakehouse.contracts.names import TableId
from lakehouse.ledger.decisions import Decisions
from lakehouse.ledger.entries import Row

BronzeState = Literal["ingesting", "ingested", "unreadable", "torn", "unconfirmed"]
"""Unconfirmed ones are kept out by their manifest: with a sequence the content lies in bronze and does not count;
without one it was not taken, and what was taken before stays."""

SilverState = Literal["accepted", "refused", "withdrawn"]

Removal = Literal["dropping", "dropped"]
"""Entries about contents that had counted for nothing for long: their rows are being removed from bronze, or gone."""


@dataclass(frozen=True)
class Delivery:
    """One acceptance of a delivery's content."""

    table: TableId
    """The bronze table it belongs to."""
    delivery_id: str
    delivery_date: date | None
    sequence: int | None
    """None when it was never readable."""
    state: BronzeState
    path: str
    size: int
    modified: str
    content_hash: str
    fingerprint: str
    rows: int | None
    reason: str | None
    details: Mapping[str, Any]
    run_id: str


@dataclass(frozen=True)
class Outcome:
    """What became of one delivery in one silver table."""

    table: TableId
    delivery_id: str
    sequence: int
    state: SilverState
    fingerprint: str
    reason: str | None
    rows_in: int
    rows_accepted: int
    rows_quarantined: int
    rows_outranked: int
    decision: int = 0
    """The newest decision that it takes into account."""
    rows_unchanged: int = 0
    """Of a table with versions: rows that opened none because the version before still held."""


@dataclass(frozen=True)
class Register:
    """The state of all deliveries of a domain: the latest entries of the ledger, and what was decided about them."""

    latest: Mapping[str, Delivery]
    """By delivery id: the newest entry about its content, whatever its state."""
    current: Mapping[str, Delivery]
    """By delivery id: the content in bronze that counts: the newest that is neither held, retracted nor kept out
    by its manifest."""
    outcomes: Mapping[tuple[TableId, str], Outcome]
    """By silver table and delivery id: the newest outcome."""
    published: Mapping[tuple[TableId, str], Outcome]
    """By silver table and delivery id: the newest outcome that was accepted, so what readers see."""
    last_sequence: int
    contents: Mapping[int, Delivery] = field(default_factory=dict)
    """By sequence: everything that is in bronze."""
    aside: Mapping[str, str] = field(default_factory=dict)
    """By delivery id: why its newest content does not count."""
    decisions: Decisions = field(default_factory=Decisions)
    dropped: Mapping[int, Removal] = field(default_factory=dict)
    """By sequence: contents whose rows were removed from bronze, or are being removed."""
    seen: Mapping[tuple[TableId, str], Outcome] = field(default_factory=dict)
    """By silver table and delivery id: the newest outcome of the content that readers see, or saw last. What took it
    away may be taken back, and then it counts again where its correction is refused."""

    def is_taken(self, delivery_id: str) -> bool:
        """Whether the newest content of a delivery lies in bronze, wanted there."""
        return delivery_id in self.latest and self.latest[delivery_id].state == "ingested"

    def pending(self, table: TableId, bronze: TableId, fingerprint: str) -> list[Delivery]:
        """Contents without an outcome in a table under this fingerprint: those that count, or their predecessors.

        When a predecessor is judged again, so is its refused correction: its outcome has to stay the newest.
        """
        found = []
        for delivery in self.current.values():
            if delivery.table == bronze:
                outcome = self.outcomes.get((table, delivery.delivery_id))
                seen = self.predecessor(table, delivery)
                again = seen and not self._covers(self.seen[table, delivery.delivery_id], seen, fingerprint)
                if again or not (outcome and self._covers(outcome, delivery, fingerprint)):
                    found.append(delivery)
                found += [seen] if seen and again else []
        return sorted(found, key=lambda delivery: delivery.sequence or 0)

    def predecessor(self, table: TableId, delivery: Delivery) -> Delivery | None:
        """The older content that readers see, or saw last, while its correction is refused or not judged; else None."""
        seen = self.seen.get((table, delivery.delivery_id))
        if seen is None or seen.sequence >= (delivery.sequence or 0) or self._withheld(seen):
            return None
        return None if seen.sequence in self.dropped else self.contents[seen.sequence]

    def _withheld(self, outcome: Outcome) -> str | None:
        """Why the content of an outcome does not count, whatever came after it; None when nothing keeps it out."""
        decided = _decided(outcome.sequence, self.decisions.withheld().get(outcome.delivery_id))
        content = self.contents[outcome.sequence]
        return decided or ((content.reason or "") if content.state == "unconfirmed" else None)

    def _covers(self, outcome: Outcome, delivery: Delivery, fingerprint: str) -> bool:
        same = (outcome.sequence, outcome.fingerprint) == (delivery.sequence, fingerprint)
        heeded = outcome.decision >= self.decisions.mark(outcome.table, delivery.sequence)
        return same and heeded and outcome.state != "withdrawn"

    def gone(self, table: TableId, bronze: TableId) -> list[Outcome]:
        """Outcomes in a table that is made from a bronze table, of deliveries and contents that count no more.

        A delivery counts while one of its contents does, and lies in that bronze table. Of a delivery that counts,
        readers may see an older content whose correction is refused or not judged yet, and no other one.
        """
        found = []
        for (owner, delivery_id), outcome in self.outcomes.items():
            if owner != table:
                continue
            current = self.current.get(delivery_id)
            if current is None or current.table != bronze:
                found += [outcome] if outcome.state != "withdrawn" else []
                continue
            seen = self.published.get((table, delivery_id))
            if seen and seen.sequence != current.sequence and self.predecessor(table, current) is None:
                found.append(seen)
        return found

    def why_gone(self, outcome: Outcome, bronze: TableId) -> str | None:
        """Why such an outcome counts no more."""
        if self.contents[outcome.sequence].table != bronze:
            return f"{outcome.table} is made from {bronze} now"
        return self.aside.get(outcome.delivery_id) or self._withheld(outcome)

    def standing(self, table: TableId, state: SilverState) -> list[Outcome]:
        """Outcomes in a table with that state, for current contents only."""
        return [
            outcome
            for (owner, delivery_id), outcome in self.outcomes.items()
            if owner == table
            and outcome.state == state
            and delivery_id in self.current
            and self.current[delivery_id].sequence == outcome.sequence
        ]


def register(rows: Iterable[Row], decided: Decisions | None = None) -> Register:
    """The state that the entries of the ledger's ``deliveries`` and ``decisions`` tables amount to."""
    decided = decided or Decisions()
    latest: dict[str, Delivery] = {}
    contents: dict[int, Delivery] = {}
    outcomes: dict[tuple[TableId, str], Outcome] = {}
    seen: dict[tuple[TableId, str], Outcome] = {}
    dropped: dict[int, Removal] = {}
    last_sequence = 0
    for row in rows:
        last_sequence = max(last_sequence, row["delivery_sequence"] or 0)
        table = TableId.parse(row["table_id"])
        if row["state"] in {"dropping", "dropped"}:
            dropped[row["delivery_sequence"]] = row["state"]
        elif table.layer == "bronze":
            delivery = _delivery(table, row)
            latest[delivery.delivery_id] = delivery
            if delivery.state in {"ingested", "unconfirmed"} and delivery.sequence is not None:
                contents[delivery.sequence] = delivery
        else:
            outcome = _outcome(table, row)
            key = (table, outcome.delivery_id)
            outcomes[key], before = outcome, seen.get(key)
            if outcome.state == "accepted" or (before and before.sequence == outcome.sequence):
                seen[key] = outcome
            elif before and outcome.state == "withdrawn":
                seen[key] = replace(before, state="withdrawn")  # all contents of the delivery are out
    current, aside = _counting(contents, decided, dropped)
    published = {key: outcome for key, outcome in seen.items() if outcome.state == "accepted"}
    return Register(latest, current, outcomes, published, last_sequence, contents, aside, decided, dropped, seen)


def _counting(
    contents: Mapping[int, Delivery], decided: Decisions, dropped: Collection[int]
) -> tuple[dict[str, Delivery], dict[str, str]]:
    """The contents that count, by delivery id, and why the others do not: whatever the order in which they came."""
    current: dict[str, Delivery] = {}
    aside: dict[str, str] = {}
    withheld = decided.withheld()
    for sequence, delivery in sorted(contents.items()):
        decision = _decided(sequence, withheld.get(delivery.delivery_id))
        if decision:
            aside[delivery.delivery_id] = decision
        elif sequence in dropped:
            aside.setdefault(delivery.delivery_id, "its rows were removed from bronze")
        elif delivery.state == "unconfirmed":
            aside[delivery.delivery_id] = delivery.reason or ""
        else:
            current[delivery.delivery_id] = delivery
            aside.pop(delivery.delivery_id, None)
    return current, aside


def _decided(sequence: int, withheld: tuple[int, Mapping[int, str]] | None) -> str | None:
    """By which decision a content is kept out, of those about its delivery; None when by none."""
    upto, held = withheld or (0, {})
    if sequence <= upto:
        return "retracted"
    return f"held: {held[sequence]}" if sequence in held else None


def _delivery(table: TableId, row: Row) -> Delivery:
    return Delivery(
        table=table,
        delivery_id=row["delivery_id"],
        delivery_date=row["delivery_date"],
        sequence=row["delivery_sequence"],
        state=row["state"],
        path=row["path"],
        size=row["size"],
        modified=row["modified"],
        content_hash=row["content_hash"],
        fingerprint=row["fingerprint"],
        rows=row["rows_in"],
        reason=row["reason"],
        details=row["details"] or {},
        run_id=row["run_id"],
    )


def delivery_row(delivery: Delivery) -> Row:
    """The ledger entry that says this of a delivery."""
    return {
        "table_id": str(delivery.table),
        "delivery_id": delivery.delivery_id,
        "delivery_sequence": delivery.sequence,
        "delivery_date": delivery.delivery_date,
        "state": delivery.state,
        "reason": delivery.reason,
        "path": delivery.path,
        "size": delivery.size,
        "modified": delivery.modified,
        "content_hash": delivery.content_hash,
        "fingerprint": delivery.fingerprint,
        "rows_in": delivery.rows,
        "details": dict(delivery.details),
        "run_id": delivery.run_id,
    }


def _outcome(table: TableId, row: Row) -> Outcome:
    return Outcome(
        table=table,
        delivery_id=row["delivery_id"],
        sequence=row["delivery_sequence"],
        state=row["state"],
        fingerprint=row["fingerprint"],
        reason=row["reason"],
        rows_in=row["rows_in"],
        rows_accepted=row["rows_accepted"],
        rows_quarantined=row["rows_quarantined"],
        rows_outranked=row["rows_outranked"],
        decision=(row.get("details") or {}).get("decision", 0),
        rows_unchanged=(row.get("details") or {}).get("rows_unchanged", 0),
    )


def outcome_row(outcome: Outcome, delivery: Delivery, run_id: str) -> Row:
    """The ledger entry that says what became of a delivery."""
    details = {"decision": outcome.decision, "rows_unchanged": outcome.rows_unchanged}
    return {
        "table_id": str(outcome.table),
        "delivery_id": outcome.delivery_id,
        "delivery_sequence": outcome.sequence,
        "delivery_date": delivery.delivery_date,
        "state": outcome.state,
        "reason": outcome.reason,
        "fingerprint": outcome.fingerprint,
        "rows_in": outcome.rows_in,
        "rows_accepted": outcome.rows_accepted,
        "rows_quarantined": outcome.rows_quarantined,
        "rows_outranked": outcome.rows_outranked,
        "details": {name: value for name, value in details.items() if value} or None,
        "run_id": run_id,
    }
