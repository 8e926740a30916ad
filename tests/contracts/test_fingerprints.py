"""What makes a table's deliveries pending again, and what does not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lakehouse.contracts.domains import load_domain
from lakehouse.contracts.locations import PACKAGE
from lakehouse.contracts.names import TableId
from tests.contracts.places import BRONZE, DAILY, SILVER, Change, copy_conf

ID = TableId.parse("billing.silver.usage")
DAILY_ID = TableId.parse("billing.gold.daily_usage")
BRONZE_ID = TableId.parse("billing.bronze.usage")
DAILY_CODE = "billing/gold/daily_usage.py"
REGION = "  region: {type: string, description: Region of the resource}\n"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the domains' code that a test may change; its folder."""
    copy = tmp_path / "lakehouse"
    shutil.copytree(PACKAGE / "domains", copy / "domains", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr("lakehouse.contracts.locations.PACKAGE", copy)
    monkeypatch.setattr("lakehouse.contracts.fingerprints.PACKAGE", copy)
    return copy / "domains"


def fingerprints(conf: Path, monkeypatch: pytest.MonkeyPatch, *changes: Change) -> dict[TableId, str]:
    shutil.rmtree(conf, ignore_errors=True)
    monkeypatch.setenv("LAKEHOUSE_CONF", str(copy_conf(conf, *changes)))
    return load_domain("billing").fingerprints


@pytest.mark.parametrize(
    "change",
    [
        Change(SILVER, "One billed operation.", "Something else."),
        Change(SILVER, "Region of the resource", "Where it lies"),
        Change(SILVER, "usage arrives within three days", "it is so"),
        Change(SILVER, "compact_below_mb: 32", "compact_below_mb: 64"),
        Change(SILVER, "  region: {type: string,", "  region: {type: string, required: false,"),
        Change(SILVER, "write:\n", "# a comment\nwrite:\n"),
        Change(BRONZE, "Region of the resource", "Where it lies"),
    ],
)
def test_what_changes_no_row_changes_no_fingerprint(
    change: Change, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = fingerprints(tmp_path / "conf", monkeypatch)
    assert fingerprints(tmp_path / "conf", monkeypatch, change) == before


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        (Change(SILVER, "credit_usage < 0", "credit_usage <= 0"), {ID}),
        (Change(SILVER, "error: 0.05", "error: 0.06"), {ID}),
        (Change(SILVER, "RowCount > 0", "RowCount > 1"), {ID}),
        (Change(SILVER, "days\n    severity: warn", "days\n    severity: quarantine"), {ID}),
        (Change(SILVER, "{type: boolean,", "{type: boolean, true_values: [ok],"), {ID}),
        (Change(SILVER, REGION, REGION.replace("type", "null_values: [none], type")), {ID}),
        (Change(SILVER, '"decimal(20,8)"', '"decimal(20,6)"'), {ID}),
        (Change(SILVER, "  partition_by:", "  order_by: [success]\n  partition_by:"), {ID}),
        (Change(BRONZE, "aliases: [user]", "aliases: [user, customer]"), {ID, BRONZE_ID}),
        (Change(BRONZE, "columns:\n", "  delimiters: ['|']\ncolumns:\n"), {BRONZE_ID}),
        (Change(DAILY, "decimal(38,8)", "decimal(38,6)"), {DAILY_ID}),
    ],
)
def test_what_decides_about_rows_changes_the_fingerprint(
    change: Change, changed: set[TableId], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = fingerprints(tmp_path / "conf", monkeypatch)
    after = fingerprints(tmp_path / "conf", monkeypatch, change)
    assert {table for table in before if before[table] != after[table]} == changed


def test_a_column_may_be_called_description(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    column = "  description: {computed: true, type: string, description: x}\n"
    one = fingerprints(tmp_path / "conf", monkeypatch, Change(SILVER, REGION, REGION + column))
    other = fingerprints(
        tmp_path / "conf", monkeypatch, Change(SILVER, REGION, REGION + column.replace("string", "int"))
    )
    assert one[ID] != other[ID]


def test_the_fingerprint_of_a_contract_stays_the_same_from_version_to_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change here makes every delivery of every lake pending: it must be meant."""
    assert fingerprints(tmp_path / "conf", monkeypatch)[BRONZE_ID] == "7d428fb60e06f93d"


# --- The transform's code


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Consumption per day and currency."""\n\nfrom', '"""Another docstring."""\n\nfrom'),
        ("from pyspark.sql import DataFrame\n", "# a comment\nfrom pyspark.sql import DataFrame\n\n\n"),
        (
            '        F.count("*").alias("transaction_count"),\n',
            '        F.count(\n"*").alias("transaction_count"),  # all\n',
        ),
    ],
)
def test_comments_docstrings_and_layout_do_not_count(
    old: str, new: str, package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = fingerprints(tmp_path / "conf", monkeypatch)
    change_code(package / DAILY_CODE, old, new)
    assert fingerprints(tmp_path / "conf", monkeypatch) == before


def test_code_counts(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprints(tmp_path / "conf", monkeypatch)
    change_code(package / DAILY_CODE, 'F.count("*").alias("transaction_count")', 'F.count("*").alias("n")')
    after = fingerprints(tmp_path / "conf", monkeypatch)
    assert {table for table in before if before[table] != after[table]} == {DAILY_ID}


@pytest.mark.parametrize(
    "line",
    [
        "from lakehouse.domains.billing.extra import share\n",
        "from lakehouse.domains.billing import extra\n",
        "import lakehouse.domains.billing.extra\n",
        "from ..extra import share\n",
        "from .. import extra\n",
    ],
)
def test_the_code_of_an_imported_module_counts(
    line: str, package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (package / "billing" / "extra.py").write_text(
        '"""Shares."""\n\nfrom lakehouse.domains.billing import deep\n\nshare = 1\n'
    )
    (package / "billing" / "deep.py").write_text("depth = 1\n")
    change_code(
        package / DAILY_CODE, "from pyspark.sql import DataFrame\n", f"from pyspark.sql import DataFrame\n{line}"
    )
    before = fingerprints(tmp_path / "conf", monkeypatch)
    (package / "billing" / "extra.py").write_text(
        '"""Parts."""\n\nfrom lakehouse.domains.billing import deep\n\nshare = 1\n'
    )
    assert fingerprints(tmp_path / "conf", monkeypatch) == before
    change_code(package / "billing" / "extra.py", "share = 1", "share = 2")
    nearer = fingerprints(tmp_path / "conf", monkeypatch)
    assert {table for table in before if before[table] != nearer[table]} == {DAILY_ID}
    (package / "billing" / "deep.py").write_text("depth = 2\n")
    deeper = fingerprints(tmp_path / "conf", monkeypatch)
    assert {table for table in before if nearer[table] != deeper[table]} == {DAILY_ID}


def change_code(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def test_the_order_of_mapped_patterns_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def mapped(values: str) -> dict[TableId, str]:
        column = f"  region: {{type: string, mapped: {{from: delivery_id, values: {{{values}}}}}, description: x}}\n"
        return fingerprints(tmp_path / "conf", monkeypatch, Change(SILVER, REGION, column))

    assert mapped("'*_us_*': US, '*_us_ca_*': CA")[ID] != mapped("'*_us_ca_*': CA, '*_us_*': US")[ID]
