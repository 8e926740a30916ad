"""What manifests let in and keep out, by the landing zone and the ledger alone."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lakehouse.contracts.domains import Domain, load_domain
from lakehouse.landing import listing
from lakehouse.landing.days import Days
from lakehouse.landing.listing import list_source
from lakehouse.landing.news import Arrival, News, examine, look
from lakehouse.landing.seals import orphans
from lakehouse.ledger.deliveries import Delivery, Register, delivery_row, register
from lakehouse.ledger.entries import Row
from tests.contracts.places import BRONZE, Change, copy_conf

DAY = "year=2025/month=01/day=02"
TEXT = "timestamp,user_id\n2025-01-02,7\n"
SUM = hashlib.sha256(TEXT.encode()).hexdigest()
EACH, SET, NEEDED = "'{path}.json'", "'{folder}/_m.json'", "'{folder}/_m.json', required: true"


class Place:
    """A landing zone, and a ledger that takes what can be taken without reading rows."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.monkeypatch = folder, monkeypatch
        self.rows: list[Row] = []
        self.clock = 1_000

    def declare(self, files: str | None) -> None:
        declared = "" if files is None else f"  manifest: {{files: {files}}}\n"
        self.clock += 1
        conf = self.folder / f"conf{self.clock}"
        copy_conf(conf, Change(BRONZE, "columns:\n", declared + "columns:\n"))
        self.monkeypatch.setenv("LAKEHOUSE_CONF", str(conf))
        self.domain: Domain = load_domain("billing")

    def put(self, name: str, text: str = TEXT) -> Path:
        path = self.folder / "landing" / "billing" / DAY / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        self.clock += 1
        os.utime(path, (self.clock, self.clock))
        return path

    def say(self, name: str, **files: Mapping[str, Any]) -> None:
        self.put(name, json.dumps({"files": [{"file": f"{file}.csv", **said} for file, said in files.items()]}))

    @property
    def register(self) -> Register:
        return register(self.rows)

    def look(self) -> News:
        return look(self.domain, str(self.folder / "landing"), self.register, Days())

    def run(self) -> dict[str, str]:
        """Take what can be taken; what became of the candidates: its reason, or an empty text."""
        news = self.look()
        arrivals, judged = examine(news.candidates, self.domain, self.register, lambda: None, news.seals)
        entries = judged
        self.rows += map(delivery_row, judged)
        for arrival in arrivals:
            entries.append(self._entry(arrival))
            self.rows.append(delivery_row(entries[-1]))
        return {entry.delivery_id.rpartition("/")[2]: entry.reason or "" for entry in entries}

    def _entry(self, arrival: Arrival) -> Delivery:
        file, content = arrival.file, arrival.content
        out = content.layout is None
        facts = {"manifest": dict(arrival.seal.facts)} if arrival.seal and arrival.seal.facts else {}
        return Delivery(
            file.table, file.delivery_id, file.delivery_date, None if out else self.register.last_sequence + 1,
            ("unconfirmed" if arrival.unconfirmed else "unreadable") if out else "ingested", file.path, file.size,
            file.modified, content.content_hash, self.domain.fingerprints[file.table], None if out else 1,
            content.reason, facts, "run-1",
        )  # fmt: skip

    def current(self) -> dict[str, int | None]:
        return {name.rpartition("/")[2]: one.sequence for name, one in self.register.current.items()}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(tmp_path, monkeypatch)


