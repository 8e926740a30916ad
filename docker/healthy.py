"""Whether a service answers: exit 0 when it does, 1 and why when not.

    healthy.py URL                 any page
    healthy.py URL COMPONENT       Airflow's health report, where this component must be healthy

Standard library alone: it runs every few seconds in every container.
"""

from __future__ import annotations

import json
import sys
from urllib.error import URLError
from urllib.request import urlopen


def problem(address: str, component: str | None = None) -> str | None:
    """What is wrong with a service, or None."""
    try:
        with urlopen(address, timeout=5) as answer:
            body = answer.read()
    except (URLError, OSError) as error:
        return f"{address}: {error}"
    if component is None:
        return None
    try:
        status = json.loads(body)[component]["status"]
    except (ValueError, KeyError, TypeError):
        return f"{address}: no report about {component}"
    return None if status == "healthy" else f"{address}: {component} is {status}"


def main(arguments: list[str]) -> int:
    """Say what is wrong, if anything."""
    found = problem(*arguments[:2])
    if found:
        sys.stderr.write(found + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
