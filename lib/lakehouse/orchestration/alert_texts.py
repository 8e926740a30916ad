"""What an alert says: subject, text and HTML, made from plain values. Nothing of Airflow in here."""

from __future__ import annotations

import html
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from lakehouse.landing.days import span
from lakehouse.orchestration.commands import backfill_command, trigger_command

Kind = Literal["failed", "refused", "late", "missing", "differs"]
"""What happened: a task or run failed, a gate refused a delivery, a delivery is late, none came at all, or tables are
not what their deliveries make them."""

_LONGEST_SUBJECT = 200
_SHOWN_RULES = 20
_SHOWN_QUERIES = 3


@dataclass(frozen=True)
class BrokenRule:
    """A rule that a delivery, or a gold table, did not keep."""

    table: str
    """Id of the table whose gate it is."""
    delivery_id: str
    """Empty for gold, which is judged as a whole."""
    reason: str
    """Rule and measured value: ``conformed rows: Mean "quarantined_row" <= 0.05 failed (Mean is 0.108333)``."""

    @property
    def name(self) -> str:
        """What did not keep the rule."""
        return self.delivery_id or self.table


@dataclass(frozen=True)
class Alert:
    """One event that people are told about."""

    kind: Kind
    domain: str
    first: date | None
    last: date | None
    """The delivery days that the run was for, both ends included; None when it took all that was pending."""
    what: str
    """What happened, in a sentence or more."""
    dag: str
    run: str
    task: str = ""
    """Empty when the run as a whole is meant."""
    lake: str = ""
    owner: str = ""
    link: str = ""
    broken: tuple[BrokenRule, ...] = ()
    deadline: str = ""
    """Until when a delivery was expected, for example ``06:00 UTC``; empty when there is no deadline."""
    again: str = ""
    """The command that asks for the same once more, where that is not the run of some days."""


@dataclass(frozen=True)
class Message:
    """An alert, written out."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class _Part:
    title: str
    lines: tuple[str, ...] = ()
    exact: bool = False
    """Names that have to be copied as they are."""
    link: str = ""
    steps: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """What to do, and the commands that do it."""


def render(alert: Alert) -> Message:
    """Write an alert out; every value in the HTML is escaped, and the subject is one line."""
    headline = _one_line(f"{alert.domain} {_days(alert)}".rstrip() + f": {_headline(alert)}")
    parts = list(_parts(alert))
    return Message(_subject(headline), _text(headline, parts), _html(headline, parts))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _subject(headline: str) -> str:
    subject = f"[lakehouse] {headline}"
    return subject if len(subject) <= _LONGEST_SUBJECT else subject[: _LONGEST_SUBJECT - 3] + "..."


def _days(alert: Alert) -> str:
    if alert.first and alert.last:
        return span(alert.first, alert.last)
    if alert.first:
        return f"from {alert.first}"
    return f"up to {alert.last}" if alert.last else ""


def _headline(alert: Alert) -> str:
    match alert.kind:
        case "failed":
            return f"{alert.task.rpartition('.')[2]} failed" if alert.task else "the run failed"
        case "refused":
            count = len({broken.name for broken in alert.broken})
            return "refused by a gate" if not count else f"{count} refused by a gate"
        case "late":
            return f"no delivery by {alert.deadline}" if alert.deadline else "no delivery yet"
        case "missing":
            return "no delivery"
        case "differs":
            return "tables are not what their deliveries make them"


def _parts(alert: Alert) -> Iterator[_Part]:
    yield _Part("What happened", tuple(line.rstrip() for line in alert.what.strip().splitlines()))
    if alert.broken:
        yield _Part("Broken rules", tuple(_rules(alert.broken)), exact=True)
    places = {"dag": alert.dag, "task": alert.task, "run": alert.run, "lake": alert.lake, "owner": alert.owner}
    yield _Part("Where", tuple(f"{name:<5}  {_one_line(place)}" for name, place in places.items() if place), exact=True)
    if alert.link:
        yield _Part("Log", link=alert.link)
    yield _Part("What to do next", steps=tuple(_steps(alert)))


def _rules(broken: Sequence[BrokenRule]) -> Iterator[str]:
    shown = broken[:_SHOWN_RULES]
    for name in dict.fromkeys(rule.name for rule in shown):
        yield _one_line(name)
        yield from (f"  {_one_line(rule.reason)}" for rule in shown if rule.name == name)
    rest = Counter(rule.name for rule in broken[_SHOWN_RULES:])
    if rest:
        yield f"... and {rest.total()} more in {len(rest)} deliveries"


# --- What to do next ---


def _steps(alert: Alert) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What to do, and the command that does it."""
    match alert.kind:
        case "failed":
            yield "see what is left to do", (_plan(alert),)
            yield "when the cause is gone, run it again: clear the failed task in the log's page, or", _again(alert)
        case "refused":
            yield "look at the rows that are in quarantine", tuple(_look(alert))
            yield (
                "have the file delivered again under the same name, or change the rule in the contract; then",
                _again(alert),
            )
        case "late":
            yield "ask for the file; the run goes on by itself when it comes. What is there:", (_plan(alert),)
        case "missing":
            yield "ask for the file. What is there:", (_plan(alert),)
            yield "when it has come, run the day", _again(alert)
        case "differs":
            yield "see every difference by its key", (_verify(alert),)
            yield "make silver and gold anew from bronze, which keeps all that was delivered", (_refresh(alert),)


