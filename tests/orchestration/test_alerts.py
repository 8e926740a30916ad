"""Alerts on their way: a real SMTP server, SNS as moto plays it, and which callback speaks when."""

from __future__ import annotations

import json
import logging
import os
import shlex
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws

pytest.importorskip("airflow", reason="Airflow needs Python 3.11")

from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

from lakehouse.contracts.schedules import Alerts, EmailAlerts, SnsAlerts
from lakehouse.orchestration import alerts as module
from lakehouse.orchestration.alert_texts import BrokenRule, Message
from lakehouse.orchestration.alerts import Reporter, send_email
from lakehouse.orchestration.results import DeliveryMissingError, DeliveryRefusedError, LakeDiffersError
from tests.orchestration.mailbox import Mailbox

TOPIC = "arn:aws:sns:eu-west-1:123456789012:lakehouse-alerts"
EMAIL = EmailAlerts.model_validate({"to": ["on-call@example.com", "b@example.com"], "from": "lakehouse@example.com"})
SNS = SnsAlerts(topic_arn=TOPIC)
BROKEN = (BrokenRule("billing.silver.usage", "usage/a.csv", "Mean <= 0.05 failed (Mean is 0.11)"),)


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    """An SMTP server, named by the connection smtp_default."""
    with Mailbox() as server:
        extra = {"disable_ssl": True, "disable_tls": True, "timeout": 5}
        connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": server.port, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(connection))
        yield server


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A queue that gets what is published to the topic."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps({"conn_type": "aws"}))
    with mock_aws():
        sns = boto3.client("sns", region_name="eu-west-1")
        assert sns.create_topic(Name="lakehouse-alerts")["TopicArn"] == TOPIC
        queue = boto3.resource("sqs", region_name="eu-west-1").create_queue(QueueName="q")
        sns.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=queue.attributes["QueueArn"])
        yield queue


def published(queue: Any) -> list[dict[str, Any]]:
    return [json.loads(message.body) for message in queue.receive_messages(MaxNumberOfMessages=10)]


class Instance(SimpleNamespace):
    """What a callback sees of a task instance; XComs go into one dictionary."""

    pushed: dict[str, Any]

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def context(**more: Any) -> dict[str, Any]:
    """The context of a task of the run for January 3."""
    start = datetime(2025, 1, 3, tzinfo=timezone.utc)
    return {
        "dag": SimpleNamespace(dag_id="billing_daily", task_ids=["lakehouse.refine", "verdict"]),
        "run_id": "scheduled__2025-01-03",
        "dag_run": SimpleNamespace(data_interval_start=start, data_interval_end=start + timedelta(days=1)),
        "params": {"first_day": None, "last_day": None},
        "ti": Instance(task_id="lakehouse.refine", log_url="http://127.0.0.1:8080/log?a=1&b=2", pushed={}),
        **more,
    }


def reporter(*channels: EmailAlerts | SnsAlerts) -> Reporter:
    chosen = {"email" if isinstance(channel, EmailAlerts) else "sns": channel for channel in channels}
    return Reporter("billing", "billing-data", "/data/lake", Alerts.model_validate(chosen))


# --- Channels


def test_an_email_of_a_failed_task(box: Mailbox) -> None:
    seen = context(exception=RuntimeError("the driver <ended> with 1"))
    reporter(EMAIL).task_failed(seen)
    ((to, mail),) = box.received
    assert to == ["on-call@example.com", "b@example.com"]
    assert mail["Subject"] == "[lakehouse] billing 2025-01-03: refine failed"
    assert (mail["From"], mail["To"]) == ("lakehouse@example.com", "on-call@example.com, b@example.com")
    assert mail.get_content_type() == "multipart/alternative"
    text, page = (part.get_content() for part in mail.iter_parts())
    assert "  the driver <ended> with 1" in text.splitlines()
    assert "<p>the driver &lt;ended&gt; with 1</p>" in page
    assert '<a href="http://127.0.0.1:8080/log?a=1&amp;b=2">' in page
    assert "lakehouse plan billing --from 2025-01-03 --to 2025-01-03 --lake /data/lake" in text
    assert seen["ti"].pushed == {"told": True}


