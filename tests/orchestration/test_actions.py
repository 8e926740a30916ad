"""Forms for people: what they become on the command line, who decides, and what is wrong with them, in words."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from lakehouse.cli.app import app
from lakehouse.contracts.domains import load_domain
from lakehouse.orchestration.actions import ACTIONS, RELEASE, REPLAY, RETRACT, STATUSES, VERIFY, problems
from lakehouse.serving import quarantine as serving
from tests.contracts.places import CONF

ROOT = Path(__file__).resolve().parents[2]
FILE = "usage/year=2025/month=01/day=02/usage-1.csv"
WHO = {"who": "ann"}

pytestmark = pytest.mark.usefixtures("conf_of_tests")


@pytest.fixture
def conf_of_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_CONF", str(CONF))


# --- The command line ---

FILLED_IN: dict[str, tuple[dict[str, Any], list[str]]] = {
    "retract": (
        {"delivery": FILE, "why": "test data", "who": "ann"},
        ["billing", FILE, "--because", "test data", "--who", "ann"],
    ),
    "release": (
        {"delivery": None, "all_held": True, "why": "--all-held", "who": "ann"},
        ["billing", "--all-held", "--because", "--all-held", "--who", "ann"],
    ),
    "replay": (
        {"rule": "user_id_required", "delivery": FILE, "first_day": "2025-01-01", "last_day": "2025-01-31",
         "status": "all", "ids": ["9f86d081884c7d65", "0f86d081884c7d65"], "dry_run": True},
        ["billing", "--rule", "user_id_required", "--delivery", FILE, "--from", "2025-01-01", "--to", "2025-01-31",
         "--status", "all", "--id", "9f86d081884c7d65", "--id", "0f86d081884c7d65", "--dry-run"],
    ),
    "verify": (
        {"first_day": "2025-01-01", "last_day": None, "sample": 3},
        ["billing", "--from", "2025-01-01", "--sample", "3"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ACTIONS)
def test_a_form_becomes_what_a_person_would_type(name: str) -> None:
    asked, words = FILLED_IN[name]
    assert ACTIONS[name].arguments("billing", asked) == words


@pytest.mark.parametrize("name", ACTIONS)
def test_the_command_line_takes_every_form(name: str) -> None:
    group = get_command(app)
    *groups, command = ACTIONS[name].command
    for one in groups:
        assert isinstance(group, TyperGroup)
        group = group.commands[one]
    assert isinstance(group, TyperGroup)
    words = [*ACTIONS[name].arguments("billing", FILLED_IN[name][0]), "--lake", "l", "--env", "e", "--run-id", "r"]
    taken = group.commands[command].make_context(command, words).params
    assert (taken["domain"], taken["lake"], taken["env"], taken["run_id"]) == ("billing", "l", "e", "r")


def test_a_form_that_was_left_alone_asks_for_nothing_more() -> None:
    assert REPLAY.arguments("billing", {"status": "open", "dry_run": False}) == ["billing", "--status", "open"]
    assert REPLAY.arguments("billing", {}) == ["billing"]


@pytest.mark.parametrize(("name", "usage"), [(name, " ".join(action.command)) for name, action in ACTIONS.items()])
def test_the_job_of_an_action_is_its_command(
    name: str, usage: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["x", "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "jobs" / f"lakehouse_{name}.py"), run_name="__main__")
    assert ended.value.code == 0
    assert f"Usage: lakehouse {usage} [OPTIONS]" in capsys.readouterr().out


def test_the_statuses_are_those_of_the_command_line() -> None:
    assert (*serving.STATUSES, "all") == STATUSES


# --- What is wrong ---

RETRACTION = f'Example: {{"domain": "billing", "delivery": "{FILE}", "why": "test data"}}'
RELEASING = f'Example: {{"domain": "billing", "delivery": "{FILE}", "why": "checked with the sender"}}'
REPLAYING = 'Example: {"domain": "billing", "rule": "user_id_required", "dry_run": true}'
NO_DELIVERY = (
    "delivery: '{}' is no delivery of billing: an id is a source, / and the path of the file below the source's folder."
)


@pytest.mark.parametrize(
    ("action", "asked", "text"),
    [
        (
            RETRACT,
            {"delivery": FILE, "why": " ", **WHO},
            "why: it is empty. Kept in the ledger, for whoever asks later. "
            "Example: wrong prices, checked with the sender",
        ),
        (
            RETRACT,
            {"delivery": FILE, "why": "x", "who": None},
            f"who: Airflow does not tell who started this run, so say who decides. {RETRACTION}",
        ),
        (
            RETRACT,
            {"delivery": "usge/a.csv", "why": "x", **WHO},
            f"{NO_DELIVERY.format('usge/a.csv')} Did you mean 'usage'? Sources: usage. {RETRACTION}",
        ),
        (
            RETRACT,
            {"delivery": "--all-held", "why": "x", **WHO},
            f"{NO_DELIVERY.format('--all-held')} Sources: usage. {RETRACTION}",
        ),
        (
            RELEASE,
            {"delivery": FILE, "all_held": True, "why": "x", **WHO},
            f"name one delivery, or choose all_held. {RELEASING}",
        ),
        (
            RELEASE,
            {"delivery": "", "all_held": False, "why": "x", **WHO},
            f"name one delivery, or choose all_held. {RELEASING}",
        ),
        (
            REPLAY,
            {"first_day": "2025-01-31", "last_day": "2025-01-01"},
            f"first_day 2025-01-31 is after last_day 2025-01-01. {REPLAYING}",
        ),
        (
            REPLAY,
            {"ids": ["9f86d081884c7d65", "9f86", "9F86D081884C7D65 "]},
            "ids: '9f86' is no quarantine id: 16 digits from 0 to f, an id a line. Example: 9f86d081884c7d65\n"
            "ids: '9F86D081884C7D65 ' is no quarantine id: 16 digits from 0 to f, an id a line. "
            "Example: 9f86d081884c7d65",
        ),
        (
            VERIFY,
            {"sample": 0},
            "sample: 0 deliveries are none to verify: 1 at least, or empty for all. Example: "
            '{"domain": "billing", "first_day": "2025-01-01", "last_day": "2025-01-31", "sample": 3}',
        ),
        (REPLAY, {"last_day": "31.1.2025"}, f"last_day: '31.1.2025' is not a date. {REPLAYING}"),
    ],
)
def test_what_makes_no_sense_is_told(action: Any, asked: dict[str, Any], text: str) -> None:
    assert list(problems(action, load_domain("billing"), asked)) == text.split("\n")


@pytest.mark.parametrize("name", ACTIONS)
def test_a_form_that_is_filled_in_is_right(name: str) -> None:
    assert list(problems(ACTIONS[name], load_domain("billing"), FILLED_IN[name][0])) == []
