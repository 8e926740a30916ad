"""Files of the ledger that are damaged, lost or older than the tables, and clocks that jump: no Spark."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from arro3.core import Array, DataType, Table
from deltalake import write_deltalake

from lakehouse.errors import TableError
from lakehouse.ledger.decisions import Decision, Kind, decision_rows
from lakehouse.ledger.deliveries import Register
from lakehouse.steps.order import dry_run, run_steps
from lakehouse.steps.restore import restore, restore_preview
from tests.faults.clocks import backwards
from tests.steps.lived_in import BRONZE, SILVER, LivedIn, delivery_id

NOTHING = "Nothing was changed."
THEN = "Restore the folder from a backup, or move the whole lake aside and load it anew."
A, B = delivery_id("2025-01-02"), delivery_id("2025-01-03")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LivedIn:
    """A lake with two deliveries in bronze, one of them retracted; nothing is left to do."""
    found = LivedIn(tmp_path)
    monkeypatch.setenv("LAKEHOUSE_CONF", str(found.conf))
    (tmp_path / "landing").mkdir()
    for day in ("2025-01-02", "2025-01-03"):
        found.judge(found.deliver(day))
    decide(found, "retract", B, 2)
    for sequence in (1, 2):
        rows = Table.from_pydict({"delivery_sequence": Array([sequence], type=DataType.int64())})
        write_deltalake(found.lake.table(BRONZE), rows, mode="append")
    ended = {"state": "finished", "exit_code": 0, "summary": {"versions": {}, "entries": found.ledger.positions()}}
    found.run("run-1", {"state": "started"}, ended)
    return found


def decide(place: LivedIn, kind: Kind, delivery: str, sequence: int) -> None:
    place.ledger.record("decisions", decision_rows([Decision(kind, delivery, sequence, "ann", "test")], "run-1"))


def ledger(place: LivedIn, table: str = "") -> Path:
    return Path(place.lake.root, "billing", "ledger", table)


def refused(place: LivedIn, steps: tuple[str, ...] = ("ingest", "refine")) -> str:
    """What a run says that does not begin."""
    before = files(place)
    work = place.work()
    work.progress = lambda line: None
    with pytest.raises(TableError) as error:
        run_steps(work, steps, False, lambda step: None)
    assert not work.started_spark
    assert files(place) == before
    return str(error.value)


def files(place: LivedIn) -> dict[str, bytes]:
    found = Path(place.lake.root).rglob("*")
    return {str(path): path.read_bytes() for path in found if path.is_file() and path.name != "writer.lock"}


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a commit with garbage": (lambda p: newest_commit(p).write_text("{not json"), "Kernel error: Json error: "),
    "half a commit": (lambda p: truncate(newest_commit(p)), "Kernel error: Json error: "),
    "an empty commit": (
        lambda p: newest_commit(p).write_bytes(b""),
        "its commit 00000000000000000003.json is empty; the machine went down before it had reached the disk",
    ),
    "a commit that is gone": (
        lambda p: (p / "_delta_log" / "00000000000000000001.json").unlink(),
        "Kernel error: Generic delta kernel error: Expected contiguous commit files, but found gap",
    ),
    "half a data file": (lambda p: truncate(next(p.glob("*.parquet"))), "C Data interface error: "),
    "an empty data file": (lambda p: next(p.glob("*.parquet")).write_bytes(b""), "C Data interface error: "),
    "a data file that is gone": (lambda p: next(p.glob("*.parquet")).unlink(), "C Data interface error: "),
}


def newest_commit(folder: Path) -> Path:
    return max((folder / "_delta_log").glob("*.json"))


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_ledger_stops_a_run_before_it_does_anything(damage: str, place: LivedIn, tmp_path: Path) -> None:
    shutil.copytree(ledger(place), tmp_path / "backup")
    act, reason = DAMAGES[damage]
    act(ledger(place, "deliveries"))
    text = refused(place)
    assert text.startswith(f"The ledger table {ledger(place, 'deliveries')} cannot be read: {reason}"), text
    assert text.endswith(f" {NOTHING} {THEN}")
    restore_backup(place, tmp_path / "backup")
    assert place.ledger.deliveries().aside == {B: "retracted"}


@pytest.mark.parametrize("steps", [("ingest", "refine"), ("maintain",)])
def test_an_emptied_commit_of_any_table_stops_every_command_that_writes(steps: tuple[str, ...], place: LivedIn) -> None:
    newest_commit(Path(place.lake.table(BRONZE))).write_bytes(b"")
    text = refused(place, steps)
    assert text == (
        "The log of billing.bronze.usage is damaged: its commit 00000000000000000001.json is empty; the machine went "
        f"down before it had reached the disk. {NOTHING} Restore the folder {place.lake.table(BRONZE)} from a backup, "
        "or move the whole lake aside and load it anew."
    )
    with pytest.raises(TableError, match=re.escape(text)):
        dry_run(place.work(), steps)


def test_maintenance_leaves_a_bronze_table_alone_that_has_fewer_rows_than_were_taken(place: LivedIn) -> None:
    text = refused(place, ("maintain",))
    assert text == (
        "The log of billing.bronze.usage is damaged: it tells of 2 rows, and the ledger of 200 that were taken; "
        f"commits are lost. {NOTHING} Restore the folder {place.lake.table(BRONZE)} from a backup, or move the whole "
        "lake aside and load it anew."
    )


def test_garbage_in_a_log_is_told_in_a_sentence(place: LivedIn) -> None:
    newest_commit(Path(place.lake.table(BRONZE))).write_text("{not json")
    text = refused(place, ("maintain",))
    assert re.fullmatch(
        rf"The log of the table .*/bronze/usage cannot be read: Kernel error: Json error: [^\n]*\. {THEN}", text
    )


def restore_backup(place: LivedIn, backup: Path) -> None:
    shutil.rmtree(ledger(place))
    shutil.copytree(backup, ledger(place))


@pytest.mark.parametrize("table", ["deliveries", "decisions"])
def test_a_ledger_table_that_is_gone_is_missed(table: str, place: LivedIn) -> None:
    """Without it a run would take all deliveries again, or forget that one is retracted."""
    entries = place.ledger.positions()[table]
    shutil.rmtree(ledger(place, table))
    text = refused(place)
    assert text.startswith(f"The ledger of 'billing' lags behind: '{table}' has 0 of {entries} entries")
    assert text.endswith(
        f". Some of its files are lost, or an older copy is in their place. {NOTHING} Restore {ledger(place)} from a "
        "backup, or move the whole lake aside and load it anew."
    )


def test_a_restore_does_not_write_over_decisions_that_are_lost(place: LivedIn) -> None:
    """Its own entries would be counted from 1 again, and pass for those that were there."""
    shutil.rmtree(ledger(place, "decisions"))
    text = refused(place)
    assert text.startswith("The ledger of 'billing' lags behind: 'decisions' has 0 of 1 entries. ")
    before = files(place)
    with pytest.raises(TableError, match=f"^{re.escape(text)}$"):
        restore(place.work(), "run-1", "ann", "wrong prices")
    for look in (lambda: restore_preview(place.work(), "run-1"), lambda: dry_run(place.work(), ("refine",))):
        with pytest.raises(TableError, match=f"^{re.escape(text)}$"):
            look()
    assert files(place) == before


def test_a_restore_looks_for_damaged_logs_first(place: LivedIn) -> None:
    newest_commit(Path(place.lake.table(BRONZE))).write_bytes(b"")
    with pytest.raises(TableError, match=r"^The log of billing.bronze.usage is damaged: its commit 0+1.json is empty;"):
        restore(place.work(), "run-1", "ann", "wrong prices")


def test_a_ledger_that_is_older_than_bronze_is_noticed(place: LivedIn, tmp_path: Path) -> None:
    """Its next number would be one that rows in bronze have already."""
    shutil.copytree(ledger(place), tmp_path / "older")
    place.judge(place.deliver("2025-01-04"))
    rows = Table.from_pydict({"delivery_sequence": Array([3], type=DataType.int64())})
    write_deltalake(place.lake.table(BRONZE), rows, mode="append")
    newer = shutil.copytree(ledger(place), tmp_path / "newer")
    restore_backup(place, tmp_path / "older")
    assert refused(place).startswith(
        "The ledger of 'billing' lags behind: billing.bronze.usage holds a delivery with sequence 3, and the ledger "
        "knows them up to 2. Some of its files"
    )
    restore_backup(place, newer)
    assert place.ledger.deliveries().last_sequence == 3


# --- Clocks


def history(place: LivedIn) -> Register:
    """A correction that is refused, decisions that take each other back: what counts depends on their order."""
    first = place.deliver("2025-01-02")
    place.judge(first)
    second = place.deliver("2025-01-02")
    place.judge(second, "refused", "too bad")
    place.judge(place.deliver("2025-01-03"))
    again: tuple[Kind, ...] = ("retract", "release", "retract")
    for kind in again:
        decide(place, kind, B, 3)
    decide(place, "hold", A, 1)
    decide(place, "release", A, 1)
    return place.ledger.deliveries()


def test_entries_count_in_their_order_whatever_the_clock_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lakes = [LivedIn(tmp_path / name) for name in ("steady", "jumping")]
    monkeypatch.setenv("LAKEHOUSE_CONF", str(lakes[0].conf))
    steady = history(lakes[0])
    with backwards():
        jumping = history(lakes[1])
    times = [row["recorded_at"] for row in lakes[1].ledger.rows("deliveries")]
    assert times == sorted(times, reverse=True) and len(set(times)) == len(times)
    assert (jumping.current, jumping.aside) == (steady.current, steady.aside)
    assert {name: d.sequence for name, d in jumping.current.items()} == {A: 2}
    assert jumping.published[SILVER, A].sequence == 1
    assert (jumping.outcomes[SILVER, A].state, jumping.aside) == ("refused", {B: "retracted"})
    assert jumping.last_sequence == 3
