"""Tell people what happened to a domain's runs, through the channels that its domain.yml names.

``Reporter`` holds the callbacks. A task that fails tells of itself; the callback of the DAG speaks only for runs that
nobody told about, because the process of a task that was killed has no voice.
"""

from __future__ import annotations

import logging
import smtplib
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from email.message import EmailMessage
from typing import Any

from airflow.sdk import Connection
from airflow.sdk.execution_time.xcom import XCom

from lakehouse.contracts.schedules import Alerts, EmailAlerts, SnsAlerts
from lakehouse.orchestration.actions import ACTIONS, day
from lakehouse.orchestration.alert_texts import Alert, BrokenRule, Kind, Message, render
from lakehouse.orchestration.commands import action_dag, trigger_command
from lakehouse.orchestration.parameters import days_of
from lakehouse.orchestration.results import Context, StepMisconfiguredError

TOLD = "told"
"""Name of the XCom that says whether people were told of a task's failure."""

_SNS_SUBJECT = 99
"""Longest subject that SNS takes; it takes ASCII only."""
_TIMEOUT = 30
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reporter:
    """Tells of the runs of one domain. Its methods take Airflow's context: they are callbacks."""

    domain: str
    owner: str
    lake: str
    alerts: Alerts

    def task_failed(self, context: Context) -> None:
        """``on_failure_callback`` of every task: failed for good, or a gate refused deliveries, or none came.

        Our own exceptions say by ``kind`` what happened, and by ``broken`` which rules were broken.
        """
        error = context.get("exception")
        kind: Kind = getattr(error, "kind", "failed")
        ti = context["ti"]
        ti.xcom_push(key=TOLD, value=True)
        broken = tuple(getattr(error, "broken", ()))
        what = _explained(error)
        # The rules have a part of their own.
        if not self._tell(self._alert(kind, context, what.partition("\n")[0] if broken else what, broken=broken)):
            ti.xcom_push(key=TOLD, value=False)

    def delivery_missing(self, context: Context) -> None:
        """``on_skipped_callback`` of the task that waits for deliveries: none came, and the run ends here."""
        self._tell(self._alert("missing", context, _explained(context.get("exception")) or _NOTHING_CAME))

    def delivery_late(self, context: Context, deadline: datetime) -> None:
        """The task that waits for deliveries calls this when the deadline has passed, and goes on to wait."""
        until = f"{deadline:%Y-%m-%d %H:%M %Z}".rstrip()
        what = f"Nothing was delivered until {until}. The run waits on."
        self._tell(self._alert("late", context, what, deadline=until))

    def run_failed(self, context: Context) -> None:
        """``on_failure_callback`` of the DAG: tells of a failure that no task could tell of."""
        dag = context["dag"]
        if not _told(dag.dag_id, context["run_id"], dag.task_ids):
            self._tell(self._alert("failed", context, _silent(context), task=""))

    def task_lost(self, context: Context, task: str) -> None:
        """For a DAG that domains share: tells of the domain's own task, when that failed and could not tell of it."""
        dag, run = context["dag"].dag_id, context["run_id"]
        if _failed(dag, run, task) and not _told(dag, run, [task]):
            self._tell(self._alert("failed", context, _silent(context), task=task))

    def _alert(
        self,
        kind: Kind,
        context: Context,
        what: str,
        *,
        task: str | None = None,
        broken: tuple[BrokenRule, ...] = (),
        deadline: str = "",
    ) -> Alert:
        ti, run = context.get("ti"), context.get("dag_run")
        dag = context["dag"].dag_id
        if ti and task and ti.task_id != task:
            # The run tells of the task that was at work last, which may be another's.
            ti = None
        by_form = dag in _BY_FORM
        first, last = _asked_days(context) if by_form else _days(context)
        return Alert(
            kind=kind,
            domain=self.domain,
            first=first,
            last=last,
            what=what,
            dag=dag,
            run=str(context["run_id"]),
            task=(ti.task_id if ti else "") if task is None else task,
            lake=self.lake,
            owner=self.owner,
            link=ti.log_url if ti else "",
            broken=broken,
            deadline=deadline,
            again=trigger_command(dag, (run.conf if run else None) or {}) if by_form else "",
        )

    def _tell(self, alert: Alert) -> bool:
        """Use every channel; one that fails does not keep the others from trying. False when none worked."""
        message = render(alert)
        channels: list[tuple[str, Callable[[], None]]] = []
        if email := self.alerts.email:
            channels.append(("e-mail", lambda: send_email(email, message)))
        if sns := self.alerts.sns:
            channels.append(("SNS", lambda: publish(sns, message)))
        worked = [_tried(name, send, message) for name, send in channels]
        return not channels or any(worked)


