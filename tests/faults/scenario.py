"""A lake's life in eight commands that pass every commit of the engine: what they start from, and what they leave."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.contracts.lakes import Lake
from lakehouse.ledger.book import Ledger
from lakehouse.ledger.commits import TRACE
from tests.conftest import deliver, run_billing, usage
from tests.faults.billing import BILLING
from tests.faults.commands import DIGESTS, command
from tests.faults.tables import UNLIKE, rows_of
from tests.ledger.aging import age

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

GOLD = ("daily_user_usage", "monthly_user_usage", "user_totals")
TABLES = ("bronze/usage", "silver/usage", "outranked/usage", "quarantine/usage", *(f"gold/{name}" for name in GOLD))
E = "usage/year=2025/month=01/day=04/e.csv"
DAYS_OLD = 40

State = dict[str, Counter[tuple[Any, ...]]]


@dataclass(frozen=True)
class Stage:
    """One command."""

    name: str
    arguments: Sequence[str]
    folder: Path
    """Configuration, landing zone and lake as they are before it."""
    points: Sequence[str]
    """Fault points that it passes."""
    kills: Sequence[str]
    """Those of them at which the lake's files are not the same as at the point before: after a commit nothing is
    written until the next one, so that most of its afters are the befores of the next."""
    after: State

    def variables(self) -> dict[str, str]:
        """Environment variables of the command."""
        return {"LAKEHOUSE_CONF": str(self.folder / "conf")}

    def at(self, lake: Path) -> list[str]:
        """The arguments on a copy of the lake."""
        places = ["--landing", str(self.folder / "landing")] if self.reads else []
        return [*self.arguments, "--lake", str(lake), *places]

    @property
    def reads(self) -> bool:
        """Whether it looks at the landing zone."""
        return self.arguments[0] in ("run", "ingest")


def state(lake: Path) -> State:
    """All that a lake amounts to: rows, and what the ledger says, without what differs from attempt to attempt."""
    found = {path: Counter(_plain(row) for row in rows_of(lake / "billing" / path)) for path in TABLES}
    ledger = Ledger(Lake.at(str(lake)), "billing")
    register = ledger.deliveries()
    found["deliveries"] = Counter((d.delivery_id, d.state, d.rows, d.content_hash) for d in register.latest.values())
    found["current"] = Counter((name, d.content_hash) for name, d in register.current.items())
    found["aside"] = Counter(register.aside.items())
    for name, outcomes in (("outcomes", register.outcomes), ("published", register.published)):
        found[name] = Counter(
            (str(o.table), o.delivery_id, o.state, o.rows_in, o.rows_accepted, o.rows_quarantined, o.rows_outranked)
            for o in outcomes.values()
        )
    # A command that is given again may decide again what it had decided.
    found["decisions"] = Counter({(d.kind, d.delivery_id, d.record_number, d.column, d.value, d.why)
                                  for d in register.decisions.entries})  # fmt: skip
    return found


def _plain(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(repr(value) for name, value in sorted(row.items()) if name not in UNLIKE)


class Scenario:
    """Gives the commands one after the other, undisturbed."""

    def __init__(self, spark: SparkSession, place: Path, conf: Path) -> None:
        self._spark, self._place, self._conf = spark, place, conf
        self.lake, self.landing = place / "lake", place / "landing"
        self.landing.mkdir()
        BILLING.contract(conf, BILLING.limits[0])
        for path in (conf / "billing" / "gold").glob("*.yml"):
            if path.stem not in GOLD:
                path.unlink()

    def stage(self, name: str, *arguments: str) -> Stage:
        """Give a command; remember what it started from, the points that it passed, and what it left."""
        folder = self._place / name
        shutil.copytree(self._conf, folder / "conf")
        shutil.copytree(self.landing, folder / "landing")
        if self.lake.exists():
            shutil.copytree(self.lake, folder / "lake")
        draft = Stage(name, arguments, folder, (), (), {})
        trace, digests = folder / "trace", folder / "digests"
        looks = {TRACE: str(trace), DIGESTS: str(digests)}
        done = command(self._spark, folder / "said", *draft.at(self.lake), **draft.variables(), **looks)
        assert done.code == 0, done.said
        points, states = trace.read_text().splitlines(), digests.read_text().splitlines()
        pairs = zip(points, states, ["", *states], strict=False)
        kills = [point for point, now, before in pairs if now != before]
        return Stage(name, arguments, folder, points, kills, state(self.lake))

    def between(self, day: str, name: str, *rows: str) -> None:
        """A delivery that is brought to gold without further ado."""
        deliver(self.landing, day, name, list(rows))
        run_billing(self.landing, self.lake, steps=("ingest", "refine", "aggregate"))

    def run_of(self, stage: Stage) -> str:
        """The id of the run that was a stage's command."""
        known = {row["run_id"] for row in Ledger(Lake.at(str(stage.folder / "lake")), "billing").rows("runs")}
        rows = Ledger(Lake.at(str(self.lake)), "billing").rows("runs")
        return next(str(row["run_id"]) for row in rows if row["run_id"] not in known)

    def stages(self) -> list[Stage]:
        """All of them."""
        early, late = "2025-01-02T10:00:00Z", "2025-01-02T11:00:00Z"
        deliver(
            self.landing, "2025-01-02", "a.csv", [usage(early, "u1", "-2"), usage(late, "u2"), usage(early, "u3", "4")]
        )
        found = [self.stage("ingest", "ingest", "billing")]
        deliver(self.landing, "2025-01-03", "b.csv", [usage(early, "u1", "-3"), usage("2025-01-03T10:00:00Z", "u3")])
        found.append(self.stage("first", "run", "billing"))
        for number in range(4, 7):
            self.between("2025-01-03", f"c{number}.csv", usage(early, f"u{number}"))
        self._age()
        self._scatter()
        # A correction lets a row return; a late row outranks another; files are compacted, old ones are removed.
        deliver(self.landing, "2025-01-03", "b.csv", [usage("2025-01-03T10:00:00Z", "u3", "-7")])
        bad = [usage(early, "u9", "5"), usage(late, "u8", "6")]
        deliver(self.landing, "2025-01-04", "e.csv", [usage(late, "u2", "-9"), *bad, usage(late, "u9")])
        found.append(self.stage("news", "run", "billing"))
        news = self.run_of(found[-1])
        found.append(self.stage("replay", "quarantine", "replay", "billing", "--patch", str(self._patch())))
        self.between("2025-01-05", "f.csv", usage(early, "u1", "-8"))
        found.append(self.stage("retract", "retract", "billing", E, "--because", "test"))
        found.append(self.stage("restore", "restore", "billing", "--to", news, "--because", "test"))
        found.append(self.stage("release", "release", "billing", "--all-held", "--because", "test"))
        self._gain_a_column()
        found.append(self.stage("contract", "run", "billing"))
        first = self.run_of(found[0])
        found.append(self.stage("empty", "restore", "billing", "--to", first, "--because", "test"))
        return found

    def _patch(self) -> Path:
        (bad,) = (
            row
            for row in rows_of(self.lake / "billing/quarantine/usage")
            if (row["delivery_id"], row["record_number"]) == (E, 2)
        )
        path = self._place / "patch.json"
        line = {
            "quarantine_id": bad["quarantine_id"],
            "column": "credit_usage",
            "value": "-5",
            "who": "ann",
            "why": "sign",
        }
        path.write_text(json.dumps([line]))
        return path

    def _age(self) -> None:
        """Let everything have happened long ago, so that there is something to vacuum."""
        for log in self.lake.glob("billing/*/*/_delta_log"):
            if "ledger" not in log.parts:
                age(log.parent, DAYS_OLD)

    def _scatter(self) -> None:
        """Let the ledger lie in many files, so that there is something to compact."""
        ledger = Ledger(Lake.at(str(self.lake)), "billing")
        for _ in range(50):
            ledger.record("metrics", [{"run_id": "scattered", "name": "rows_in", "value": 1}])

    def _gain_a_column(self) -> None:
        for path, line in (
            ("bronze/usage.yml", "  note: {description: A note}"),
            ("silver/usage.yml", "  note: {type: string, description: A note}"),
        ):
            contract = self._conf / "billing" / path
            contract.write_text(contract.read_text().replace("columns:\n", f"columns:\n{line}\n", 1))
