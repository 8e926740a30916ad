"""The DAGs of forms: what a form holds, where it goes, what its first task refuses, whom a failure is told to."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("airflow", reason="Airflow needs Python 3.11")

from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG
from airflow.sdk.exceptions import ParamValidationError

from lakehouse.contracts.schedules import Alerts
from lakehouse.orchestration.action_dags import CheckForm, _Told, action_form
from lakehouse.orchestration.actions import ACTIONS, REPLAY, RETRACT
from lakehouse.orchestration.alerts import Reporter
from lakehouse.orchestration.parameters import job_of
from lakehouse.orchestration.results import StepMisconfiguredError
from tests.contracts.places import CONF
from tests.orchestration.contexts import context

ROOT = Path(__file__).resolve().parents[2]
FILE = "usage/year=2025/month=01/day=02/usage-1.csv"
ASKED = {"domain": "billing", "delivery": f" {FILE}\n", "why": "test data", "who": None}


@pytest.fixture(scope="module")
def dags() -> dict[str, DAG]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("LAKEHOUSE_CONF", str(CONF))
        bag = DagBag(str(ROOT / "dags" / "lakehouse_by_hand.py"))
    assert bag.import_errors == {}
    return dict(bag.dags)


@pytest.fixture(autouse=True)
def conf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_CONF", str(CONF))


def asked(conf: dict[str, Any], user: str | None = "bob", **more: Any) -> dict[str, Any]:
    """The context of a run that a user started with a form."""
    found = context(params={**ASKED, **conf}, conf=conf, run_type="manual", **more)
    found["dag_run"].triggering_user_name = user
    return found


# --- The form ---


def test_a_form_has_its_fields_in_order_and_those_that_are_needed_empty(dags: dict[str, DAG]) -> None:
    forms = {dag_id: list(dag.params) for dag_id, dag in dags.items()}
    assert forms == {
        "lakehouse_retract": ["domain", "delivery", "why", "who"],
        "lakehouse_release": ["domain", "delivery", "all_held", "why", "who"],
        "lakehouse_replay": [
            "domain", "rule", "delivery", "first_day", "last_day", "status", "ids", "dry_run",
        ],
        "lakehouse_verify": ["domain", "first_day", "last_day", "sample"],
    }  # fmt: skip
    for dag in dags.values():
        for name in dag.params:
            param = dag.params.get_param(name)
            assert param.schema["title"] and param.description, name
    needed = [name for name, param in action_form(RETRACT, ["billing"]).items() if not param.has_value]
    assert needed == ["delivery", "why", "who"]


def test_what_needs_no_value_has_one_that_is_valid() -> None:
    for action in ACTIONS.values():
        form = action_form(action, ["billing"])
        empty = {name for name, param in form.items() if refused(param)}
        assert empty == {name for name, one in action.fields.items() if one.needed}, action.name
    assert {name for name, one in RETRACT.fields.items() if one.needed} == {"delivery", "why"}


def refused(param: Any) -> bool:
    try:
        param.resolve()
    except ParamValidationError:
        return True
    return False


def test_one_of_several_domains_has_to_be_chosen() -> None:
    form = action_form(RETRACT, ["billing", "retail"])["domain"]
    assert form.schema["enum"] == ["billing", "retail"]
    with pytest.raises(ParamValidationError, match="No value passed and Param has no default value"):
        form.resolve()
    with pytest.raises(ParamValidationError, match="'biling' is not one of \\['billing', 'retail'\\]"):
        form.resolve("biling")
    assert action_form(RETRACT, ["billing"])["domain"].resolve() == "billing"


@pytest.mark.parametrize(
    ("name", "value"),
    [("status", "opened"), ("ids", "9f86"), ("first_day", "soon"), ("dry_run", "yes"), ("rule", 3)],
)
def test_wrong_values_are_refused_by_the_form(name: str, value: Any) -> None:
    with pytest.raises(ParamValidationError):
        action_form(REPLAY, ["billing"])[name].resolve(value)


# --- The DAG ---


def test_a_form_goes_to_the_task_of_its_domain(dags: dict[str, DAG]) -> None:
    for name in ACTIONS:
        dag = dags[f"lakehouse_{name}"]
        check, task = dag.get_task("check_form"), dag.get_task(f"{name}_billing")
        assert check.downstream_task_ids == {f"{name}_billing"}
        assert (task.pool, str(task.weight_rule), task.owner) == ("lakehouse_billing", "upstream", "billing-data")
        assert (check.retries, task.retries) == (0, 3)
        assert dag.is_paused_upon_creation is False
        assert dag.timetable.can_be_scheduled is False
        assert f"airflow dags trigger lakehouse_{name} --conf '{ACTIONS[name].example}'" in str(dag.doc_md)


# --- The first task ---


def test_a_form_is_handed_on(capsys: pytest.CaptureFixture[str]) -> None:
    found = CheckForm(task_id="check_form", action="retract").choose_branch(asked({"why": "test data"}))
    assert found == "retract_billing"
    assert (
        f"Retract a delivery, domain billing: {{'delivery': '{FILE}', 'why': 'test data', 'who': 'bob'}}"
        in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("conf", "text"),
    [
        (
            {"delivry": FILE},
            "unknown parameter 'delivry'. Did you mean 'delivery'? Allowed: domain, delivery, why, who. "
            f'Example: {{"domain": "billing", "delivery": "{FILE}", "why": "test data"}}',
        ),
        (
            {"delivery": "usage", "why": ""},
            "why: it is empty. Kept in the ledger, for whoever asks later. "
            "Example: wrong prices, checked with the sender\n"
            "delivery: 'usage' is no delivery of billing: an id is a source, / and the path of the file below the "
            "source's folder. Sources: usage. "
            f'Example: {{"domain": "billing", "delivery": "{FILE}", "why": "test data"}}',
        ),
    ],
)
def test_the_first_task_refuses_in_words(conf: dict[str, Any], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    run = asked(conf)
    with pytest.raises(StepMisconfiguredError) as caught:
        CheckForm(task_id="check_form", action="retract").choose_branch(run)
    assert str(caught.value) == text
    assert run["ti"].pushed == {"note": text}, "the page of the run tells too"
    told = capsys.readouterr().out
    assert all(line in told for line in text.splitlines()), "and the log, a line each"


# --- The job ---


def test_who_decides_is_the_user_who_started_the_run_unless_the_form_says_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = Path.cwd() / "data"
    for conf, who in (({}, "bob"), ({"who": "ann"}, "ann")):
        job = job_of(asked(conf), "billing", "retract")
        assert job.arguments == (
            "billing", FILE, "--because", "test data", "--who", who, "--lake", f"{here}/lake", "--env", "local",
            "--run-id", job.run_id,
        )  # fmt: skip
        assert (job.script, job.title) == ("lakehouse_retract.py", "lakehouse retract billing")
        assert job.result == f"{here}/lake/billing/results/{job.run_id}.json"


# --- Whom a failure is told to ---


class Listener(Reporter):
    """Keeps what it is told of."""

    heard: list[tuple[str, str]] = []

    def task_failed(self, context: Any) -> None:
        self.heard.append(("task", self.domain))

    def run_failed(self, context: Any) -> None:
        self.heard.append(("run", self.domain))


def test_a_failure_is_told_to_the_people_of_the_domain_and_to_all_when_it_is_not_known() -> None:
    told = _Told({name: Listener(name, "o", "l", Alerts()) for name in ("billing", "retail")})
    Listener.heard.clear()
    told.task_failed({"params": {"domain": "retail"}})
    told.run_failed({"params": {"domain": "billing"}})
    told.run_failed({"dag": SimpleNamespace(dag_id="lakehouse_retract"), "run_id": "r"})
    assert Listener.heard == [("task", "retail"), ("run", "billing"), ("run", "billing"), ("run", "retail")]
