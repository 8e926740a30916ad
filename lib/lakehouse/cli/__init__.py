"""The command line: the only place that prints."""

from lakehouse.cli.app import main

__all__ = ["main"]
