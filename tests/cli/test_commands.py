"""What the command line says and how it ends, as far as no Spark is needed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lakehouse.cli import main
from lakehouse.contracts.lakes import Lake
from lakehouse.ledger.book import Ledger
from lakehouse.ledger.writer import claim
from tests.contracts.places import SILVER, Change, change, copy_conf

Lakehouse = Callable[..., tuple[int, str, str]]

COMMANDS = (
    "plan", "run", "ingest", "refine", "aggregate", "maintain", "validate", "sql", "sample", "verify", "package",
    "airflow", "backfill", "history", "status", "retract", "release", "quarantine", "restore", "unlock",
    "report",
)  # fmt: skip


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    return copy_conf(tmp_path / "conf")


@pytest.fixture
def lakehouse(conf: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lakehouse:
    """Run a command in the folder beside the configuration: its exit code, and what it said on both streams."""
    for name in ("LAKEHOUSE_ENV", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LAKEHOUSE_CONF", str(conf))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(conf.parent)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["lakehouse", *arguments])
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return run


# --- validate


def test_a_right_configuration(conf: Path, lakehouse: Lakehouse) -> None:
    assert lakehouse("validate") == (0, "ok     domain billing: 4 tables\nok     environment local\n", "")
    assert lakehouse("validate", "billing")[0] == 0


def test_a_wrong_contract_and_a_right_environment(conf: Path, lakehouse: Lakehouse) -> None:
    change(conf, Change(SILVER, "credit_usage < 0", "credit_usag < 0"))
    code, out, err = lakehouse("validate")
    assert (code, out) == (2, "ok     environment local\n")
    assert err == (
        f"error {conf}/billing/silver/usage.yml: row_rules.usage_is_a_debit.assert: 'credit_usag < 0' names the "
        "column 'credit_usag', which does not exist. Did you mean 'credit_usage'? Columns: credit_usage, "
        "delivery_date, delivery_id, record_number, region, success, usage_date, usage_timestamp, user_id.\n"
    )


def test_an_environment_whose_variables_are_not_set_is_skipped(conf: Path, lakehouse: Lakehouse) -> None:
    prod = conf / "environments" / "prod.yml"
    prod.write_text("description: x\nlake: ${NO_SUCH_BUCKET_HERE}/lake\nlanding: ${NO_SUCH_BUCKET_HERE}/in\n")
    code, out, err = lakehouse("validate")
    assert (code, err) == (0, "")
    assert out == (
        "ok     domain billing: 4 tables\nok     environment local\n"
        "skipped environment prod: needs NO_SUCH_BUCKET_HERE\n"
    )
    code, out, err = lakehouse("run", "billing", "--env", "prod")
    assert (code, out) == (2, "")
    assert err == (
        f"error {prod}: lake: the environment variable NO_SUCH_BUCKET_HERE is not set. "
        "Example: export NO_SUCH_BUCKET_HERE=...\n"
    )


def test_a_wrong_environment_and_a_right_contract(conf: Path, lakehouse: Lakehouse) -> None:
    """What can be known is checked, also when a variable is not set."""
    prod = conf / "environments" / "prod.yml"
    text = "description: x\nlake: ${NO_SUCH_BUCKET_HERE}\nlanding: y\n"
    prod.write_text(text + "spark: {spark.master: '${NO_SUCH_MASTER}'}\nrunner: {kind: emr_serverles}\n")
    code, out, err = lakehouse("validate")
    assert (code, out) == (2, "ok     domain billing: 4 tables\nok     environment local\n")
    assert err == (
        f"error {prod}: runner: 'emr_serverles' is not a kind of runner. Did you mean 'emr_serverless'? Allowed: "
        "'local', 'standalone', 'emr_serverless', 'emr_steps', 'databricks'. Example: runner: {kind: local}\n"
    )


def test_a_text_of_the_user_is_no_markup(conf: Path, lakehouse: Lakehouse) -> None:
    code, _, err = lakehouse("validate", "[bold]x[/]")
    assert code == 2
    assert err.startswith("error There is no domain '[bold]x[/]'. Domains: billing (")


# --- arguments of the commands that move data

NO_LANDING = (
    "error The landing zone 'nowhere' is not a folder. Name it with --landing, or make a sample one: "
    "lakehouse sample billing --out nowhere\n"
)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--from", "soon"], "error --from: 'soon' is not a date. Example: --from 2025-01-31\n"),
        (["--to", "2025-02-30"], "error --to: '2025-02-30' is not a date. Example: --to 2025-01-31\n"),
        (["--to", "20250131"], "error --to: '20250131' is not a date. Example: --to 2025-01-31\n"),
        (
            ["--from", "2025-02-01", "--to", "2025-01-31"],
            "error --from 2025-02-01 is after --to 2025-01-31. Example: --from 2025-01-01 --to 2025-01-31\n",
        ),
        (["--landing", "nowhere"], NO_LANDING),
        (
            ["--landing", ".", "--lake", "s3:/bucket/lake"],
            "error 's3:/bucket/lake' has one slash where an address has two. Example: s3://bucket/lake\n",
        ),
        (
            ["--landing", ".", "--run-id", "a/b"],
            "error --run-id: 'a/b' cannot name a run: letters, digits and . _ + : = - only, at most 200 of them. "
            "Example: --run-id nightly-2025-01-31\n",
        ),
        (["--landing", ".", "--result", "no/r.json"], "error --result: the folder 'no' does not exist.\n"),
    ],
)
def test_wrong_arguments_of_a_run(arguments: list[str], text: str, conf: Path, lakehouse: Lakehouse) -> None:
    assert lakehouse("run", "billing", *arguments) == (2, "", text)
    assert not (conf.parent / "data").exists()


def test_the_lake_keeps_the_result_under_the_name_that_was_given(conf: Path, lakehouse: Lakehouse) -> None:
    empty = ["run", "billing", "--landing", ".", "--lake", "lake"]
    assert lakehouse(*empty, "--run-id", "nightly-2025-01-31", "--result", "r.json")[0] == 0
    kept = conf.parent / "lake/billing/results/nightly-2025-01-31.json"
    assert kept.read_text() == (conf.parent / "r.json").read_text()
    result = json.loads(kept.read_text())
    assert (result["run_id"], result["exit_code"], result["nothing_new"]) == ("nightly-2025-01-31", 0, True)


def test_a_landing_zone_in_the_home_directory(
    conf: Path, lakehouse: Lakehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(conf.parent / "home"))
    (conf.parent / "home/in").mkdir(parents=True)
    code, out, err = lakehouse("run", "billing", "--landing", "~/in", "--lake", "lake")
    assert (code, err) == (0, "")
    assert out.startswith(f"billing: nothing new in {conf.parent}/home/in; nothing was written\n")


@pytest.mark.parametrize("command", [["sql", "select 1"], ["plan", "billing", "--landing", "."], ["status"]])
def test_a_lake_in_the_home_directory_of_nobody(command: list[str], conf: Path, lakehouse: Lakehouse) -> None:
    text = "'~nosuch/x' lies in a home directory that is not known here. Write its path. Example: /mnt/data/lake"
    assert lakehouse(*command, "--lake", "~nosuch/x") == (2, "", f"error {text}\n")


def test_a_lake_that_is_not_on_a_disk_is_refused_before_anything_is_written(conf: Path, lakehouse: Lakehouse) -> None:
    lake = f"file://{conf.parent}/lake"
    text = f"The lake {lake} is not on a local disk; only local lakes can be written yet."
    for name in ([], ["--run-id", "nightly"]):
        code, out, err = lakehouse("run", "billing", "--landing", ".", "--lake", lake, "--result", "r.json", *name)
        assert (code, out, err) == (2, "", f"error {text}\n")
        told = json.loads((conf.parent / "r.json").read_text())
        assert (told["exit_code"], told["reason"]) == (2, text)
    assert not (conf.parent / "lake").exists()


def test_a_run_id_names_one_run(conf: Path, lakehouse: Lakehouse) -> None:
    ledger = Ledger(Lake.at(str(conf.parent / "lake")), "billing")
    ledger.record("runs", [{"run_id": "monday", "state": "finished", "command": "run"}])
    code, _, err = lakehouse("run", "billing", "--landing", ".", "--lake", "lake", "--run-id", "monday")
    assert (code, err) == (
        2,
        "error --run-id: the domain 'billing' has had a run 'monday'. Name another, or leave the option out.\n",
    )
    assert not (conf.parent / "lake/billing/results").exists()


def test_a_second_writer_is_told_who_writes(conf: Path, lakehouse: Lakehouse) -> None:
    lake = Lake.at(str(conf.parent / "lake"))
    with claim(lake, "billing", "first"):
        code, _, err = lakehouse("run", "billing", "--landing", ".", "--lake", "lake", "--result", "r.json")
    assert code == 4
    assert re.fullmatch(
        rf"error Another process writes the domain 'billing': process {os.getpid()} of \S+ on \S+, run first, since "
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00\. Nothing was changed\. "
        r"Wait until it has ended, then run the command again\.\n",
        err,
    )
    assert json.loads((conf.parent / "r.json").read_text())["exit_code"] == 4
    assert lakehouse("run", "billing", "--landing", ".", "--lake", "lake")[0] == 0


def test_strict_ends_with_5_when_a_day_is_missing(conf: Path, lakehouse: Lakehouse) -> None:
    days = ["--from", "2025-01-30", "--to", "2025-01-31"]
    code, out, _ = lakehouse("run", "billing", "--landing", ".", "--lake", "lake", *days, "--strict")
    assert code == 5
    assert "2025-01-30" in out and "2025-01-31" in out
    assert lakehouse("run", "billing", "--landing", ".", "--lake", "lake", *days)[0] == 0


def test_an_unknown_domain_or_environment(conf: Path, lakehouse: Lakehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    code, _, err = lakehouse("ingest", "biling")
    assert (code, err) == (
        2,
        f"error There is no domain 'biling'. Did you mean 'billing'? Domains: billing "
        f"(folders with a domain.yml in {conf}).\n",
    )
    code, _, err = lakehouse("refine", "billing", "--env", "prod")
    place = f"Environments: local (files <name>.yml in {conf}/environments).\n"
    assert (code, err) == (2, f"error There is no environment 'prod'. {place}")
    monkeypatch.setenv("LAKEHOUSE_ENV", "prod")
    code, _, err = lakehouse("refine", "billing")
    assert (code, err) == (2, f"error There is no environment 'prod' (LAKEHOUSE_ENV). {place}")


def test_a_wrong_contract_ends_a_run_before_it_writes(conf: Path, lakehouse: Lakehouse) -> None:
    change(conf, Change(SILVER, "strategy: merge", "strategy: upsert"))
    code, out, err = lakehouse("run", "billing", "--landing", ".", "--lake", "lake")
    assert (code, out) == (2, "")
    assert "write: 'upsert' is not a strategy. Allowed: 'merge', 'scd2'." in err
    assert not (conf.parent / "lake").exists()


def test_the_result_file_tells_why(conf: Path, lakehouse: Lakehouse) -> None:
    code, _, _ = lakehouse("run", "billing", "--landing", "nowhere", "--result", "r.json")
    assert code == 2
    assert '"exit_code": 2' in (conf.parent / "r.json").read_text()
    assert "The landing zone 'nowhere' is not a folder." in (conf.parent / "r.json").read_text()


def test_the_result_in_the_lake_tells_why_when_the_run_has_a_name(conf: Path, lakehouse: Lakehouse) -> None:
    places = ("--landing", "nowhere", "--lake", "lake")
    assert lakehouse("ingest", "billing", *places) == (2, "", NO_LANDING)
    assert not (conf.parent / "lake").exists()
    assert lakehouse("ingest", "billing", *places, "--run-id", "ingest-1") == (2, "", NO_LANDING)
    told = json.loads((conf.parent / "lake/billing/results/ingest-1.json").read_text())
    assert (told["exit_code"], f"error {told['reason']}\n") == (2, NO_LANDING)
    assert [path.name for path in (conf.parent / "lake/billing").iterdir()] == ["results"]


@pytest.mark.parametrize("arguments", [["run"], ["run", "billing", "--form", "2025-01-01"], ["rum"]])
def test_usage_that_typer_refuses(arguments: list[str], conf: Path, lakehouse: Lakehouse) -> None:
    assert lakehouse(*arguments)[0] == 2


# --- sql


def test_sql_without_a_lake(conf: Path, lakehouse: Lakehouse) -> None:
    place = conf.parent / "data" / "lake"
    assert lakehouse("sql", "select 1") == (
        2,
        "",
        f"error There is no lake at {place}. Run 'lakehouse run DOMAIN --lake {place} --landing ...' first, "
        "or name another folder with --lake.\n",
    )


# --- sample


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            ["biling", "--out", "x"],
            "error no sample data for domain 'biling'. Did you mean 'billing'? Known: billing, retail\n",
        ),
        (
            ["billing", "--out", "/proc/x"],
            "error --out: '/proc/x' cannot be written: No such file or directory.\n",
        ),
        (["billing", "--out", "x", "--days", "0"], "error days must be at least 1, found 0. Example: 7\n"),
        (
            ["billing", "--out", "x", "--start", "1.1.2025"],
            "error --start: '1.1.2025' is not a date. Example: --start 2025-01-31\n",
        ),
        (
            ["billing", "--out", "x", "--bad-days", "8"],
            "error bad days must be from 0 to days (7), found 8. Example: 1\n",
        ),
    ],
)
def test_wrong_arguments_of_sample(arguments: list[str], text: str, conf: Path, lakehouse: Lakehouse) -> None:
    assert lakehouse("sample", *arguments) == (2, "", text)
    assert not (conf.parent / "x").exists()


def test_a_sample(conf: Path, lakehouse: Lakehouse) -> None:
    code, out, err = lakehouse("sample", "billing", "--out", "landing", "--days", "1", "--rows-per-day", "50")
    assert (code, err) == (0, "")
    assert " deliveries with " in out
    assert list((conf.parent / "landing" / "billing").rglob("*.csv*"))


def test_a_sample_of_another_domain_in_its_usual_size(conf: Path, lakehouse: Lakehouse) -> None:
    assert lakehouse("sample", "retail", "--out", "landing", "--days", "2", "--start", "2026-02-27") == (
        0,
        "8 deliveries with 3,207 records in landing/retail\nWhat was put in: landing.retail.truth.json\n",
        "",
    )
    lines = (conf.parent / "landing" / "retail" / "transactions" / "shop_transactions_20260228.csv").read_bytes()
    assert len(lines.splitlines()) == 401


# --- help


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shows_an_example(command: str, conf: Path, lakehouse: Lakehouse) -> None:
    code, out, _ = lakehouse(command, "--help")
    assert code == 0
    assert f"Example: lakehouse {command}" in out


def test_every_command_is_listed(conf: Path, lakehouse: Lakehouse) -> None:
    _, out, _ = lakehouse("--help")
    listed = [line.split()[0] for line in out.partition("Commands:")[2].splitlines() if line.strip()]
    assert sorted(listed) == sorted(COMMANDS)


# --- as a process


def test_the_process_ends_with_the_exit_code(conf: Path) -> None:
    command = [sys.executable, "-c", "from lakehouse.cli import main; main()", "run", "billing", "--from", "soon"]
    found = subprocess.run(command, cwd=conf.parent, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == "error --from: 'soon' is not a date. Example: --from 2025-01-31\n"


def test_what_a_library_tells_the_root_logger_is_not_printed() -> None:
    """As py4j does when a driver has died: of that, one sentence is said."""
    told = """
import logging, sys
from lakehouse.cli import main

sys.argv = ["lakehouse", "--help"]
try:
    main()
except SystemExit:
    logging.error("Exception while sending command.")
"""
    found = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert "Usage: lakehouse" in found.stdout
    assert found.stderr == ""