def _range(alert: Alert) -> str:
    first = f" --from {alert.first}" if alert.first else ""
    return first + (f" --to {alert.last}" if alert.last else "")


def _plan(alert: Alert) -> str:
    return f"lakehouse plan {shlex.quote(alert.domain)}{_range(alert)}{_lake(alert)}"


def _verify(alert: Alert) -> str:
    return f"lakehouse verify {shlex.quote(alert.domain)}{_range(alert)}{_lake(alert)}"


def _refresh(alert: Alert) -> str:
    return f"lakehouse run {shlex.quote(alert.domain)} --full-refresh{_lake(alert)}"


def _lake(alert: Alert) -> str:
    return f" --lake {shlex.quote(alert.lake)}" if alert.lake else ""


def _again(alert: Alert) -> tuple[str, ...]:
    if alert.again:
        return (alert.again,)
    if alert.first and alert.last:
        return (backfill_command(alert.dag, alert.first, alert.last),)
    return (trigger_command(alert.dag, {}),)


def _look(alert: Alert) -> Iterator[str]:
    lake = f"--lake {shlex.quote(alert.lake)} " if alert.lake else ""
    delivered = {broken.name: broken for broken in alert.broken if broken.delivery_id}
    for broken in list(delivered.values())[:_SHOWN_QUERIES]:
        literal = broken.delivery_id.replace("'", "''")
        table = broken.table.rpartition(".")[2]
        statement = (
            f"select record_number, reasons, payload from {alert.domain}_quarantine.{table} "
            f"where delivery_id = '{literal}' limit 10"
        )
        yield f"lakehouse sql {lake}{_quoted(statement)}"
    yield _plan(alert)


def _quoted(statement: str) -> str:
    """One word for a shell; between double quotes where these need no escapes, because SQL is full of single ones."""
    return shlex.quote(statement) if set(statement) & set('"$`\\!') else f'"{statement}"'


# --- Forms ---


def _text(headline: str, parts: Sequence[_Part]) -> str:
    return "\n\n".join([headline, *("\n".join(_plain(part)) for part in parts)]) + "\n"


def _plain(part: _Part) -> Iterator[str]:
    yield part.title
    yield from (f"  {line}" for line in (*part.lines, *filter(None, [part.link])))
    for number, (todo, commands) in enumerate(part.steps, start=1):
        yield f"  {number}. {todo}"
        yield from (f"     {command}" for command in commands)


def _html(headline: str, parts: Sequence[_Part]) -> str:
    body = [f"<h2>{html.escape(headline)}</h2>"]
    for part in parts:
        body += [f"<h3>{html.escape(part.title)}</h3>", _marked_up(part)]
    return "<!DOCTYPE html>\n<html><body>\n" + "\n".join(body) + "\n</body></html>\n"


def _marked_up(part: _Part) -> str:
    if part.steps:
        done = [f"<li>{html.escape(todo)}<pre>{_lines(commands)}</pre></li>" for todo, commands in part.steps]
        return "<ol>\n" + "\n".join(done) + "\n</ol>"
    if part.link:
        address = html.escape(part.link)
        # Anything else than an address of a page stays text.
        linked = part.link.startswith(("http://", "https://"))
        return f'<p><a href="{address}">{address}</a></p>' if linked else f"<p>{address}</p>"
    return f"<pre>{_lines(part.lines)}</pre>" if part.exact else f"<p>{_lines(part.lines, '<br>')}</p>"


def _lines(lines: Sequence[str], between: str = "\n") -> str:
    return between.join(html.escape(line) for line in lines)
