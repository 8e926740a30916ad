"""What a step left behind: read from the lake, told in the task's log, handed on as XCom, or raised as an error.

Every runner ends its task with ``conclude``, so that the same exit code means the same everywhere.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lakehouse.errors import ExitCode
from lakehouse.orchestration.alert_texts import BrokenRule, Kind
from lakehouse.orchestration.jobs import STEPS, Job

NOTE = "note"
"""Name of the XCom with a step's line for the note on the run."""

_MOST = 50
"""Entries of a list that go into XCom; the file of the result holds all."""

_SHOWN = 20
"""Refused deliveries that are told one by one."""

_log = logging.getLogger(__name__)

Context = Mapping[str, Any]


class StepError(Exception):
    """A task of a domain did not do what it was for."""

    kind: Kind = "failed"
    """Which alert it is."""
    broken: Sequence[BrokenRule] = ()


class StepFailedError(StepError):
    """A step ended unexpectedly; the next try finishes what it began."""


class DomainBusyError(StepError):
    """Another process writes the domain; the step waits for its turn, and fails when that does not come in time."""


class StepMisconfiguredError(StepError):
    """A contract, an environment or a parameter is wrong; trying again does not help."""


class IncompleteError(StepError):
    """The run is strict, and deliveries are unreadable or missing."""


class DeliveryMissingError(StepError):
    """A delivery did not come in time."""

    kind = "missing"


class DeliveryRefusedError(StepError):
    """A gate refused a delivery or a gold table; the others are published."""

    kind = "refused"

    def __init__(self, text: str, broken: Sequence[BrokenRule] = ()) -> None:
        super().__init__(text)
        self.broken = tuple(broken)


class LakeDiffersError(StepError):
    """A proof found tables that are not what the deliveries make them."""

    kind = "differs"


FINAL = (
    StepMisconfiguredError, DomainBusyError, IncompleteError, DeliveryMissingError, DeliveryRefusedError,
    LakeDiffersError,
)  # fmt: skip
"""Errors that a further try would only repeat. For a domain that is busy, all of them have been made."""

_BY_CODE: dict[int, type[StepError]] = {
    ExitCode.WRONG_USAGE: StepMisconfiguredError,
    ExitCode.WRITER_BUSY: DomainBusyError,
    ExitCode.INCOMPLETE: IncompleteError,
}


def conclude(job: Job, code: int | None, context: Context, ended: str = "") -> dict[str, Any]:
    """The figures of a step that has ended, for XCom; they go to the log, and a line of them on the run.

    ``code`` is the exit code of its process, None where the platform does not tell; ``ended`` says how the process
    ended, in words. Raises StepMisconfiguredError (2), DomainBusyError (4), IncompleteError (5), and StepFailedError
    for all other codes but 0 and 3, and when there is no result; LakeDiffersError for a proof that does not hold. 3 is
    no error of a daily step, because the verdict task tells of it; for what a person asked for with a form it is
    DeliveryRefusedError.
    """
    result = read_result(job.result)
    if code is None and result is not None:
        code = int(result["exit_code"])
    if result is None or code not in {ExitCode.DONE, ExitCode.GATE_REFUSED}:
        error = _error(job, code, result, ended)
        context["ti"].xcom_push(key=NOTE, value=str(error))
        raise error
    found = figures(job, result)
    for line in told_lines(result):
        _log.info(line)
    context["ti"].xcom_push(key=NOTE, value=note(job.step, found))
    broken = list(broken_rules(result))
    if broken and job.step not in STEPS:
        context["ti"].xcom_push(key="return_value", value=found)
        raise DeliveryRefusedError(refusal(broken), broken)
    return found


def _error(job: Job, code: int | None, result: Mapping[str, Any] | None, ended: str) -> StepError:
    reason = str((result or {}).get("reason") or "").strip()
    if result is not None and result.get("holds") is False:
        return LakeDiffersError(reason)
    told = [ended or (f"exit code {code}" if code is not None else ""), reason]
    if result is None:
        told.append(f"it left no result in {job.result}")
    error = _BY_CODE.get(code if code is not None else -1, StepFailedError)
    return error(f"{job.step} of {job.domain} did not end well: " + "; ".join(part for part in told if part))


def read_result(place: str) -> dict[str, Any] | None:
    """The result in a file or under a URI; None when there is none.

    Raises StepFailedError for one that cannot be understood.
    """
    try:
        if "://" in place:
            import fsspec

            with fsspec.open(place, "r", encoding="utf-8") as stream:
                text = stream.read()
        else:
            text = Path(place).read_text("utf-8")
        found: dict[str, Any] = json.loads(text)
        return found
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise StepFailedError(f"{place} is not the result of a step: {error}") from error


# --- What is handed on ---


