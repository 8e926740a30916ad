"""Airflow's pools: one slot per domain, so that only one of its steps runs at a time, whoever asked for it.

``python -m lakehouse.orchestration.pools > pools.json`` and ``airflow pools import pools.json`` make them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable

from lakehouse.contracts.domains import domain_names


def pool_of(domain: str) -> str:
    """The name of a domain's pool."""
    return f"lakehouse_{domain}"


def pools(domains: Iterable[str]) -> str:
    """The pools of domains, in the form that ``airflow pools import`` reads."""
    made = {
        pool_of(domain): {
            "slots": 1,
            "description": f"One step of {domain} at a time: never two writers",
            "include_deferred": True,
        }
        for domain in domains
    }
    return json.dumps(made, indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(pools(domain_names()))
