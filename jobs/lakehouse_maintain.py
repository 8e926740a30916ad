"""The step maintain of a domain: ``spark-submit jobs/lakehouse_maintain.py billing --lake ... --landing ...``."""

from lakehouse.cli import main

if __name__ == "__main__":
    main("maintain")
