"""What `lakehouse backfill` asks for, and how it ends; Airflow itself is played by what is recorded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from lakehouse.cli import backfills, main, plans
from lakehouse.orchestration.backfills import BackfillError
from lakehouse.orchestration.rest import Airflow
from tests.steps.test_plans import Place

Backfill = Callable[..., tuple[int, str, str]]
Asked = list[tuple[str, str, str]]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Gaps on January 2, and on 4 and 5; January 3 is missing."""
    for name in ("LAKEHOUSE_ENV", "AIRFLOW_HOME", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    found = Place(tmp_path)
    monkeypatch.setenv("LAKEHOUSE_CONF", str(found.conf))
    local = found.conf / "environments" / "local.yml"
    text = local.read_text().replace("lake: data/lake", f"lake: {tmp_path}/lake")
    local.write_text(text.replace("landing: data/landing", f"landing: {tmp_path}/landing"))
    monkeypatch.chdir(tmp_path)
    for day in (1, 2, 4, 5):
        found.deliver(f"2025-01-0{day}")
    found.take("2025-01-01")
    return found


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """The backfills that were asked for; the one of January 2 fails."""
    found: Asked = []

    def run(airflow: Airflow, dag: str, first: date, last: date, say: Callable[[str], None]) -> str:
        found.append((dag, str(first), str(last)))
        if str(first) == "2025-01-02":
            raise BackfillError("1 of 1 days of billing_daily did not end well:\n  2025-01-02: failed")
        return "all runs ended well"

    monkeypatch.setattr(backfills, "connect", lambda site: Airflow(site.url))
    monkeypatch.setattr(backfills, "run_backfill", run)
    return found


@pytest.fixture
def backfill(place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Backfill:
    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["lakehouse", "backfill", *arguments])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_a_range_that_was_asked_for(asked: Asked, backfill: Backfill) -> None:
    done = backfill("billing", "--from", "2025-01-03", "--to", "2025-01-31")
    assert done == (0, "billing 2025-01-03 to 2025-01-31: all runs ended well\n", "")
    assert asked == [("billing_daily", "2025-01-03", "2025-01-31")]


def test_the_gaps_one_after_the_other_and_a_failure_does_not_stop_the_next(asked: Asked, backfill: Backfill) -> None:
    code, out, err = backfill("billing")
    assert code == 1
    assert out == "billing 2025-01-04 to 2025-01-05: all runs ended well\n"
    assert err == "error 1 of 1 days of billing_daily did not end well:\n  2025-01-02: failed\n"
    assert asked == [("billing_daily", "2025-01-02", "2025-01-02"), ("billing_daily", "2025-01-04", "2025-01-05")]


def test_gaps_from_a_day_on(asked: Asked, backfill: Backfill) -> None:
    assert backfill("billing", "--from", "2025-01-05")[0] == 0
    assert asked == [("billing_daily", "2025-01-05", "2025-01-05")]


def test_no_gap(asked: Asked, backfill: Backfill) -> None:
    assert backfill("billing", "--to", "2025-01-01") == (0, "billing: no day needs work\n", "")
    assert asked == []


def test_days_that_are_not_over_are_left_out(asked: Asked, backfill: Backfill, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "_today", lambda: date(2025, 1, 5))
    left_out = "not over  Airflow runs a day when it has ended (UTC), so this is left out: "
    code, out, err = backfill("billing", "--from", "2025-01-03")
    assert (code, out, err) == (0, "billing 2025-01-04: all runs ended well\n", f"{left_out}2025-01-05\n")
    code, out, err = backfill("billing", "--from", "2025-01-03", "--to", "2025-01-07")
    assert (code, out) == (0, "billing 2025-01-03 to 2025-01-04: all runs ended well\n")
    assert err == f"{left_out}2025-01-05 to 2025-01-07\n"
    code, out, err = backfill("billing", "--from", "2025-01-05", "--to", "2025-01-05")
    assert (code, out, err) == (0, "billing: no day that is over needs work\n", f"{left_out}2025-01-05\n")
    assert [days for _, *days in asked] == [["2025-01-04", "2025-01-04"], ["2025-01-03", "2025-01-04"]]


def test_a_delivery_without_a_day_is_told_of(asked: Asked, backfill: Backfill, place: Place) -> None:
    prices = "description: x\nsource: {kind: csv, folder: prices, files: prices.csv}\ncolumns: {price: {}}\n"
    (place.conf / "billing/bronze/prices.yml").write_text(prices.replace("{}", "{description: x}"))
    (place.landing / "prices").mkdir()
    (place.landing / "prices/prices.csv").write_text("price\n1\n")
    assert backfill("billing", "--to", "2025-01-01") == (
        0, "billing: no day needs work\n", "no day  every run takes these along: prices/prices.csv\n",
    )  # fmt: skip
    assert asked == []


def test_airflow_was_never_started(place: Place, backfill: Backfill) -> None:
    home = place.landing.parent / "data" / "airflow"
    assert backfill("billing", "--from", "2025-01-01", "--to", "2025-01-01") == (
        2,
        "",
        f"error There is no Airflow in {home} yet. Start it in another terminal with: make airflow\n",
    )


def test_a_misspelt_domain(place: Place, backfill: Backfill) -> None:
    code, _, err = backfill("biling", "--from", "2025-01-01", "--to", "2025-01-01")
    assert (code, err) == (
        2,
        f"error There is no domain 'biling'. Did you mean 'billing'? Domains: billing (folders with a domain.yml in "
        f"{place.conf}).\n",
    )
