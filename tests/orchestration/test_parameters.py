"""What a run is asked for: unknown keys and wrong days are refused in words; days become the arguments of a step."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("airflow", reason="Airflow needs Python 3.11")

from airflow.sdk.timezone import coerce_datetime
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import DataInterval, TimeRestriction

from lakehouse.orchestration.domain_dag import domain_dag
from lakehouse.orchestration.parameters import CheckParameters, check, days_of, job_of
from lakehouse.orchestration.results import StepMisconfiguredError
from tests.contracts.places import CONF
from tests.orchestration.contexts import context, moment

ALLOWED = "Allowed: first_day, last_day, on_missing, full_refresh, dry_run, strict."
EXAMPLE = 'Example: {"first_day": "2025-01-01", "last_day": "2025-01-31"}'


@pytest.mark.parametrize(
    ("conf", "text"),
    [
        ({"frist_day": "2025-01-01"}, f"unknown parameter 'frist_day'. Did you mean 'first_day'? {ALLOWED} {EXAMPLE}"),
        ({"x": 1}, f"unknown parameter 'x'. {ALLOWED} {EXAMPLE}"),
        (
            {"dryrun": True, "from": "2025-01-01"},
            f"unknown parameter 'dryrun'. Did you mean 'dry_run'? {ALLOWED} {EXAMPLE}\n"
            f"unknown parameter 'from'. {ALLOWED} {EXAMPLE}",
        ),
        (
            {"first_day": "2025-01-31", "last_day": "2025-01-01"},
            f"first_day 2025-01-31 is after last_day 2025-01-01. {EXAMPLE}",
        ),
        ({"first_day": "2025-02-30"}, f"first_day: '2025-02-30' is not a date. {EXAMPLE}"),
        ({"last_day": "20250131"}, f"last_day: '20250131' is not a date. {EXAMPLE}"),
    ],
)
def test_wrong_parameters_are_explained(conf: dict[str, Any], text: str) -> None:
    with pytest.raises(StepMisconfiguredError) as caught:
        check(conf, conf)
    assert str(caught.value) == text


def test_the_first_task_checks_and_says_the_days() -> None:
    task = CheckParameters(task_id="check_parameters")
    with pytest.raises(StepMisconfiguredError):
        task.execute(context(conf={"frist_day": "2025-01-01"}))
    asked = {"first_day": "2025-01-01", "last_day": None, "dry_run": True}
    assert task.execute(context(conf=asked, params=asked)) == {"first_day": "2025-01-01", "last_day": None}
    assert task.execute(context()) == {"first_day": None, "last_day": None}


# --- Days ---


def intervals_from(day: str, count: int) -> list[DataInterval]:
    """The intervals that the scheduler makes of billing's DAG, from the run of a day on."""
    dag = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(domain_dag("billing")))
    restriction = TimeRestriction(coerce_datetime(moment(day)), None, catchup=True)
    found: list[DataInterval] = []
    last = None
    for _ in range(count):
        made = dag.timetable.next_dagrun_info(last_automated_data_interval=last, restriction=restriction)
        assert made is not None and made.data_interval is not None
        last = made.data_interval
        found.append(last)
    return found


@pytest.mark.parametrize(
    ("day", "why"),
    [
        ("2025-01-01", "first of a year"),
        ("2025-03-29", "before, on and after the change to summer time in Europe"),
        ("2025-03-08", "in the United States"),
        ("2025-10-25", "and back"),
        ("2025-11-01", "first of a month, and back in the United States"),
        ("2024-02-28", "into a leap day and out of it"),
        ("2025-02-27", "February of a common year"),
    ],
)
def test_the_run_of_a_day_is_for_the_deliveries_of_that_day(day: str, why: str) -> None:
    first = date.fromisoformat(day)
    expected = [date.fromordinal(first.toordinal() + number) for number in range(4)]
    found = []
    for interval in intervals_from(day, 4):
        run = context()
        run["dag_run"].data_interval_start, run["dag_run"].data_interval_end = interval.start, interval.end
        asked_first, asked_last = days_of(run)
        assert asked_first == asked_last, why
        found.append(asked_first)
    assert found == expected, why


@pytest.mark.parametrize(
    ("run", "days"),
    [
        (context("2025-01-06", "2025-01-13"), (date(2025, 1, 6), date(2025, 1, 12))),  # a week
        (context("2025-01-06T02:00", "2025-01-07T02:00"), (date(2025, 1, 6), date(2025, 1, 6))),
        (context("2025-01-06T23:00", "2025-01-07T00:00"), (date(2025, 1, 6), date(2025, 1, 6))),  # an hour
        (context(), (None, None)),
        (context("2025-01-06", "2025-01-07", params={"first_day": "2024-01-01"}), (date(2024, 1, 1), None)),
        (context(params={"first_day": "2024-01-01", "last_day": "2024-01-02"}), (date(2024, 1, 1), date(2024, 1, 2))),
        (context("2025-01-06", "2025-01-07", params={"first_day": None}), (date(2025, 1, 6), date(2025, 1, 6))),
    ],
    ids=["week", "two o'clock", "hour", "no interval", "asked for", "asked for a range", "form left empty"],
)
def test_days_are_those_asked_for_else_those_of_the_interval(
    run: dict[str, Any], days: tuple[date | None, date | None]
) -> None:
    assert days_of(run) == days


# --- Jobs ---


def test_a_step_gets_the_command_line_that_a_person_would_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_CONF", str(CONF))
    asked = {"full_refresh": True, "dry_run": True, "strict": True}
    job = job_of(context("2025-01-03", "2025-01-04", params=asked), "billing", "refine")
    run_id = "billing_daily.scheduled__2025-01-04T00-00-00-00-00.refine.1-a1d3d3e1"
    here = Path.cwd() / "data"
    assert job.run_id[:-8] == run_id[:-8]
    assert job.arguments == (
        "billing", "--from", "2025-01-03", "--to", "2025-01-03", "--lake", f"{here}/lake", "--landing",
        f"{here}/landing", "--env", "local", "--full-refresh", "--dry-run", "--strict", "--run-id", job.run_id,
    )  # fmt: skip
    assert (job.script, dict(job.spark)) == ("lakehouse_refine.py", {"spark.master": "local[2]"})
    assert job.result == f"{here}/lake/billing/results/{job.run_id}.json"


def test_without_days_everything_that_is_pending_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_CONF", str(CONF))
    arguments = job_of(context(), "billing", "ingest").arguments
    assert not {"--from", "--to", "--full-refresh", "--dry-run", "--strict"} & set(arguments)
