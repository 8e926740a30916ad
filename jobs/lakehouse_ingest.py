"""The step ingest of a domain: ``spark-submit jobs/lakehouse_ingest.py billing --lake ... --landing ...``."""

from lakehouse.cli import main

if __name__ == "__main__":
    main("ingest")
