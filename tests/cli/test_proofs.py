"""What `lakehouse verify` prints of a proof, and what it refuses before it starts Spark."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from lakehouse.cli.proof_screen import show_proof
from lakehouse.cli.proofs import as_object
from lakehouse.landing.days import Days
from lakehouse.steps.choice import Chosen
from lakehouse.steps.proof import LandingProof, Proof
from lakehouse.storage.differences import Difference, Differences
from tests.cli.commands import commands
from tests.steps.lived_in import LivedIn

SOME = Chosen(frozenset({"usage/a.csv", "usage/b.csv"}), 9, Days(date(2025, 1, 2), None), 7)


def found() -> Proof:
    """A proof of two drawn deliveries, with everything that can be wrong."""
    changed = Difference("different", {"user_id": "u1"}, {"credit": ("-1.50", "-9.00")}, (1, 1))
    proof = Proof(SOME, lost=["billing.silver.usage: usage/a.csv: 2 in bronze, 1 published"], deliveries=9)
    proof.differences = [
        Differences("billing.silver.usage", 1200, {"different": 3, "missing": 1}, (changed,), "1200 keys"),
        Differences("billing.gold.daily_usage", 2, {}, (), "2 values of usage_date"),
    ]
    proof.not_compared = ["billing.gold.user_totals: it is made as a whole, from all deliveries"]
    proof.landing = LandingProof(1, 1200, 1, [f"usage/{number}.csv" for number in range(11)])
    proof.notes = ["1 deliveries are pending for billing.silver.usage and not part of it yet"]
    return proof


def test_a_proof_for_people(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("NO_COLOR", "1")
    show_proof("billing", found())
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[:4] == [
        "billing: 2 of 9 deliveries from 2025-01-02, drawn by the seed 7, computed again from bronze",
        "  usage/a.csv",
        "  usage/b.csv",
        "  The same ones again: --sample 2 --seed 7",
    ]
    assert [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if line.startswith("│")] == [
        ["billing.silver.usage", "1200 keys", "1,200", "1", "0", "3"],
        ["billing.gold.daily_usage", "2 values of usage_date", "2", "0", "0", "0"],
    ]
    rest = lines[lines.index(next(line for line in lines if line.startswith("└"))) + 1 :]
    assert rest[:5] == [
        "  billing.silver.usage different in credit: user_id=u1 (credit: -1.50 expected, -9.00 found)",
        "  ... and 3 more in billing.silver.usage; --limit shows more",
        "  not conserved billing.silver.usage: usage/a.csv: 2 in bronze, 1 published",
        "  not compared billing.gold.user_totals: it is made as a whole, from all deliveries",
        "Landing zone: 1 files that were taken hold 1,200 records; the files of 1 deliveries are not there any more.",
    ]
    assert rest[5:] == [
        *(f"  not taken yet usage/{number}.csv" for number in range(10)),
        "  ... and 1 more that are not taken yet",
        "  note 1 deliveries are pending for billing.silver.usage and not part of it yet",
        "The lake is not what its deliveries make it.",
    ]


def test_a_proof_for_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = LivedIn(tmp_path)
    monkeypatch.setenv("LAKEHOUSE_CONF", str(lake.conf))
    told = json.loads(json.dumps(as_object(lake.work(), found())))
    assert (told["holds"], told["lake"], told["landing"]) == (False, lake.lake.root, None)
    assert told["chosen"] == {
        "from": "2025-01-02", "to": None, "seed": 7, "everything": False, "total": 9,
        "deliveries": ["usage/a.csv", "usage/b.csv"],
    }  # fmt: skip
    assert told["tables"][0] == {
        "table": "billing.silver.usage", "compared": "1200 keys", "rows": 1200, "missing": 1, "unexpected": 0,
        "different": 3,
        "examples": [
            {
                "kind": "different", "key": {"user_id": "u1"},
                "columns": {"credit": {"expected": "-1.50", "found": "-9.00"}}, "rows": {"expected": 1, "found": 1},
            }
        ],
    }  # fmt: skip
    assert told["counted"] == {"deliveries": 9, "lost": found().lost}
    assert (told["files"]["records"], len(told["files"]["not_taken"])) == (1200, 11)


def test_wrong_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    lakehouse = commands(monkeypatch, capsys)
    assert lakehouse("verify", "billing", "--seed", "3") == (
        2, "", "error --seed 3 draws nothing without --sample. Example: --sample 3 --seed 3\n"
    )  # fmt: skip
    code, _, error = lakehouse("verify", "billing", "--lake", str(tmp_path), "--landing", str(tmp_path / "none"))
    assert (code, error) == (
        2,
        f"error The landing zone '{tmp_path}/none' is not a folder. Name it with --landing, or make a sample one: "
        f"lakehouse sample billing --out {tmp_path}/none\n",
    )
