"""What alerts say, word for word."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from typing import get_args

import pytest

from lakehouse.orchestration.alert_texts import Alert, BrokenRule, Kind, render

DAY = date(2025, 1, 3)
FILE = "usage/year=2025/month=01/day=03/a.csv"

REFUSED = Alert(
    kind="refused",
    domain="billing",
    first=DAY,
    last=DAY,
    what="A gate refused 1 delivery.\nThe others are published.",
    dag="billing_daily",
    run="scheduled__2025-01-03T00:00:00+00:00",
    task="verdict",
    lake="/data/lake",
    owner="billing-data",
    link="http://127.0.0.1:8080/dags/billing_daily/runs/r/tasks/verdict?try_number=1&x=y",
    broken=(
        BrokenRule(
            "billing.silver.usage", FILE, 'conformed rows: Mean "quarantined_row" <= 0.05 failed (Mean is 0.108333)'
        ),
    ),
)
FAILED = replace(REFUSED, kind="failed", task="lakehouse.refine", what="spark-submit ended with 1.", broken=())

REFUSED_TEXT = """\
billing 2025-01-03: 1 refused by a gate

What happened
  A gate refused 1 delivery.
  The others are published.

Broken rules
  usage/year=2025/month=01/day=03/a.csv
    conformed rows: Mean "quarantined_row" <= 0.05 failed (Mean is 0.108333)

Where
  dag    billing_daily
  task   verdict
  run    scheduled__2025-01-03T00:00:00+00:00
  lake   /data/lake
  owner  billing-data

Log
  http://127.0.0.1:8080/dags/billing_daily/runs/r/tasks/verdict?try_number=1&x=y

What to do next
  1. look at the rows that are in quarantine
     lakehouse sql --lake /data/lake "select record_number, reasons, payload from billing_quarantine.usage where \
delivery_id = 'usage/year=2025/month=01/day=03/a.csv' limit 10"
     lakehouse plan billing --from 2025-01-03 --to 2025-01-03 --lake /data/lake
  2. have the file delivered again under the same name, or change the rule in the contract; then
     airflow backfill create --dag-id billing_daily --from-date 2025-01-03 --to-date 2025-01-03 \
--reprocess-behavior completed
"""

FAILED_TEXT = """\
billing 2025-01-03: refine failed

What happened
  spark-submit ended with 1.

Where
  dag    billing_daily
  task   lakehouse.refine
  run    scheduled__2025-01-03T00:00:00+00:00
  lake   /data/lake
  owner  billing-data

Log
  http://127.0.0.1:8080/dags/billing_daily/runs/r/tasks/verdict?try_number=1&x=y

What to do next
  1. see what is left to do
     lakehouse plan billing --from 2025-01-03 --to 2025-01-03 --lake /data/lake
  2. when the cause is gone, run it again: clear the failed task in the log's page, or
     airflow backfill create --dag-id billing_daily --from-date 2025-01-03 --to-date 2025-01-03 \
