"""What is new, corrected, touched or still unreadable, by comparing the landing zone with the ledger."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from lakehouse.contracts.domains import Domain, load_domain
from lakehouse.contracts.names import TableId
from lakehouse.landing.days import Days
from lakehouse.landing.listing import list_source
from lakehouse.landing.news import Arrival, examine, look
from lakehouse.ledger.decisions import Decision, Decisions
from lakehouse.ledger.deliveries import BronzeState, Delivery, Register, delivery_row, register
from tests.contracts.places import BRONZE, SILVER, Change, change, copy_conf

USAGE = TableId.parse("billing.bronze.usage")
NAME = "year=2025/month=01/day=01/a.csv"
DELIVERY = f"usage/{NAME}"
GOOD = "timestamp,user_id\n2025-01-01,7\n"


@pytest.fixture
def domain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Domain:
    monkeypatch.setenv("LAKEHOUSE_CONF", str(copy_conf(tmp_path / "conf")))
    return load_domain("billing")


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    put(tmp_path / "landing", NAME, GOOD)
    return tmp_path / "landing"


def put(landing: Path, name: str, text: str, seconds: int = 1_000) -> None:
    path = landing / "billing" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (seconds, seconds))


def known(domain: Domain, landing: Path, state: BronzeState = "ingested", sequence: int | None = 1) -> Register:
    """The ledger after the files that lie there now were taken."""
    entries = []
    for file in list_source(str(landing), domain.bronze()[0]).files:
        arrivals, _ = examine([file], domain, register([]), lambda: None)
        delivery = Delivery(
            USAGE, file.delivery_id, file.delivery_date, sequence, state, file.path, file.size, file.modified,
            arrivals[0].content.content_hash, domain.fingerprints[USAGE], 1, None, {}, "run-1",
        )  # fmt: skip
        entries.append(delivery_row(delivery))
    return register(entries)


def candidates(domain: Domain, landing: Path, ledger: Register, days: Days | None = None) -> list[str]:
    return [file.delivery_id for file in look(domain, str(landing), ledger, days or Days()).candidates]


def examined(domain: Domain, landing: Path, ledger: Register) -> tuple[list[Arrival], list[Delivery]]:
    return examine(look(domain, str(landing), ledger, Days()).candidates, domain, ledger, lambda: None)


def test_a_file_that_the_ledger_does_not_know_is_new(domain: Domain, landing: Path) -> None:
    arrivals, touched = examined(domain, landing, register([]))
    assert [(arrival.file.delivery_id, arrival.corrects) for arrival in arrivals] == [(DELIVERY, None)]
    assert arrivals[0].content.reason is None
    assert touched == []


def test_a_file_that_was_taken_is_not_looked_at(domain: Domain, landing: Path) -> None:
    ledger = known(domain, landing)
    found = look(domain, str(landing), ledger, Days())
    assert (found.candidates, [file.delivery_id for file in found.landed]) == ((), [DELIVERY])


def test_a_file_with_other_content_corrects(domain: Domain, landing: Path) -> None:
    ledger = known(domain, landing)
    put(landing, NAME, GOOD + "2025-01-02,8\n", seconds=2_000)
    arrivals, touched = examined(domain, landing, ledger)
    assert [(arrival.file.delivery_id, arrival.corrects) for arrival in arrivals] == [
        (DELIVERY, ledger.current[DELIVERY])
    ]
    assert touched == []


def test_a_file_with_another_time_but_the_same_content_is_touched(domain: Domain, landing: Path) -> None:
    ledger = known(domain, landing)
    put(landing, NAME, GOOD, seconds=2_000)
    assert candidates(domain, landing, ledger) == [DELIVERY]
    arrivals, touched = examined(domain, landing, ledger)
    assert arrivals == []
    assert touched == [replace(ledger.current[DELIVERY], modified=touched[0].modified)]
    assert touched[0].modified.startswith("2000.0 ")
    later = register([*map(delivery_row, [ledger.current[DELIVERY], *touched])])
    assert candidates(domain, landing, later) == []


def test_other_content_of_the_same_size_and_time_is_noticed(domain: Domain, landing: Path) -> None:
    ledger = known(domain, landing)
    # As `rsync -a` and `cp -p` write it: under another name, with the old time, and renamed.
    put(landing, f"{NAME}.new", GOOD.replace("7", "8"))
    (landing / "billing" / f"{NAME}.new").rename(landing / "billing" / NAME)
    arrivals, touched = examined(domain, landing, ledger)
    assert ([arrival.file.delivery_id for arrival in arrivals], touched) == ([DELIVERY], [])


def test_a_file_is_read_again_when_the_contract_reads_it_otherwise(
    domain: Domain, landing: Path, tmp_path: Path
) -> None:
    ledger = known(domain, landing)
    change(tmp_path / "conf", Change(BRONZE, "kind: csv", "kind: csv\n  encoding: windows-1252"))
    changed = load_domain("billing")
    assert candidates(changed, landing, ledger) == [DELIVERY]
    arrivals, touched = examined(changed, landing, ledger)
    assert ([(one.file.delivery_id, one.corrects) for one in arrivals], touched) == (
        [(DELIVERY, ledger.current[DELIVERY])], [],
    )  # fmt: skip


def test_an_unreadable_file_is_tried_again_after_the_contract_changed(
    domain: Domain, landing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(landing, NAME, "ts;who\n2025-01-01;7\n")
    ledger = known(domain, landing, "unreadable", None)
    assert candidates(domain, landing, ledger) == []
    change = Change(BRONZE, "aliases: [user]", "aliases: [user, who]")
    monkeypatch.setenv("LAKEHOUSE_CONF", str(copy_conf(tmp_path / "changed", change)))
    changed = load_domain("billing")
    arrivals, _ = examined(changed, landing, ledger)
    assert [(arrival.content.reason, arrival.corrects) for arrival in arrivals] == [(None, None)]


def test_an_unreadable_file_is_tried_again_after_it_changed(domain: Domain, landing: Path) -> None:
    put(landing, NAME, "")
    ledger = known(domain, landing, "unreadable", None)
    assert candidates(domain, landing, ledger) == []
    put(landing, NAME, GOOD, seconds=2_000)
    assert candidates(domain, landing, ledger) == [DELIVERY]


@pytest.mark.parametrize("state", ["ingesting", "torn"])
def test_what_was_not_finished_is_looked_at_again(state: BronzeState, domain: Domain, landing: Path) -> None:
    ledger = known(domain, landing, state)
    arrivals, touched = examined(domain, landing, ledger)
    assert ([arrival.file.delivery_id for arrival in arrivals], touched) == ([DELIVERY], [])


@pytest.mark.parametrize("state", ["ingesting", "torn"])
@pytest.mark.parametrize("retracted", [False, True])
def test_what_was_taken_before_is_the_same_content_after_another_was_not_finished(
    state: BronzeState, retracted: bool, domain: Domain, landing: Path
) -> None:
    taken = known(domain, landing).current[DELIVERY]
    half = replace(taken, sequence=2, state=state, content_hash="half of it")
    decided = Decisions((Decision("retract", DELIVERY, 1, "ann", "test data"),) if retracted else ())
    ledger = register([delivery_row(taken), delivery_row(half)], decided)
    assert candidates(domain, landing, ledger) == [DELIVERY]
    assert examined(domain, landing, ledger) == ([], [taken])
    assert candidates(domain, landing, register([*map(delivery_row, [taken, half, taken])], decided)) == []
    put(landing, NAME, GOOD + "2025-01-02,8\n", seconds=2_000)
    arrivals, touched = examined(domain, landing, ledger)
    assert [(arrival.file.delivery_id, arrival.corrects) for arrival in arrivals] == [
        (DELIVERY, None if retracted else taken)
    ]
    assert touched == []


def test_only_the_days_that_were_asked_for(domain: Domain, landing: Path) -> None:
    put(landing, "year=2025/month=01/day=02/b.csv", GOOD)
    put(landing, "year=2025/month=01/day=03/c.csv", GOOD)
    put(landing, "notes.txt", "hello")
    found = look(domain, str(landing), register([]), Days(date(2025, 1, 2), date(2025, 1, 3)))
    assert [str(file.delivery_date) for file in found.candidates] == ["2025-01-02", "2025-01-03"]
    assert found.strangers == ("billing/notes.txt",)
    assert candidates(domain, landing, register([]), Days(None, date(2025, 1, 1))) == [DELIVERY]


def test_what_another_source_takes_from_the_same_folder_is_no_stranger(
    tmp_path: Path, landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither its deliveries nor its manifests are ignored; what fits no source is told once."""
    declared = "folder: {folder}, files: 'prices_{{date}}.csv', manifest: {{files: '{{path}}.json'}}"
    changes = []
    for name, folder in (("prices", "billing/"), ("inner", "billing/in")):
        text = f"description: x\nsource: {{kind: csv, {declared.format(folder=folder)}}}\ncolumns: {{price: {{}}}}\n"
        changes.append(Change(f"billing/bronze/{name}.yml", "", text))
    monkeypatch.setenv("LAKEHOUSE_CONF", str(copy_conf(tmp_path / "conf", *changes)))
    for name in (
        "prices_20250101.csv",
        "prices_20250101.csv.json",
        "in/prices_20250101.csv",
        "in/other.csv",
        "notes.txt",
    ):
        put(landing, name, GOOD)
    found = look(load_domain("billing"), str(landing), register([]), Days())
    assert sorted(file.delivery_id for file in found.landed) == [
        "inner/prices_20250101.csv", "prices/prices_20250101.csv", DELIVERY,
    ]  # fmt: skip
    assert found.strangers == ("billing/in/other.csv", "billing/notes.txt")


