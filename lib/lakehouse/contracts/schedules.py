"""What a domain asks of the scheduler: how it waits for deliveries, tries again, and tells people."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, PositiveFloat, model_validator
from pydantic_core import PydanticCustomError

from lakehouse.contracts.declaration import Declaration

_CRON_FIELDS = {
    "minute": (0, 59), "hour": (0, 23), "day of month": (1, 31), "month": (1, 12), "day of week": (0, 7),
}  # fmt: skip
_LEAP_YEAR = 2024
_CRON_PART = re.compile(r"(?:\*|([0-9]+)(?:-([0-9]+))?)(?:/([0-9]+))?")


def _schedule(schedule: str) -> str:
    fields = schedule.split(" ")
    parts = [[_CRON_PART.fullmatch(part) for part in field.split(",")] for field in fields]
    if len(fields) != len(_CRON_FIELDS) or not all(part for found in parts for part in found):
        raise PydanticCustomError(
            "schedule",
            "'{found}' is not a schedule: five fields of numbers, *, /, - and commas (minute, hour, day of month, "
            "month, day of week). Example: schedule: '0 2 * * *'.",
            {"found": schedule},
        )
    for found, (name, (first, last)) in zip(parts, _CRON_FIELDS.items(), strict=True):
        for part in found:
            if part and not _in_range(part, first, last):
                raise PydanticCustomError(
                    "schedule",
                    "'{part}' in '{found}' is no {name}: numbers go from {first} to {last}, steps from 1 on. "
                    "Example: schedule: '0 2 * * *'.",
                    {"part": part[0], "found": schedule, "name": name, "first": first, "last": last},
                )
    days, months = (
        {number for part in parts[place] if part for number in _numbers(part, *_CRON_FIELDS[name])}
        for place, name in ((2, "day of month"), (3, "month"))
    )
    # Where days of the week are named, too, one of both is enough.
    if fields[4] == "*" and min(days) > max(monthrange(_LEAP_YEAR, month)[1] for month in months):
        raise PydanticCustomError(
            "schedule",
            "'{found}' never comes: its months have no such day of month. Example: schedule: '0 2 * * *'.",
            {"found": schedule},
        )
    return schedule


def _in_range(part: re.Match[str], first: int, last: int) -> bool:
    start, end, step = part.groups()
    return all(first <= int(number) <= last for number in (start, end) if number) and (step is None or int(step) >= 1)


def _numbers(part: re.Match[str], first: int, last: int) -> Iterator[int]:
    """What a part stands for; a range may go beyond the last number, and on from the first."""
    start, end, step = (int(number) if number else None for number in part.groups())
    lowest, span = first if start is None else start, last - first + 1
    highest = (last if start is None or step else lowest) if end is None else end
    if end is not None and end <= lowest:
        highest += span
    return (first + (number - first) % span for number in range(lowest, highest + 1, step or 1))


Schedule = Annotated[str, AfterValidator(_schedule)]
"""Five fields of cron, as Airflow understands them."""

OnMissing = Literal["wait", "skip", "go_on"]
"""What a run does about a day without a delivery: wait for it, end without doing anything, or go on without it."""

ON_MISSING: tuple[OnMissing, ...] = ("wait", "skip", "go_on")


class Arrival(Declaration):
    """How a run waits for the deliveries of its days."""

    example: ClassVar[str] = "arrival: {on_missing: wait, wait_hours: 12, poke_seconds: 60, settle_seconds: 60}"

    on_missing: OnMissing = "wait"
    wait_hours: PositiveFloat = 12
    """The longest wait from the task's start on; a delivery that has not come by then is missing."""
    poke_seconds: PositiveFloat = 60
    """Time between two looks."""
    settle_seconds: Annotated[float, Field(ge=0)] = 60
    """A file whose size or time has changed within this span is still being written."""


class Retries(Declaration):
    """How often and after what pause a task is tried again, and how long it waits for its turn to write.

    The pause doubles each time.
    """

    example: ClassVar[str] = "retries: {count: 3, delay_seconds: 60, max_delay_seconds: 3600, busy_hours: 6}"

    count: Annotated[int, Field(ge=0)] = 3
    delay_seconds: PositiveFloat = 60
    """Before the first retry."""
    max_delay_seconds: PositiveFloat = 3600
    busy_hours: PositiveFloat = 6
    """The longest wait for another process that writes the domain; this uses up no retry."""

    @model_validator(mode="after")
    def _check_order(self) -> Retries:
        if self.max_delay_seconds < self.delay_seconds:
            raise PydanticCustomError(
                "delays",
                "max_delay_seconds ({most}) is less than delay_seconds ({first}). Example: {example}",
                {"most": f"{self.max_delay_seconds:g}", "first": f"{self.delay_seconds:g}", "example": self.example},
            )
        return self


def _address(address: str) -> str:
    name, _, host = address.partition("@")
    if not name or not host or any(character.isspace() or character in ",;<>" for character in address):
        raise PydanticCustomError(
            "address",
            "'{found}' is not one e-mail address. Example: to: [data-on-call@example.com]",
            {"found": address},
        )
    return address


def _topic(arn: str) -> str:
    if not arn.startswith("arn:") or ":sns:" not in arn:
        raise PydanticCustomError(
            "topic",
            "'{found}' is not the ARN of a topic. Example: arn:aws:sns:eu-west-1:123456789012:lakehouse-alerts",
            {"found": arn},
        )
    return arn


def _somebody(addresses: tuple[str, ...]) -> tuple[str, ...]:
    if not addresses:
        raise PydanticCustomError("nobody", "one address at least is needed. Example: to: [data-on-call@example.com]")
    return addresses


Address = Annotated[str, AfterValidator(_address)]


class EmailAlerts(Declaration):
    """Alerts by e-mail, through an SMTP server."""

    example: ClassVar[str] = "email: {connection: smtp_default, to: [data-on-call@example.com]}"

    connection: Annotated[str, Field(min_length=1)] = "smtp_default"
    """Airflow's connection to the SMTP server."""
    to: Annotated[tuple[Address, ...], AfterValidator(_somebody)]
    sender: Address | None = Field(None, alias="from")
    """Without it, that of the connection."""


class SnsAlerts(Declaration):
    """Alerts to a topic of Amazon SNS."""

    example: ClassVar[str] = "sns: {topic_arn: 'arn:aws:sns:eu-west-1:123456789012:lakehouse-alerts'}"

    connection: Annotated[str, Field(min_length=1)] = "aws_default"
    """Airflow's connection to AWS."""
    topic_arn: Annotated[str, AfterValidator(_topic)]


class Alerts(Declaration):
    """Who is told when a run failed, a delivery was refused, is late or is missing; nobody without channels."""

    example: ClassVar[str] = "alerts: {email: {to: [data-on-call@example.com]}, deadline_hours: 6}"

    email: EmailAlerts | None = None
    sns: SnsAlerts | None = None
    deadline_hours: PositiveFloat | None = None
    """A delivery that has not come this long after the end of its day is late, and people are told so."""
