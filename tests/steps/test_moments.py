"""Restores to what is not there any more as it was, or had no contract then: no Spark."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from arro3.core import Array, DataType, Table
from deltalake import DeltaTable, write_deltalake

from lakehouse.contracts.names import TableId
from lakehouse.contracts.tables import SilverTable
from lakehouse.errors import TableError
from lakehouse.steps.lost import check_lake, note_lost
from lakehouse.steps.recording import record_run
from lakehouse.steps.recovery import begin, complete
from lakehouse.steps.restore import Restored, restore, restore_preview, resume_restore
from lakehouse.steps.staleness import stale_tables
from lakehouse.steps.summary import RunSummary
from lakehouse.steps.workspace import Workspace
from tests.steps.lived_in import BRONZE, DAILY, SILVER, TOTALS, LivedIn


class Place(LivedIn):
    """A lake whose tables have one number each, and a new one with each run."""

    def working(self, run_id: str) -> Workspace:
        return replace(self.work(), run_id=run_id, progress=lambda line: None)

    def begin(self, run_id: str, full_refresh: bool = False) -> Workspace:
        """What each run begins with."""
        work = replace(self.working(run_id), full_refresh=full_refresh)
        note_lost(work, check_lake(work, ["refine", "aggregate"]))
        return work

    def refine(self, work: Workspace, number: int) -> None:
        table, silver = work.domain.tables[SILVER], (self.lake.table(SILVER), *self.beside)
        assert isinstance(table, SilverTable)
        for path in silver:
            create(path)
        begin(work, table, 0)
        for path in silver:
            put(path, number)
        complete(work, table, 0)

    def aggregate(self, work: Workspace, table: TableId, source: TableId, number: int) -> None:
        path = self.lake.table(table)
        create(path)
        put(path, number)
        inputs = {str(source): DeltaTable(self.lake.table(source)).version()}
        entry = {"run_id": work.run_id, "step": "aggregate", "table_id": str(table), "input_versions": inputs}
        version = DeltaTable(path).version()
        self.ledger.record("publications", [{**entry, "version": version, "fingerprint": work.fingerprint(table)}])

    def end(self, work: Workspace) -> None:
        record_run(work, "finished", RunSummary(work.run_id, "billing", self.lake.root, "", ["refine", "aggregate"]))

    def gold(self, run_id: str, number: int) -> None:
        """A run that makes the computed tables."""
        work = self.begin(run_id)
        self.aggregate(work, DAILY, SILVER, number)
        self.aggregate(work, TOTALS, DAILY, 10 * number)
        self.end(work)

    def restore(self, run_id: str) -> Restored:
        looked = restore_preview(self.working("looking"), run_id)
        found = restore(self.working("restoring"), run_id, "ann", "wrong prices")
        assert (found.tables, found.notes) == (looked.tables, looked.notes)
        return found

    @property
    def daily(self) -> Path:
        return Path(self.lake.table(DAILY))

    @property
    def beside(self) -> tuple[str, str]:
        return self.lake.outranked(SILVER), self.lake.quarantine(SILVER)

    def numbers(self) -> dict[str, list[int]]:
        return {name: numbers(self.lake.table(TableId.parse(name))) for name in map(str, (SILVER, DAILY, TOTALS))}

    def stale(self) -> list[TableId]:
        return [table.id for table in stale_tables(self.working("looking"))]


def create(path: str) -> None:
    if not Path(path).exists():
        write_deltalake(path, rows())


def put(path: str, number: int) -> None:
    write_deltalake(path, rows(number), mode="overwrite")


def rows(*found: int) -> Table:
    return Table.from_pydict({"number": Array(list(found), type=DataType.int64())})


def numbers(path: str) -> list[int]:
    return [int(number) for number in DeltaTable(path).scan().read_all().column("number").to_pylist()]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A lake that two runs have made: silver 7 in the first, gold 1 and 10, then 2 and 20."""
    found = Place(tmp_path)
    monkeypatch.setenv("LAKEHOUSE_CONF", str(found.conf))
    create(found.lake.table(BRONZE))
    work = found.begin("day-0")
    found.refine(work, 7)
    found.end(work)
    found.gold("day-1", 1)
    found.gold("day-2", 2)
    return found


def held(silver: int, daily: list[int], totals: list[int]) -> dict[str, list[int]]:
    return {str(SILVER): [silver], str(DAILY): daily, str(TOTALS): totals}


LOST = "lost since, and empty until the next run makes it anew: billing.gold.daily_usage"


def test_gold_that_was_made_anew_is_not_taken_for_what_it_was(place: Place) -> None:
    shutil.rmtree(place.daily)
    place.gold("day-3", 3)
    place.gold("day-4", 4)
    assert DeltaTable(str(place.daily)).version() == 2
    found = place.restore("day-1")
    assert (found.tables, found.notes) == ({str(DAILY): (2, None), str(TOTALS): (4, 1)}, [LOST])
    assert place.numbers() == held(7, [], [10])
    assert place.stale() == [DAILY, TOTALS]
    assert place.restore("day-3").notes == []
    assert place.numbers() == held(7, [3], [30])
    assert place.stale() == []


