"""Looking at quarantined rows: what `lakehouse quarantine list` and `export` print, and how they end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.commands import Lakehouse, commands
from tests.steps.lived_in import SILVER, LivedIn


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LivedIn:
    found = LivedIn(tmp_path)
    monkeypatch.setenv("LAKEHOUSE_CONF", str(found.conf))
    monkeypatch.chdir(tmp_path)
    found.quarantine(("2025-01-01", "open", ("too_old", "no_user")), ("2025-01-02", "replayed", ("too_old",)))
    return found


@pytest.fixture
def lakehouse(place: LivedIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lakehouse:
    return commands(monkeypatch, capsys, columns=90)


def test_rows_are_counted_by_rule_and_day(lakehouse: Lakehouse, place: LivedIn) -> None:
    code, out, err = lakehouse("quarantine", "list", "billing", "--lake", place.lake.root, "--status", "all")
    assert (code, err) == (0, "")
    assert (
        [line.rstrip() for line in out.splitlines()]
        == """\
billing: quarantined rows (all)
┏━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━┳━━━━━━━━━━━━┳━━━━━━━━━━┳━━━━━━┓
┃ table                ┃ rule    ┃ day        ┃ status   ┃ rows ┃
┡━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━╇━━━━━━━━━━━━╇━━━━━━━━━━╇━━━━━━┩
│ billing.silver.usage │ no_user │ 2025-01-01 │ open     │    1 │
│ billing.silver.usage │ too_old │ 2025-01-01 │ open     │    1 │
│ billing.silver.usage │ too_old │ 2025-01-02 │ replayed │    1 │
└──────────────────────┴─────────┴────────────┴──────────┴──────┘
2 rows; one that broke several rules stands under each.
""".splitlines()
    )


def test_only_tables_of_the_quarantine_have_to_be_whole(lakehouse: Lakehouse, place: LivedIn) -> None:
    place.write(SILVER, 1)
    Path(place.lake.table(SILVER), "_delta_log", f"{0:020}.json").write_text("garbage")
    listing = ("quarantine", "list", "billing", "--lake", place.lake.root)
    code, out, err = lakehouse(*listing)
    assert (code, err, out.splitlines()[-1]) == (0, "", "1 row; one that broke several rules stands under each.")
    Path(place.lake.quarantine(SILVER), "_delta_log", f"{0:020}.json").write_text("garbage")
    code, out, err = lakehouse(*listing)
    assert (code, out) == (1, "")
    assert f"The log of the table {place.lake.root}/billing/quarantine/usage cannot be read: " in " ".join(err.split())


def test_a_rule_that_no_row_broke_is_named_beside_those_that_were(lakehouse: Lakehouse, place: LivedIn) -> None:
    code, out, err = lakehouse("quarantine", "list", "billing", "--lake", place.lake.root, "--rule", "no_usr")
    assert (code, err) == (0, "")
    assert out.endswith(
        "0 rows; one that broke several rules stands under each.\n"
        "Rules with rows here: no_user, too_old. Did you mean 'no_user'?\n"
    )


@pytest.mark.parametrize("more", [("show",), ("export", "--out", "x.csv"), ("replay",), ("discard", "--because", "x")])
def test_rows_that_do_not_exist_are_not_passed_over(
    more: tuple[str, ...], lakehouse: Lakehouse, place: LivedIn
) -> None:
    ids = ("--id", "2025-01-01-0", "--id", "nope", "--id", "12")
    assert lakehouse("quarantine", *more[:1], "billing", *more[1:], *ids, "--lake", place.lake.root) == (
        2,
        "",
        "error --id: no row in quarantine of 'billing' is nope, 12. "
        "'lakehouse quarantine show billing' shows the ids.\n",
    )


def test_rows_that_do_not_exist_are_told_of_in_the_result_too(
    lakehouse: Lakehouse, place: LivedIn, tmp_path: Path
) -> None:
    """Whoever started the command, a scheduler for one, reads the reason there."""
    named = ("billing", "--id", "nope", "--lake", place.lake.root, "--result", "r.json")
    code, _, err = lakehouse("quarantine", "replay", *named, "--run-id", "form-1")
    told = json.loads((tmp_path / "r.json").read_text())
    assert (code, told["exit_code"], told["run_id"]) == (2, 2, "form-1")
    assert told["reason"] == (
        "--id: no row in quarantine of 'billing' is nope. 'lakehouse quarantine show billing' shows the ids."
    )
    assert err == f"error {told['reason']}\n"
    assert json.loads(Path(place.lake.domain("billing"), "results", "form-1.json").read_text()) == told
    wrong = ("billing", "--status", "opne", "--lake", place.lake.root, "--run-id", "form-2")
    assert lakehouse("quarantine", "replay", *wrong)[0] == 2
    told = json.loads(Path(place.lake.domain("billing"), "results", "form-2.json").read_text())
    assert told["reason"].startswith("--status: 'opne' is not a status. Did you mean 'open'?")
    assert lakehouse("quarantine", "discard", *named[:5], "--because", "x", "--result", "d.json")[0] == 2
    assert json.loads((tmp_path / "d.json").read_text())["exit_code"] == 2


def test_an_export_is_written_whole(lakehouse: Lakehouse, place: LivedIn, tmp_path: Path) -> None:
    done = lakehouse("quarantine", "export", "billing", "--lake", place.lake.root, "--out", "rows.csv")
    assert done == (0, "rows.csv: 1 rows, 2 lines\n", "")
    assert (tmp_path / "rows.csv").read_text("utf-8-sig").count("2025-01-01-0") == 2
    assert not list(tmp_path.glob(".*part*"))


@pytest.mark.parametrize(
    ("out", "text"),
    [
        ("no/rows.csv", "error --out: the folder 'no' does not exist.\n"),
        (
            "rows.xlsx",
            "error --out: 'rows.xlsx' ends neither in .csv nor in .json. Example: --out quarantine.csv\n",
        ),
        ("/proc/rows.csv", "error --out: '/proc/rows.csv' cannot be written: No such file or directory.\n"),
        ("taken.csv", "error --out: 'taken.csv' cannot be written: Is a directory.\n"),
    ],
)
def test_places_that_no_export_can_be_written_to(
    out: str, text: str, lakehouse: Lakehouse, place: LivedIn, tmp_path: Path
) -> None:
    (tmp_path / "taken.csv").mkdir()
    before = sorted(tmp_path.iterdir())
    assert lakehouse("quarantine", "export", "billing", "--lake", place.lake.root, "--out", out) == (2, "", text)
    assert sorted(tmp_path.iterdir()) == before
