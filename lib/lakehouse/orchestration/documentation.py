"""What the scheduler's pages say about DAGs and tasks."""

from __future__ import annotations

from lakehouse.contracts.domains import Domain
from lakehouse.orchestration.actions import Action

TASKS = {
    "check_parameters": """\
Refuses a run whose parameters nobody knows, and days that are none or in the wrong order, before anything is written.
""",
    "wait_for_deliveries": """\
Waits until every delivery day of the run has a file, and until no file changes any more. It holds no worker.

`on_missing` says what happens about a day without a delivery: `wait` (then the task fails), `skip` (the whole run), or
`go_on` without it. A run without a range of days waits for nothing.
""",
    "ingest": """\
Takes new and corrected deliveries into bronze, as delivered. Safe to clear: what is in bronze is not taken again.
""",
    "refine": """\
Conforms, checks and publishes to silver. Bad rows go to quarantine; a delivery that a gate refuses is not published,
and the others go on. A refusal does not make this task fail: the verdict tells of it.
""",
    "aggregate": """\
Computes the gold periods that changed. A gold table that a gate refuses keeps its old version.
""",
    "maintain": """\
Compacts and sorts files where it pays, and removes those that no kept version needs. Its result tells why, per table.
""",
    "verdict": """\
Red, at once and without a further try, when a gate refused a delivery of this run's days or a gold table. Its log and
the alert name the delivery and the broken rules. Everything else is published.

What to do: look at the rows in quarantine; have the file delivered again under the same name, or change the rule; then
clear the whole run.
""",
    "check_form": """\
Refuses a form with fields that nobody knows, or that makes no sense, before anything is written; then hands it to the
task of the domain. The tasks of the other domains are skipped.
""",
    "retract": """\
Records that the delivery does not count, who says so and why, and takes it out of silver and gold. Bronze keeps it.
Safe to clear: a delivery that was retracted before stays so.
""",
    "release": """\
Records that the delivery counts, who says so and why, and publishes it to silver and gold. Red when a gate refuses it.
""",
    "replay": """\
Judges the deliveries of the chosen rows again. Rows that pass move from quarantine to silver, once. Red when a gate
refuses a delivery. Safe to clear: what was replayed before stays as it is.
""",
    "verify": """\
Computes the tables again from bronze, in memory, and compares. Red, without a further try, when anything differs; its
log names every difference by key.
""",
}

MAINTENANCE = """\
Every domain's `maintain` step, once a week: for domains that get no deliveries, and so have no daily run that does it.

Each task waits for the one slot of its domain's pool.
"""


def of_domain(domain: Domain, environment: str) -> str:
    """The page of a domain's DAG."""
    tables = "\n".join(f"| `{table_id}` | {table.description} |" for table_id, table in domain.tables.items())
    return f"""\
{domain.facts.description}

Owner: {domain.facts.owner}. Environment: `{environment}`.

The run of an interval takes the deliveries of the days that the interval begins with: the run of January 3rd, which
begins when that day has ended (UTC), takes what was delivered for January 3rd. A run by hand takes the days of its
form; without days, those of its interval, and when the logical date is cleared everything that is pending.

Running a day again changes nothing unless something was delivered, or a contract changed. Days can be run in any
order, backwards too: the tables are the same in the end.

| table | |
|---|---|
{tables}
"""


def of_action(action: Action, environment: str) -> str:
    """The page of an action's DAG."""
    fields = "\n".join(f"| {one.title} `{name}` | {one.description} |" for name, one in action.fields.items())
    return f"""\
{action.description}

Press *Trigger* and fill in the form. Environment: `{environment}`.

| field | |
|---|---|
| Domain `domain` | Whose tables. |
{fields}

Without the page:

```sh
airflow dags trigger lakehouse_{action.name} --conf '{action.example}'
```

The task takes its turn in the domain's pool, and waits while another process writes the domain. What it did is in its
log, in XCom, on the run's note, and in the lake under `results/`.
"""
