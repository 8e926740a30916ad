"""What the documents say is true: commands, options, paths, exit codes, tables - and the how-tos work as written."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from lakehouse.cli.app import app
from lakehouse.cli.screen import show_run
from lakehouse.contracts.domains import Domain, domain_names, load_domain
from lakehouse.errors import ExitCode
from lakehouse.landing.days import Days
from lakehouse.landing.news import examine, look
from lakehouse.ledger.deliveries import register
from lakehouse.ledger.entries import TABLES
from lakehouse.samples.billing import generate
from lakehouse.steps.summary import DeliverySummary, RunSummary, TableSummary
from tests.oracle.billing import compute

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
DOCUMENTS = [README, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [path.relative_to(ROOT).as_posix() for path in DOCUMENTS]

SPARK_SUBMIT = {
    "--archives", "--conf", "--deploy-mode", "--driver-memory", "--jars", "--master", "--packages", "--py-files",
}  # fmt: skip
"""Options of spark-submit that the documents mention."""
BENCH = set(re.findall(r'"(--[a-z-]+)"', (ROOT / "benchmarks" / "bench.py").read_text()))

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"(?:lib|conf|docs|tests|jobs|requirements)(?:/[\w.-]+)+/?|[\w-]+\.(?:toml|md)")


# --- Reading the documents ---


@dataclass(frozen=True)
class Block:
    """A fenced block of a document."""

    kind: str
    text: str

    @property
    def file(self) -> str | None:
        """The file that its first line names."""
        named = re.match(r"# ((?:conf|lib|tests)/\S+)\n", self.text)
        return named[1] if named else None


def blocks(text: str) -> list[Block]:
    return [Block(kind, textwrap.dedent(body)) for _, kind, body in _FENCE.findall(text)]


def inline_code(text: str) -> list[str]:
    return _INLINE.findall(_FENCE.sub("", text))


def section(title: str) -> str:
    """The part of the README under a heading, up to the next one of its level or above."""
    level = len(title) - len(title.lstrip("#"))
    found: list[str] | None = None
    fenced = False
    for line in README.read_text().splitlines(keepends=True):
        fenced ^= line.lstrip().startswith("```")
        ends = not fenced and re.match(rf"#{{1,{level}}} ", line)
        if found is not None and ends:
            break
        if found is not None:
            found.append(line)
        elif line.rstrip() == title:
            found = []
    assert found is not None, f"README.md has no heading '{title}'"
    return "".join(found)


def lines_of_code(text: str) -> list[str]:
    """Everything that looks like something to type: lines of shell blocks, and code in sentences and tables."""
    shell = [block.text.replace("\\\n", " ") for block in blocks(text) if block.kind == "sh"]
    return [line.strip() for part in shell for line in part.splitlines()] + inline_code(text)


def words(line: str) -> list[str]:
    return shlex.split(line, comments=True)


def created_files() -> set[str]:
    """Files that the how-tos of the README tell people to make."""
    return {block.file for block in blocks(README.read_text()) if block.file}


# --- Applying the README ---


def apply_readme(conf: Path, package: Path) -> None:
    """Do what the README says under "Add a rule and a table" to copies of conf/ and lib/lakehouse/.

    The test that the README adds is left out: it belongs to neither.
    """
    apply_section("### A rule", conf, package)
    apply_section("### A table", conf, package)


def apply_section(title: str, conf: Path, package: Path) -> None:
    """Write the files that a section shows; lines for a file that exists go below the first line shown of it."""
    for block in blocks(section(title)):
        if block.file is None or block.file.startswith("tests/"):
            continue
        top, _, rest = block.file.partition("/")
        path = conf / rest if top == "conf" else package / rest.removeprefix("lakehouse/")
        if not path.exists():
            path.write_text(block.text, "utf-8")
            continue
        _, anchor, *added = block.text.splitlines()
        lines = path.read_text("utf-8").splitlines()
        assert lines.count(anchor) == 1, f"{block.file} has the line '{anchor}' {lines.count(anchor)} times"
        place = lines.index(anchor) + 1
        path.write_text("\n".join([*lines[:place], *added, *lines[place:]]) + "\n", "utf-8")


@pytest.fixture
def copies(tmp_path: Path) -> tuple[Path, Path]:
    """Copies of conf/ and lib/lakehouse/."""
    conf, package = tmp_path / "conf", tmp_path / "lib" / "lakehouse"
    shutil.copytree(ROOT / "conf", conf)
    shutil.copytree(ROOT / "lib" / "lakehouse", package, ignore=shutil.ignore_patterns("__pycache__"))
    return conf, package


def validate(conf: Path, package: Path) -> subprocess.CompletedProcess[str]:
    """``lakehouse validate`` of a copy."""
    env = {**os.environ, "LAKEHOUSE_CONF": str(conf), "PYTHONPATH": str(package.parent), "COLUMNS": "200"}
    command = [sys.executable, "-c", "from lakehouse.cli import main; main()", "validate"]
    return subprocess.run(command, cwd=conf.parent, env=env, capture_output=True, text=True, check=False)


def test_a_rule_and_a_table_are_added_as_the_readme_says(copies: tuple[Path, Path]) -> None:
    before = len(load_domain("billing").tables)
    apply_readme(*copies)
    done = validate(*copies)
    assert (done.returncode, done.stderr) == (0, "")
    expected = f"ok     domain billing: {before + 1} tables"
    assert expected in done.stdout.splitlines()
    assert expected in section("## Add a rule and a table")
    rules = (copies[0] / "billing/silver/usage.yml").read_text().partition("row_rules:\n")[2]
    assert rules.startswith("  resource_id_is_not_blank: ")


def test_a_source_is_added_as_the_readme_says(copies: tuple[Path, Path]) -> None:
    before = len(load_domain("billing").tables)
    apply_section("### A source", *copies)
    done = validate(*copies)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"ok     domain billing: {before + 1} tables" in done.stdout.splitlines()


def test_what_the_readme_adds_is_complete() -> None:
    assert created_files() == {
        "conf/billing/silver/usage.yml",
        "conf/billing/gold/monthly_usage.yml",
        "lib/lakehouse/domains/billing/gold/monthly_usage.py",
        "tests/domains/billing/gold/test_monthly_usage.py",
        "conf/billing/bronze/prices.yml",
    }


@pytest.mark.parametrize("name", NAMES)
def test_python_in_the_documents_is_python(name: str) -> None:
    for block in blocks((ROOT / name).read_text()):
        if block.kind == "python":
            compile(block.text, name, "exec")


# --- Commands, options, make ---


@pytest.fixture(scope="module")
def options() -> Mapping[str, set[str]]:
    """Command -> its options; a group has those of all its commands."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    return {
        name: {"--help"}
        | {option for parameter in parameters(command) for option in parameter.opts if option[0] == "-"}
        for name, command in group.commands.items()
    }