def test_a_delivery_that_its_manifest_confirms_is_taken(place: Place) -> None:
    place.declare(EACH)
    place.put("a.csv")
    place.say("a.csv.json", a={"size": 31, "sha256": SUM, "rows": 1})
    assert place.run() == {"a.csv": ""}
    assert place.look() == News(landed=place.look().landed)
    taken = place.register.latest[f"usage/{DAY}/a.csv"]
    modified = taken.details["manifest"].pop("modified")
    assert modified.startswith("1003.0 ")
    assert taken.details["manifest"] == {"file": f"{DAY}/a.csv.json", "size": 131, "rows": 1}


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"size": 1204}, "a.csv.json says 1,204 bytes, the file holds 31"),
        ({"sha256": "0" * 64}, f"a.csv.json says sha256 000000000000..., the file has {SUM[:12]}..."),
        ({"size": 31, "sha256": "0" * 64}, f"a.csv.json says sha256 000000000000..., the file has {SUM[:12]}..."),
        ({"rows": -1}, "a.csv.json cannot be used: files[0].rows: expected a whole number such as 1204, found -1"),
    ],
)
def test_a_delivery_that_differs_from_its_manifest_stays_out_until_one_of_them_changes(
    place: Place, said: dict[str, Any], reason: str
) -> None:
    place.declare(EACH)
    place.put("a.csv")
    place.say("a.csv.json", a=said)
    assert place.run() == {"a.csv": reason}
    assert (place.run(), place.current()) == ({}, {})
    place.say("a.csv.json", a={"size": 31, "sha256": SUM})
    assert place.run() == {"a.csv": ""}
    assert place.current() == {"a.csv": 1}


def test_an_unreadable_file_is_unreadable_also_when_its_manifest_is_right(place: Place) -> None:
    place.declare(EACH)
    place.put("a.csv", "")
    place.say("a.csv.json", a={"size": 0})
    assert place.run() == {"a.csv": "the file is empty (0 bytes)"}
    assert place.register.latest[f"usage/{DAY}/a.csv"].state == "unreadable"
    assert place.run() == {}
    place.say("a.csv.json", a={"size": 1})
    assert place.run() == {"a.csv": "a.csv.json says 1 bytes, the file holds 0"}


def test_a_set_waits_as_a_whole_until_it_is_complete(place: Place) -> None:
    place.declare(SET)
    size = {"size": 31}
    place.say("_m.json", a=size, b=size, c=size, d=size, e=size)
    place.put("a.csv")
    assert place.run() == {"a.csv": "waits for b.csv, c.csv, d.csv and 1 more that _m.json lists"}
    place.put("b.csv")
    place.put("c.csv")
    waits = "waits for d.csv and e.csv that _m.json lists"
    assert place.run() == {"a.csv": waits, "b.csv": waits, "c.csv": waits}
    assert place.run() == {}
    place.put("d.csv", "x")
    waits = "waits for e.csv that _m.json lists"
    assert place.run() == dict.fromkeys(("a.csv", "b.csv", "c.csv", "d.csv"), waits)
    place.put("e.csv")
    taken = dict.fromkeys(("a.csv", "b.csv", "c.csv", "e.csv"), "")
    assert place.run() == {**taken, "d.csv": "_m.json says 31 bytes, the file holds 1"}


def test_a_file_that_was_taken_and_cleared_away_is_not_waited_for(place: Place) -> None:
    place.declare(SET)
    place.say("_m.json", a={"size": 31}, b={"size": 31})
    first = place.put("a.csv")
    place.put("b.csv")
    assert place.run() == {"a.csv": "", "b.csv": ""}
    first.unlink()
    place.put("b.csv", TEXT.replace("7", "8"))
    assert place.run() == {"b.csv": ""}
    assert place.current() == {"a.csv": 1, "b.csv": 3}


def test_a_file_of_another_kind_in_the_list_has_only_to_be_there(place: Place) -> None:
    place.declare(SET)
    place.put("_m.json", json.dumps([{"file": "a.csv", "size": 31}, {"file": "report.pdf", "size": 5}]))
    place.put("a.csv")
    assert place.run() == {"a.csv": "waits for report.pdf that _m.json lists"}
    place.put("report.pdf", "%PDF")
    assert place.run() == {"a.csv": ""}


def test_a_delivery_without_a_manifest_waits_only_where_one_is_required(place: Place) -> None:
    place.declare(NEEDED)
    place.put("a.csv")
    assert place.run() == {"a.csv": "waits for its manifest _m.json"}
    assert place.run() == {}
    place.declare(SET)
    assert place.run() == {"a.csv": ""}


