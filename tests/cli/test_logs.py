"""The log of a run: what is in it, where it lies, and what is never in it."""

from __future__ import annotations

import json
import logging
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lakehouse.cli import restores, runs
from lakehouse.contracts.lakes import Lake
from lakehouse.errors import TableError
from lakehouse.ledger.writer import claim
from lakehouse.steps.decisions import Decide
from lakehouse.steps.order import run_steps
from lakehouse.steps.restore import Restored
from lakehouse.steps.summary import DeliverySummary, RunSummary, TableSummary
from lakehouse.steps.workspace import Workspace
from tests.cli.commands import Lakehouse, commands
from tests.contracts.places import DOMAIN, LOCAL, Change, change, copy_conf
from tests.steps.lived_in import LivedIn

Steps = Callable[[Callable[[str], None], Workspace, RunSummary], None]
Works = Callable[[Steps], None]

RUN = ["run", "billing", "--landing", ".", "--lake", "lake", "--run-id", "monday"]


@pytest.fixture
def lakehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lakehouse:
    monkeypatch.setenv("LAKEHOUSE_CONF", str(copy_conf(tmp_path / "conf")))
    monkeypatch.chdir(tmp_path)
    return commands(monkeypatch, capsys)


@pytest.fixture
def works(monkeypatch: pytest.MonkeyPatch) -> Works:
    """Let the steps of the next runs be a function that is called with on_step, the workspace and the summary."""

    def replace(do: Steps) -> None:
        def run_steps(
            work: Workspace, steps: Any, strict: bool, on_step: Callable[[str], None], decide: Any
        ) -> RunSummary:
            summary = RunSummary(work.run_id, "billing", work.lake.root, work.landing, list(steps))
            do(on_step, work, summary)
            return summary

        monkeypatch.setattr(runs, "run_steps", run_steps)

    return replace


