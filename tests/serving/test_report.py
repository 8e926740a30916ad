"""A report's page: its figures are those of gold, its texts are texts, it loads nothing, and it is always made."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from datetime import datetime, timezone
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from lakehouse.contracts.domains import load_domain
from lakehouse.contracts.lakes import Lake
from lakehouse.contracts.reports import load_report
from lakehouse.ledger.book import Ledger
from lakehouse.ledger.deliveries import Delivery, Outcome, delivery_row, outcome_row
from lakehouse.serving.report import Page, Part, make_page, render
from tests.cli.commands import commands
from tests.serving.small_report import (
    PER_DAY,
    PERSONAL_REGION,
    REGIONS,
    total,
    use_conf,
    used,
    write_gold,
    write_report,
)
from tests.steps.lived_in import BRONZE, DAILY, SILVER

NOW = datetime(2025, 2, 1, 12, 30, tzinfo=timezone.utc)
GLANCE: dict[str, Any] = {
    "title": "At a glance",
    "says": "All of it.",
    "sql": "SELECT currency, sum(credits_used) AS credits_used, sum(operations) AS operations, "
    "CAST(99.5 AS DOUBLE) AS worked FROM billing_gold.daily_usage GROUP BY currency ORDER BY currency",
    "chart": {"kind": "tiles", "values": ["credits_used", "operations", "worked"], "apart": "currency"},
    "columns": {
        "credits_used": {"unit": "credits", "decimals": 2, "per": "currency"},
        "worked": {"unit": "%", "decimals": 1},
    },
}
EVERYTHING = {"glance": GLANCE, "per_day": PER_DAY, "regions": REGIONS}


class Elements(HTMLParser):
    """Every element of a page with its attributes, and the texts of tables' cells, tiles and notes."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in {"meta", "link", "img", "br", "input"}:
            kind = (dict(attrs).get("class") or "").split(" ")[0]
            self._open.append(f"{tag}.{kind}" if kind else tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().split(".")[0] == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self._open:
            inner = next((name for name in reversed(self._open) if not name.startswith("data")), "")
            self.texts.setdefault(inner, []).append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Three days in two currencies, and two regions."""
    found = Lake.at(str(tmp_path / "lake"))
    write_gold(
        found, "daily_usage",
        used(1, "EUR", "1000.12345678", 3), used(2, "EUR", "0.005", 2), used(1, "JPY", "7", 1), used(3, "JPY", "8", 1),
    )  # fmt: skip
    write_gold(found, "region_totals", total("eu-central-1", "1015.12845678"), total("sa-east-1", "0.5"))
    return found


def page(lake: Lake) -> Page:
    return make_page(lake, load_domain("billing"), load_report("billing"), NOW)


def part(found: Page | Lake, name: str) -> Part:
    parts = page(found).parts if isinstance(found, Lake) else found.parts
    return next(one for one in parts if one.name == name)


def numbers(shown: Part) -> list[list[str]]:
    return [[cell.text for cell in row] for row in (shown.numbers.headers, *shown.numbers.rows)]


# --- Figures


def test_tiles_say_what_gold_has_each_currency_by_itself(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_conf(tmp_path, monkeypatch, **EVERYTHING)
    eur, jpy = part(lake, "glance").drawing.tiles
    assert [(tile.label, tile.text, tile.exact, tile.unit) for tile in eur.tiles] == [
        ("Credits used", "1,000.13", "1000.12845678", "credits, EUR"),
        ("Operations", "5", "5", ""),
        ("Worked", "99.5 %", "99.5", ""),
    ]
    assert (eur.caption, jpy.caption) == ("EUR", "JPY")
    assert [tile.text for tile in jpy.tiles] == ["15.00", "2", "99.5 %"]


def test_every_chart_has_its_numbers_as_a_table_and_an_alternative_text(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_conf(tmp_path, monkeypatch, **EVERYTHING)
    whole = page(lake)
    found = part(whole, "per_day")
    assert numbers(found) == [
        ["Usage date", "Currency", "Credits used (credits)"],
        ["2025-01-01", "EUR", "1,000.12"],
        ["2025-01-02", "EUR", "0.01"],
        ["2025-01-01", "JPY", "7.00"],
        ["2025-01-03", "JPY", "8.00"],
    ]
    assert [cell.exact for cell in found.numbers.rows[0]] == ["", "", "1000.12345678"]
    assert [(panel.caption, panel.alt) for panel in found.drawing.panels] == [
        (
            "Credits used · credits, EUR",
            "Line of Credits used · credits, EUR by usage date, from 2025-01-01 to 2025-01-02; lowest 0.01 "
            "(2025-01-02), highest 1,000.12 (2025-01-01).",
        ),
        (
            "Credits used · credits, JPY",
            "Line of Credits used · credits, JPY by usage date, from 2025-01-01 to 2025-01-03; lowest 7.00 "
            "(2025-01-01), highest 8.00 (2025-01-03).",
        ),
    ]
    bars = part(whole, "regions")
    assert [panel.alt for panel in bars.drawing.panels] == [
        "Bars of Credits used · credits by region: eu-central-1 1,015.12845678; sa-east-1 0.5."
    ]
    assert numbers(bars)[1:] == [["eu-central-1", "1,015.12845678"], ["sa-east-1", "0.5"]]
    elements = Elements(render(whole))
    assert [div["aria-label"] for div in elements.all("div") if div.get("role") == "img"] == [
        panel.alt for one in (found, bars) for panel in one.drawing.panels
    ]
    assert {"1,000.12", "1,015.12845678"} <= set(elements.texts["td.number"])
    assert len(elements.all("details")) == 3 and len(elements.all("table")) == 3 and len(elements.all("svg")) == 3


def test_the_page_says_what_it_is_about(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_conf(tmp_path, monkeypatch, per_day=PER_DAY)
    assert page(lake).facts == (
        ("Domain", "billing"),
        ("Lake", lake.root),
        ("Data up to", "no delivery is published"),
        ("Last run", "none is recorded"),
        ("Made", "2025-02-01 12:30 UTC"),
    )
    ledger = Ledger(lake, "billing")
    for sequence, day in enumerate(("2025-01-03", "2025-01-09"), start=1):
        delivered = Delivery(
            BRONZE, f"usage/{day}.csv", datetime.fromisoformat(day).date(), sequence, "ingested", "x", 1, "1", day, "f",
            1, None, {}, "run-1",
        )  # fmt: skip
        state: Any = "accepted" if sequence == 1 else "refused"
        outcome = Outcome(SILVER, delivered.delivery_id, sequence, state, "f", None, 1, 1, 0, 0)
        ledger.record("deliveries", [delivery_row(delivered), outcome_row(outcome, delivered, "run-1")])
    ledger.record("runs", [{"run_id": "run-1", "state": "started"}])
    facts = dict(page(lake).facts)
    assert facts["Data up to"] == "2025-01-03"
    assert re.fullmatch(r"began 20\d\d-\d\d-\d\d \d\d:\d\d UTC and has not ended \(run-1\)", facts["Last run"])
    ledger.record("runs", [{"run_id": "run-1", "state": "finished", "exit_code": 3}])
    found = page(lake)
    told = dict(found.facts)["Last run"]
    assert re.fullmatch(r"finished 20\d\d-\d\d-\d\d \d\d:\d\d UTC, exit code 3 \(run-1\)", told)
    assert "exit code 3 (run-1)" in render(found)


# --- What is not there


def test_a_table_that_is_not_made_yet_is_told_of_and_the_others_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_conf(tmp_path, monkeypatch, **EVERYTHING)
    lake = Lake.at(str(tmp_path / "lake"))
    write_gold(lake, "region_totals", total("eu", "1"))
    found = page(lake)
    notes = (
        "Not in the lake yet: billing_gold.daily_usage.",
        "There is nothing to show: the answer has no rows.",
    )
    assert [(one.name, one.notes, one.failed) for one in found.parts] == [
        ("glance", notes, False),
        ("per_day", notes, False),
        ("regions", (), False),
    ]
    elements = Elements(render(found))
    assert elements.texts["p.note"] == [*notes, *notes]
    assert len(elements.all("svg")) == 1


def test_a_table_that_cannot_be_read_fails_its_sections_alone(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_conf(tmp_path, monkeypatch, **EVERYTHING)
    Path(lake.table(DAILY), "_delta_log", f"{0:020}.json").write_text("garbage")
    found = page(lake)
    assert [(one.name, one.failed) for one in found.parts] == [("glance", True), ("per_day", True), ("regions", False)]
    (note,) = part(found, "per_day").notes
    assert note.startswith(
        f"This could not be answered: The log of the table {lake.root}/billing/gold/daily_usage cannot be read: "
    )


def test_an_empty_table_is_told_of(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = {**REGIONS, "sql": f"{REGIONS['sql'].partition(' ORDER')[0]} WHERE region = 'nowhere'"}
    use_conf(tmp_path, monkeypatch, regions=nothing)
    assert part(lake, "regions").notes == ("There is nothing to show: the answer has no rows.",)


def test_a_lake_of_an_older_contract_fails_one_section_alone(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use_conf(tmp_path, monkeypatch, **EVERYTHING)
    write_gold(Lake.at(str(tmp_path / "old")), "region_totals", "SELECT 'eu' AS region")
    monkeypatch.chdir(tmp_path)
    code, out, err = commands(monkeypatch, capsys)("report", "billing", "--lake", "old")
    assert (code, out) == (1, "billing-report.html: 3 sections; open it in a browser\n")
    assert 'Regions  This could not be answered: Binder Error: Referenced column "credits_used" not found' in err
    assert "This could not be answered" in (tmp_path / "billing-report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("section", "note"),
    [
        (
            {**PER_DAY, "sql": "SELECT unnest([1, 2]) AS n, usage_date, currency, credits_used FROM "
             "billing_gold.daily_usage ORDER BY currency, usage_date"},
            "Not drawn: the answer has several rows with currency EUR and usage_date 2025-01-01.",
        ),
        (
            {**GLANCE, "sql": "SELECT operations FROM billing_gold.daily_usage",
             "chart": {"kind": "tiles", "values": ["operations"]}, "columns": {}},
            "Not drawn: the answer has 4 rows, not one.",
        ),
        (
            {**REGIONS, "sql": "SELECT 'r' || n AS region, n AS credits_used FROM (SELECT unnest(range(41)) AS n)"},
            "Not drawn: 41 bars would be needed, 40 at most are readable.",
        ),
        (
            {**REGIONS, "sql": "SELECT n AS region, n AS place, n AS credits_used FROM (SELECT unnest(range(13)) AS n)",
             "chart": {"kind": "bar", "label": "region", "value": "credits_used", "apart": "place"}},
            "Not drawn: 13 charts would be needed, 12 at most are readable.",
        ),
        (
            {**REGIONS, "sql": "SELECT 1 AS x, n AS region, n AS credits_used FROM (SELECT unnest(range(9)) AS n)",
             "chart": {"kind": "line", "x": "x", "y": ["credits_used"], "series": "region"}},
            "Not drawn: 9 colours would be needed, 8 at most can be told apart.",
        ),
    ],
    ids=["mixed rows", "tiles of several rows", "bars", "charts", "colours"],
)  # fmt: skip
def test_what_would_be_unreadable_is_a_table(
    section: dict[str, Any], note: str, lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_conf(tmp_path, monkeypatch, odd=section)
    found = part(lake, "odd")
    assert found.notes == (note,)
    assert found.open and not found.drawing.panels and found.numbers.rows


def test_an_answer_that_no_page_holds_is_refused_whole(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = "SELECT unnest(range(501)) AS n FROM billing_gold.daily_usage"
    use_conf(tmp_path, monkeypatch, many={**REGIONS, "sql": many, "chart": {"kind": "table"}, "columns": {}})
    found = part(lake, "many")
    assert found.failed
    assert found.notes == (
        "This could not be answered: the answer has 2,004 rows, 2,000 at most fit a page. Sum up, or LIMIT.",
    )


# --- Texts are texts, and nothing is loaded

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{ 7 * 7 }}]]>--><style>*{display:none}</style>"


def test_values_and_contracts_cannot_become_markup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = Lake.at(str(tmp_path / "lake"))
    write_gold(lake, "region_totals", total(HOSTILE, "2"), total("javascript:alert(3)", "1"))
    lines = {
        **REGIONS,
        "title": HOSTILE,
        "says": HOSTILE,
        "sql": "SELECT 1 AS x, region, credits_used FROM billing_gold.region_totals",
        "chart": {"kind": "line", "x": "x", "y": ["credits_used"], "series": "region"},
        "columns": {"credits_used": {"unit": HOSTILE, "label": HOSTILE}, "x": {"label": HOSTILE}},
    }
    table = {**REGIONS, "chart": {"kind": "table"}}
    tiles = {
        **REGIONS,
        "sql": "SELECT region, credits_used FROM billing_gold.region_totals",
        "chart": {"kind": "tiles", "values": ["credits_used"], "apart": "region"},
        "columns": {"credits_used": {"per": "region"}},
    }
    use_conf(tmp_path, monkeypatch, regions=REGIONS, lines=lines, table=table, tiles=tiles)
    html = render(page(lake))
    elements = Elements(html)
    assert {tag for tag, _ in elements.found} & {"script", "img", "iframe", "object", "embed", "link", "base"} == set()
    assert len(elements.all("style")) == 1
    assert not [name for _, attributes in elements.found for name in attributes if name.startswith("on")]
    assert elements.texts["td.long"].count(HOSTILE) == 4  # as it was delivered, in every table of numbers
    assert HOSTILE in elements.texts["h2"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_the_page_refers_to_nothing_outside(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_conf(tmp_path, monkeypatch, **EVERYTHING)
    html = render(page(lake))
    elements = Elements(html)
    referring = {"src", "href", "xlink:href", "srcset", "action", "formaction", "data", "poster", "background", "cite"}
    targets = [
        target or "" for _, attributes in elements.found for name, target in attributes.items() if name in referring
    ]
    assert sorted(targets) == ["#glance", "#per_day", "#regions"]
    anchors = {attributes["id"] for attributes in elements.all("section")}
    assert anchors == {"glance", "per_day", "regions"}
    assert "@import" not in html and "url(" not in html
    namespaces = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert set(re.findall(r"https?://[^\s\"'<>]+", html)) <= namespaces
    (policy,) = [meta["content"] for meta in elements.all("meta") if meta.get("http-equiv")]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_charts_follow_the_colours_of_the_page(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_conf(tmp_path, monkeypatch, **EVERYTHING)
    whole = page(lake)
    html = render(whole)
    style = html.partition("<style>")[2].partition("</style>")[0]
    light, _, dark = style.partition("@media (prefers-color-scheme: dark)")
    for one in whole.parts:
        for panel in one.drawing.panels:
            ET.fromstring(panel.svg)  # well-formed
            colors = set(re.findall(r'(?:fill|stroke)="([^"]+)"', panel.svg)) - {"none", "transparent"}
            assert colors and all(re.fullmatch(r"var\(--[a-z0-9]+\)", color) for color in colors), colors
            for name in {color[4:-1] for color in colors}:
                assert f"{name}: #" in light and f"{name}: #" in dark


# --- Personal data


def test_personal_data_is_masked_in_the_page(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_conf(tmp_path, monkeypatch, PERSONAL_REGION, regions=REGIONS)
    whole = page(lake)
    assert numbers(part(whole, "regions"))[1:] == [["e***", "1,015.12845678"], ["s***", "0.5"]]
    html = render(whole)
    assert "central" not in html and "e***" in html


def test_two_people_with_one_initial_are_not_drawn_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = Lake.at(str(tmp_path / "lake"))
    write_gold(lake, "region_totals", total("ann", "2"), total("abe", "1"))
    use_conf(tmp_path, monkeypatch, PERSONAL_REGION, regions=REGIONS)
    found = part(lake, "regions")
    assert found.notes == ("Not drawn: the answer has several rows with region a***.",)
    assert numbers(found)[1:] == [["a***", "2"], ["a***", "1"]]


# --- The command


@pytest.fixture
def lakehouse(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Any:
    monkeypatch.chdir(tmp_path)
    return commands(monkeypatch, capsys)


def test_the_command_writes_the_page(
    lake: Lake, lakehouse: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_conf(tmp_path, monkeypatch, **EVERYTHING)
    done = lakehouse("report", "billing", "--lake", lake.root, "--out", "usage.html")
    assert done == (0, "usage.html: 3 sections; open it in a browser\n", "")
    html = (tmp_path / "usage.html").read_text("utf-8")
    assert html.startswith("<!doctype html>") and "1,000.13" in html
    assert not list(tmp_path.glob(".*.part"))


def test_wrong_arguments(lake: Lake, lakehouse: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conf = use_conf(tmp_path, monkeypatch, regions=REGIONS)
    assert lakehouse("report", "billing", "--lake", lake.root, "--out", "no/x.html") == (
        2, "", "error --out: the folder 'no' does not exist.\n"
    )  # fmt: skip
    assert lakehouse("report", "billing", "--lake", lake.root, "--out", "conf") == (
        2, "", "error --out: 'conf' is a folder. Example: --out conf/report.html\n"
    )  # fmt: skip
    name = f"{'r' * 247}.html"  # the page fits, the file that it is written aside in does not
    assert lakehouse("report", "billing", "--lake", lake.root, "--out", name) == (
        2, "", f"error --out: '{name}' cannot be written: File name too long.\n"
    )  # fmt: skip
    code, _, err = lakehouse("report", "billing", "--lake", "nowhere")
    assert code == 2 and err.startswith(f"error There is no lake at {tmp_path}/nowhere. Run 'lakehouse run DOMAIN ")
    code, _, err = lakehouse("report", "biling", "--lake", lake.root)
    assert code == 2 and err.startswith("error There is no domain 'biling'. Did you mean 'billing'?")
    (conf / "billing" / "report.yml").unlink()
    code, _, err = lakehouse("report", "billing", "--lake", lake.root)
    assert code == 2 and err.startswith("error The domain 'billing' declares no report: there is no ")
    assert not list(tmp_path.glob("*.html"))


@pytest.mark.parametrize("package", ["vl_convert", "jinja2"])
def test_a_package_that_is_not_installed(
    package: str, lake: Lake, lakehouse: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_conf(tmp_path, monkeypatch, regions=REGIONS)
    monkeypatch.setitem(sys.modules, package, None)
    assert lakehouse("report", "billing", "--lake", lake.root) == (
        2,
        "",
        f"error The package '{package}', which reports are made with, is not installed. Run 'make report' in the "
        "checkout, or install requirements/report.txt.\n",
    )


def test_validate_reads_the_report(lakehouse: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conf = use_conf(tmp_path, monkeypatch, **EVERYTHING)
    assert lakehouse("validate", "billing") == (
        0, "ok     domain billing: 4 tables\nok     report billing: 3 sections\nok     environment local\n", ""
    )  # fmt: skip
    path = write_report(conf, regions={**REGIONS, "sql": "SELECT regoin FROM billing_gold.region_totals"})
    assert lakehouse("validate", "billing") == (
        2,
        "ok     domain billing: 4 tables\nok     environment local\n",
        f"error {path}: sections.regions.sql: there is no column 'regoin'. Did you mean 'region'? Columns: region, "
        "credits_used.\n",
    )
