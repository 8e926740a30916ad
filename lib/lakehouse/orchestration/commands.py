"""Commands of Airflow that people are told to type. Nothing of Airflow is imported."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import date


def dag_of(domain: str) -> str:
    """Id of a domain's DAG."""
    return f"{domain}_daily"


def backfill_command(dag: str, first: date, last: date) -> str:
    """The command that runs the days of a range again, both ends included, whatever became of them before."""
    return (
        f"airflow backfill create --dag-id {shlex.quote(dag)} --from-date {first} --to-date {last} "
        "--reprocess-behavior completed"
    )


def backfill_script(dag: str, ranges: Sequence[tuple[date, date]]) -> list[str]:
    """The commands for several ranges, a line each, for a shell.

    Airflow takes one backfill of a DAG at a time: from the second on, a line waits until it is its turn.
    """
    commands = [backfill_command(dag, first, last) for first, last in ranges]
    return commands[:1] + [
        f'until out="$({command} 2>&1)"; do case "$out" in *"only one running backfill"*) sleep 20 ;; '
        '*) echo "$out" >&2; exit 1 ;; esac; done'
        for command in commands[1:]
    ]
