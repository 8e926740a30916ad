"""What Airflow hands a task, as far as our operators look at it."""

from __future__ import annotations

from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any


class TaskInstance(SimpleNamespace):
    """One attempt at a task."""

    pushed: dict[str, Any]

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value

    def xcom_pull(self, task_ids: str, key: str = "return_value") -> Any:
        return self.pushed.get(task_ids if key == "return_value" else key)


def context(
    start: str | None = None,
    end: str | None = None,
    *,
    params: dict[str, Any] | None = None,
    conf: dict[str, Any] | None = None,
    run_type: str = "scheduled",
    run_id: str = "scheduled__2025-01-04T00:00:00+00:00",
    run_start: datetime | None = None,
    pushed: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The context of a run over an interval; ``start`` and ``end`` are ISO texts in UTC."""
    run = SimpleNamespace(
        run_type=run_type,
        conf=conf or {},
        data_interval_start=moment(start) if start else None,
        data_interval_end=moment(end) if end else None,
        start_date=run_start,
    )
    instance = TaskInstance(
        dag_id="billing_daily", run_id=run_id, try_number=1, id="0197", task_id="lakehouse.refine", pushed=pushed or {}
    )
    return {"dag_run": run, "params": params or {}, "ti": instance, "run_id": run_id}


def moment(text: str) -> datetime:
    """A time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)
