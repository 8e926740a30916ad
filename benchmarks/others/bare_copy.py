"""The yardstick: Spark copies the files to Parquet, every value as text, and nothing else.

Example: python -m benchmarks.others.bare_copy files.txt copy
"""

from __future__ import annotations

import sys
from pathlib import Path

from lakehouse.contracts.environments import load_environment
from lakehouse.session import open_session


def main(listed: Path, to: Path) -> None:
    """Copy the files that are listed, one a line."""
    spark = open_session("bare copy", load_environment("local"))
    rows = spark.read.option("header", True).option("multiLine", True).csv(listed.read_text().splitlines())
    rows.write.mode("overwrite").parquet(str(to))
    spark.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
