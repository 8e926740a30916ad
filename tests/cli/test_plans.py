"""What `lakehouse plan` prints, and how it ends."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from lakehouse.cli import main, plans
from tests.contracts.places import copy_conf
from tests.steps.test_plans import Place

Plan = Callable[..., tuple[int, str, str]]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A week: taken, refused, unreadable, missing, new, new, missing."""
    for name in ("LAKEHOUSE_ENV", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    found = Place(tmp_path)
    monkeypatch.setenv("LAKEHOUSE_CONF", str(found.conf))
    monkeypatch.chdir(tmp_path)
    for day in (1, 2, 3, 5, 6):
        found.deliver(f"2025-01-0{day}")
    found.take("2025-01-01")
    found.take("2025-01-02", outcome="refused")
    found.take("2025-01-03", "unreadable", None)
    return found


@pytest.fixture
def show(place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Plan:
    """Run the command on the place: its exit code, and both streams."""

    def run(*arguments: str) -> tuple[int, str, str]:
        places = ["--landing", "landing", "--lake", "lake"]
        monkeypatch.setattr("sys.argv", ["lakehouse", "plan", "billing", *places, *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        return int(end.value.code or 0), out, err

    return run


WEEK = """\
billing: a delivery is expected for every day from 2025-01-01 to 2025-01-07
day         state       files  rows  bytes  what
2025-01-01  present         1   100     18
2025-01-02  refused         1   100     18  usage/year=2025/month=01/day=02/a.csv: gate said no
2025-01-03  unreadable      1   100     18  usage/year=2025/month=01/day=03/a.csv: it is torn
2025-01-04  missing
2025-01-05  new             1           18
2025-01-06  new             1           18
2025-01-07  missing
A run would read 2 files (36 bytes) in {folder}/landing
  ingest     would bring 2 deliveries of 2 days from 2025-01-05 to 2025-01-06 into billing.bronze.usage
  refine     would bring 2 deliveries of 2 days from 2025-01-05 to 2025-01-06 into billing.silver.usage
  aggregate  would compute the touched periods of billing.gold.daily_usage
  aggregate  would make anew billing.gold.region_totals
missing    2 days; they can only be delivered, not repaired
Try next   lakehouse run billing --from 2025-01-05 --to 2025-01-06 --landing {folder}/landing --lake {folder}/lake
"""


def test_a_week_in_plain_lines(place: Place, show: Plan) -> None:
    code, out, err = show("--to", "2025-01-07")
    assert (code, err) == (0, "")
    assert out == WEEK.format(folder=place.landing.parent)


def test_a_week_in_a_terminal(place: Place, show: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "console", lambda: Console(force_terminal=True, width=130, no_color=True))
    _, out, _ = show("--to", "2025-01-07")
    assert "│ 2025-01-04 │ missing    │       │      │       │" in out
    assert "│ 2025-01-05 │ new        │     1 │      │    18 │" in out


def test_long_stretches_of_one_kind_share_a_line(place: Place, show: Plan) -> None:
    for day in range(10, 15):
        place.deliver(f"2025-01-{day}")
        place.take(f"2025-01-{day}")
    _, out, _ = show("--from", "2025-01-06", "--to", "2025-01-18")
    assert out.splitlines()[2:9] == [
        "2025-01-06                new          1           18",
        "2025-01-07                missing",
        "2025-01-08                missing",
        "2025-01-09                missing",
        "2025-01-10 to 2025-01-14  present      5   500     90  5 days",
        "2025-01-15 to 2025-01-18  missing                      4 days",
        "A run would read 1 file (18 bytes) in " + str(place.landing),
    ]


def test_several_states_and_reasons_of_one_day(place: Place, show: Plan) -> None:
    place.deliver("2025-01-02", "b.csv")
    place.take("2025-01-02", "torn", None)
    place.deliver("2025-01-02", "c.csv")
    _, out, _ = show("--from", "2025-01-02", "--to", "2025-01-02")
    torn = "usage/year=2025/month=01/day=02/a.csv: it is torn"
    assert out.splitlines()[2] == f"2025-01-02  1 new, 2 pending      3  200+     54  {torn} ... and 1 more"


def test_two_sources_of_one_day(place: Place, show: Plan) -> None:
    """Each source is missed by itself, also where the other one has delivered."""
    prices = "description: x\nsource: {kind: csv, folder: prices, files: '{date}.csv'}\ncolumns: {price: {}}\n"
    (place.conf / "billing/bronze/prices.yml").write_text(prices.replace("{}", "{description: x}"))
    (place.landing / "prices").mkdir()
    (place.landing / "prices/2025-01-02.csv").write_text("price\n1\n")
    _, out, _ = show("--to", "2025-01-04")
    lines = [line.split("  ") for line in out.splitlines()[2:6]]
    assert [[cell.strip() for cell in line if cell] for line in lines] == [
        ["2025-01-01", "1 missing, 1 present", "1", "100", "18", "nothing from prices"],
        [
            "2025-01-02", "1 new, 1 refused", "2", "100+", "26",
            "usage/year=2025/month=01/day=02/a.csv: gate said no",
        ],
        [
            "2025-01-03", "1 missing, 1 unreadable", "1", "100", "18",
            "usage/year=2025/month=01/day=03/a.csv: it is torn ... and 1 more",
        ],
        ["2025-01-04", "missing"],
    ]  # fmt: skip
    assert "missing    3 days; they can only be delivered, not repaired" in out
    _, out, _ = show("--to", "2025-01-04", "--json")
    assert json.loads(out)["missing_days"] == [
        "2025-01-01 (prices)", "2025-01-03 (prices)", "2025-01-04 (prices)", "2025-01-04 (usage)",
    ]  # fmt: skip


def test_nothing_needs_work(place: Place, show: Plan) -> None:
    _, out, _ = show("--to", "2025-01-01")
    assert out.splitlines()[-1] == "Nothing needs work."


def test_nothing_was_ever_delivered(place: Place, show: Plan) -> None:
    empty = place.landing.parent / "empty"
    empty.mkdir()
    _, out, _ = show("--landing", "empty", "--lake", "other")
    assert out == f"billing: no delivery lies in {empty}\nNothing needs work.\n"


def test_as_json(place: Place, show: Plan) -> None:
    code, out, _ = show("--from", "2025-01-02", "--to", "2025-01-06", "--json")
    found: dict[str, Any] = json.loads(out)
    folder = str(place.landing.parent)
    assert code == 0
    assert {name: found[name] for name in ("domain", "lake", "landing", "from", "to", "undated", "strangers")} == {
        "domain": "billing", "lake": f"{folder}/lake", "landing": f"{folder}/landing", "from": "2025-01-02",
        "to": "2025-01-06", "undated": [], "strangers": [],
    }  # fmt: skip
    assert [day["day"] for day in found["days"]] == [f"2025-01-0{day}" for day in (2, 3, 4, 5, 6)]
    assert found["days"][0]["deliveries"] == [
        {
            "table": "billing.bronze.usage", "delivery_id": "usage/year=2025/month=01/day=02/a.csv",
            "state": "refused", "bytes": 18, "rows": 100, "reads": False, "reason": "gate said no",
        }
    ]  # fmt: skip
    assert found["days"][2] == {"day": "2025-01-04", "deliveries": []}
    assert found["missing_days"] == ["2025-01-04"]
    assert found["reads"] == {"files": 2, "bytes": 36}
    assert found["refines"] == {"deliveries": 0, "rows": 0}
    assert found["touches"][0] == {
        "table": "billing.bronze.usage", "step": "ingest", "days": ["2025-01-05", "2025-01-06"],
        "deliveries": ["usage/year=2025/month=01/day=05/a.csv", "usage/year=2025/month=01/day=06/a.csv"],
    }  # fmt: skip
    assert [touched["table"] for touched in found["touches"][1:]] == [
        "billing.silver.usage", "billing.gold.daily_usage", "billing.gold.region_totals",
    ]  # fmt: skip
    assert found["backfills"] == [{"from": "2025-01-05", "to": "2025-01-06"}]


def test_as_commands_for_another_airflow(show: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    command = "airflow backfill create --dag-id billing_daily --from-date 2025-01-05 --to-date 2025-01-0{} {}\n"
    missing = "missing  not delivered, so there is nothing to repair: 2025-01-04\n"
    _, out, err = show("--as-backfill")
    assert (out, err) == (command.format(6, "--reprocess-behavior completed"), missing)
    monkeypatch.setattr(plans, "_today", lambda: date(2025, 1, 6))
    _, out, err = show("--as-backfill")
    assert out == command.format(5, "--reprocess-behavior completed")
    left_out = "not over  Airflow runs a day when it has ended (UTC), so this is left out: 2025-01-06\n"
    assert err == left_out + missing
    assert json.loads(show("--json")[1])["backfills"] == [{"from": "2025-01-05", "to": "2025-01-05"}]
    assert "lakehouse run billing --from 2025-01-05 --to 2025-01-06" in show()[1], "a run here can take them all"


def test_strict_tells_of_missing_and_of_unreadable_days(show: Plan) -> None:
    assert show("--strict")[0] == 5
    assert show("--strict", "--from", "2025-01-03", "--to", "2025-01-03")[0] == 5
    assert show("--strict", "--from", "2025-01-04", "--to", "2025-01-05", "--json")[0] == 5
    assert show("--strict", "--from", "2025-01-05", "--to", "2025-01-06")[0] == 0
    assert show("--strict", "--to", "2025-01-02")[0] == 0


def test_a_plan_writes_nothing(place: Place, show: Plan) -> None:
    before = sorted(path for path in place.landing.parent.rglob("*"))
    show()
    show("--json")
    show("--as-backfill")
    assert sorted(path for path in place.landing.parent.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--from", "soon"], "error --from: 'soon' is not a date. Example: --from 2025-01-31\n"),
        (
            ["--landing", "nowhere"],
            "error The landing zone 'nowhere' is not a folder. Name it with --landing, or make a sample one: "
            "lakehouse sample billing --out nowhere\n",
        ),
        (
            ["--json", "--as-backfill"],
            "error --json and --as-backfill: both decide what is printed. Name one of them.\n",
        ),
    ],
)
def test_wrong_arguments(arguments: list[str], text: str, show: Plan) -> None:
    assert show(*arguments) == (2, "", text)


def test_a_plan_comes_without_spark_and_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_CONF", str(copy_conf(tmp_path / "conf")))
    code = (
        "import sys; from lakehouse.cli import main\n"
        "try: main()\n"
        "finally: assert not {'pyspark', 'pandas', 'airflow'} & set(sys.modules)"
    )
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", code, "plan", "billing", "--landing", ".", "--lake", "lake"]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (0, "")
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    # A JVM alone takes more; the clock on the wall would tell of the other tests.
    assert ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime < 3