@pytest.mark.parametrize(
    ("days", "day", "held"),
    [
        (Days(), date(2025, 1, 1), True),
        (Days(date(2025, 1, 1), date(2025, 1, 1)), date(2025, 1, 1), True),
        (Days(date(2025, 1, 2), None), date(2025, 1, 1), False),
        (Days(None, date(2025, 1, 2)), date(2025, 1, 3), False),
        (Days(date(2025, 1, 2), date(2025, 1, 3)), None, True),
    ],
)
def test_days(days: Days, day: date | None, held: bool) -> None:
    assert days.holds(day) is held


def test_a_mark_in_silver_alone_keeps_what_was_delivered_out_of_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = "user_id: {type: string, required: true, "
    marked = Change(SILVER, user, f"{user}pii: true, ")
    monkeypatch.setenv("LAKEHOUSE_CONF", str(copy_conf(tmp_path / "conf", marked)))
    put(tmp_path / "landing", NAME, "Ann,Lee\n")
    domain = load_domain("billing")
    files = list_source(str(tmp_path / "landing"), domain.bronze()[0]).files
    (arrival,), _ = examine(files, domain, register([]), lambda: None)
    assert isinstance(arrival, Arrival)
    assert str(arrival.content.reason).endswith(" is named in the first record 'A***,L***'")


class Closed(Mapping[int, Delivery]):
    """Contents that may be asked for one by one, and not be looked through."""

    def __init__(self, contents: Mapping[int, Delivery]) -> None:
        self.contents = contents

    def __getitem__(self, sequence: int) -> Delivery:
        return self.contents[sequence]

    def __len__(self) -> int:
        return len(self.contents)

    def __iter__(self) -> Iterator[int]:
        raise AssertionError("all contents were looked through")


def test_a_new_file_costs_the_same_however_many_contents_there_are(domain: Domain, landing: Path) -> None:
    ledger = known(domain, landing)
    put(landing, "year=2025/month=01/day=02/a.csv", GOOD)
    closed = replace(ledger, contents=Closed(ledger.contents))
    arrivals, _ = examine(look(domain, str(landing), closed, Days()).candidates, domain, closed, lambda: None)
    assert [arrival.file.delivery_id for arrival in arrivals] == ["usage/year=2025/month=01/day=02/a.csv"]