def test_a_delivery_that_the_manifest_beside_it_does_not_list_waits(place: Place) -> None:
    place.declare(SET)
    place.say("_m.json", a={"size": 31})
    place.put("a.csv")
    place.put("b.csv", TEXT.replace("7", "8"))
    assert place.run() == {"a.csv": "", "b.csv": "_m.json does not list it"}
    place.say("_m.json", a={"size": 31}, b={"size": 31})
    assert place.run() == {"a.csv": "", "b.csv": ""}


def test_a_manifest_that_is_gone_is_none(place: Place) -> None:
    place.declare(SET)
    manifest = place.put("_m.json", "[")
    place.put("a.csv")
    assert place.run() == {"a.csv": "_m.json cannot be used: not JSON: Expecting value in line 1, column 2"}
    manifest.unlink()
    assert place.run() == {"a.csv": ""}


def test_a_manifest_elsewhere_is_called_by_its_path(place: Place) -> None:
    place.declare("'{year}-{month}.json', required: true")
    place.put("a.csv")
    assert place.run() == {"a.csv": "waits for its manifest 2025-01.json"}
    root = place.folder / "landing" / "billing"
    (root / "2025-01.json").write_text(json.dumps([{"file": f"{DAY}/{name}.csv", "size": 31} for name in "ab"]))
    assert place.run() == {"a.csv": f"waits for {DAY}/b.csv that 2025-01.json lists"}


