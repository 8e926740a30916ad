"""The operator for the runner of an environment. Only that one's libraries are imported."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator

from lakehouse.contracts.runners import (
    DatabricksRunner,
    EmrServerlessRunner,
    EmrStepsRunner,
    LocalRunner,
    Runner,
    StandaloneRunner,
)


def step_operator(runner: Runner, *, domain: str, step: str, **task: Any) -> BaseOperator:
    """A step of a domain as a task; ``task`` is what every task of Airflow takes."""
    match runner:
        case LocalRunner():
            from lakehouse.orchestration.local import LocalStep

            return LocalStep(domain=domain, step=step, **task)
        case StandaloneRunner():
            from lakehouse.orchestration.standalone import StandaloneStep

            return StandaloneStep(domain=domain, step=step, **task)
        case EmrServerlessRunner():
            from lakehouse.orchestration.emr_serverless import EmrServerlessStep

            return EmrServerlessStep(domain=domain, step=step, **task)
        case EmrStepsRunner():
            from lakehouse.orchestration.emr_steps import EmrStepsStep

            return EmrStepsStep(domain=domain, step=step, **task)
        case DatabricksRunner():
            from lakehouse.orchestration.databricks import DatabricksStep

            return DatabricksStep(domain=domain, step=step, **task)
