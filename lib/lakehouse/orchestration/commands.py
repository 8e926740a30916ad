"""Commands of Airflow that people are told to type. Nothing of Airflow is imported."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any


def dag_of(domain: str) -> str:
    """Id of a domain's DAG."""
    return f"{domain}_daily"


def action_dag(action: str) -> str:
    """Id of the DAG of an action."""
    return f"lakehouse_{action}"


def trigger_command(dag: str, conf: Mapping[str, Any]) -> str:
    """The command that starts a run by hand, with a form filled in."""
    asked = f" --conf {shlex.quote(json.dumps(conf))}" if conf else ""
    return f"airflow dags trigger {shlex.quote(dag)}{asked}"


def backfill_command(dag: str, first: date, last: date) -> str:
    """The command that runs the days of a range again, both ends included, whatever became of them before."""
    return (
        f"airflow backfill create --dag-id {shlex.quote(dag)} --from-date {first} --to-date {last} "
        "--reprocess-behavior completed"
    )


def backfill_script(dag: str, ranges: Sequence[tuple[date, date]]) -> list[str]:
    """The commands for several ranges, a line each, for a shell.

    Airflow takes one backfill of a DAG at a time: with several, each line waits until it is its turn. A shell ends at a
    line that is refused for another reason, with an exit code that says so: else that of the last line would be taken.
    """
    commands = [backfill_command(dag, first, last) for first, last in ranges]
    if len(commands) == 1:
        return commands
    return [
        f'until out="$({command} 2>&1)"; do case "$out" in *"only one running backfill"*) sleep 20 ;; '
        '*) echo "$out" >&2; exit 1 ;; esac; done'
        for command in commands
    ]
