"""A short note on every run that has ended: what each step did. Loaded by the scheduler as a plugin of Airflow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

from lakehouse.orchestration.results import NOTE

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

_AUTHOR = "lakehouse"
_LONGEST = 1000
"""Characters that a note can have."""

_ORDER = ("ingest", "refine", "aggregate", "maintain")


class RunNotes:
    """Writes the note when a run ends. Tasks cannot: they have no way to the page of their run."""

    @hookimpl
    def on_dag_run_success(self, dag_run: DagRun) -> None:
        """Note what a green run did."""
        write_note(dag_run)

    @hookimpl
    def on_dag_run_failed(self, dag_run: DagRun) -> None:
        """Note what a red run did before."""
        write_note(dag_run)


def write_note(dag_run: DagRun) -> None:
    """Put the steps' lines into a run's note, unless a person wrote one."""
    from airflow.models.xcom import XComModel
    from sqlalchemy.orm import object_session

    session = object_session(dag_run)
    known = dag_run.dag_run_note
    if session is None or (known is not None and known.user_id != _AUTHOR):
        return
    query = XComModel.get_many(run_id=dag_run.run_id, dag_ids=dag_run.dag_id, key=NOTE)
    lines = [str(XComModel.deserialize_value(found)) for found in session.scalars(query)]
    if not lines:
        return
    text = joined(lines)
    if known is None:
        dag_run.note = (text, _AUTHOR)
    else:
        known.content = text


def joined(lines: Sequence[str]) -> str:
    """The lines of a run's steps in the order of the steps, as long as a note can be."""
    text = "\n".join(sorted(lines, key=_place))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _place(line: str) -> tuple[int, str]:
    step = line.partition(":")[0]
    return (_ORDER.index(step) if step in _ORDER else len(_ORDER), line)


class LakehousePlugin(AirflowPlugin):
    """What the scheduler loads."""

    name = "lakehouse"
    listeners = [RunNotes()]