def lines(path: str | Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def told(path: str | Path) -> list[tuple[str, str | None, str]]:
    return [(line["level"], line["step"], line["message"]) for line in lines(path)]


def two_steps(on_step: Callable[[str], None], work: Workspace, summary: RunSummary) -> None:
    on_step("ingest")
    work.progress("reading 2 delivered files")
    on_step("refine")


def test_each_line_says_when_and_which_run(lakehouse: Lakehouse, works: Works, tmp_path: Path) -> None:
    works(two_steps)
    code, _, err = lakehouse(*RUN, "--from", "2025-01-01", "--to", "2025-01-02")
    assert (code, err) == (0, "ingest: reading 2 delivered files\n")
    log = "lake/billing/logs/monday.jsonl"
    assert told(log) == [
        ("info", None, "run started"),
        ("info", "ingest", "step started"),
        ("info", "ingest", "reading 2 delivered files"),
        ("info", "ingest", "step finished"),
        ("info", "refine", "step started"),
        ("info", "refine", "step finished"),
        ("info", None, "run finished"),
    ]
    found = lines(log)
    assert list(found[0]) == ["time", "level", "run_id", "domain", "step", "message", "fields"]
    assert {(line["run_id"], line["domain"]) for line in found} == {("monday", "billing")}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"]) for line in found)
    begun = found[0]["fields"]
    assert begun.pop("host") and begun.pop("process") == os.getpid()
    assert begun == {
        "steps": ["ingest", "refine", "aggregate", "maintain"], "lake": f"{tmp_path}/lake", "landing": str(tmp_path),
        "from": "2025-01-01", "to": "2025-01-02", "full_refresh": False, "dry_run": False,
    }  # fmt: skip
    assert 0 <= found[3]["fields"]["seconds"] < 60


def test_what_a_run_did(lakehouse: Lakehouse, works: Works) -> None:
    def do(on_step: Callable[[str], None], work: Workspace, summary: RunSummary) -> None:
        on_step("refine")
        summary.deliveries = [
            DeliverySummary("billing.bronze.usage", "usage/a.csv", "new", rows_in=5),
            DeliverySummary("billing.silver.usage", "usage/a.csv", "accepted", None, 5, 3, 1, 1, {"a": 1}),
            DeliverySummary("billing.silver.usage", "usage/b.csv", "refused", "too bad", 7, 0, 7, 0),
        ]
        rule = {"table_id": "billing.gold.daily_usage", "delivery_id": None, "rule": "Sum y > 0", "reason": "it is 0"}
        summary.verdicts = [
            {**rule, "severity": "error", "passed": "no"},
            {**rule, "severity": "warn", "passed": "no"},
            {**rule, "severity": "error", "passed": "yes"},
        ]
        summary.tables = [TableSummary("billing.gold.daily_usage", 4, 12, "made anew")]
        summary.missing_days, summary.standing, summary.notes = ["2025-01-03"], ["usage/c.csv unreadable: x"], ["noted"]
        summary.refused_tables, summary.strangers = ["billing.gold.daily_usage: it is 0"], ["billing/x.tar"]
        summary.exit_code, summary.reason, summary.seconds = 3, "gates refused 1 deliveries", {"refine": 1.5}

    works(do)
    assert lakehouse(*RUN)[0] == 3
    found = lines("lake/billing/logs/monday.jsonl")[3:]
    assert [(line["level"], line["step"], line["message"]) for line in found] == [
        ("info", "ingest", "delivery new"),
        ("info", "refine", "delivery accepted"),
        ("warning", "refine", "delivery refused"),
        ("warning", "aggregate", "gate refused"),
        ("warning", "aggregate", "gate warned"),
        ("warning", None, "table refused"),
        ("warning", None, "delivery missing"),
        ("warning", None, "still out"),
        ("warning", None, "files ignored"),
        ("info", None, "noted"),
        ("info", "aggregate", "table"),
        ("warning", None, "run finished"),
    ]
    assert found[1]["fields"] == {
        "table": "billing.silver.usage", "delivery_id": "usage/a.csv", "state": "accepted", "reason": None,
        "rows_in": 5, "rows_accepted": 3, "rows_quarantined": 1, "rows_outranked": 1, "quarantined_by_rule": {"a": 1},
        "rows_unchanged": 0,
    }  # fmt: skip
    assert found[3]["fields"]["reason"] == "it is 0"
    assert found[6]["fields"] == {"day": "2025-01-03"}
    assert found[10]["fields"] == {"table": "billing.gold.daily_usage", "version": 4, "rows": 12, "note": "made anew"}
    assert found[11]["fields"] == {
        "exit_code": 3, "reason": "gates refused 1 deliveries", "nothing_new": False, "seconds": {"refine": 1.5},
        "deliveries": {"new": 1, "accepted": 1, "refused": 1}, "rows_in": 12, "rows_accepted": 3,
        "rows_quarantined": 8, "rows_outranked": 1, "rows_unchanged": 0,
    }  # fmt: skip


# --- Failures


def test_a_failed_run_leaves_its_traceback_and_names_its_log(
    lakehouse: Lakehouse, works: Works, tmp_path: Path
) -> None:
    def do(on_step: Callable[[str], None], work: Workspace, summary: RunSummary) -> None:
        on_step("refine")
        raise RuntimeError("no space left")

    works(do)
    code, _, err = lakehouse(*RUN)
    log = tmp_path / "lake/billing/logs/monday.jsonl"
    assert code == 1
    assert err.endswith(f"  Log: {log}\n")
    last = lines(log)[-1]
    assert (last["level"], last["step"], last["message"]) == ("error", "refine", "run failed")
    assert last["fields"] == {"exit_code": 1, "reason": "no space left"}
    assert last["traceback"].startswith("Traceback (most recent call last):\n")
    assert last["traceback"].endswith("RuntimeError: no space left")


def test_a_failure_before_the_first_step_is_kept_too(lakehouse: Lakehouse, works: Works, tmp_path: Path) -> None:
    def do(on_step: Callable[[str], None], work: Workspace, summary: RunSummary) -> None:
        raise KeyboardInterrupt

    works(do)
    code, _, err = lakehouse(*RUN)
    log = tmp_path / "lake/billing/logs/monday.jsonl"
    assert (code, err) == (1, f"error interrupted; the next run finishes what this one began\n  Log: {log}\n")
    assert told(log) == [("info", None, "run started"), ("error", None, "run failed")]
    assert lines(log)[-1]["fields"] == {"exit_code": 1, "reason": "KeyboardInterrupt"}


def test_a_run_that_may_not_begin_leaves_no_log_in_the_lake(lakehouse: Lakehouse, tmp_path: Path) -> None:
    assert lakehouse(*RUN, "--from", "soon", "--log-file", "a.jsonl")[0] == 2
    with claim(Lake.at(str(tmp_path / "lake")), "billing", "first"):
        assert lakehouse(*RUN)[0] == 4
    assert not (tmp_path / "lake/billing/logs").exists()
    assert lines("a.jsonl")[-1]["fields"] == {
        "exit_code": 2, "reason": "--from: 'soon' is not a date. Example: --from 2025-01-31",
    }  # fmt: skip


def test_nothing_new_leaves_no_log_in_the_lake(lakehouse: Lakehouse, tmp_path: Path) -> None:
    code, _, err = lakehouse("run", "billing", "--landing", ".", "--lake", "lake", "--log-file", "a.jsonl")
    assert (code, err) == (0, "")
    assert not (tmp_path / "lake/billing/logs").exists()
    assert told("a.jsonl") == [("info", None, "run started"), ("info", None, "run finished")]
    assert lines("a.jsonl")[-1]["fields"]["nothing_new"] is True


def test_a_dry_run_leaves_no_log_in_the_lake(lakehouse: Lakehouse, tmp_path: Path) -> None:
    (tmp_path / "billing/year=2025/month=01/day=01").mkdir(parents=True)
    (tmp_path / "billing/year=2025/month=01/day=01/a.csv").write_text("timestamp\n1\n")
    assert lakehouse("run", "billing", "--landing", ".", "--lake", "lake", "--dry-run")[0] == 0
    assert not (tmp_path / "lake").exists()


def test_a_decision_is_in_the_log_also_when_it_changes_no_table(
    lakehouse: Lakehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = LivedIn(tmp_path / "place")
    monkeypatch.setenv("LAKEHOUSE_CONF", str(place.conf))
    refused = place.deliver("2025-01-01")
    place.judge(refused)
    arguments = [refused.delivery_id, "--because", "tests", "--who", "ann", "--lake", place.lake.root]
    monkeypatch.setattr(runs, "run_steps", lambda work, steps, strict, step, decide: only_decided(work, decide))
    assert lakehouse("retract", "billing", *arguments)[0] == 0
    (log,) = (tmp_path / "place/lake/billing/logs").iterdir()
    assert told(log) == [
        ("info", None, "run started"),
        ("info", None, f"ann decided: retract {refused.delivery_id}"),
        ("info", None, f"{refused.delivery_id} is retracted"),
        ("info", None, "run finished"),
    ]
    log.unlink()
    monkeypatch.setattr(runs, "run_steps", run_steps)
    assert lakehouse("release", "billing", *arguments)[0] == 0
    assert list(log.parent.iterdir()) == []


def only_decided(work: Workspace, decide: Decide) -> RunSummary:
    summary = RunSummary(work.run_id, "billing", work.lake.root, "", [], nothing_new=True)
    summary.notes += decide(work).notes
    return summary


def test_a_restore_has_a_log(lakehouse: Lakehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def restore(work: Workspace, run_id: str, who: str, why: str) -> Restored:
        work.progress("billing.silver.usage: back to version 3")
        if why == "oops":
            raise TableError("version 3 is gone")
        return Restored(run_id, held=["usage/a.csv"])

    monkeypatch.setattr(restores, "restore", restore)
    command = ["restore", "billing", "--to", "monday", "--who", "ann", "--lake", "lake", "--because"]
    assert lakehouse(*command, "wrong prices")[0] == 0
    (log,) = (tmp_path / "lake/billing/logs").iterdir()
    assert told(log) == [
        ("info", "restore", "run started"),
        ("info", "restore", "billing.silver.usage: back to version 3"),
        ("info", "restore", "run finished"),
    ]
    assert lines(log)[0]["fields"] == {"lake": f"{tmp_path}/lake", "to": "monday", "who": "ann", "why": "wrong prices"}
    assert lines(log)[2]["fields"] == {"held": ["usage/a.csv"], "notes": []}
    log.unlink()
    code, _, err = lakehouse(*command, "oops")
    (log,) = log.parent.iterdir()
    assert (code, err) == (
        1,
        "billing.silver.usage: back to version 3\n" + f"  Log: {log}\nerror version 3 is gone\n",
    )
    assert lines(log)[-1]["fields"] == {"exit_code": 1, "reason": "version 3 is gone"}


# --- Places


def test_a_file_of_ones_own(lakehouse: Lakehouse, works: Works, monkeypatch: pytest.MonkeyPatch) -> None:
    works(two_steps)
    monkeypatch.setenv("LAKEHOUSE_LOG", "b.jsonl")
    lakehouse(*RUN)
    lakehouse(*RUN[:-1], "tuesday")
    lakehouse(*RUN[:-1], "wednesday", "--log-file", "c.jsonl")
    assert [line["run_id"] for line in lines("b.jsonl")] == ["monday"] * 7 + ["tuesday"] * 7
    assert Path("c.jsonl").read_text() == Path("lake/billing/logs/wednesday.jsonl").read_text()


def test_places_that_cannot_be_written(lakehouse: Lakehouse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert lakehouse(*RUN, "--log-file", "no/a.jsonl") == (2, "", "error --log-file: the folder 'no' does not exist.\n")
    monkeypatch.setenv("LAKEHOUSE_LOG", "conf")
    assert lakehouse(*RUN) == (2, "", "error LAKEHOUSE_LOG: 'conf' cannot be written: Is a directory.\n")
    assert not (tmp_path / "lake").exists()


def test_a_run_goes_on_without_a_log(lakehouse: Lakehouse, works: Works, tmp_path: Path) -> None:
    works(two_steps)
    (tmp_path / "lake/billing").mkdir(parents=True)
    (tmp_path / "lake/billing/logs").write_text("in the way")
    code, _, err = lakehouse(*RUN)
    assert code == 0
    assert err == (
        f"error the log could not be written to {tmp_path}/lake/billing/logs/monday.jsonl: File exists\n"
        "ingest: reading 2 delivered files\n"
    )


def test_loggers_of_the_package_are_heard_while_the_run_lasts(lakehouse: Lakehouse, works: Works) -> None:
    def do(on_step: Callable[[str], None], work: Workspace, summary: RunSummary) -> None:
        on_step("refine")
        logging.getLogger("lakehouse.steps.refine").warning("%s rows", 7, extra={"fields": {"rows": 7}})
        logging.getLogger("elsewhere").warning("of no concern")

    works(do)
    lakehouse(*RUN)
    logging.getLogger("lakehouse").warning("too late")
    (found,) = [line for line in lines("lake/billing/logs/monday.jsonl") if line["level"] == "warning"]
    assert (found["message"], found["step"], found["fields"]) == ("7 rows", "refine", {"rows": 7})


# --- Secrets


def test_secrets_are_not_written(
    lakehouse: Lakehouse, works: Works, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE_PASSWORD", 'pass"word-1')
    monkeypatch.setenv("ENABLE_TOKEN", "true")
    setting = "landing: landing\nspark: {spark.hadoop.fs.s3a.secret.key: key-of-s3}\n"
    (tmp_path / "conf" / LOCAL).write_text(f"description: x\nlake: lake\n{setting}")

    def do(on_step: Callable[[str], None], work: Workspace, summary: RunSummary) -> None:
        on_step("ingest")
        work.progress('true: pass"word-1 and key-of-s3 at s3://me:mine@bucket/x')
        raise RuntimeError("key-of-s3 is wrong")

    works(do)
    lakehouse(*RUN)
    text = (tmp_path / "lake/billing/logs/monday.jsonl").read_text()
    found = lines("lake/billing/logs/monday.jsonl")
    assert found[2]["message"] == "true: *** and *** at s3://***@bucket/x"
    assert found[-1]["fields"]["reason"] == "*** is wrong"
    assert "key-of-s3" not in text and "word-1" not in text and "mine" not in text


# --- Retention


def test_old_results_and_logs_are_removed(lakehouse: Lakehouse, tmp_path: Path) -> None:
    kept = tmp_path / "lake/billing"
    days = {
        "results/old.json": 91,
        "logs/old.jsonl": 91,
        "results/new.json": 89,
        "logs/new.jsonl": 1,
        "format.json": 99,
    }
    for name, age in days.items():
        path = kept / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('{"format": 1}')
        moment = time.time() - age * 86400
        os.utime(path, (moment, moment))

    def left() -> list[str]:
        return sorted(str(path.relative_to(kept)) for path in kept.rglob("*.json*"))

    before = left()
    assert lakehouse("refine", "billing", "--lake", "lake", "--dry-run")[0] == 0
    assert lakehouse("maintain", "billing", "--lake", "lake", "--dry-run")[0] == 0
    assert left() == before
    code, out, _ = lakehouse("maintain", "billing", "--lake", "lake", "--run-id", "monday")
    assert (code, "2 results and logs older than 90 days removed\n" in out) == (0, True)
    assert left() == ["format.json", "logs/new.jsonl", "results/monday.json", "results/new.json"]
    _, out, _ = lakehouse(*RUN[:-1], "tuesday")
    assert "removed" not in out


def test_a_domain_says_for_how_long_they_are_kept(lakehouse: Lakehouse, tmp_path: Path) -> None:
    path = tmp_path / "lake/billing/logs/old.jsonl"
    path.parent.mkdir(parents=True)
    path.touch()
    os.utime(path, (time.time() - 8 * 86400,) * 2)
    change(tmp_path / "conf", Change(DOMAIN, "owner: billing-data\n", "owner: billing-data\nkeep_logs_days: 7\n"))
    _, out, _ = lakehouse(*RUN)
    assert "1 result or log older than 7 days removed\n" in out
    assert not path.exists()
    change(tmp_path / "conf", Change(DOMAIN, "keep_logs_days: 7\n", "keep_logs_days: 1\n"))
    assert lakehouse(*RUN[:-1], "tuesday") == (
        2,
        "",
        f"error {tmp_path}/conf/billing/domain.yml: keep_logs_days: expected 7 or more, found 1. Example: description: "
        "..., owner: data-platform, start_date: 2025-01-01, schedule: '0 2 * * *'\n",
    )
