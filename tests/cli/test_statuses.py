"""What `lakehouse status` prints, and how it ends."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lakehouse.ledger.writer import claim
from tests.cli.commands import Lakehouse, commands
from tests.steps.lived_in import BRONZE, DAILY, HEADER, SILVER, LivedIn, delivery_id

RUN = "20250109T060000Z-0123abcd"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LivedIn:
    """A week with a bit of everything."""
    found = LivedIn(tmp_path)
    monkeypatch.setenv("LAKEHOUSE_CONF", str(found.conf))
    monkeypatch.chdir(tmp_path)
    found.run(RUN, {"state": "started"}, {"state": "finished", "exit_code": 3, "reason": "gates refused 1 deliveries"})
    found.judge(found.deliver("2025-01-01"))
    found.judge(found.deliver("2025-01-02"), "refused", "10 % of the rows are quarantined")
    found.deliver("2025-01-03", "unreadable", reason="the file is empty (0 bytes)")
    found.deliver("2025-01-06", header=(*HEADER, "discount"))
    found.publish(BRONZE, 2_954_174)
    silver = found.publish(SILVER, 90)
    found.publish(DAILY, 3, {str(SILVER): silver})
    found.verdict(delivery_id("2025-01-01"), "RowCount > 0")
    found.verdict(delivery_id("2025-01-02"), "RowCount > 0", passed="no", reason="10 % of the rows are quarantined")
    found.verdict(delivery_id("2025-01-01"), 'Completeness "region" > 0.5')
    found.quarantine(("2025-01-01", "open", ("a", "b")), ("2025-01-02", "open", ("a",)))
    return found


@pytest.fixture
def lakehouse(place: LivedIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lakehouse:
    return commands(monkeypatch, capsys, columns=80)


SCREEN = """\
billing  {folder}/lake
  ! 1 delivery refused
  ! 1 delivery unreadable
  ! 2 days without a delivery from usage
  ! 2 rows of billing.silver.usage in quarantine
  ! usage is delivered with columns that its contract does not have: discount

Runs of the last 30 days
  began (UTC)      run                       steps          seconds ended
  2025-01-09 06:00 20250109T060000Z-0123abcd ingest, refine       0 exit 3
  last run: gates refused 1 deliveries

Tables
  table                   rows newest day published (UTC)  age state
  bronze.usage       2,954,174 2025-01-06 2025-01-09 06:00 0s  up to date
  silver.usage              90 2025-01-01 2025-01-09 06:00 0s  behind
  gold.daily_usage           3 2025-01-01 2025-01-09 06:00 0s  up to date
  gold.region_totals                                           not made

Deliveries  1 current, 1 waiting, 1 refused, 1 unreadable
  refused usage/year=2025/month=01/day=02/a.csv: 10 % of the rows are quarantined
  unreadable usage/year=2025/month=01/day=03/a.csv: the file is empty (0 bytes)
  missing usage: 2025-01-04 to 2025-01-05

Gates that did not pass in run run-1
  refused usage/year=2025/month=01/day=02/a.csv: 10 % of the rows are quarantined

Gates of the last 30 days  1 of 2 passed by all
  gate                               passed warned refused
  billing.silver.usage: RowCount > 0      1      0       1

Quarantine of billing.silver.usage  2 open
  open rows by rule rows by delivery day rows
  a                    2 2025-01-02         1
  b                    1 2025-01-01         1

Columns of the deliveries of the last 30 days
  unknown usage: 'discount' is not in the contract in 1 delivery, 2025-01-06
  changed usage/year=2025/month=01/day=06/a.csv: discount is new

Work for the next run
  billing.silver.usage: 1 deliveries are not refined yet
  billing.gold.region_totals: it was never made
  lakehouse run billing --lake {folder}/lake
