"""Wait for the deliveries of a run's days, without holding a worker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import date, datetime, timedelta, timezone
from datetime import time as time_of_day
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException
from airflow.triggers.base import BaseTrigger, TriggerEvent

from lakehouse.contracts.domains import load_domain
from lakehouse.contracts.environments import environment_name, load_environment
from lakehouse.contracts.lakes import Lake
from lakehouse.contracts.schedules import Arrival
from lakehouse.orchestration.arrivals import Look, look
from lakehouse.orchestration.parameters import days_of
from lakehouse.orchestration.results import Context, DeliveryMissingError

_TWO_LOOKS = 1.0
"""Seconds between the two looks at files that were written long ago."""


class DeliveriesTrigger(BaseTrigger):
    """Fires when the days have their deliveries, whole; when a time has passed; or when only settling was awaited."""

    def __init__(
        self,
        *,
        domain: str,
        landing: str,
        first: str,
        last: str,
        poke_seconds: float,
        settle_seconds: float,
        until: str | None,
    ) -> None:
        BaseTrigger.__init__(self)
        self.domain, self.landing, self.first, self.last = domain, landing, first, last
        self.poke_seconds, self.settle_seconds = poke_seconds, settle_seconds
        self.until = until
        """When to report back although days are missing; None: as soon as what is there has settled."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Where this class is, and what makes another one like this."""
        names = ("domain", "landing", "first", "last", "poke_seconds", "settle_seconds", "until")
        return f"{__name__}.{type(self).__name__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look again and again."""
        before: Look | None = None
        began = time.monotonic()
        while True:
            seen = await asyncio.to_thread(self._look)
            now = time.monotonic()
            settled = seen.settled(before, self.settle_seconds, now - began)
            over = self.until is not None and datetime.now(timezone.utc) >= datetime.fromisoformat(self.until)
            if (settled and (seen.complete or self.until is None)) or (over and not seen.complete):
                yield TriggerEvent({"missing": list(seen.missing), "files": sorted(seen.files)})
                return
            if before is None or dict(before.files) != dict(seen.files):
                before, began = seen, now
            await asyncio.sleep(self._pause(seen))

    def _look(self) -> Look:
        first, last = date.fromisoformat(self.first), date.fromisoformat(self.last)
        return look(load_domain(self.domain), self.landing, first, last)

    def _pause(self, seen: Look) -> float:
        # Once all is there, the second look need not wait longer than settling takes.
        return min(self.poke_seconds, max(self.settle_seconds, _TWO_LOOKS)) if seen.complete else self.poke_seconds


class WaitForDeliveries(BaseOperator):
    """Lets a run go on when the deliveries of its days have landed and nobody writes them any more."""

    ui_color = "#e6f4ea"

    def __init__(
        self,
        *,
        domain: str,
        arrival: Arrival,
        deadline_hours: float | None,
        tell_late: Callable[[Context, datetime], None],
        **task: Any,
    ) -> None:
        super().__init__(**task)
        self.domain = domain
        self.arrival = arrival
        self.deadline_hours = deadline_hours
        self.tell_late = tell_late

    def execute(self, context: Any) -> dict[str, Any]:
        """Look twice; wait in the triggerer when that is not enough."""
        days = _closed(context)
        if days is None:
            self.log.info("No range of days: nothing to wait for; the run takes what is there")
            return {"missing": []}
        domain, landing = load_domain(self.domain), self._landing()
        before = look(domain, landing, *days)
        waits = self._on_missing(context) == "wait" and not before.complete
        if waits and datetime.now(timezone.utc) < self._end(context):
            return self._wait(context, late_told=self._tell_late(context))
        if before.files:
            time.sleep(_TWO_LOOKS)
            seen = look(domain, landing, *days)
            if not seen.settled(before, self.arrival.settle_seconds, _TWO_LOOKS):
                return self._wait(context, late_told=True)
        return self._decide(context, list(before.missing), sorted(before.files))

    def looked(self, context: Any, event: dict[str, Any], late_told: bool) -> dict[str, Any]:
        """The triggerer reports: all is there, the deadline has passed, or the wait is over."""
        missing = event["missing"]
        waits = self._on_missing(context) == "wait" and missing
        if waits and datetime.now(timezone.utc) < self._end(context):
            return self._wait(context, late_told=late_told or self._tell_late(context))
        return self._decide(context, missing, event["files"])

    def _wait(self, context: Context, late_told: bool) -> dict[str, Any]:
        first, last = _closed(context) or (None, None)
        until = self._until(context, late_told)
        self.log.info("Waiting for the deliveries of %s to %s%s", first, last, f", until {until}" if until else "")
        trigger = DeliveriesTrigger(
            domain=self.domain,
            landing=self._landing(),
            first=str(first),
            last=str(last),
            poke_seconds=self.arrival.poke_seconds,
            settle_seconds=self.arrival.settle_seconds,
            until=until.isoformat() if until else None,
        )
        self.defer(trigger=trigger, method_name="looked", kwargs={"late_told": late_told})

    def _decide(self, context: Context, missing: list[str], files: list[str]) -> dict[str, Any]:
        for name in files:
            self.log.info("%s is there", name)
        if not missing:
            return {"missing": []}
        what = f"no delivery for {', '.join(missing)} in {self._landing()}"
        match self._on_missing(context):
            case "go_on":
                self.log.warning("%s; the run goes on without", what)
                return {"missing": missing}
            case "skip":
                raise AirflowSkipException(f"{what}; the run is skipped")
        raise DeliveryMissingError(
            f"There is {what}; waited until {self._end(context):%Y-%m-%d %H:%M} UTC. When it has come, clear "
            'this task; or run again with {"on_missing": "go_on"}.'
        )

    def _landing(self) -> str:
        return Lake.at(load_environment(environment_name()).landing).root

    def _on_missing(self, context: Context) -> str:
        params = context["params"]
        # A dry run says what is there now.
        return "go_on" if params.get("dry_run") else str(params.get("on_missing") or self.arrival.on_missing)

    # --- Until when ---

    def _until(self, context: Context, late_told: bool) -> datetime | None:
        if self._on_missing(context) != "wait":
            return None
        end, deadline = self._end(context), self._deadline(context)
        return end if deadline is None or late_told else min(end, deadline)

    def _end(self, context: Context) -> datetime:
        """The wait is counted from the end of the last day; who triggers a run by hand waits from then on."""
        run = context["dag_run"]
        start = _end_of_days(context)
        if _by_hand(context) and run.start_date:
            start = max(start, run.start_date)
        return start + timedelta(hours=self.arrival.wait_hours)

    def _deadline(self, context: Context) -> datetime | None:
        # Who asks for days by hand knows that they are late.
        if self.deadline_hours is None or _by_hand(context):
            return None
        return _end_of_days(context) + timedelta(hours=self.deadline_hours)

    def _tell_late(self, context: Context) -> bool:
        deadline = self._deadline(context)
        if deadline is None or datetime.now(timezone.utc) < deadline:
            return False
        self.tell_late(context, deadline)
        return True


def _by_hand(context: Context) -> bool:
    kind = context["dag_run"].run_type
    return str(getattr(kind, "value", kind)) == "manual"


def _closed(context: Context) -> tuple[date, date] | None:
    first, last = days_of(context)
    return (first, last) if first and last else None


def _end_of_days(context: Context) -> datetime:
    days = _closed(context)
    assert days is not None
    return datetime.combine(days[1] + timedelta(days=1), time_of_day.min, timezone.utc)