def parameters(command: Any) -> Iterator[Any]:
    yield from command.params
    for inner in getattr(command, "commands", {}).values():
        yield from inner.params


def options_in(arguments: list[str]) -> set[str]:
    return {word.split("=")[0] for word in arguments if word.startswith("--")}


def make_targets() -> set[str]:
    return set(re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.M)[0].split())


@pytest.mark.parametrize("name", NAMES)
def test_every_lakehouse_command_exists(name: str, options: Mapping[str, set[str]]) -> None:
    for line in lines_of_code((ROOT / name).read_text()):
        if not line.startswith("lakehouse "):
            continue
        command, *arguments = words(line)[1:]
        assert command in options, line
        assert options_in(arguments) <= options[command], line
        if command == "quarantine" and arguments:
            assert arguments.pop(0) in {"list", "show", "export", "replay", "discard"}, line
        if command not in {"sql", "validate", "history"} and arguments and not arguments[0].startswith("-"):
            assert arguments[0] in domain_names(), line


@pytest.mark.parametrize("name", NAMES)
def test_every_make_target_and_variable_exists(name: str, options: Mapping[str, set[str]]) -> None:
    makefile = (ROOT / "Makefile").read_text()
    for line in lines_of_code((ROOT / name).read_text()):
        if not line.startswith("make "):
            continue
        given = words(line)[1:]
        targets = [word for word in given if "=" not in word]
        assert set(targets) <= make_targets(), line
        for variable, _, value in (word.partition("=") for word in given if "=" in word):
            assert re.search(rf"\$[({{]?\$?[({{]?{variable}\b", makefile), line
            if variable == "ARGS":
                assert options_in(value.split()) <= (BENCH if targets[0] == "bench" else options[targets[0]]), line


