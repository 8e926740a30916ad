"""All steps of a domain: ``spark-submit jobs/lakehouse_run.py billing --lake ... --landing ...``."""

from lakehouse.cli import main

if __name__ == "__main__":
    main("run")
