"""What people can decide about deliveries: checked against the ledger, in words when it makes no sense."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from lakehouse.errors import ConfigurationError, nearest
from lakehouse.ledger.decisions import Decision
from lakehouse.ledger.deliveries import Delivery, Register
from lakehouse.steps.patches import Patched, RowAddress
from lakehouse.steps.workspace import Workspace


@dataclass(frozen=True)
class Ruling:
    """What is to be recorded, and what is said to the person who decided."""

    decisions: Sequence[Decision]
    notes: Sequence[str]


Decide = Callable[[Workspace], Ruling]
"""Makes decisions from the ledger as it is when the domain is claimed."""


def retract(delivery_id: str, who: str, why: str) -> Decide:
    """Take a delivery out of every table: none of its contents so far counts; a later correction does."""

    def decide(work: Workspace) -> Ruling:
        register = work.ledger.deliveries()
        newest = _newest(register, delivery_id, work.domain.name)
        if register.aside.get(delivery_id) == "retracted":
            return Ruling((), [f"{delivery_id} was retracted before; nothing was changed"])
        assert newest.sequence is not None
        return Ruling([Decision("retract", delivery_id, newest.sequence, who, why)], [f"{delivery_id} is retracted"])

    return decide


def release(delivery_id: str, who: str, why: str) -> Decide:
    """Let a delivery count again that was retracted or held, or publish one that gates refused.

    The same words about the same content twice are one decision: who repeats a release after a crash, as schedulers do,
    has not decided to publish what a gate refused in between.
    """

    def decide(work: Workspace) -> Ruling:
        register = work.ledger.deliveries()
        newest = _newest(register, delivery_id, work.domain.name)
        assert newest.sequence is not None
        if newest.sequence in register.dropped:
            raise ConfigurationError(
                f"{delivery_id} cannot be released: it had not counted for so long that its rows were removed from "
                f"{newest.table} (maintain.drop_superseded_days). Nothing was changed. Deliver the file again under "
                "another name."
            )
        if _superseded(register, delivery_id, newest.sequence):
            was = "was delivered again as it counts now; the other content, which was there in between, stays held"
            return Ruling((), [f"{delivery_id} {was}"])
        if delivery_id in register.aside:
            decision = Decision("release", delivery_id, newest.sequence, who, why)
            if newest.state == "unconfirmed":
                return _unconfirmed(work, register, newest, decision)
            return Ruling([decision], [f"{delivery_id} counts again"])
        refused = [outcome for table in work.domain.silver() for outcome in register.standing(table.id, "refused")]
        if delivery_id in {outcome.delivery_id for outcome in refused}:
            if _said_before(work, Decision("release", delivery_id, newest.sequence, who, why)):
                again = f"{delivery_id} counts again since {who} released it for the same reason, and gates refuse it"
                return Ruling((), [f"{again}; to publish it all the same, give another reason"])
            decision = Decision("accept", delivery_id, newest.sequence, who, why)
            return Ruling([decision], [f"{delivery_id} is published although gates refused it"])
        return Ruling((), [f"{delivery_id} is neither held, retracted nor refused; nothing was changed"])

    return decide


def release_all(who: str, why: str) -> Decide:
    """Let all contents count again that are held."""

    def decide(work: Workspace) -> Ruling:
        register = work.ledger.deliveries()
        withheld = register.decisions.withheld()
        found = [
            Decision("release", delivery_id, sequence, who, why)
            for delivery_id, (upto, held) in sorted(withheld.items())
            for sequence in sorted(held)
            if sequence > upto and not _superseded(register, delivery_id, sequence)
        ]
        # A release ends a retraction too: those of deliveries that stay retracted are left alone.
        return Ruling(found, [f"{len({one.delivery_id for one in found})} deliveries count again"])

    return decide


def patch(patched: Patched) -> Decide:
    """Let other texts stand in for delivered ones."""

    def decide(work: Workspace) -> Ruling:
        decided = work.ledger.decisions()
        standing: dict[object, str] = {}
        for table in {one.table for one in patched.decisions if one.table}:
            for row in decided.of_rows(table):
                values = {} if row.discarded else row.values
                standing |= {(table, row.sequence, row.record_number, name): text for name, text in values.items()}
        fresh = [
            one
            for one in patched.decisions
            if standing.get((one.table, one.sequence, one.record_number, one.column)) != one.value
        ]
        return Ruling(fresh, [f"{len(fresh)} values patched", *patched.notes])

    return decide


def discard(rows: Sequence[RowAddress], who: str, why: str) -> Decide:
    """Leave quarantined rows out for good."""

    def decide(work: Workspace) -> Ruling:
        open_rows = [row for row in rows if row.status == "open"]
        found = [
            Decision(
                "discard", row.delivery_id, row.sequence, who, why, row.table, row.record_number, row.quarantine_id
            )
            for row in open_rows
        ]
        return Ruling(found, [f"{len(found)} rows discarded"])

    return decide


def _said_before(work: Workspace, decision: Decision) -> bool:
    """Whether the newest decision about a delivery is this one."""
    entries = work.ledger.decisions().entries
    about = [one for one in entries if one.delivery_id == decision.delivery_id and one.table is None]
    return bool(about) and replace(about[-1], entry=0, run_id="") == decision


def _superseded(register: Register, delivery_id: str, sequence: int) -> bool:
    """Whether the file holds again, since a content of it was held, the older one that counts."""
    latest, current = register.latest.get(delivery_id), register.current.get(delivery_id)
    if latest is None or current is None or latest.sequence != current.sequence:
        return False
    return (current.sequence or 0) < sequence


def _unconfirmed(work: Workspace, register: Register, newest: Delivery, decision: Decision) -> Ruling:
    """A release of a delivery whose newest content a manifest keeps out: it may end a retraction, or a hold.

    Raises ConfigurationError where there is nothing but the manifest.
    """
    upto, held = register.decisions.withheld().get(newest.delivery_id, (0, {}))
    ends = upto > 0 or newest.sequence in held
    if not ends and not _said_before(work, decision):
        raise ConfigurationError(
            f"{newest.delivery_id} is kept out by its manifest: {newest.reason}. Have the manifest or the file "
            "delivered again."
        )
    counting = [
        sequence
        for sequence, content in register.contents.items()
        if (content.delivery_id, content.state) == (newest.delivery_id, "ingested")
        and sequence not in held
        and sequence not in register.dropped
    ]
    what = f"{newest.delivery_id} is released, and its manifest keeps it out still"
    if counting:
        what = f"{newest.delivery_id} counts again as it was before; its manifest keeps the newest content out still"
    return Ruling([decision] if ends else [], [f"{what}: {newest.reason}"])


def _newest(register: Register, delivery_id: str, domain: str) -> Delivery:
    """The newest content of a delivery; raises ConfigurationError for a delivery that never reached bronze."""
    found = [delivery for delivery in register.contents.values() if delivery.delivery_id == delivery_id]
    if found:
        return max(found, key=lambda delivery: delivery.sequence or 0)
    known = sorted({delivery.delivery_id for delivery in register.contents.values()})
    if delivery_id in register.latest:
        raise ConfigurationError(f"{delivery_id} was never readable, so nothing of it is in the tables.")
    example = f" Example: {known[-1]}" if known else ""
    raise ConfigurationError(
        f"The ledger of '{domain}' knows no delivery '{delivery_id}'.{nearest(delivery_id, known)}{example}"
    )
