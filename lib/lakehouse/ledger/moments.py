"""The ledger as it was when a run had ended, and what has to be recorded to make it amount to that again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from lakehouse.contracts.names import TableId
from lakehouse.ledger.decisions import Decision, Decisions
from lakehouse.ledger.deliveries import Outcome, Register


@dataclass(frozen=True)
class Return:
    """What brings the register back to an earlier one."""

    decisions: tuple[Decision, ...]
    outcomes: tuple[Outcome, ...]
    held: tuple[str, ...]
    """Ids of deliveries whose newest content is held by this."""


def back_to(then: Register, now: Register, who: str, why: str) -> Return:
    """The decisions and outcomes after whose recording ``now`` amounts to ``then``.

    Contents that came later are held, and what was decided later is revoked: the next run leaves them alone.
    """
    withheld = list(_withheld_again(then, now, who, why))
    rows = list(_rows_again(then.decisions, now.decisions, who, why))
    held = sorted({one.delivery_id for one in withheld if one.kind == "hold"})
    return Return((*withheld, *rows), tuple(_outcomes_again(then, now)), tuple(held))


def _withheld_again(then: Register, now: Register, who: str, why: str) -> Iterable[Decision]:
    before, after = then.decisions.withheld(), now.decisions.withheld()
    by_delivery: dict[str, list[int]] = {}
    for sequence, delivery in now.contents.items():
        by_delivery.setdefault(delivery.delivery_id, []).append(sequence)
    for delivery_id, sequences in sorted(by_delivery.items()):
        upto, kept = before.get(delivery_id, (0, {}))
        later = {sequence: why for sequence in sequences if _came_later(sequence, then, now)}
        wanted = (upto, {**kept, **later})
        present = after.get(delivery_id, (0, {}))
        if (wanted[0], set(wanted[1])) == (present[0], set(present[1])):
            continue
        for sequence in sorted({*present[1], max(sequences)}) if present != (0, {}) else []:
            yield Decision("release", delivery_id, sequence, who, why)
        if upto:
            yield Decision("retract", delivery_id, upto, who, why)
        for sequence, reason in sorted(wanted[1].items()):
            yield Decision("hold", delivery_id, sequence, who, reason)


def _came_later(sequence: int, then: Register, now: Register) -> bool:
    """Whether a content was not there yet, or kept out by a manifest that confirms it now."""
    before = then.contents.get(sequence)
    return before is None or (before.state == "unconfirmed" and now.contents[sequence].state != "unconfirmed")


def _rows_again(then: Decisions, now: Decisions, who: str, why: str) -> Iterable[Decision]:
    old = set(then.entries)
    touched: dict[tuple[TableId | None, int, int | None], Decision] = {}
    for one in now.entries:
        if one not in old and one.kind in {"patch", "discard", "accept", "revoke"}:
            touched[one.table, one.sequence, one.record_number] = one
    for place, one in touched.items():
        yield replace(one, kind="revoke", column=None, value=None, who=who, why=why, entry=0, run_id="")
        for earlier in then.entries:
            same = (earlier.table, earlier.sequence, earlier.record_number) == place
            if same and earlier.kind in {"patch", "discard", "accept", "revoke"}:
                yield replace(earlier, entry=0, run_id="")


def _outcomes_again(then: Register, now: Register) -> Iterable[Outcome]:
    for key, present in sorted(now.outcomes.items(), key=lambda item: (str(item[0][0]), item[0][1])):
        outcome, seen = then.outcomes.get(key), then.seen.get(key)
        if (outcome, seen) == (present, now.seen.get(key)):
            continue
        if key in now.published and key not in then.published:
            yield replace(
                present, state="withdrawn", reason="restored", rows_accepted=0, rows_quarantined=0, rows_outranked=0,
                rows_unchanged=0,
            )  # fmt: skip
        # The content that readers had seen last is told by its acceptance, whatever became of it until then.
        shown = replace(seen, state="accepted") if seen else None
        for wanted in dict.fromkeys((shown, seen, outcome)):
            if wanted is not None:
                yield wanted
        if seen is None and outcome is None and key not in now.published and present.state != "withdrawn":
            yield replace(present, state="withdrawn", reason="restored")


def settled(outcome: Outcome, then: Register, mark: int) -> Outcome:
    """An outcome of that time that takes into account what was decided since, unless it lagged behind even then."""
    covered = outcome.decision >= then.decisions.mark(outcome.table, outcome.sequence)
    return replace(outcome, decision=mark) if covered else replace(outcome, decision=0)


def names_of(found: Mapping[str, int]) -> str:
    """Tables and versions in words: ``billing.silver.usage 12``."""
    return ", ".join(f"{name} {version}" for name, version in sorted(found.items()))