def test_a_message_to_a_topic(topic: Any) -> None:
    reporter(SNS).task_failed(
        context(exception=DeliveryRefusedError("Refused by a gate: 1.\nusage/a.csv\n  as below", BROKEN))
    )
    (message,) = published(topic)
    assert message["Subject"] == "[lakehouse] billing 2025-01-03: 1 refused by a gate"
    assert "What happened\n  Refused by a gate: 1.\n\nBroken rules\n" in message["Message"]
    assert "  usage/a.csv\n    Mean <= 0.05 failed (Mean is 0.11)\n" in message["Message"]


def test_both_channels(box: Mailbox, topic: Any) -> None:
    reporter(EMAIL, SNS).task_failed(context(exception=DeliveryRefusedError("x", BROKEN)))
    assert len(box.received) == 1
    assert len(published(topic)) == 1


def test_sns_goes_on_when_the_smtp_server_does_not_answer(
    topic: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    away = {"conn_type": "smtp", "host": "127.0.0.1", "port": 1, "extra": {"disable_ssl": True, "disable_tls": True}}
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(away))
    seen = context(exception=RuntimeError("x"))
    with caplog.at_level(logging.ERROR):
        reporter(EMAIL, SNS).task_failed(seen)
    assert len(published(topic)) == 1
    assert seen["ti"].pushed == {"told": True}
    assert "The alert could not be sent by e-mail. It says:\nbilling 2025-01-03: refine failed" in caplog.text


def test_email_goes_on_when_sns_refuses(box: Mailbox, topic: Any, caplog: pytest.LogCaptureFixture) -> None:
    elsewhere = SnsAlerts(topic_arn=TOPIC + "-that-is-not-there")
    with caplog.at_level(logging.ERROR):
        reporter(elsewhere, EMAIL).task_failed(context(exception=RuntimeError("x")))
    assert len(box.received) == 1
    assert "The alert could not be sent by SNS." in caplog.text


def test_the_sender_may_come_from_the_connection(box: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = EmailAlerts.model_validate({"to": ["on-call@example.com"]})
    message = Message("subject", "text", "<p>page</p>")
    with pytest.raises(ValueError) as error:
        send_email(nobody, message)
    assert str(error.value) == (
        "No sender is named for alerts by e-mail. Write 'from: lakehouse@example.com' under alerts.email in "
        "domain.yml, or from_email into the extra of the connection 'smtp_default'."
    )
    connection = json.loads(os.environ["AIRFLOW_CONN_SMTP_DEFAULT"])
    connection["extra"]["from_email"] = "connection@example.com"
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(connection))
    send_email(nobody, message)
    ((_, mail),) = box.received
    assert mail["From"] == "connection@example.com"


def test_a_subject_for_sns_is_short_and_ascii(topic: Any) -> None:
    seen = context(exception=RuntimeError("x"))
    seen["ti"].task_id = "gruppe.größe" + "x" * 120
    reporter(SNS).task_failed(seen)
    (message,) = published(topic)
    assert message["Subject"].startswith("[lakehouse] billing 2025-01-03: gr??exxx")
    assert len(message["Subject"]) == 99


def test_nobody_is_told_without_channels(caplog: pytest.LogCaptureFixture) -> None:
    seen = context(exception=RuntimeError("x"))
    reporter().task_failed(seen)
    assert seen["ti"].pushed == {"told": True}
    assert caplog.text == ""


# --- Forms