def test_gold_with_fewer_versions_than_it_had_does_not_stop_a_restore(place: Place) -> None:
    shutil.rmtree(place.daily)
    place.gold("day-3", 3)
    assert place.restore("day-2").tables == {str(DAILY): (1, None), str(TOTALS): (3, 2)}
    assert place.numbers() == held(7, [], [20])
    assert place.stale() == [DAILY, TOTALS]


def test_of_an_older_copy_what_came_before_it_is_gone_back_to(place: Place, tmp_path: Path) -> None:
    shutil.copytree(place.daily, tmp_path / "older")
    place.gold("day-3", 3)
    shutil.rmtree(place.daily)
    shutil.move(tmp_path / "older", place.daily)
    place.gold("day-4", 4)
    assert place.restore("day-3").tables == {str(DAILY): (3, None), str(TOTALS): (4, 3)}
    assert place.restore("day-2").notes == []
    assert place.numbers() == held(7, [2], [20])
    assert place.stale() == []


def test_an_older_copy_that_no_run_has_seen_is_noted_by_the_restore(place: Place, tmp_path: Path) -> None:
    shutil.copytree(place.daily, tmp_path / "older")
    place.gold("day-3", 3)
    place.gold("day-4", 4)
    shutil.rmtree(place.daily)
    shutil.move(tmp_path / "older", place.daily)
    assert place.restore("day-1").tables == {str(DAILY): (2, 1), str(TOTALS): (4, 1)}
    assert place.numbers() == held(7, [1], [10])
    # Its version 3 is the restore by now.
    assert place.restore("day-3").notes == [LOST]
    assert place.numbers() == held(7, [], [30])


def test_gold_that_is_gone_is_made_anew_after_a_restore_with_all_that_is_made_from_it(place: Place) -> None:
    shutil.rmtree(place.daily)
    assert place.restore("day-1").tables == {str(TOTALS): (2, 1)}
    assert not place.daily.exists()
    assert place.stale() == [DAILY, TOTALS]
    # Its new version 1 is not the one that the other was made from, and a run may end between the two.
    place.aggregate(place.begin("day-3"), DAILY, SILVER, 3)
    assert place.stale() == [TOTALS]


def test_gold_that_a_restore_had_emptied_can_be_lost_too(place: Place) -> None:
    place.restore("day-0")
    assert place.numbers() == held(7, [], [])
    shutil.rmtree(place.daily)
    place.gold("day-3", 3)
    assert place.restore("day-1").notes == [LOST]
    assert place.numbers() == held(7, [], [10])


@pytest.mark.parametrize("kind", ["silver", "outranked", "quarantine"])
def test_silver_that_was_made_anew_cannot_go_back_to_what_it_was(place: Place, kind: str) -> None:
    shutil.rmtree(Path(place.lake.root, "billing", kind, "usage"))
    work = place.begin("day-3", full_refresh=True)
    place.refine(work, 8)
    place.end(work)
    place.gold("day-4", 4)
    text = (
        f"The tables cannot go back to the run day-2: what it left of billing.{kind}.usage was lost since, and made "
        "anew or continued from an older copy. Nothing was changed. Name a later run."
    )
    for act in (restore_preview, lambda work, run_id: restore(work, run_id, "ann", "wrong prices")):
        with pytest.raises(TableError, match=f"^{re.escape(text)}$"):
            act(place.working("restoring"), "day-2")
    assert place.numbers() == held(8, [4], [40])
    work = place.begin("day-5")
    place.refine(work, 9)
    place.end(work)
    place.restore("day-4")
    assert place.numbers() == held(8, [4], [40])


def test_a_restore_that_was_cut_off_is_finished_with_full_refresh_where_silver_is_an_older_copy_now(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("lakehouse.steps.restore._record_publications", cut_off)
        with pytest.raises(KeyboardInterrupt):
            restore(place.working("restoring"), "day-1", "ann", "wrong prices")
    shutil.rmtree(place.lake.table(SILVER))
    create(place.lake.table(SILVER))
    text = (
        "The tables cannot go back to the run day-1: what it left of billing.silver.usage was lost since, and made "
        "anew or continued from an older copy. Run with --full-refresh, which makes it anew."
    )
    with pytest.raises(TableError, match=f"^{re.escape(text)}$"):
        resume_restore(place.working("day-3"))
    resumed = resume_restore(replace(place.working("day-3"), full_refresh=True))
    assert resumed and resumed.notes[0] == "finished the interrupted restore to day-1"
    assert resume_restore(place.working("day-4")) is None


@pytest.mark.parametrize("layers", [("gold",), ("silver", "gold")])
def test_a_run_that_did_not_have_a_contract_left_its_table_as_it_was(place: Place, layers: tuple[str, ...]) -> None:
    for layer in layers:
        shutil.move(place.conf / "billing" / layer, place.conf.parent / layer)
    place.end(place.begin("half-a-deploy"))
    for layer in layers:
        shutil.move(place.conf.parent / layer, place.conf / "billing" / layer)
    work = place.begin("day-3")
    place.refine(work, 8)
    place.end(work)
    place.gold("day-4", 4)
    place.restore("half-a-deploy")
    assert place.numbers() == held(7, [2], [20])
    assert [numbers(path) for path in place.beside] == [[7], [7]]
    assert place.stale() == []
