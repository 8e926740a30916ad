"""The end of a run: green when all that it was for is in gold, red at once when a gate refused something."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from airflow.sdk import BaseOperator

from lakehouse.contracts.domains import Domain, load_domain
from lakehouse.orchestration.alert_texts import BrokenRule
from lakehouse.orchestration.parameters import days_of
from lakehouse.orchestration.results import DeliveryRefusedError, StepFailedError, broken_rules, read_result, refusal

_STANDING = re.compile(r"(?P<delivery>.+) refused for (?P<table>[a-z0-9_.]+): (?P<reason>.*)", re.DOTALL)
"""How a result names a delivery that an earlier run refused, and that nobody has repaired since."""


class Verdict(BaseOperator):
    """Fails, without a further try, when a gate refused a delivery of the run's days or a gold table."""

    ui_color = "#fce8e6"

    def __init__(self, *, domain: str, steps: Sequence[str], **task: Any) -> None:
        super().__init__(**task)
        self.domain = domain
        self.steps = tuple(steps)
        """Ids of the tasks whose results are judged."""

    def execute(self, context: Any) -> str:
        """Judge the results of the steps; raises DeliveryRefusedError with every broken rule."""
        found = [self._result(context["ti"].xcom_pull(task_ids=step)["result"]) for step in self.steps]
        broken = refusals(found, load_domain(self.domain), *days_of(context))
        if broken:
            raise DeliveryRefusedError(refusal(broken), broken)
        self.log.info("Nothing was refused")
        return "accepted"

    def _result(self, place: str) -> Mapping[str, Any]:
        # Not the figures in XCom: these are cut off where there are many.
        found = read_result(place)
        if found is None:
            raise StepFailedError(f"{place} is gone, so nothing is known of what was refused. Clear the whole run.")
        return found


def refusals(
    found: Sequence[Mapping[str, Any]], domain: Domain, first: date | None, last: date | None
) -> list[BrokenRule]:
    """What keeps a run from being green: what its own steps refused, and what of its days stands refused.

    The second matters when a step is repeated: what its first try refused is not judged, and told, again.
    """
    broken = [rule for result in found for rule in broken_rules(result)]
    known = {rule.name for rule in broken}
    for text in dict.fromkeys(text for result in found for text in result["standing"]):
        standing = _STANDING.fullmatch(text)
        if standing is None or standing["delivery"] in known or not first or not last:
            continue
        day = _day_of(domain, standing["delivery"])
        if day and first <= day <= last:
            broken.append(BrokenRule(standing["table"], standing["delivery"], standing["reason"]))
    return broken


def _day_of(domain: Domain, delivery_id: str) -> date | None:
    source, _, path = delivery_id.partition("/")
    for table in domain.bronze():
        matched = table.source.match(path) if table.id.name == source else None
        if matched:
            return matched.delivery_date
    return None