_SILENT = (
    "The run failed, and the task that failed could not say why: its process was killed (often for want of memory), "
    "or the machine went down. Its log tells how far it came."
)
_NOTHING_CAME = "No delivery came, so the run ended without doing anything."


def _silent(context: Context) -> str:
    return f"{_SILENT} Airflow's own word for it: {context.get('reason')}."


def _explained(error: BaseException | None) -> str:
    return "" if error is None else str(error).strip() or type(error).__name__


def _tried(name: str, send: Callable[[], None], message: Message) -> bool:
    try:
        send()
    except Exception:
        # A callback has nobody to raise to; the alert itself goes to the log, so that it is not lost.
        _log.exception("The alert could not be sent by %s. It says:\n%s", name, message.text)
        return False
    _log.info("Alert sent by %s: %s", name, message.subject)
    return True


def _told(dag_id: str, run_id: str, tasks: Iterable[str]) -> bool:
    found = (XCom.get_all(key=TOLD, dag_id=dag_id, task_id=task, run_id=run_id) for task in tasks)
    return any(value is True for values in found for value in values or [])


def _failed(dag_id: str, run_id: str, task: str) -> bool:
    # Imported where it is used: a DAG file is read every half minute.
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    states = RuntimeTaskInstance.get_task_states(dag_id=dag_id, task_ids=[task], run_ids=[run_id])
    return bool(states.get(run_id, {}).get(task) == "failed")


def _days(context: Context) -> tuple[date | None, date | None]:
    """The days of a run, as far as they are known: the failure may be about the days themselves."""
    try:
        return days_of(context) if "dag_run" in context else (None, None)
    except StepMisconfiguredError:
        return None, None


def _asked_days(context: Context) -> tuple[date | None, date | None]:
    """The days that were filled into the form of an action: its run has an interval, but not of deliveries."""
    params = context.get("params") or {}
    try:
        return day("first_day", params, ""), day("last_day", params, "")
    except ValueError:
        return None, None


_BY_FORM = {action_dag(action) for action in ACTIONS}


# --- Channels ---


def send_email(settings: EmailAlerts, message: Message) -> None:
    """Send a message as text and HTML, through the SMTP server of an Airflow connection.

    The connection's extra is that of Airflow's own SMTP connections: ``disable_ssl``, ``disable_tls``, ``from_email``.
    Raises what the server says; ValueError when no sender is named.
    """
    server = Connection.get(settings.connection)
    extra = server.extra_dejson
    sender = settings.sender or extra.get("from_email")
    if not sender:
        raise ValueError(
            f"No sender is named for alerts by e-mail. Write 'from: lakehouse@example.com' under alerts.email in "
            f"domain.yml, or from_email into the extra of the connection '{settings.connection}'."
        )
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = message.subject, sender, ", ".join(settings.to)
    mail.set_content(message.text)
    mail.add_alternative(message.html, subtype="html")
    with _client(server, extra) as client:
        client.send_message(mail)


def _client(server: Connection, extra: Mapping[str, Any]) -> smtplib.SMTP:
    timeout = float(extra.get("timeout", _TIMEOUT))
    client: smtplib.SMTP
    if not extra.get("disable_ssl"):
        context = ssl.create_default_context()
        client = smtplib.SMTP_SSL(server.host or "", server.port or 0, timeout=timeout, context=context)
    else:
        client = smtplib.SMTP(server.host or "", server.port or 0, timeout=timeout)
        if not extra.get("disable_tls"):
            client.starttls(context=ssl.create_default_context())
    if server.login and server.password:
        client.login(server.login, server.password)
    return client


def publish(settings: SnsAlerts, message: Message) -> None:
    """Publish a message to a topic of SNS; raises what AWS says."""
    # Amazon's provider takes most of a second to import: not while DAG files are read. It comes half typed.
    from airflow.providers.amazon.aws.hooks import sns

    hook: Any = sns.SnsHook
    subject = message.subject.encode("ascii", "replace").decode()[:_SNS_SUBJECT]
    region = settings.topic_arn.split(":")[3]
    hook(aws_conn_id=settings.connection, region_name=region).publish_to_target(
        settings.topic_arn, message.text, subject
    )
