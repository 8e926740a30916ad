"""Every file of the corpus, taken in one run: exact rows, rows in quarantine with their reasons, or a refusal."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from pyspark.sql import SparkSession

from tests.conftest import run_billing
from tests.corpus import encodings, files, lines, noise, shapes, spectrum, values
from tests.corpus.cases import COLUMNS, Case
from tests.corpus.contracts import write_contracts
from tests.steps.test_publish import table

pytestmark = pytest.mark.slow

THEMES = {"files": files, "encodings": encodings, "shapes": shapes, "lines": lines, "values": values}
CASES = [*spectrum.CASES, *(case for theme in THEMES.values() for case in theme.CASES)]
NOISE = noise.noise(1, 60)
TEXTS = ("file", "id", "name", "note")
Row = dict[str, Any]


@dataclass
class Taken:
    """What the run left of all files, by delivery id."""

    summary: Any
    again: Any
    bronze: dict[str, list[Row]] = field(default_factory=dict)
    silver: dict[str, dict[int, Row]] = field(default_factory=dict)
    outranked: dict[str, dict[int, Row]] = field(default_factory=dict)
    quarantine: dict[str, dict[int, Row]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def taken(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Taken]:
    """All files of the corpus, after one run, and the summary of a second one."""
    from lakehouse.contracts.locations import conf_dir

    place = tmp_path_factory.mktemp("corpus")
    landing, lake = place / "landing", place / "lake"
    for case in CASES:
        folder = landing / case.source
        folder.mkdir(parents=True, exist_ok=True)
        assert not (folder / case.name).exists(), f"two cases are called {case.name}"
        (folder / case.name).write_bytes(case.data)
    files.place_strangers(landing / "plain")
    for name, text in NOISE.items():
        (landing / "raw" / name).write_bytes(text.encode())
    with pytest.MonkeyPatch.context() as patch:
        shutil.copytree(conf_dir(), place / "conf")
        write_contracts(place / "conf")
        patch.setenv("LAKEHOUSE_CONF", str(place / "conf"))
        found = Taken(run_billing(landing, lake), run_billing(landing, lake))
    for name in ("usage", "raw", "western", "wide", "piped"):
        for row in sorted(table(lake, f"bronze/{name}"), key=lambda row: row["record_number"]):
            found.bronze.setdefault(row["delivery_id"], []).append(row)
    for kind, path in (
        ("silver", "silver/usage"),
        ("outranked", "outranked/usage"),
        ("quarantine", "quarantine/usage"),
    ):
        for row in table(lake, path):
            getattr(found, kind).setdefault(row["delivery_id"], {})[row["record_number"]] = row
    yield found


def delivery_id(case: Case) -> str:
    return f"{'usage' if case.source == 'plain' else case.source}/{case.name}"


def parametrized(cases: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=[ascii(f"{case.source}/{case.name}")[1:-1] for case in cases])


@parametrized(CASES)
def test_bronze_holds_each_record_as_delivered(case: Case, taken: Taken) -> None:
    found = [_delivered(row) for row in taken.bronze.get(delivery_id(case), [])]
    assert found == [(dict(record.values), record.raw) for record in case.records]


def _delivered(row: Row) -> tuple[dict[str, str], str | None]:
    if row["malformed_record"] is not None:
        return {}, row["malformed_record"]
    unknown = {name: value for name, value in row["unknown_columns"] or () if value is not None}
    return {**{name: row[name] for name in COLUMNS if row[name] is not None}, **unknown}, None


@parametrized([case for case in CASES if case.source == "plain"])
def test_each_record_is_in_silver_or_quarantined_for_its_reasons(case: Case, taken: Taken) -> None:
    name = delivery_id(case)
    numbered = dict(enumerate(case.records, 1))
    silver, outranked, quarantine = (kind.get(name, {}) for kind in (taken.silver, taken.outranked, taken.quarantine))
    bad = {number: list(record.reasons) for number, record in numbered.items() if record.reasons}
    good = {number: record for number, record in numbered.items() if not record.reasons}
    assert {number: sorted((r["rule"], r["value"]) for r in row["reasons"]) for number, row in quarantine.items()} == {
        number: sorted(reasons) for number, reasons in bad.items()
    }
    assert {number for number, record in good.items() if record.outranked} == outranked.keys()
    assert {number: _typed(row) for number, row in silver.items()} == {
        number: {key: text for key, text in record.values.items() if key in TEXTS and text} | dict(record.typed or {})
        for number, record in good.items()
        if not record.outranked
    }
    # The payload is the row as delivered.
    for number, row in quarantine.items():
        payload = json.loads(row["payload"])
        assert payload.get("malformed_record") == numbered[number].raw
        if numbered[number].raw is None:
            assert {key: payload[key] for key in COLUMNS if key in payload} == dict(numbered[number].values)


def _typed(row: Row) -> dict[str, str]:
    found = {name: row[name] for name in COLUMNS if row[name] is not None}
    texts = {name: f"{value:f}" if name == "amount" else str(value) for name, value in found.items()}
    return texts | ({"at": str(found["at"].replace(tzinfo=None))} if "at" in found else {})


@parametrized([case for case in CASES if case.unreadable])
def test_what_cannot_be_read_is_refused_with_the_reason(case: Case, taken: Taken) -> None:
    (told,) = [d for d in taken.summary.deliveries if d.delivery_id == delivery_id(case)]
    assert (told.state, told.reason) == ("unreadable", case.unreadable)


def test_a_file_without_rows_is_refused_by_the_gate(taken: Taken) -> None:
    refused = {d.delivery_id: d.reason for d in taken.summary.deliveries if d.state == "refused"}
    assert refused == {delivery_id(case): case.refused for case in CASES if case.refused}


def test_the_run_goes_on_with_the_others_and_says_how_it_ended(taken: Taken) -> None:
    assert taken.summary.exit_code == 3
    assert taken.summary.reason == "gates refused 2 deliveries; the others are published"
    out = sum(case.unreadable is not None for case in CASES)
    assert [d.state for d in taken.summary.deliveries].count("unreadable") >= out > 60
    assert set(taken.summary.strangers) == {"plain/b\\xfccher.csv"}
    assert (taken.again.nothing_new, taken.again.exit_code) == (True, 0)
    assert len([line for line in taken.again.standing if " unreadable: " in line]) >= out


def test_no_record_is_lost(taken: Taken) -> None:
    new = {d.delivery_id: d.rows_in for d in taken.summary.deliveries if d.state == "new"}
    assert {delivery_id(case): len(case.records) for case in CASES if not case.unreadable}.items() <= new.items()
    read = [d for d in taken.summary.deliveries if d.state == "accepted"]
    counted = {delivery_id(case): len(case.records) for case in CASES if case.records and case.source == "plain"}
    assert {d.delivery_id: d.rows_in for d in read} == counted
    assert {d.delivery_id: d.rows_accepted + d.rows_outranked + d.rows_quarantined for d in read} == counted
    for name, count in counted.items():
        assert count == sum(len(kind.get(name, {})) for kind in (taken.silver, taken.outranked, taken.quarantine))


def test_noise_is_read_as_the_csv_module_reads_it(taken: Taken) -> None:
    refused = {d.delivery_id: d.reason for d in taken.summary.deliveries if d.state == "unreadable"}
    compared = 0
    for name, text in NOISE.items():
        if f"raw/{name}" in refused:
            assert "quoted value" in refused[f"raw/{name}"], (text, refused[f"raw/{name}"])
            continue
        expected = noise.records(text)
        found = taken.bronze.get(f"raw/{name}", [])
        assert len(found) == len(expected), text
        width = len(noise.header(text))
        for row, record in zip(found, expected, strict=True):
            assert (row["malformed_record"] is None) == (len(record) == width), text
            if len(record) == width:
                delivered, _ = _delivered(row)
                values = [noise.comparable(delivered.get(column, "")) for column in noise.header(text)]
                assert values == [noise.comparable(value) for value in record], text
                compared += 1
    assert compared > 30