def asked(dag: str, conf: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The context of a run that a person started with a form today: its interval is that moment."""
    now = datetime(2025, 6, 1, 12, tzinfo=timezone.utc)
    return context(
        dag=SimpleNamespace(dag_id=dag, task_ids=["check_form"]),
        dag_run=SimpleNamespace(data_interval_start=now, data_interval_end=now, conf=conf),
        params={"domain": "billing", **conf},
        ti=Instance(task_id="retract_billing", log_url="http://127.0.0.1:8080/log", pushed={}),
        **more,
    )


def test_a_form_that_failed_can_be_sent_again_as_it_was(box: Mailbox) -> None:
    conf = {"domain": "billing", "delivery": "usage/a.csv", "why": "it's test data"}
    reporter(EMAIL).task_failed(asked("lakehouse_retract", conf, exception=RuntimeError("x")))
    ((_, mail),) = box.received
    assert mail["Subject"] == "[lakehouse] billing: retract_billing failed"
    body = mail.get_body(("plain",))
    assert body is not None
    (command,) = [line.strip() for line in body.get_content().splitlines() if "airflow dags" in line]
    assert shlex.split(command) == ["airflow", "dags", "trigger", "lakehouse_retract", "--conf", json.dumps(conf)]


def test_tables_that_differ_from_their_deliveries(box: Mailbox) -> None:
    conf = {"first_day": "2025-01-01", "last_day": "2025-01-31"}
    found = LakeDiffersError("billing.silver.usage: 1 missing")
    reporter(EMAIL).task_failed(asked("lakehouse_verify", conf, exception=found))
    ((_, mail),) = box.received
    what = "tables are not what their deliveries make them"
    assert mail["Subject"] == f"[lakehouse] billing 2025-01-01 to 2025-01-31: {what}"
    body = mail.get_body(("plain",))
    assert body is not None
    text = body.get_content().splitlines()
    assert "     lakehouse verify billing --from 2025-01-01 --to 2025-01-31 --lake /data/lake" in text
    assert "     lakehouse run billing --full-refresh --lake /data/lake" in text
    assert not any("airflow" in line for line in text)


# --- Kinds


def test_a_late_delivery(box: Mailbox) -> None:
    reporter(EMAIL).delivery_late(context(), datetime(2025, 1, 4, 6, tzinfo=timezone.utc))
    ((_, mail),) = box.received
    assert mail["Subject"] == "[lakehouse] billing 2025-01-03: no delivery by 2025-01-04 06:00 UTC"


def test_a_delivery_that_did_not_come_in_time(box: Mailbox) -> None:
    seen = context(exception=DeliveryMissingError("No delivery for 2025-01-03 after 12 hours."))
    reporter(EMAIL).task_failed(seen)
    ((_, mail),) = box.received
    assert mail["Subject"] == "[lakehouse] billing 2025-01-03: no delivery"
    assert seen["ti"].pushed == {"told": True}


def test_a_missing_delivery_that_ends_the_run(box: Mailbox) -> None:
    reporter(EMAIL).delivery_missing(context())
    ((_, mail),) = box.received
    assert mail["Subject"] == "[lakehouse] billing 2025-01-03: no delivery"
    body = mail.get_body(("plain",))
    assert body and "No delivery came, so the run ended without doing anything." in body.get_content()


# --- One event, one message


def stored(monkeypatch: pytest.MonkeyPatch, values: dict[str, list[Any]]) -> None:
    monkeypatch.setattr(
        module, "XCom", SimpleNamespace(get_all=lambda *, key, dag_id, task_id, run_id: values.get(task_id))
    )


def test_the_dag_is_silent_when_a_task_has_told(box: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    stored(monkeypatch, {"verdict": [True]})
    reporter(EMAIL).run_failed(context(reason="task_failure"))
    assert box.received == []


@pytest.mark.parametrize("values", [{}, {"verdict": [False]}, {"lakehouse.refine": []}])
def test_the_dag_tells_when_no_task_could(
    box: Mailbox, values: dict[str, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(monkeypatch, values)
    bare = {
        name: value for name, value in context(reason="task_failure").items() if name in {"dag", "run_id", "reason"}
    }
    reporter(EMAIL).run_failed(bare)
    ((_, mail),) = box.received
    assert mail["Subject"] == "[lakehouse] billing: the run failed"
    body = mail.get_body(("plain",))
    assert body
    assert "its process was killed (often for want of memory)" in body.get_content()
    assert "Airflow's own word for it: task_failure." in body.get_content()


@pytest.mark.parametrize(
    ("states", "values", "told"),
    [
        ({"maintain_billing": "failed", "maintain_retail": "failed"}, {"maintain_retail": [True]}, ["billing"]),
        ({"maintain_billing": "failed", "maintain_retail": "failed"}, {}, ["billing", "retail"]),
        ({"maintain_billing": "failed", "maintain_retail": "success"}, {"maintain_billing": [False]}, ["billing"]),
        ({"maintain_billing": "failed", "maintain_retail": "success"}, {"maintain_billing": [True]}, []),
    ],
)
def test_in_a_dag_that_domains_share_each_hears_of_its_own_task(
    box: Mailbox,
    states: dict[str, str],
    values: dict[str, list[Any]],
    told: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored(monkeypatch, values)
    run, dag = "scheduled__2025-01-05", "lakehouse_maintenance"

    def get_task_states(*, dag_id: str, task_ids: list[str], run_ids: list[str]) -> dict[str, dict[str, str]]:
        assert (dag_id, run_ids) == (dag, [run])
        return {run: {task: states[task] for task in task_ids}}

    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", get_task_states)
    seen = context(reason="task_failure", run_id=run, dag=SimpleNamespace(dag_id=dag, task_ids=list(states)))
    seen["ti"].task_id = "maintain_retail"
    alerts = Alerts.model_validate({"email": EMAIL})
    for domain in ("billing", "retail"):
        Reporter(domain, "x", "/lake", alerts).task_lost(seen, f"maintain_{domain}")
    subjects = [mail["Subject"] for _, mail in box.received]
    assert subjects == [f"[lakehouse] {domain} 2025-01-03: maintain_{domain} failed" for domain in told]
    bodies = [mail.get_body(("plain",)) for _, mail in box.received]
    links = ["http://127.0.0.1:8080/log" in body.get_content() for body in bodies if body]
    assert links == [domain == "retail" for domain in told], "the log is that of the task that is told of"


def test_a_failure_that_could_not_be_told_is_left_to_the_dag(monkeypatch: pytest.MonkeyPatch) -> None:
    away = {"conn_type": "smtp", "host": "127.0.0.1", "port": 1, "extra": {"disable_ssl": True, "disable_tls": True}}
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(away))
    seen = context(exception=RuntimeError("x"))
    reporter(EMAIL).task_failed(seen)
    assert seen["ti"].pushed == {"told": False}


# --- Days


@pytest.mark.parametrize(
    ("params", "days"),
    [
        ({"first_day": "2025-02-28", "last_day": "2025-03-01"}, "2025-02-28 to 2025-03-01"),
        ({"first_day": "2025-02-28"}, "from 2025-02-28"),
        ({}, "2025-01-03"),
    ],
)
def test_the_days_of_the_run_are_in_the_subject(params: dict[str, Any], days: str, box: Mailbox) -> None:
    reporter(EMAIL).task_failed(context(params=params, exception=RuntimeError("x")))
    assert box.received[0][1]["Subject"] == f"[lakehouse] billing {days}: refine failed"


def test_a_run_whose_days_are_wrong_is_told_of_all_the_same(box: Mailbox) -> None:
    reporter(EMAIL).task_failed(context(params={"first_day": "soon"}, exception=RuntimeError("x")))
    assert box.received[0][1]["Subject"] == "[lakehouse] billing: refine failed"


def test_the_example_in_the_documents_is_right() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text()
    example = text.partition("\n## Alerts\n")[2].partition("```yaml\n")[2].partition("```")[0]
    found = Alerts.model_validate(yaml.safe_load(example)["alerts"])
    assert (found.email and found.email.to, found.sns and found.sns.topic_arn, found.deadline_hours) == (
        ("data-on-call@example.com",), TOPIC, 6,
    )  # fmt: skip