def test_a_manifest_that_cannot_be_read(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.declare(SET)
    place.put("_m.json", "[]")
    place.put("a.csv")

    def refuse(file: object) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("lakehouse.landing.seals.open_landed", refuse)
    assert place.run() == {"a.csv": "_m.json cannot be used: it cannot be read: Permission denied"}


# --- Manifests that come, or change, after the delivery was taken


def test_a_manifest_that_comes_late_confirms_or_takes_out(place: Place) -> None:
    place.declare(SET)
    place.put("a.csv")
    place.put("b.csv", TEXT.replace("7", "8"))
    assert place.run() == {"a.csv": "", "b.csv": ""}
    place.say("_m.json", a={"sha256": SUM, "rows": 1}, b={"rows": 1204})
    assert place.run() == {"a.csv": "", "b.csv": "_m.json says 1,204 rows, the file holds 1"}
    assert (place.current(), place.run()) == ({"a.csv": 1}, {})
    assert place.register.aside == {f"usage/{DAY}/b.csv": "_m.json says 1,204 rows, the file holds 1"}
    # The same content is let in again, under its number, without being read again.
    place.say("_m.json", a={"sha256": SUM}, b={"rows": 1})
    assert place.run() == {"a.csv": "", "b.csv": ""}
    assert (place.current(), place.register.last_sequence) == ({"a.csv": 1, "b.csv": 2}, 2)


def test_a_manifest_that_changes_announces_a_correction_and_what_was_confirmed_stays_until_it_comes(
    place: Place,
) -> None:
    place.declare(SET)
    place.say("_m.json", a={"sha256": SUM})
    place.put("a.csv")
    assert place.run() == {"a.csv": ""}
    corrected = TEXT + "2025-01-02,8\n"
    place.say("_m.json", a={"size": len(corrected)})
    assert place.run() == {"a.csv": "_m.json says 44 bytes, the file holds 31"}
    assert (place.current(), place.run()) == ({"a.csv": 1}, {})
    place.put("a.csv", corrected)
    assert place.run() == {"a.csv": ""}
    assert (place.current(), place.run()) == ({"a.csv": 2}, {})


def test_a_correction_that_comes_before_its_manifest_waits_for_it(place: Place) -> None:
    place.declare(SET)
    place.say("_m.json", a={"sha256": SUM})
    place.put("a.csv")
    assert place.run() == {"a.csv": ""}
    corrected = TEXT + "2025-01-02,8\n"
    place.put("a.csv", corrected)
    assert place.run() == {"a.csv": f"_m.json says sha256 {SUM[:12]}..., the file has af7630ad0369..."}
    assert place.current() == {"a.csv": 1}
    # Taken back: the content that counts is there already.
    place.put("a.csv", TEXT)
    assert place.run() == {"a.csv": ""}
    assert (place.current(), place.register.last_sequence) == ({"a.csv": 1}, 1)


def test_a_manifest_that_is_declared_no_more_keeps_nothing_out(place: Place) -> None:
    place.declare(SET)
    place.put("a.csv")
    place.run()
    place.say("_m.json", a={"rows": 5})
    assert (place.run(), place.current()) == ({"a.csv": "_m.json says 5 rows, the file holds 1"}, {})
    place.declare(None)
    assert (place.run(), place.current()) == ({"a.csv": ""}, {"a.csv": 1})


# --- What is no delivery


def test_manifests_are_no_strangers_and_those_without_a_file_are_told(place: Place) -> None:
    place.declare(SET)
    place.say("_m.json", a={"size": 31})
    found = place.look()
    assert (found.strangers, found.orphans) == ((), (f"billing/{DAY}/_m.json",))
    path = place.put("a.csv")
    assert place.look().orphans == ()
    place.run()
    path.unlink()
    assert place.look().orphans == ()
    place.declare(EACH)
    place.say("b.csv.json", b={"size": 31})
    assert place.look().strangers == ()
    place.declare(None)
    assert place.look().strangers == (f"billing/{DAY}/b.csv.json",)


def test_a_manifest_of_two_sources_is_told_when_no_file_of_either_has_landed(place: Place) -> None:
    place.declare(SET)
    (mine,) = (table for table in place.domain.bronze() if table.id.name == "usage")
    other = mine.model_copy(update={"source": mine.source.model_copy(update={"files": f"{DAY}/b.csv"})})
    place.say("_m.json", a={"size": 31})

    def found() -> list[str]:
        landing = str(place.folder / "landing")
        return orphans([(table, list_source(landing, table)) for table in (mine, other)], place.register)

    assert found() == [f"billing/{DAY}/_m.json"]
    place.put("b.csv")
    mine = mine.model_copy(update={"source": mine.source.model_copy(update={"files": f"{DAY}/a.csv"})})
    assert found() == []


def test_a_source_without_manifests_reads_none(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.declare(None)
    place.put("a.csv")
    place.put("_m.json", "[")
    opened: list[Any] = []
    monkeypatch.setattr("lakehouse.landing.seals.open_landed", opened.append)
    assert (place.run(), opened) == ({"a.csv": ""}, [])


def test_each_manifest_is_read_once_and_only_for_what_may_be_new(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.declare(SET)
    place.say("_m.json", **{name: {"size": 31} for name in "abc"})
    for number, name in enumerate("abc"):
        place.put(f"{name}.csv", TEXT.replace("7", str(number)))
    opened = []

    def watched(file: Any) -> Any:
        opened.append(file.name)
        return listing.open_landed(file)

    monkeypatch.setattr("lakehouse.landing.seals.open_landed", watched)
    assert place.run() == {"a.csv": "", "b.csv": "", "c.csv": ""}
    assert opened == [f"{DAY}/_m.json"]
    assert (place.run(), opened) == ({}, [f"{DAY}/_m.json"])


def test_the_ledger_says_what_counts() -> None:
    """Unconfirmed content in bronze does not count; without a number, what was taken before does."""
    table = load_domain("billing").bronze()[0].id
    first = Delivery(table, "a", None, 1, "ingested", "/a", 1, "1", "h1", "f", 5, None, {}, "r")
    second = replace(first, sequence=2, content_hash="h2")
    kept = replace(second, state="unconfirmed", reason="no")

    def current(*entries: Delivery) -> dict[str, int | None]:
        return {name: one.sequence for name, one in register(map(delivery_row, entries)).current.items()}

    assert current(first, second) == {"a": 2}
    assert current(first, second, kept) == {"a": 1}
    assert current(second, kept) == {}
    assert current(second, kept, second) == {"a": 2}
    assert current(second, replace(kept, sequence=None)) == {"a": 2}
    assert register(map(delivery_row, [second, kept])).last_sequence == 2
