"""What the ledger keeps of a run: who did what, how it ended, and the state of the domain that it left."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

from lakehouse.contracts.names import TableId
from lakehouse.ledger.book import table_version
from lakehouse.ledger.processes import user_name
from lakehouse.steps.summary import RunSummary
from lakehouse.steps.workspace import Workspace

SIDES = ("outranked", "quarantine")
"""Kinds of tables beside a silver one."""


def table_paths(work: Workspace) -> dict[str, str]:
    """Folder of every table of rows by name; outranked and quarantined rows are ``<domain>.outranked.<table>``."""
    found = {str(table_id): work.lake.table(table_id) for table_id in work.domain.tables}
    for table in work.domain.silver():
        found[side(table.id, "outranked")] = work.lake.outranked(table.id)
        found[side(table.id, "quarantine")] = work.lake.quarantine(table.id)
    return found


def side(table: TableId, kind: str) -> str:
    """Name of a table beside a silver one: ``billing.quarantine.usage``."""
    return f"{table.domain}.{kind}.{table.name}"


def noted_versions(table_id: str, version: int | None, inputs: Mapping[str, int] | None) -> dict[str, int | None]:
    """What an entry of ``publications`` says of its table and of those beside it, by name."""
    table = TableId.parse(table_id)
    return {table_id: version} | {side(table, kind): inputs[kind] for kind in SIDES if inputs and kind in inputs}


def record_run(work: Workspace, state: str, summary: RunSummary) -> None:
    """Note the start or the end of a run; at the end with the versions and ledger entries that belong together."""
    done = state != "started"
    details = None
    if done:
        versions = {name: table_version(path) for name, path in table_paths(work).items()}
        details = {
            "versions": {name: version for name, version in versions.items() if version is not None},
            "entries": work.ledger.positions(),
            "seconds": summary.seconds,
        }
    entry = {
        "run_id": work.run_id,
        "state": state,
        "command": " ".join(summary.steps),
        "arguments": {
            "landing": work.landing,
            "from": work.days.first,
            "to": work.days.last,
            "full_refresh": work.full_refresh,
        },
        "exit_code": summary.exit_code if done else None,
        "reason": summary.reason or None,
        "host": f"{user_name()}@{socket.gethostname()}",
        "process": os.getpid(),
        "summary": details,
    }
    work.ledger.record("runs", [entry])
