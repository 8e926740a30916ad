"""A domain's contracts and its environment, as a DAG. A file in dags/ calls ``domain_dag`` and nothing else."""

from __future__ import annotations

from datetime import datetime, time, timedelta, timezone
from functools import partial
from typing import Any

from airflow.sdk import (
    DAG,
    BaseOperator,
    CronDataIntervalTimetable,
    ExceptionRetryPolicy,
    RetryAction,
    RetryRule,
    TaskGroup,
    chain,
)

from lakehouse.contracts.domains import Domain, domain_names, load_domain
from lakehouse.contracts.environments import Environment, environment_name, load_environment
from lakehouse.contracts.lakes import Lake
from lakehouse.orchestration import documentation
from lakehouse.orchestration.alerts import Reporter
from lakehouse.orchestration.commands import dag_of
from lakehouse.orchestration.jobs import STEPS
from lakehouse.orchestration.operators import step_operator
from lakehouse.orchestration.parameters import CheckParameters, form
from lakehouse.orchestration.pools import pool_of
from lakehouse.orchestration.results import FINAL
from lakehouse.orchestration.sensor import WaitForDeliveries
from lakehouse.orchestration.verdict import Verdict

MAINTENANCE = "lakehouse_maintenance"
_EVERY_SUNDAY = "0 12 * * 0"


def domain_dag(name: str) -> DAG:
    """The daily DAG of a domain: wait for deliveries, ingest, refine, aggregate, maintain, verdict.

    Raises ConfigurationError, which the page of import errors shows, for a wrong contract or environment.
    """
    domain, environment = load_domain(name), load_environment(environment_name())
    facts, reporter = domain.facts, reporter_of(domain, environment)
    with DAG(
        dag_id=dag_of(name),
        dag_display_name=f"{name}: deliveries to gold",
        description=facts.description,
        doc_md=documentation.of_domain(domain, environment_name()),
        schedule=CronDataIntervalTimetable(facts.schedule, timezone="UTC"),
        start_date=datetime.combine(facts.start_date, time.min, timezone.utc),
        catchup=False,
        params=form(facts),
        tags=["lakehouse", name, *facts.tags],
        default_args=defaults_of(domain, reporter),
        on_failure_callback=reporter.run_failed,
    ) as dag:
        with TaskGroup("deliveries", tooltip="Is the run asked for rightly, and has everything come?"):
            checked = CheckParameters(
                task_id="check_parameters", retries=0, doc_md=documentation.TASKS["check_parameters"]
            )
            waited = WaitForDeliveries(
                task_id="wait_for_deliveries",
                domain=name,
                arrival=facts.arrival,
                deadline_hours=facts.alerts.deadline_hours,
                tell_late=reporter.delivery_late,
                on_skipped_callback=reporter.delivery_missing,
                doc_md=documentation.TASKS["wait_for_deliveries"],
            )
        with TaskGroup("lakehouse", tooltip="Landing zone to gold, one step after the other"):
            steps = [step_task(domain, step, environment) for step in STEPS]
        verdict = Verdict(
            task_id="verdict",
            domain=name,
            steps=[step.task_id for step in steps],
            retries=0,
            doc_md=documentation.TASKS["verdict"],
        )
        chain(checked, waited, *steps, verdict)
    return dag


def maintenance_dag() -> DAG:
    """The weekly DAG that rearranges the files of every domain, in the pools of their other runs."""
    environment = load_environment(environment_name())
    domains = [load_domain(name) for name in domain_names()]
    reporters = {domain.name: reporter_of(domain, environment) for domain in domains}
    tasks = {domain.name: f"maintain_{domain.name}" for domain in domains}
    with DAG(
        dag_id=MAINTENANCE,
        dag_display_name="all domains: maintenance",
        description="Compact small files, and remove those that no kept version needs.",
        doc_md=documentation.MAINTENANCE,
        schedule=CronDataIntervalTimetable(_EVERY_SUNDAY, timezone="UTC"),
        start_date=datetime.combine(min(domain.facts.start_date for domain in domains), time.min, timezone.utc),
        catchup=False,
        tags=["lakehouse", "maintenance"],
        # Each speaks for its own domain alone: of another's failure its people need not hear, nor does that silence it.
        on_failure_callback=[partial(reporters[name].task_lost, task=task) for name, task in tasks.items()],
    ) as dag:
        for domain in domains:
            defaults = defaults_of(domain, reporters[domain.name])
            step_task(domain, "maintain", environment, task_id=tasks[domain.name], **defaults)
    return dag


def step_task(domain: Domain, step: str, environment: Environment, **task: Any) -> BaseOperator:
    """A step as a task, by the runner that the environment names."""
    settings = {
        "task_id": step,
        # One slot: two steps of a domain never run at a time. A run that has begun is ended before the next begins.
        "pool": pool_of(domain.name),
        "weight_rule": "upstream",
        "doc_md": documentation.TASKS[step],
        **task,
    }
    return step_operator(environment.runner, domain=domain.name, step=step, **settings)


def defaults_of(domain: Domain, reporter: Reporter) -> dict[str, Any]:
    """What the tasks of a domain have in common: owner, retries, who is told."""
    retries = domain.facts.retries
    final = [RetryRule(exception=list(FINAL), action=RetryAction.FAIL, reason="trying again would not help")]
    return {
        "owner": domain.facts.owner,
        "retries": retries.count,
        "retry_delay": timedelta(seconds=retries.delay_seconds),
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": timedelta(seconds=retries.max_delay_seconds),
        "retry_policy": ExceptionRetryPolicy(rules=final),
        "on_failure_callback": reporter.task_failed,
    }


def reporter_of(domain: Domain, environment: Environment) -> Reporter:
    """Who tells people of a domain's runs."""
    return Reporter(domain.name, domain.facts.owner, Lake.at(environment.lake).root, domain.facts.alerts)