"""


def plain(out: str) -> str:
    """What was shown, with the times of the test taken out."""
    text = "".join(line.rstrip() + "\n" for line in out.splitlines())
    moments = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "2025-01-09 06:00", text)
    return re.sub(r"06:00 \d+s ", "06:00 0s ", moments)


def test_a_week_in_eighty_columns(place: LivedIn, lakehouse: Lakehouse, tmp_path: Path) -> None:
    code, out, err = lakehouse("status", "billing", "--lake", "lake")
    assert (code, err) == (0, "")
    assert plain(out) == SCREEN.format(folder=tmp_path)


def test_all_domains_and_the_lake_of_the_environment(place: LivedIn, lakehouse: Lakehouse, tmp_path: Path) -> None:
    """Domains that the lake does not hold yet are left out."""
    (place.conf / "retail").mkdir()
    (place.conf / "retail/domain.yml").write_text("description: x\nowner: y\nstart_date: 2025-01-01\n")
    _, out, _ = lakehouse("status", "--lake", "lake")
    assert plain(out) == SCREEN.format(folder=tmp_path)
    environment = place.conf / "environments/local.yml"
    environment.write_text("description: x\nlake: lake\nlanding: landing\n")
    _, out, _ = lakehouse("status")
    assert plain(out) == SCREEN.format(folder=tmp_path)


def test_who_writes(place: LivedIn, lakehouse: Lakehouse) -> None:
    with claim(place.lake, "billing", RUN):
        _, out, _ = lakehouse("status", "--lake", "lake")
    written = out.splitlines()[1:3]
    assert written[0] == f"  being written by run {RUN}"
    assert re.fullmatch(
        rf"    process {os.getpid()} of \S+ on \S+, since \d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", written[1]
    )


def test_a_failed_run_names_its_log(place: LivedIn, lakehouse: Lakehouse) -> None:
    place.run("run-2", {"state": "started"}, {"state": "failed", "exit_code": 1, "reason": "[b]no[/] disk"})
    log = Path(place.lake.log("billing", "run-2"))
    log.parent.mkdir()
    log.touch()
    _, out, _ = lakehouse("status", "--lake", "lake")
    assert "  ! the last run failed: [b]no[/] disk\n" in out
    assert f"  last run: [b]no[/] disk\n  log: {log}\n" in out


def test_long_lists_are_cut_for_people(place: LivedIn, lakehouse: Lakehouse) -> None:
    for day in range(10, 22):
        place.deliver(f"2025-01-{day}", "unreadable", reason="empty")
    _, out, _ = lakehouse("status", "--lake", "lake")
    assert "  unreadable usage/year=2025/month=01/day=17/a.csv: empty\n" in out
    assert "day=18/a.csv: empty" not in out
    assert "  ... and 4 more deliveries; --json lists them all\n" in out


def test_as_json(place: LivedIn, lakehouse: Lakehouse, tmp_path: Path) -> None:
    code, out, err = lakehouse("status", "billing", "--lake", "lake", "--days", "7", "--json")
    assert (code, err) == (0, "")
    answer: dict[str, Any] = json.loads(out)
    (found,) = answer.pop("domains")
    moment = answer.pop("at")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", moment)
    assert answer == {"lake": f"{tmp_path}/lake", "days": 7}
    assert list(found) == [
        "domain", "at", "since", "attention", "writer", "runs", "tables", "deliveries", "troubled", "gaps", "verdicts",
        "quarantine", "drift", "waiting",
    ]  # fmt: skip
    assert (found["domain"], found["at"], found["writer"]) == ("billing", moment, None)
    assert set(found["runs"][0]) == {
        "run_id", "steps", "state", "started_at", "ended_at", "seconds", "exit_code", "reason", "host", "process",
        "log",
    }  # fmt: skip
    assert found["runs"][0]["steps"] == ["ingest", "refine"]
    gold = found["tables"][3]
    assert gold == {
        "table": "billing.gold.region_totals", "state": "not made", "why": "", "newest_day": None,
        "published_at": None, "age_seconds": None, "version": None, "rows": None, "run_id": None,
    }  # fmt: skip
    assert found["tables"][0]["newest_day"] == "2025-01-06"
    assert found["deliveries"]["refused"] == 1
    assert found["troubled"][0] == {
        "source": "usage", "delivery_id": delivery_id("2025-01-02"), "day": "2025-01-02", "state": "refused",
        "table": "billing.silver.usage", "reason": "10 % of the rows are quarantined",
    }  # fmt: skip
    assert found["gaps"] == [{"source": "usage", "from": "2025-01-04", "to": "2025-01-05", "days": 2}]
    assert found["verdicts"] == {
        "run_id": "run-1",
        "failed": [
            {
                "table": "billing.silver.usage", "delivery_id": delivery_id("2025-01-02"), "severity": "error",
                "rule": "RowCount > 0", "reason": "10 % of the rows are quarantined",
            }
        ],
        "gates": [
            {
                "table": "billing.silver.usage", "rule": 'Completeness "region" > 0.5', "passed": 1, "warned": 0,
                "refused": 0,
            },
            {"table": "billing.silver.usage", "rule": "RowCount > 0", "passed": 1, "warned": 0, "refused": 1},
        ],
    }  # fmt: skip
    none = {"replayed": 0, "discarded": 0, "superseded": 0}
    assert found["quarantine"] == [
        {
            "table": "billing.silver.usage",
            "rows": {"open": 2, **none},
            "rules": [{"rule": "a", "open": 2, **none}, {"rule": "b", "open": 1, **none}],
            "days": [{"day": "2025-01-02", "open": 1, **none}, {"day": "2025-01-01", "open": 1, **none}],
            "rules_by_day": [
                {"rule": "a", "day": "2025-01-01", "open": 1, **none},
                {"rule": "a", "day": "2025-01-02", "open": 1, **none},
                {"rule": "b", "day": "2025-01-01", "open": 1, **none},
            ],
        }
    ]
    assert found["drift"] == {
        "columns": [
            {
                "source": "usage", "kind": "unknown", "column": "discount", "delivered_as": None, "deliveries": 1,
                "first_day": "2025-01-06", "last_day": "2025-01-06",
            }
        ],
        "changes": [
            {
                "source": "usage", "delivery_id": delivery_id("2025-01-06"), "day": "2025-01-06",
                "previous": delivery_id("2025-01-02"), "added": ["discount"], "gone": [], "renamed": [],
            }
        ],
    }  # fmt: skip
    assert found["waiting"] == [
        {
            "table": "billing.silver.usage", "why": "deliveries are not refined yet",
            "deliveries": [delivery_id("2025-01-06")],
        },
        {"table": "billing.gold.region_totals", "why": "it was never made", "deliveries": []},
    ]  # fmt: skip


def test_every_key_is_documented(place: LivedIn, lakehouse: Lakehouse) -> None:
    _, out, _ = lakehouse("status", "--lake", "lake", "--json")
    found = json.loads(out)["domains"][0]
    text = (Path(__file__).resolve().parents[2] / "docs/operations.md").read_text()
    part = text.partition("## What is going on?")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", part, re.M))
    assert list(rows) == list(found)
    for name, inner in [
        ("runs", found["runs"][0]), ("tables", found["tables"][0]), ("troubled", found["troubled"][0]),
        ("gaps", found["gaps"][0]), ("waiting", found["waiting"][0]), ("deliveries", found["deliveries"]),
        ("verdicts", found["verdicts"]), ("quarantine", found["quarantine"][0]), ("drift", found["drift"]),
    ]:  # fmt: skip
        assert set(inner) <= set(re.findall(r"`([^`]+)`", rows[name])), name


def test_nothing_to_tell_of(place: LivedIn, lakehouse: Lakehouse, tmp_path: Path) -> None:
    code, out, err = lakehouse("status", "biling", "--lake", "lake")
    assert (code, out) == (2, "")
    assert err == (
        "error There is no domain 'biling'. Did you mean 'billing'? Domains: billing (folders with a domain.yml in "
        f"{tmp_path}/conf).\n"
    )
    assert lakehouse("status", "--lake", "nowhere") == (
        2,
        "",
        f"error There is no lake at {tmp_path}/nowhere. Run 'lakehouse run billing --lake {tmp_path}/nowhere --landing "
        "...' first, or name another folder with --lake.\n",
    )
    (tmp_path / "empty").mkdir()
    assert lakehouse("status", "billing", "--lake", "empty") == (
        2,
        "",
        f"error The lake {tmp_path}/empty holds nothing of 'billing'. Run 'lakehouse run billing --lake "
        f"{tmp_path}/empty --landing ...' first, or name another folder with --lake.\n",
    )


def test_a_status_writes_nothing_and_comes_without_spark(place: LivedIn, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    code = (
        "import sys; from lakehouse.cli import main\n"
        "try: main()\n"
        "finally: assert not {'pyspark', 'pandas', 'airflow', 'duckdb'} & set(sys.modules)"
    )
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    for command in (["status", "billing"], ["history", "billing.silver.usage"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *command, "--lake", "lake"], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    # A JVM alone takes more; the clock on the wall would tell of the other tests.
    assert ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime < 5
    assert sorted(tmp_path.rglob("*")) == before
