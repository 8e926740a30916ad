"""Commands that answer at once import nothing that takes long."""

from __future__ import annotations

import subprocess
import sys

import pytest

SLOW = {"sqlglot", "pyspark", "pandas", "numpy", "duckdb"}


@pytest.mark.parametrize(
    ("code", "without"),
    [
        ("import lakehouse.cli; from lakehouse.contracts.domains import load_domain; load_domain('billing')", SLOW),
        ("import lakehouse.cli, lakehouse.serving.sql", SLOW - {"duckdb"} | {"fsspec"}),
        ("from lakehouse.contracts.domains import load_domain as d\n"
         "from lakehouse.contracts.sql import check_sql\ncheck_sql(d('billing'))", SLOW - {"sqlglot"}),
    ],
)  # fmt: skip
def test_what_is_not_imported(code: str, without: set[str]) -> None:
    found = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"], capture_output=True, text=True, check=True
    )
    assert without & set(found.stdout.split()) == set()
