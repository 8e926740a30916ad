"""The command retract of a domain: ``spark-submit jobs/lakehouse_retract.py billing ... --lake ...``."""

from lakehouse.cli import main

if __name__ == "__main__":
    main("retract")
