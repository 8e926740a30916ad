"""What `lakehouse history` prints, and how it ends."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from arro3.core import Array, DataType, Table
from deltalake import CommitProperties, DeltaTable, write_deltalake

from tests.cli.commands import Lakehouse, commands
from tests.contracts.places import copy_conf

RUN = "20250101T120000Z-0123abcd"


@pytest.fixture
def lakehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lakehouse:
    monkeypatch.setenv("LAKEHOUSE_CONF", str(copy_conf(tmp_path / "conf")))
    monkeypatch.chdir(tmp_path)
    named = CommitProperties(custom_metadata={"userMetadata": RUN})
    rows = Table.from_pydict({"user_id": Array(list(range(2_954_174)), type=DataType.int32())})
    path = "lake/billing/silver/usage"
    write_deltalake(path, rows, commit_properties=named)
    DeltaTable(path).delete("user_id = 7", commit_properties=named)
    return commands(monkeypatch, capsys, columns=80)


def test_versions_in_eighty_columns(lakehouse: Lakehouse, tmp_path: Path) -> None:
    code, out, err = lakehouse("history", "billing_silver.usage", "--lake", "lake")
    assert (code, err) == (0, "")
    shown = [re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "2025-01-01 12:00", line.rstrip()) for line in out.splitlines()]
    assert shown == [
        f"billing.silver.usage  {tmp_path}/lake/billing/silver/usage",
        "no. when (UTC)       operation rows       files run",
        f"  1 2025-01-01 12:00 DELETE    -1         +1 -1 {RUN}",
        f"  0 2025-01-01 12:00 WRITE     +2,954,174 +1    {RUN}",
    ]


def test_as_json(lakehouse: Lakehouse, tmp_path: Path) -> None:
    code, out, _ = lakehouse("history", "billing.silver.usage", "--lake", "lake", "--limit", "1", "--json")
    found = json.loads(out)
    assert code == 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", found["versions"][0].pop("time"))
    assert found == {
        "table": "billing.silver.usage",
        "path": f"{tmp_path}/lake/billing/silver/usage",
        "versions": [
            {
                "version": 1, "operation": "DELETE", "run_id": RUN, "rows_written": None, "rows_updated": None,
                "rows_deleted": 1, "files_added": 1, "files_removed": 1,
            }
        ],
    }  # fmt: skip


def test_an_unknown_table_and_no_lake(lakehouse: Lakehouse, tmp_path: Path) -> None:
    assert lakehouse("history", "billing.silver.usag", "--lake", "lake") == (
        2,
        "",
        f"error There is no table 'billing.silver.usag' in the lake {tmp_path}/lake. "
        "Did you mean 'billing.silver.usage'? Tables: billing.silver.usage.\n",
    )
    assert lakehouse("history", "billing.silver.usage", "--lake", "nowhere") == (
        2,
        "",
        f"error There is no lake at {tmp_path}/nowhere. Run 'lakehouse run DOMAIN --lake {tmp_path}/nowhere "
        "--landing ...' first, or name another folder with --lake.\n",
    )
