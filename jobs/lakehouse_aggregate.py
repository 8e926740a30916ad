"""The step aggregate of a domain: ``spark-submit jobs/lakehouse_aggregate.py billing --lake ... --landing ...``."""

from lakehouse.cli import main

if __name__ == "__main__":
    main("aggregate")