def figures(job: Job, result: Mapping[str, Any]) -> dict[str, Any]:
    """What the tasks that follow, and people, need of a result; no rows, and no list of any length."""
    deliveries = result.get("deliveries") or []
    judged = [d for d in deliveries if d["state"] in {"accepted", "refused"}]
    states = [d["state"] for d in deliveries]
    broken = list(broken_rules(result))
    return {
        "run_id": result["run_id"],
        "step": job.step,
        "exit_code": int(result["exit_code"]),
        "reason": result.get("reason") or "",
        "nothing_new": bool(result.get("nothing_new")),
        "dry_run": bool(result.get("dry_run")),
        "deliveries": {state: states.count(state) for state in dict.fromkeys(states)},
        "rows": _rows(judged),
        "refused": [[rule.table, rule.delivery_id, rule.reason] for rule in broken[:_MOST]],
        "refused_count": len({rule.name for rule in broken}),
        "refused_tables": list(result.get("refused_tables") or [])[:_MOST],
        "standing": list(result.get("standing") or [])[:_MOST],
        "missing_days": list(result.get("missing_days") or [])[:_MOST],
        "tables": [{name: t[name] for name in ("table", "version", "rows")} for t in result.get("tables") or []],
        "notes": list(result.get("notes") or [])[:_MOST],
        "seconds": dict(result.get("seconds") or {}),
        "result": job.result,
    }


def _rows(deliveries: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """What became of the rows of deliveries; ``unchanged`` only where a table with versions has such rows."""
    names = ("in", "accepted", "quarantined", "outranked", "unchanged")
    found = {name: sum(int(d.get(f"rows_{name}") or 0) for d in deliveries) for name in names}
    return {name: rows for name, rows in found.items() if rows or name != "unchanged"} if deliveries else {}


def broken_rules(result: Mapping[str, Any]) -> Iterator[BrokenRule]:
    """The gates that refused a delivery or a gold table."""
    for verdict in result.get("verdicts") or []:
        if verdict["passed"] == "no" and verdict["severity"] == "error":
            yield BrokenRule(
                str(verdict["table_id"]), str(verdict["delivery_id"] or ""), str(verdict["reason"] or verdict["rule"])
            )


# --- What people read ---


def told_lines(result: Mapping[str, Any]) -> Iterator[str]:
    """The main figures of a result, a line each."""
    if result.get("dry_run"):
        yield "Nothing was written (dry run)"
    elif result.get("nothing_new"):
        yield "Nothing new; nothing was written"
    deliveries = result.get("deliveries") or []
    for table in dict.fromkeys(d["table"] for d in deliveries):
        mine = [d for d in deliveries if d["table"] == table]
        states = [d["state"] for d in mine]
        counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        rows = ", ".join(f"{count:,} {name}" for name, count in _rows(mine).items())
        yield f"{table}: {counts}; rows {rows}" if any(d["rows_in"] for d in mine) else f"{table}: {counts}"
    for delivery in deliveries:
        if delivery["state"] in {"refused", "unreadable", "unconfirmed", "torn"}:
            yield f"{delivery['state']} {delivery['delivery_id']}: {delivery['reason']}"
    verdicts = result.get("verdicts") or []
    if verdicts:
        failed = [v for v in verdicts if v["passed"] == "no"]
        errors = sum(1 for v in failed if v["severity"] == "error")
        yield f"Gates: {len(verdicts) - len(failed)} passed, {len(failed) - errors} warned, {errors} refused"
    for verdict in [v for v in verdicts if v["passed"] == "no"][:_MOST]:
        word = "refused" if verdict["severity"] == "error" else "warned"
        yield f"  {word} {verdict['delivery_id'] or verdict['table_id']}: {verdict['reason']}"
    yield from (f"{text}" for text in result.get("refused_tables") or [])
    yield from (f"still out: {text}" for text in (result.get("standing") or [])[:_MOST])
    if missing := result.get("missing_days"):
        yield f"no delivery for {', '.join(missing[:_MOST])}"
    for table in result.get("tables") or []:
        rows = "" if table["rows"] is None else f"{table['rows']:,} rows, "
        yield f"{table['table']}: {rows}version {table['version']}{', ' + table['note'] if table['note'] else ''}"
    yield from result.get("notes") or []
    seconds = result.get("seconds") or {}
    if seconds:
        yield "Seconds: " + ", ".join(f"{step} {value}" for step, value in seconds.items())


def refusal(broken: Sequence[BrokenRule]) -> str:
    """What was refused, and why, in lines."""
    names = list(dict.fromkeys(rule.name for rule in broken))
    lines = [f"Refused by a gate: {len(names)}. All else is published."]
    for name in names[:_SHOWN]:
        lines += [name, *(f"  {rule.reason}" for rule in broken if rule.name == name)]
    if len(names) > _SHOWN:
        lines.append(f"... and {len(names) - _SHOWN} more")
    return "\n".join(lines)


def note(step: str, found: Mapping[str, Any]) -> str:
    """One line about a step."""
    # What maintain notes is long, and of no use to whoever looks for what became of the deliveries.
    parts = [] if step in STEPS else list(found["notes"])
    if found["dry_run"]:
        return "; ".join([f"{step}: dry run", *parts])
    if found["nothing_new"]:
        return "; ".join([f"{step}: nothing new", *parts])
    parts += [f"{count} {state}" for state, count in found["deliveries"].items()]
    if rows := found["rows"]:
        parts.append("rows " + ", ".join(f"{count:,} {name}" for name, count in rows.items() if count or name == "in"))
    if found["refused_tables"]:
        parts.append(f"{len(found['refused_tables'])} tables refused")
    return f"{step}: " + ("; ".join(parts) or "done")
