"""What people ask of a domain with a form: the fields, the check of what was filled in, the arguments of the command.

Nothing of Airflow in here. A field becomes the option of the command that it names, so a form can do what the command
line can, and no more. Of the schemas, Airflow's page itself checks types, choices, dates and whether a needed field is
empty; what breaks anything else it answers with "Bad Request" and no word more. So all else is checked by ``problems``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from lakehouse.contracts.domains import Domain
from lakehouse.errors import nearest

STATUSES = ("open", "replayed", "discarded", "superseded", "all")
"""Of quarantined rows."""

_DELIVERY = "usage/year=2025/month=01/day=02/usage-1.csv"
_ID = "9f86d081884c7d65"
_QUARANTINE_ID = re.compile(r"[0-9a-f]{16}")
_DAY = {"type": ["null", "string"], "format": "date"}
_TEXT = {"type": ["null", "string"]}
_NUMBER = {"type": ["null", "integer"]}
_FLAG = {"type": ["null", "boolean"]}


@dataclass(frozen=True)
class Field:
    """One field of a form."""

    title: str
    description: str
    schema: Mapping[str, Any]
    """What the form takes, as JSON schema."""
    option: str = ""
    """Of the command; empty for its argument."""
    default: Any = None
    """None in a field that may not be null: it has to be filled in."""

    @property
    def needed(self) -> bool:
        """Whether it has to be filled in."""
        return self.default is None and "null" not in self.schema["type"]


@dataclass(frozen=True)
class Action:
    """Something to ask of a domain."""

    name: str
    command: tuple[str, ...]
    """Of the command line."""
    title: str
    description: str
    example: str
    """What the form may be filled in with, as JSON."""
    fields: Mapping[str, Field] = field(default_factory=dict)
    """Besides the domain, in the order of the form."""

    def names(self) -> list[str]:
        """All fields."""
        return ["domain", *self.fields]

    def arguments(self, domain: str, asked: Mapping[str, Any]) -> list[str]:
        """The words after the command that ask for this."""
        words = [domain]
        for name, one in self.fields.items():
            words += _words(one.option, asked.get(name))
        return words


def _words(option: str, value: Any) -> list[str]:
    if value is None or value is False or value == "":
        return []
    if value is True:
        return [option]
    if isinstance(value, list):
        return [word for one in value for word in _words(option, one)]
    return [option, str(value)] if option else [str(value)]


_WHY = Field(
    "Why",
    "Kept in the ledger, for whoever asks later. Example: wrong prices, checked with the sender",
    {"type": "string", "minLength": 1},
    "--because",
)
_WHO = Field(
    "Who decides", "Kept in the ledger. Empty: the user of Airflow who starts this run.", _TEXT, "--who"
)  # fmt: skip
_FIRST = Field("First delivery day", "Included. Empty: from the first one on.", _DAY, "--from")
_LAST = Field("Last delivery day", "Included. Empty: up to the newest one.", _DAY, "--to")

RETRACT = Action(
    "retract",
    ("retract",),
    "Retract a delivery",
    "Take a delivery out of every table, as if it had never come; a later correction of it counts.",
    f'{{"domain": "billing", "delivery": "{_DELIVERY}", "why": "test data"}}',
    {
        "delivery": Field(
            "Delivery",
            f"Its id, as runs, alerts and lakehouse status show it. Example: {_DELIVERY}",
            {"type": "string", "minLength": 1},
        ),
        "why": _WHY,
        "who": _WHO,
    },
)
RELEASE = Action(
    "release",
    ("release",),
    "Release a delivery",
    "Let a delivery count again that was retracted or held, or publish one that a gate refused.",
    f'{{"domain": "billing", "delivery": "{_DELIVERY}", "why": "checked with the sender"}}',
    {
        "delivery": Field(
            "Delivery",
            f"Its id, as runs, alerts and lakehouse status show it. Example: {_DELIVERY}",
            _TEXT,
        ),
        "all_held": Field(
            "All that are held", "In place of one delivery: all that a restore holds.", _FLAG, "--all-held", False
        ),
        "why": _WHY,
        "who": _WHO,
    },
)
REPLAY = Action(
    "replay",
    ("quarantine", "replay"),
    "Replay quarantined rows",
    "Judge the deliveries of quarantined rows again, after a contract has changed. Rows that pass move to silver.",
    '{"domain": "billing", "rule": "user_id_required", "dry_run": true}',
    {
        "rule": Field("Rule", "Rows that broke this rule. Example: user_id_required", _TEXT, "--rule"),
        "delivery": Field("Delivery", f"Rows of this delivery. Example: {_DELIVERY}", _TEXT, "--delivery"),
        "first_day": _FIRST,
        "last_day": _LAST,
        "status": Field(
            "Status", "Rows with this status.", {"type": "string", "enum": list(STATUSES)}, "--status", "open"
        ),
        "ids": Field(
            "Quarantine ids",
            f"Single rows, an id a line, as lakehouse quarantine show prints them. Example: {_ID}",
            {"type": ["null", "array"], "items": {"type": "string"}},
            "--id",
        ),
        "dry_run": Field(
            "Dry run", "Say in the log how many rows would pass, and write nothing.", _FLAG, "--dry-run", False
        ),
    },
)
VERIFY = Action(
    "verify",
    ("verify",),
    "Verify the tables",
    "Compute silver, quarantine and gold again from bronze and name every difference. Writes nothing.",
    '{"domain": "billing", "first_day": "2025-01-01", "last_day": "2025-01-31", "sample": 3}',
    {
        "first_day": _FIRST,
        "last_day": _LAST,
        "sample": Field(
            "Sample", "Only so many deliveries, drawn at random. Empty: all of these days.", _NUMBER, "--sample"
        ),
    },
)

ACTIONS: Mapping[str, Action] = {action.name: action for action in (RETRACT, RELEASE, REPLAY, VERIFY)}


# --- What was filled in ---


def problems(action: Action, domain: Domain, asked: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a form, a line each, with an example; the scheduler has checked types and choices."""
    example = f"Example: {action.example}"
    for name, one in action.fields.items():
        if one.needed and not str(asked.get(name) or "").strip():
            yield f"{name}: it is empty. {one.description}"
    if "who" in action.fields and not str(asked.get("who") or "").strip():
        yield f"who: Airflow does not tell who started this run, so say who decides. {example}"
    if "all_held" in action.fields and bool(asked.get("delivery")) == bool(asked.get("all_held")):
        yield f"name one delivery, or choose all_held. {example}"
    if delivery := asked.get("delivery"):
        yield from _strange(str(delivery), domain, example)
    for one in asked.get("ids") or []:
        if not _QUARANTINE_ID.fullmatch(one):
            yield f"ids: '{one}' is no quarantine id: 16 digits from 0 to f, an id a line. Example: {_ID}"
    sample = asked.get("sample")
    if sample is not None and sample < 1:
        yield f"sample: {sample} deliveries are none to verify: 1 at least, or empty for all. {example}"
    try:
        first, last = day("first_day", asked, example), day("last_day", asked, example)
    except ValueError as error:
        yield str(error)
    else:
        if first and last and first > last:
            yield f"first_day {first} is after last_day {last}. {example}"


def unknown(known: Sequence[str], conf: Mapping[str, Any], example: str) -> list[str]:
    """Parameters that nobody knows, in words: the scheduler takes them without one."""
    return [
        f"unknown parameter '{key}'.{nearest(key, known)} Allowed: {', '.join(known)}. Example: {example}"
        for key in conf
        if key not in known
    ]


def day(name: str, asked: Mapping[str, Any], example: str) -> date | None:
    """A day that was filled in; raises ValueError, in words, for a text that is none."""
    text = asked.get(name)
    if not text:
        return None
    try:
        # What fromisoformat takes besides differs between Python's versions.
        return datetime.strptime(str(text), "%Y-%m-%d").date()
    except ValueError:
        raise ValueError(f"{name}: '{text}' is not a date. {example}") from None


def _strange(delivery: str, domain: Domain, example: str) -> Iterator[str]:
    sources = [table.id.name for table in domain.bronze()]
    source, _, path = delivery.partition("/")
    if source not in sources or not path:
        meant = "" if source in sources else nearest(source, sources)
        yield (
            f"delivery: '{delivery}' is no delivery of {domain.name}: an id is a source, / and the path of the file "
            f"below the source's folder.{meant} Sources: {', '.join(sources)}. {example}"
        )
