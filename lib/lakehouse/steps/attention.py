"""What of a domain's status needs a person."""

from __future__ import annotations

from collections.abc import Iterator

from lakehouse.errors import ExitCode
from lakehouse.steps.freshness import KEPT_OUT
from lakehouse.steps.status import DomainStatus


def attention(found: DomainStatus) -> list[str]:
    """A line for each thing that no further run mends by itself; none when all is well."""
    return [*_run(found), *_deliveries(found), *_tables(found), *_columns(found)]


def _run(found: DomainStatus) -> Iterator[str]:
    last = found.runs[0] if found.runs else None
    if last and last.state == "interrupted":
        yield f"the last run was interrupted: {last.run_id}; the next one finishes what it began"
    elif last and last.state == "failed":
        yield f"the last run failed: {last.reason}"
    elif last and last.exit_code == ExitCode.INCOMPLETE:
        yield f"the last run: {last.reason}"


def _deliveries(found: DomainStatus) -> Iterator[str]:
    for state, count in found.deliveries.items():
        if count and state in {"refused", "unreadable", "unconfirmed", "held"}:
            yield f"{_count(count, 'delivery', 'deliveries')} {state}"
    for source in dict.fromkeys(gap.source for gap in found.gaps):
        days = sum(gap.days for gap in found.gaps if gap.source == source)
        yield f"{_count(days, 'day', 'days')} without a delivery from {source}"
    for quarantine in found.quarantine:
        if quarantine.open:
            yield f"{_count(quarantine.open, 'row', 'rows')} of {quarantine.table} in quarantine"


def _tables(found: DomainStatus) -> Iterator[str]:
    kept = [v.table for v in found.verdicts.failed if v.severity == "error" and v.delivery_id is None]
    kept += [str(one.table) for one in found.tables if one.why.startswith(KEPT_OUT)]
    for table in dict.fromkeys(kept):
        yield f"a gate keeps {table} at its old version"


def _columns(found: DomainStatus) -> Iterator[str]:
    unknown = [column for column in found.drift.columns if column.kind == "unknown"]
    for source in dict.fromkeys(column.source for column in unknown):
        names = ", ".join(column.column for column in unknown if column.source == source)
        yield f"{source} is delivered with columns that its contract does not have: {names}"


def _count(number: int, one: str, several: str) -> str:
    return f"{number:,} {one if number == 1 else several}"
