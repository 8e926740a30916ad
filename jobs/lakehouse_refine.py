"""The step refine of a domain: ``spark-submit jobs/lakehouse_refine.py billing --lake ... --landing ...``."""

from lakehouse.cli import main

if __name__ == "__main__":
    main("refine")
