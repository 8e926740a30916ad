"""The command release of a domain: ``spark-submit jobs/lakehouse_release.py billing ... --lake ...``."""

from lakehouse.cli import main

if __name__ == "__main__":
    main("release")
