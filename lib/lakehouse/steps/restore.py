"""Restore: all tables of a domain back to the versions that belonged together when a run had ended. No Spark.

Silver, outranked, quarantine and gold go back. Bronze keeps what arrived since; the ledger notes it as held, so that
no run takes it into the tables before people release it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from lakehouse.contracts.names import BESIDE, LAYERS, TableId
from lakehouse.contracts.tables import BronzeTable, GoldTable
from lakehouse.errors import TableError
from lakehouse.ledger.book import (
    NEVER_MADE,
    Publication,
    changed_between,
    empty_table,
    missing_files,
    publication_row,
    restore_version,
    same_files,
    table_version,
)
from lakehouse.ledger.decisions import decision_rows
from lakehouse.ledger.deliveries import outcome_row
from lakehouse.ledger.entries import Row
from lakehouse.ledger.moments import back_to, settled
from lakehouse.steps.ingest import finish_interrupted
from lakehouse.steps.lost import check_lake, note_lost
from lakehouse.steps.moments import Moment, find_moment, moment_of
from lakehouse.steps.recording import SIDES, record_run, side, table_paths
from lakehouse.steps.recovery import recover
from lakehouse.steps.summary import RunSummary
from lakehouse.steps.superseded import lost_contents, readers
from lakehouse.steps.workspace import Workspace

_NAMED = 3
"""Lost contents that are named; the others are counted."""


@dataclass
class Restored:
    """What a restore did, or would do."""

    to: str
    tables: dict[str, tuple[int, int | None]] = field(default_factory=dict)
    """Tables that had changed: the version before, and the one gone back to (None: emptied)."""
    held: list[str] = field(default_factory=list)
    """Deliveries whose newest content is held by it."""
    notes: list[str] = field(default_factory=list)


def restore_preview(work: Workspace, run_id: str) -> Restored:
    """What a restore would do; raises TableError when files of that time, or tables, are gone."""
    check_lake(work, ["restore"])
    return _preview(work, find_moment(work, run_id))


def _preview(work: Workspace, moment: Moment) -> Restored:
    _check_files(work, moment)
    _check_contents(work, moment)
    found = Restored(moment.run_id)
    for name, path in _restorable(work).items():
        version, target = table_version(path), moment.target(name)
        if version is not None and not same_files(path, target):
            found.tables[name] = (version, target)
    then, now = work.ledger.deliveries_at(moment.positions), work.ledger.deliveries()
    found.held = list(back_to(then, now, "", "").held)
    _add_notes(work, moment, found)
    return found


def restore(work: Workspace, run_id: str, who: str, why: str) -> Restored:
    """Bring the tables back and record what is thereby held; the caller holds the claim on the domain."""
    note_lost(work, check_lake(work, ["restore"]))
    finish_interrupted(work)
    recover(work)
    resume_restore(work)
    moment = find_moment(work, run_id)
    found = _preview(work, moment)
    if not found.tables and not found.held:
        found.notes.append(f"the tables are as the run {run_id} left them; nothing was changed")
        return found
    details = {"to": run_id, "versions": dict(moment.versions), "entries": dict(moment.positions)}
    intent = {"kind": "restore", "who": who, "why": why, "run_id": work.run_id, "details": details}
    work.ledger.record("decisions", [intent])
    _go_back(work, moment, found, who, why)
    return found


def resume_restore(work: Workspace) -> Restored | None:
    """Finish a restore that a crash cut off; None when there is none."""
    open_intent: Row | None = None
    for row in work.ledger.rows("decisions"):
        if row["kind"] == "restore":
            open_intent = row
        elif row["kind"] == "restored":
            open_intent = None
    if open_intent is None:
        return None
    details = open_intent["details"]
    moment = moment_of(work, details["to"], details["versions"], details["entries"])
    work.progress(f"finishing the interrupted restore to {moment.run_id}")
    _check_files(work, moment, resumed=True)
    found = Restored(moment.run_id, notes=[f"finished the interrupted restore to {moment.run_id}"])
    _go_back(work, moment, found, open_intent["who"], open_intent["why"])
    _add_notes(work, moment, found)
    return found


def _go_back(work: Workspace, moment: Moment, found: Restored, who: str, why: str) -> None:
    summary = RunSummary(work.run_id, work.domain.name, work.lake.root, "", ["restore"])
    record_run(work, "started", summary)
    for name, path in _restorable(work).items():
        version, target = table_version(path), moment.target(name)
        if version is None or same_files(path, target):
            continue
        found.tables[name] = (version, target)
        work.progress(f"{name}: back to version {target}")
        if target is None:
            empty_table(path, work.run_id)
        else:
            restore_version(path, target, work.run_id)
    found.held = _record_deliveries(work, moment, who, why)
    _record_publications(work, moment)
    done = {"kind": "restored", "who": who, "why": why, "run_id": work.run_id, "details": {"to": moment.run_id}}
    work.ledger.record("decisions", [done])
    record_run(work, "finished", summary)


def _restorable(work: Workspace) -> dict[str, str]:
    bronze = {str(table.id) for table in work.domain.bronze()}
    return {name: path for name, path in table_paths(work).items() if name not in bronze}


def _check_files(work: Workspace, moment: Moment, resumed: bool = False) -> None:
    gone, lost, computed = [], [], {str(table.id) for table in work.domain.gold()}
    for name, path in _restorable(work).items():
        target = moment.target(name)
        if table_version(path) is None:
            continue
        if name in moment.lost and name not in computed:
            lost.append(name)
        elif target is not None and (problem := missing_files(path, target)):
            gone.append(f"{name} version {target}: {problem}")
    if lost and not (resumed and work.full_refresh):
        # Of a restore that is to be finished, no other run can be named.
        out = "Run with --full-refresh, which makes it anew" if resumed else "Nothing was changed. Name a later run"
        raise TableError(
            f"The tables cannot go back to the run {moment.run_id}: what it left of {', '.join(lost)} was lost since, "
            f"and made anew or continued from an older copy. {out}."
        )
    if gone:
        raise TableError(
            f"The tables cannot go back to the run {moment.run_id}: {'; '.join(gone)}. Nothing was changed. VACUUM "
            "removes what no version within keep_days of the contract needs; name a later run."
        )


def _check_contents(work: Workspace, moment: Moment) -> None:
    """Raise TableError when bronze holds a content no more that counted at that time."""
    lost = lost_contents(work.ledger.deliveries(), work.ledger.deliveries_at(moment.positions), readers(work))
    if lost:
        named = ", ".join(f"{content.delivery_id} (sequence {content.sequence})" for content in lost[:_NAMED])
        more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
        raise TableError(
            f"The tables cannot go back to the run {moment.run_id}: contents that counted then have been removed from "
            f"bronze since: {named}{more}. Nothing was changed. maintain.drop_superseded_days in the contract of a "
            "bronze table lets them go; name a later run."
        )


def _record_deliveries(work: Workspace, moment: Moment, who: str, why: str) -> list[str]:
    then, now = work.ledger.deliveries_at(moment.positions), work.ledger.deliveries()
    wanted = back_to(then, now, who, why)
    work.ledger.record("decisions", decision_rows(wanted.decisions, work.run_id))
    decided = work.ledger.decisions()
    rows = []
    for outcome in wanted.outcomes:
        delivery = now.contents[outcome.sequence]
        mark = decided.mark(outcome.table, outcome.sequence)
        rows.append(outcome_row(settled(outcome, then, mark), delivery, work.run_id))
    work.ledger.record("deliveries", rows)
    return list(wanted.held)


def _record_publications(work: Workspace, moment: Moment) -> None:
    """Say of each table which versions it was made from, in the numbers that these versions have now."""
    paths = table_paths(work)
    present = {name: table_version(path) for name, path in paths.items()}
    found = []
    for table_id, published in work.ledger.publications_at(moment.positions).items():
        table = work.domain.tables.get(table_id)
        version = present.get(str(table_id))
        if table is None or isinstance(table, BronzeTable) or version is None:
            continue
        if isinstance(table, GoldTable) and moment.makes_anew(table):
            continue
        inputs = {
            name: _number_now(work, moment, table_id, name, then, present)
            for name, then in published.input_versions.items()
        }
        found.append(replace(published, version=version, input_versions=inputs))
    # What was not made then, or is lost, is empty now, whatever its newest entry says it was made from. What was made
    # from lost tables is not, but nobody could tell any more what changes in them.
    made = {published.table for published in found}
    for computed in work.domain.gold():
        version = present.get(str(computed.id))
        if computed.id not in made and version is not None:
            found.append(Publication(computed.id, version, {}, NEVER_MADE, None))
    work.ledger.record("publications", [publication_row(one, "restore", work.run_id) for one in found])


def _number_now(
    work: Workspace,
    moment: Moment,
    table_id: TableId,
    name: str,
    then: int,
    present: Mapping[str, int | None],
) -> int:
    """The present number of an input's version, unless the input had moved on even then."""
    if name in SIDES:  # it went back together with its table
        now = present.get(side(table_id, name))
        return then if now is None else now
    table = work.domain.tables.get(TableId.parse(name, (*LAYERS, BESIDE)))
    now, left = present.get(name), moment.versions.get(name)
    if isinstance(table, BronzeTable) or now is None or left is None:
        return then
    return then if changed_between(table_paths(work)[name], then, left) else now


def _add_notes(work: Workspace, moment: Moment, found: Restored) -> None:
    lost = [name for name in found.tables if name in moment.lost]
    if lost:
        found.notes.append(f"lost since, and empty until the next run makes it anew: {', '.join(lost)}")
    changed = _changed_contracts(work, moment)
    if changed:
        found.notes.append(
            f"the contracts of {', '.join(changed)} have changed since: the next run makes them by the new ones"
        )


def _changed_contracts(work: Workspace, moment: Moment) -> Sequence[str]:
    published = work.ledger.publications_at(moment.positions)
    return [
        str(table.id)
        for table in work.domain.tables.values()
        if not isinstance(table, BronzeTable)
        and table.id in published
        and published[table.id].fingerprint not in (work.fingerprint(table.id), NEVER_MADE)
    ]