@pytest.mark.parametrize("name", NAMES)
def test_every_option_exists(name: str, options: Mapping[str, set[str]]) -> None:
    known = set().union(*options.values()) | SPARK_SUBMIT | BENCH
    mentioned = {code.split()[0] for code in inline_code((ROOT / name).read_text()) if code.startswith("--")}
    assert mentioned <= known


@pytest.mark.parametrize("name", NAMES)
def test_every_spark_submit_line_names_a_job_and_its_options(name: str, options: Mapping[str, set[str]]) -> None:
    for line in lines_of_code((ROOT / name).read_text()):
        if not line.startswith("spark-submit "):
            continue
        given = words(line)[1:]
        (place,) = [number for number, word in enumerate(given) if word.startswith("jobs/")]
        command = given[place].removeprefix("jobs/lakehouse_").removesuffix(".py")
        assert (ROOT / given[place]).is_file(), line
        assert options_in(given[:place]) <= SPARK_SUBMIT, line
        assert options_in(given[place:]) <= options[command], line


def test_the_readme_lists_every_command(options: Mapping[str, set[str]]) -> None:
    listed = re.findall(r"^\| `lakehouse (\w+)", section("## Commands"), re.M)
    assert sorted(listed) == sorted(options)
    moving = set.intersection(*(options[name] for name in ("run", "ingest", "refine", "aggregate", "maintain")))
    named = {code for code in inline_code(section("## Commands")) if re.fullmatch(r"--[a-z-]+", code)}
    assert named == moving - {"--help"}


# --- Exit codes, paths, links, names ---

MEANINGS = {
    ExitCode.DONE: "done",
    ExitCode.FAILED: "unexpected failure",
    ExitCode.WRONG_USAGE: "wrong usage or configuration",
    ExitCode.GATE_REFUSED: "a gate refused a delivery",
    ExitCode.WRITER_BUSY: "another writer holds the domain",
    ExitCode.INCOMPLETE: "only with `--strict`: deliveries are unreadable or missing",
}


@pytest.mark.parametrize("name", ["README.md", "docs/operations.md"])
def test_exit_codes_are_those_of_the_product(name: str) -> None:
    rows = re.findall(r"^\| (\d+) \| ([^|]*) \|", (ROOT / name).read_text(), re.M)
    assert [int(code) for code, _ in rows] == [int(code) for code in ExitCode]
    for code, meaning in rows:
        assert meaning.startswith(MEANINGS[ExitCode(int(code))]), (code, meaning)


@pytest.mark.parametrize("name", NAMES)
def test_every_file_that_is_mentioned_exists(name: str) -> None:
    for line in lines_of_code((ROOT / name).read_text()):
        for word in line.split():
            if _PATH.fullmatch(word) and word not in created_files():
                assert (ROOT / word).exists(), f"{name} names {word}"


@pytest.mark.parametrize("name", NAMES)
def test_every_relative_link_resolves(name: str) -> None:
    path = ROOT / name
    targets = re.findall(r"\]\(([^)]+)\)", _FENCE.sub("", path.read_text()))
    for target in targets:
        if "://" not in target:
            assert (path.parent / target.partition("#")[0]).exists(), f"{name} links to {target}"


@pytest.mark.parametrize("name", NAMES)
def test_every_variable_of_the_environment_is_read_somewhere(name: str) -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "lib").rglob("*.py"))
    for variable in set(re.findall(r"\bLAKEHOUSE_[A-Z]+\b", (ROOT / name).read_text())):
        assert f'"{variable}"' in sources, f"{name} names {variable}"


def views(domain: Domain) -> Iterator[str]:
    yield from (table.view for table in domain.tables)
    for table in domain.silver():
        yield from (f"{domain.name}_{layer}.{table.id.name}" for layer in ("outranked", "quarantine"))
    yield from (f"{domain.name}_ledger.{table}" for table in TABLES)