--reprocess-behavior completed
"""


def section(alert: Alert, title: str) -> list[str]:
    (block,) = [part for part in render(alert).text.split("\n\n") if part.startswith(title + "\n")]
    return block.strip("\n").splitlines()[1:]


def test_a_refused_delivery() -> None:
    message = render(REFUSED)
    assert message.subject == "[lakehouse] billing 2025-01-03: 1 refused by a gate"
    assert message.text == REFUSED_TEXT


def test_a_failed_task() -> None:
    message = render(FAILED)
    assert message.subject == "[lakehouse] billing 2025-01-03: refine failed"
    assert message.text == FAILED_TEXT


def test_a_failed_run_of_no_certain_days() -> None:
    alert = replace(FAILED, task="", first=None, last=None, link="", lake="", owner="")
    assert render(alert).subject == "[lakehouse] billing: the run failed"
    assert section(alert, "Where") == [
        "  dag    billing_daily",
        "  run    scheduled__2025-01-03T00:00:00+00:00",
    ]
    assert section(alert, "What to do next") == [
        "  1. see what is left to do",
        "     lakehouse plan billing",
        "  2. when the cause is gone, run it again: clear the failed task in the log's page, or",
        "     airflow dags trigger billing_daily",
    ]
    assert "\nLog\n" not in render(alert).text


def test_a_late_delivery() -> None:
    alert = replace(FAILED, kind="late", deadline="2025-01-04 06:00 UTC", what="Nothing was delivered.")
    assert render(alert).subject == "[lakehouse] billing 2025-01-03: no delivery by 2025-01-04 06:00 UTC"
    assert section(alert, "What to do next") == [
        "  1. ask for the file; the run goes on by itself when it comes. What is there:",
        "     lakehouse plan billing --from 2025-01-03 --to 2025-01-03 --lake /data/lake",
    ]


def test_a_missing_delivery_of_several_days() -> None:
    alert = replace(FAILED, kind="missing", last=date(2025, 1, 5))
    assert render(alert).subject == "[lakehouse] billing 2025-01-03 to 2025-01-05: no delivery"
    assert section(alert, "What to do next")[3] == (
        "     airflow backfill create --dag-id billing_daily --from-date 2025-01-03 --to-date 2025-01-05 "
        "--reprocess-behavior completed"
    )


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [(DAY, None, "from 2025-01-03"), (None, DAY, "up to 2025-01-03"), (None, None, "")],
)
def test_open_ranges(first: date | None, last: date | None, days: str) -> None:
    alert = replace(FAILED, first=first, last=last)
    assert render(alert).subject == "[lakehouse] billing" + (f" {days}" if days else "") + ": refine failed"
    assert "     airflow dags trigger billing_daily" in section(alert, "What to do next")


def test_many_broken_rules_are_counted() -> None:
    rules = tuple(BrokenRule("billing.silver.usage", f"usage/{number}.csv", "r failed") for number in range(25))
    alert = replace(REFUSED, broken=rules)
    assert render(alert).subject == "[lakehouse] billing 2025-01-03: 25 refused by a gate"
    shown = section(alert, "Broken rules")
    assert shown[:2] == ["  usage/0.csv", "    r failed"]
    assert shown[-1] == "  ... and 5 more in 5 deliveries"
    assert len([line for line in section(alert, "What to do next") if "lakehouse sql" in line]) == 3


def test_a_refused_table_has_no_rows_in_quarantine() -> None:
    alert = replace(REFUSED, broken=(BrokenRule("billing.gold.daily_usage", "", "staged rows: x failed"),))
    assert section(alert, "Broken rules") == ["  billing.gold.daily_usage", "    staged rows: x failed"]
    assert not [line for line in section(alert, "What to do next") if "lakehouse sql" in line]


def test_commands_can_be_pasted_whatever_the_names_are() -> None:
    name = "usage/it's $(rm -rf x).csv"
    alert = replace(REFUSED, lake="/my lake", broken=(BrokenRule("billing.silver.usage", name, "r"),))
    (command,) = [line for line in section(alert, "What to do next") if "lakehouse sql" in line]
    assert command == (
        "     lakehouse sql --lake '/my lake' 'select record_number, reasons, payload from billing_quarantine.usage "
        "where delivery_id = '\"'\"'usage/it'\"'\"''\"'\"'s $(rm -rf x).csv'\"'\"' limit 10'"
    )


def test_the_subject_is_one_short_line() -> None:
    alert = replace(FAILED, task="x" * 300 + "\r\nBcc: someone at example")
    subject = render(alert).subject
    assert "\n" not in subject
    assert "\r" not in subject
    assert len(subject) == 200
    assert subject.endswith("...")


class Tags(HTMLParser):
    """The elements and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.words = ""
        self.links: list[str | None] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.words += data


EVIL = "<script>alert(1)</script>&\"'"


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_value_in_the_page_is_escaped(kind: Kind) -> None:
    alert = Alert(
        kind, EVIL, DAY, DAY, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, f"http://x/{EVIL}",
        (BrokenRule(EVIL, EVIL, EVIL),), EVIL,
    )  # fmt: skip
    page = Tags(render(alert).html)
    assert set(page.names) <= {"html", "body", "h2", "h3", "p", "br", "pre", "a", "ol", "li"}
    assert page.links == [f"http://x/{EVIL}"]
    assert EVIL in page.words


def test_the_page_says_what_the_text_says() -> None:
    message = render(REFUSED)

    def squeezed(text: str) -> str:
        return re.sub(r"\s+|[12]\. ", "", text)

    assert squeezed(Tags(message.html).words) == squeezed(message.text)


def test_only_the_address_of_a_page_becomes_a_link() -> None:
    page = Tags(render(replace(FAILED, link="javascript:alert(1)")).html)
    assert page.links == []
    assert "javascript:alert(1)" in page.words
