"""Patch files: what they say, why some cannot be used, and what they amount to."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakehouse.contracts.domains import load_domain
from lakehouse.contracts.names import TableId
from lakehouse.errors import ConfigurationError
from lakehouse.ledger.decisions import Decision, Decisions
from lakehouse.serving.quarantine import EXPORTED, QuarantinedRow, Reason, export
from lakehouse.steps.patch_files import Patch, read_patches
from lakehouse.steps.patches import Patched, RowAddress, patched_before, resolve

USAGE = TableId.parse("billing.silver.usage")
EXAMPLE = '{"quarantine_id": "9f86d081884c7d65", "column": "user_id", "value": "u17", "who": "ann", "why": "typo"}'
NAMES = "quarantine_id,column,value,who,why"
NOT_UTF8 = "the patch file cannot be read: it is not UTF-8 text"
CSV_UTF8 = 'Spreadsheets call the right kind "CSV UTF-8".'
ALLOWED = "Allowed: quarantine_id, column, value, who, why"


def read(folder: Path, data: str | bytes, name: str = "p.json") -> list[tuple[str, ...]]:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return [(p.quarantine_id, p.column, p.value, p.who, p.why) for p in read_patches(path, ignored=EXPORTED)]


def problem(folder: Path, data: str | bytes, name: str = "p.json") -> str:
    with pytest.raises(ConfigurationError) as caught:
        read(folder, data, name)
    return str(caught.value).removeprefix(f"{folder / name}")


def entry(**changed: Any) -> str:
    fields = {"quarantine_id": "q1", "column": "user_id", "value": "u1", "who": "ann", "why": "typo"} | changed
    return json.dumps([{key: value for key, value in fields.items() if value != "left out"}])


ONE = ("q1", "user_id", "u1", "ann", "typo")


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("p.json", entry(), [ONE]),
        ("p.JSON", "\ufeff" + entry(), [ONE]),
        ("p.json", entry(value=None), [("q1", "user_id", "", "ann", "typo")]),
        ("p.json", entry(value="'=1", why="two\nlines ü 🚀"), [("q1", "user_id", "'=1", "ann", "two\nlines ü 🚀")]),
        ("p.json", entry(status="open", payload="{}"), [ONE]),
        ("p.csv", f"{NAMES}\nq1,user_id,u1,ann,typo\n", [ONE]),
        ("p.CSV", f"\ufeff{NAMES}\r\nq1,user_id,u1,ann,typo", [ONE]),
        ("p.csv", "WHY, Who ,value,column,quarantine_id\ntypo,ann,u1,user_id,q1\n", [ONE]),
        (
            "p.csv",
            f"{NAMES}\n".replace(",", ";") + "q1;user_id;1,5;ann;typo\n",
            [("q1", "user_id", "1,5", "ann", "typo")],
        ),
        ("p.csv", f"{NAMES}\n".replace(",", "\t") + "q1\tuser_id\tu1\tann\ttypo\n", [ONE]),
        ("p.csv", f"{NAMES},,\nq1,user_id,u1,ann,typo,,\n,,,,,,\n\n", [ONE]),
        ("p.csv", f"{NAMES}\nq1,user_id,'=1,ann,typo\n", [("q1", "user_id", "=1", "ann", "typo")]),
        ("p.csv", f'{NAMES}\nq1,user_id,"a ""b""\nc",ann,typo\n', [("q1", "user_id", 'a "b"\nc', "ann", "typo")]),
        ("p.csv", f"{NAMES}\nq1,note,{'x' * 1_000_000},ann,typo\n", [("q1", "note", "x" * 1_000_000, "ann", "typo")]),
    ],
)
def test_what_a_patch_file_says(name: str, text: str, expected: list[tuple[str, ...]], tmp_path: Path) -> None:
    assert read(tmp_path, text, name) == expected


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", f": not JSON: Expecting value in line 1, column 1. Example: [{EXAMPLE}]"),
        (
            b"[{]",
            f": not JSON: Expecting property name enclosed in double quotes in line 1, column 3. Example: [{EXAMPLE}]",
        ),
        (entry()[:-5], f": not JSON: Unterminated string starting at in line 1, column 83. Example: [{EXAMPLE}]"),
        (entry() + "[]", f": not JSON: Extra data in line 1, column 91. Example: [{EXAMPLE}]"),
        ('[{"value": NaN}]', f": not JSON: NaN is no number there. Example: [{EXAMPLE}]"),
        ('[{"value": -Infinity}]', f": not JSON: -Infinity is no number there. Example: [{EXAMPLE}]"),
        ('[{"value": "a", "value": "b"}]', f": the key 'value' stands there twice in one object. Example: [{EXAMPLE}]"),
        ("[" * 10_000, f": lists and objects in one another too deeply. Example: [{EXAMPLE}]"),
        ('[{"value": 1' + "0" * 5_000 + "}]", f": a number has too many digits. Example: [{EXAMPLE}]"),
        ("{}", f": expected a list of patches. Example: [{EXAMPLE}]"),
        ("null", f": expected a list of patches. Example: [{EXAMPLE}]"),
        ('["q1"]', f": expected a list of patches. Example: [{EXAMPLE}]"),
        ("[]", f": there is no patch in it. Example of one: {EXAMPLE}"),
        (entry(value=1.10), f", entry 1: 'value' is 1.1; write it as text: \"1.1\". Example: {EXAMPLE}"),
        (entry(value=True), f", entry 1: 'value' is true; write it as text: \"true\". Example: {EXAMPLE}"),
        (
            entry(value=10**30),
            f", entry 1: 'value' is 1{'0' * 30}; write it as text: \"1{'0' * 30}\". Example: {EXAMPLE}",
        ),
        (entry(value=["x"]), f", entry 1: 'value' is a list; expected a text. Example: {EXAMPLE}"),
        (entry(who={"a": 1}), f", entry 1: 'who' is an object; expected a text. Example: {EXAMPLE}"),
        (entry(value="a\ud800"), ", entry 1: 'value' is 'a\\ud800', which holds a character that no file can hold."),
        (entry(value="a\0b"), ", entry 1: 'value' is 'a\\x00b', which holds a character that no file can hold."),
        (
            entry(colum="x"),
            f", entry 1: 'colum' is not a field of a patch. Did you mean 'column'? {ALLOWED}. Example: {EXAMPLE}",
        ),
        (entry(why="left out"), f", entry 1: 'why' is missing. Example: {EXAMPLE}"),
        (entry(quarantine_id=""), f", entry 1: 'quarantine_id' is empty. Example: {EXAMPLE}"),
        (entry(quarantine_id=None), f", entry 1: 'quarantine_id' is empty. Example: {EXAMPLE}"),
        (
            b"[\xff]",
            f": {NOT_UTF8} (byte 0xff at offset 1). {CSV_UTF8}",
        ),
        (
            entry().encode("utf-16"),
            f": {NOT_UTF8} (byte 0xff at offset 0). {CSV_UTF8}",
        ),
    ],
)
def test_json_that_is_no_patch_file(data: str | bytes, text: str, tmp_path: Path) -> None:
    assert problem(tmp_path, data) == text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("", f": there is no patch in it. Example of one: {EXAMPLE}"),
        (NAMES, f": there is no patch in it. Example of one: {EXAMPLE}"),
        ("\n\n", f": there is no patch in it. Example of one: {EXAMPLE}"),
        (f"{NAMES},value\nq1,c,v,w,y,v\n", ", line 1: the column 'value' is named twice."),
        (f"{NAMES}\nq1,user_id,u1,ann\n", ", line 2: 4 values, but the first line names 5."),
        (
            f"{NAMES}\nq1,user_id,u1,ann,typo\nq1,user_id,u1,u2,ann,typo\n",
            ", line 3: 6 values, but the first line names 5.",
        ),
        (f'{NAMES}\nq1,user_id,"u1,ann,typo\n', ", line 2: not CSV: unexpected end of data."),
        (f'{NAMES}\nq1,user_id,"u"1,ann,typo\n', ", line 2: not CSV: ',' expected after '\"'."),
        (
            "q1,user_id,u1,ann,typo\nq2,user_id,u1,ann,typo\n",
            ", line 1: the first line names the columns quarantine_id, column, value, who, why; "
            "found 'q1,user_id,u1,ann,typo'.",
        ),
        (
            f"{NAMES},note\nq1,user_id,u1,ann,typo,x\n",
            f", line 2: 'note' is not a field of a patch. {ALLOWED}. Example: {EXAMPLE}",
        ),
        (
            f"{NAMES},\nq1,user_id,u1,ann,typo,x\n",
            f", line 2: '' is not a field of a patch. {ALLOWED}. Example: {EXAMPLE}",
        ),
        ("quarantine_id,column,value,who\nq1,user_id,u1,ann\n", f", line 2: 'why' is missing. Example: {EXAMPLE}"),
        (f"{NAMES}\n,user_id,u1,ann,typo\n", f", line 2: 'quarantine_id' is empty. Example: {EXAMPLE}"),
        (
            f"{NAMES}\nq1,user_id,a\0b,ann,typo\n",
            ", line 2: 'value' is 'a\\x00b', which holds a character that no file can hold.",
        ),
        (
            f"{NAMES}\nq1,user_id,Jörg,ann,typo\n".encode("cp1252"),
            f": {NOT_UTF8} (byte 0xf6 at offset 47). {CSV_UTF8}",
        ),
    ],
)
def test_csv_that_is_no_patch_file(data: str | bytes, text: str, tmp_path: Path) -> None:
    assert problem(tmp_path, data, "p.csv") == text


def test_places_that_are_no_patch_file(tmp_path: Path) -> None:
    assert problem(tmp_path, "", "p.txt") == ": a patch file's name ends in .csv or .json."
    with pytest.raises(
        ConfigurationError, match=r"p\.csv: the patch file cannot be read: No such file or directory\.$"
    ):
        read_patches(tmp_path / "no" / "p.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ConfigurationError, match=r"folder\.csv: the patch file cannot be read: Is a directory\.$"):
        read_patches(tmp_path / "folder.csv")


ANYTHING = st.binary(max_size=60) | st.text(f'{{}}[]",:;\t\n {NAMES}', max_size=80).map(str.encode)


@given(ANYTHING, st.sampled_from(["p.csv", "p.json"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_it_holds_it_is_read_or_explained(tmp_path: Path, data: bytes, name: str) -> None:
    try:
        read(tmp_path, data, name)
    except ConfigurationError as error:
        assert str(error).startswith(str(tmp_path / name))


# --- Exports are patch files


def exported(*reasons: Reason, **payload: str) -> QuarantinedRow:
    return QuarantinedRow(USAGE, "1234567890123456", "usage/a.csv", None, 3, 7, "open", reasons, payload, "run")


def address(row: QuarantinedRow) -> RowAddress:
    shown = frozenset((reason.column, reason.value or "") for reason in row.reasons)
    return RowAddress(
        row.table, row.quarantine_id, row.delivery_id, row.sequence, row.record_number, row.status, row.payload, shown
    )


DEBIT = Reason("credit_usage_is_a_debit", "credit_usage", "5.00000000", "usage is booked as a debit")
LATE = Reason("usage_is_near_its_delivery", "delivery_date, usage_date", "2025-01-02, 2025-01-09", "late")
DERIVED = Reason("usage_date_required", "usage_date", None, "a value is required")
FORMULA = Reason("service_tier_is_known", "service_tier", "=1+1;@x", "prices exist for these tiers only")


@pytest.mark.parametrize("name", ["rows.csv", "rows.json"])
def test_an_export_that_nobody_filled_in_changes_nothing(name: str, tmp_path: Path) -> None:
    row = exported(DEBIT, LATE, DERIVED, FORMULA, credit_usage="5", service_tier="=1+1;@x", timestamp="12:30")
    malformed = exported(Reason("record_malformed", "", "=1,2", "more values"), malformed_record="=1,2")
    assert export([row], tmp_path / name) == 4
    patches = read_patches(tmp_path / name, ignored=EXPORTED)
    assert [(p.quarantine_id, p.column, p.value) for p in patches] == [
        ("1234567890123456", reason.column, reason.value or "") for reason in row.reasons
    ]
    found = resolve(patches, {row.quarantine_id: address(row)}, load_domain("billing"))
    assert found == Patched([], [], ["4 lines change nothing"])
    export([malformed], tmp_path / name)
    patches = read_patches(tmp_path / name, ignored=EXPORTED)
    assert resolve(patches, {row.quarantine_id: address(malformed)}, load_domain("billing")).decisions == []


def test_no_cell_of_an_export_is_computed(tmp_path: Path) -> None:
    texts = [
        "=1+1",
        "+1+1",
        "-1+1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\uff1d1+1",
        "\uff0b1",
        "\uff0d1",
        "\uff20x",
        "a;=1",
        "007",
    ]
    rows = [exported(Reason("rule", "region", text, text), region=text) for text in texts]
    assert export(rows, tmp_path / "rows.csv") == len(texts)
    raw = (tmp_path / "rows.csv").read_bytes()
    assert raw.startswith(b'\xef\xbb\xbf"quarantine_id","column","value"')
    lines = list(csv.DictReader(raw.decode("utf-8-sig").splitlines(keepends=True)))
    assert [line["value"] for line in lines] == [
        "'=1+1",
        "'+1+1",
        "'-1+1",
        "'@SUM(A1)",
        "'\t'=1",
        "'\r'=1",
        "'\uff1d1+1",
        "'\uff0b1",
        "'\uff0d1",
        "'\uff20x",
        "a;'=1",
        "'007",
    ]
    assert [line["message"] for line in lines] == [line["value"] for line in lines]
    assert {line["quarantine_id"] for line in lines} == {"'1234567890123456"}
    # JSON is no spreadsheet's.
    export(rows, tmp_path / "rows.json")
    assert [line["value"] for line in json.loads((tmp_path / "rows.json").read_text())] == texts


def test_an_export_needs_a_name_that_says_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        export([], tmp_path / "rows.txt")
    assert str(caught.value) == (
        f"--out: '{tmp_path / 'rows.txt'}' ends neither in .csv nor in .json. Example: --out quarantine.csv"
    )


# --- What they amount to


def patch(column: str, value: str, place: str = "p.csv, line 2", **other: str) -> Patch:
    return Patch(
        **{"place": place, "quarantine_id": "q1", "column": column, "value": value, "who": "ann", "why": "x", **other}
    )


def amounts_to(*patches: Patch, status: str = "open", **payload: str) -> Patched:
    row = RowAddress(USAGE, "q1", "usage/a.csv", 3, 7, status, payload)
    return resolve(patches, {"q1": row}, load_domain("billing"))


def refused(*patches: Patch, status: str = "open", **payload: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        amounts_to(*patches, status=status, **payload)
    return str(caught.value)


def test_lines_become_decisions_about_delivered_columns() -> None:
    found = amounts_to(
        patch("usage_timestamp", "2025-01-02T12:30:00Z"),
        patch("user_id", "u1"),
        patch("timestamp", "2025-01-02T12:30:00Z"),
        timestamp="12:30",
        user_id="u1",
    )
    assert [(one.column, one.value, one.who, one.why) for one in found.decisions] == [
        ("timestamp", "2025-01-02T12:30:00Z", "ann", "x")
    ]
    assert found.notes == ["1 lines change nothing"]
    assert amounts_to(patch("user_id", "u2"), status="replayed").notes == [
        "1 patches are of rows that were replayed before"
    ]


def test_patches_that_cannot_be_meant() -> None:
    assert refused(patch("user_id", "u2", quarantine_id="q9")) == "p.csv, line 2: there is no quarantined row 'q9'."
    assert refused(patch("user_id", "u2"), status="superseded") == (
        "p.csv, line 2: the row q1 belongs to a content of usage/a.csv that does not count any more: the delivery was "
        "corrected or retracted."
    )
    assert refused(patch("user", "u2")).startswith(
        "p.csv, line 2: 'user' is not a column that is delivered to billing.silver.usage. Did you mean 'user_id'? "
    )
    assert refused(patch("user_id", "u2", who=" ")) == (
        "p.csv, line 2: 'who' is empty: the ledger keeps who patched a row and why."
    )
    assert refused(patch("timestamp", "a"), patch("usage_timestamp", "b", "p.csv, line 9")) == (
        "p.csv, line 9: 'timestamp' of the row q1 is to be 'b' here, and 'a' in a line before. Keep one of them."
    )
    assert refused(patch("user_id", "u2"), malformed_record="1,2").startswith(
        "p.csv, line 2: the row q1 could not be parsed, so its patch has to give every column; missing: timestamp, "
    )


def test_what_an_earlier_patch_gave_stands_until_another_takes_it_back() -> None:
    columns = load_domain("billing").tables[TableId.parse("billing.bronze.usage")].columns
    before = dict.fromkeys(columns, "x")
    row = RowAddress(USAGE, "q1", "usage/a.csv", 3, 7, "open", {"malformed_record": "1,2"}, patched=before)
    # All of its columns were given: one is enough.
    (decision,) = resolve([patch("user_id", "u2")], {"q1": row}, load_domain("billing")).decisions
    assert (decision.column, decision.value) == ("user_id", "u2")
    # What was delivered is no change, but where a patch stands in for it.
    row = RowAddress(USAGE, "q1", "usage/a.csv", 3, 7, "open", {"user_id": "u1"}, patched={"user_id": "u2"})
    (decision,) = resolve([patch("user_id", "u1")], {"q1": row}, load_domain("billing")).decisions
    assert (decision.column, decision.value) == ("user_id", "u1")


def test_rows_are_known_with_what_patches_before_gave() -> None:
    rows = [RowAddress(USAGE, f"q{number}", "usage/a.csv", 3, number, "open", {}) for number in (7, 8)]
    said = ("usage/a.csv", 3, "ann", "x", USAGE, 7, "q7")
    decided = Decisions((Decision("patch", *said, "user_id", "u1"), Decision("patch", *said, "user_id", "u2")))
    assert {name: row.patched for name, row in patched_before(rows, decided).items()} == {
        "q7": {"user_id": "u2"}, "q8": {},
    }  # fmt: skip