@pytest.mark.parametrize("name", NAMES)
def test_every_view_in_the_documents_exists(name: str) -> None:
    known = {view for domain in domain_names() for view in views(load_domain(domain))}
    mentioned = set(re.findall(rf"\b(?:{'|'.join(domain_names())})_[a-z]+\.\w+", (ROOT / name).read_text()))
    assert mentioned <= known


def test_decisions_are_numbered_without_a_gap() -> None:
    found = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("*.md"))
    assert [name[:5] for name in found] == [f"{number:04}-" for number in range(1, len(found) + 1)]
    for name in found:
        assert (ROOT / "docs" / "decisions" / name).read_text().startswith(f"# {name[:4]} "), name


# --- Tables of columns and keys ---


def test_the_ledger_is_described_column_by_column() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (`entry`.*) \|$", text, re.M)
    assert {table: _INLINE.findall(columns) for table, columns in rows} == {t: [*c] for t, c in TABLES.items()}


def test_the_result_file_is_described_key_by_key() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    part = text.partition("## The result of a run")[2].partition("\n## ")[0]
    rows = [row for row in re.findall(r"^\| (.*?) \| (.*) \|$", part, re.M) if row[0].startswith("`")]
    keys = [key for cell, _ in rows for key in _INLINE.findall(cell)]
    assert sorted(keys) == sorted(field.name for field in fields(RunSummary))
    inner = {cell: _INLINE.findall(meaning) for cell, meaning in rows}
    assert inner["`deliveries`"] == [field.name for field in fields(DeliverySummary)]
    assert sorted(inner["`tables`"]) == sorted(field.name for field in fields(TableSummary))


# --- The picture of a run ---


def test_the_run_in_the_readme_is_what_make_run_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The sample that `make run` makes, counted independently, in the product's own words."""
    landing = tmp_path / "landing"
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    given = {parameter.name: str(parameter.default) for parameter in group.commands["sample"].params}
    days, seed = (int(given[name]) for name in ("days", "seed"))
    assert given["rows_per_day"] == "None"
    truth = generate(landing, days=days, seed=seed)
    show_run(_summary(landing, accepted=truth.states["accepted"]))
    shown = {line.rstrip() for line in capsys.readouterr().out.splitlines()}
    (excerpt,) = [block.text for block in blocks(section("## What you see")) if block.kind == "text"]
    for line in excerpt.splitlines():
        assert "..." in line or line in shown, line


def _summary(landing: Path, accepted: int) -> RunSummary:
    """A run over a sample: counts from the computation that shares nothing with the engine."""
    counted = compute(landing)

    def count(table: str) -> int:
        found = counted.execute(f"SELECT count(*) FROM {table}").fetchone()
        return int(found[0]) if found else 0

    domain = load_domain("billing")
    nothing = register([])
    news = look(domain, str(landing), nothing, Days())
    arrivals, _ = examine(news.candidates, domain, nothing, lambda: None)
    taken = [arrival.file.delivery_id for arrival in arrivals if arrival.content.layout]
    summary = RunSummary("run", "billing", "lake", str(landing), [])
    summary.deliveries = [DeliverySummary("billing.bronze.usage", name, "new") for name in taken]
    summary.deliveries += [
        DeliverySummary("billing.bronze.usage", a.file.delivery_id, "unreadable", a.content.reason)
        for a in arrivals
        if not a.content.layout
    ]
    judged = [DeliverySummary("billing.silver.usage", name, "accepted") for name in taken[:accepted]]
    judged[0].rows_in, judged[0].rows_accepted = count("raw"), count("silver_usage")
    judged[0].rows_outranked, judged[0].rows_quarantined = count("outranked_usage"), count("quarantine_usage")
    rules = counted.execute("SELECT r, count(*) FROM (SELECT unnest(rules) AS r FROM quarantine_usage) GROUP BY ALL")
    judged[0].quarantined_by_rule = dict(rules.fetchall())
    summary.deliveries += judged
    for table in domain.tables:
        name = {"bronze": "raw", "silver": "silver_usage"}.get(table.layer, table.name)
        summary.tables.append(TableSummary(str(table), 1, count(name), "made anew" if table.layer == "gold" else ""))
    return summary
