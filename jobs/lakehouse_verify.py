"""The command verify of a domain: ``spark-submit jobs/lakehouse_verify.py billing ... --lake ...``."""

from lakehouse.cli import main

if __name__ == "__main__":
    main("verify")
