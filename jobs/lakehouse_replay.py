"""The command quarantine replay of a domain: ``spark-submit jobs/lakehouse_replay.py billing ... --lake ...``."""

from lakehouse.cli import main

if __name__ == "__main__":
    main("quarantine", "replay")
