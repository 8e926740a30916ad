"""Generators of sample landing zones, one module per domain, and what all of them share.

A generator writes deliveries with every kind of dirt in known amounts, and the truth about them beside the
landing zone. `DOMAINS` lists the domains that have one; `generator("billing")` gives the function.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from lakehouse.errors import nearest
from lakehouse.samples.truth import Delivered, SampleError, Truth

__all__ = ["DOMAINS", "Delivered", "Generate", "SampleError", "Truth", "generator"]

DOMAINS = ("billing", "retail")
"""Domains with sample data: each names a module of this package with a function `generate`."""


class Generate(Protocol):
    """What every generator looks like; `lakehouse.samples.billing.generate` explains the arguments."""

    def __call__(
        self,
        out: Path,
        *,
        days: int,
        seed: int,
        rows_per_day: int | None = ...,
        start: date = ...,
        dirt: float = ...,
        bad_days: int = ...,
        progress: Callable[[int, int], None] | None = ...,
    ) -> Truth:
        """Write the landing zone and return the truth about it."""


def generator(domain: str) -> Generate:
    """The generate function of a domain, imported when asked for.

    Raises SampleError, naming the known domains, when there is none.
    """
    if domain not in DOMAINS:
        hint = nearest(domain, DOMAINS)
        raise SampleError(f"no sample data for domain {domain!r}.{hint} Known: {', '.join(DOMAINS)}")
    return cast(Generate, import_module(f"lakehouse.samples.{domain}").generate)
