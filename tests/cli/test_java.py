"""A run on a machine where Java does not start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import deliver, usage


def test_a_run_says_that_java_did_not_start(landing: Path, tmp_path: Path) -> None:
    deliver(landing, "2025-01-02", "a.csv", [usage("2025-01-02T10:00:00Z", "u1")])
    command = [sys.executable, "-c", "from lakehouse.cli import main; main()", "run", "billing"]
    # This process may have a driver already, which another one would attach to.
    variables = {name: text for name, text in os.environ.items() if not name.startswith("PYSPARK_")}
    done = subprocess.run(
        [*command, "--landing", str(landing), "--lake", str(tmp_path / "lake")],
        env={**variables, "JAVA_HOME": "/nowhere", "COLUMNS": "300"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    told = (
        "Java did not start (JAVA_HOME is /nowhere); what it said stands above. Install Java 17, let JAVA_HOME name "
        "its folder, and look at the Java options of the environment."
    )
    assert (done.returncode, told in done.stderr) == (2, True), done.stderr
    assert "Traceback" not in done.stderr
