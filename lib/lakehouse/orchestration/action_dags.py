"""The DAGs that a person starts with a form: one for each action, for all domains."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timezone
from typing import Any

from airflow.sdk import DAG, BaseBranchOperator, Param

from lakehouse.contracts.domains import Domain, domain_names, load_domain
from lakehouse.contracts.environments import Environment, environment_name, load_environment
from lakehouse.orchestration import documentation
from lakehouse.orchestration.actions import ACTIONS, Action, problems, unknown
from lakehouse.orchestration.alerts import Reporter
from lakehouse.orchestration.commands import action_dag
from lakehouse.orchestration.domain_dag import defaults_of, reporter_of, step_task
from lakehouse.orchestration.parameters import asked_of
from lakehouse.orchestration.results import NOTE, Context, StepMisconfiguredError


def action_dags() -> list[DAG]:
    """The DAGs lakehouse_retract, lakehouse_release, lakehouse_replay and lakehouse_verify.

    Raises ConfigurationError, which the page of import errors shows, for a wrong contract or environment.
    """
    environment = load_environment(environment_name())
    domains = [load_domain(name) for name in domain_names()]
    return [_dag(action, domains, environment) for action in ACTIONS.values()]


def _dag(action: Action, domains: Sequence[Domain], environment: Environment) -> DAG:
    reporters = {domain.name: reporter_of(domain, environment) for domain in domains}
    told = _Told(reporters)
    with DAG(
        dag_id=action_dag(action.name),
        dag_display_name=f"by hand: {action.title.lower()}",
        description=action.description,
        doc_md=documentation.of_action(action, environment_name()),
        schedule=None,
        start_date=datetime.combine(min(domain.facts.start_date for domain in domains), time.min, timezone.utc),
        params=action_form(action, [domain.name for domain in domains]),
        tags=["lakehouse", "by hand"],
        # There is no schedule to pause, and a run of a paused DAG would wait for ever.
        is_paused_upon_creation=False,
        on_failure_callback=told.run_failed,
    ) as dag:
        checked = CheckForm(
            task_id="check_form",
            action=action.name,
            retries=0,
            on_failure_callback=told.task_failed,
            doc_md=documentation.TASKS["check_form"],
        )
        for domain in domains:
            defaults = defaults_of(domain, reporters[domain.name])
            checked >> step_task(domain, action.name, environment, task_id=_task(action, domain.name), **defaults)
    return dag


@dataclass(frozen=True)
class _Told:
    """Tells the people of the domain that a run is about; all of them when that is not known."""

    reporters: Mapping[str, Reporter]

    def task_failed(self, context: Context) -> None:
        for reporter in self._of(context):
            reporter.task_failed(context)

    def run_failed(self, context: Context) -> None:
        for reporter in self._of(context):
            reporter.run_failed(context)

    def _of(self, context: Context) -> Collection[Reporter]:
        domain = str((context.get("params") or {}).get("domain"))
        return [self.reporters[domain]] if domain in self.reporters else self.reporters.values()


def action_form(action: Action, domains: Sequence[str]) -> dict[str, Param]:
    """The parameters of an action, as the form shows them."""
    chosen: dict[str, Any] = {"default": domains[0]} if len(domains) == 1 else {}
    found = {
        # The page shows the description of a DAG nowhere near its form.
        "domain": Param(**chosen, type="string", enum=list(domains), title="Domain", description=action.description)
    }
    for name, one in action.fields.items():
        default = {} if one.needed else {"default": one.default}
        found[name] = Param(**default, title=one.title, description=one.description, **one.schema)
    return found


class CheckForm(BaseBranchOperator):
    """Refuses what the form does not know and what makes no sense, and hands the rest to the task of its domain."""

    ui_color = "#f4f4f4"

    def __init__(self, *, action: str, **task: Any) -> None:
        super().__init__(**task)
        self.action = action

    def choose_branch(self, context: Any) -> str:
        """The task of the domain; raises StepMisconfiguredError with everything that is wrong with the form."""
        action, domain = ACTIONS[self.action], str(context["params"]["domain"])
        found = unknown(action.names(), context["dag_run"].conf or {}, action.example)
        asked = asked_of(context, action)
        found = found or list(problems(action, load_domain(domain), asked))
        if found:
            # The page shows an exception as one line, cut off at its edge.
            for problem in found:
                self.log.error("%s", problem)
            context["ti"].xcom_push(key=NOTE, value="\n".join(found))
            raise StepMisconfiguredError("\n".join(found))
        chosen = {name: value for name, value in asked.items() if value}
        self.log.info("%s, domain %s: %s", action.title, domain, chosen)
        return _task(action, domain)


def _task(action: Action, domain: str) -> str:
    return f"{action.name}_{domain}"
