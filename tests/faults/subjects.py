"""Domains that are put to the test: how their rows are drawn and delivered, and what their tables have to hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

from hypothesis import strategies as st

from lakehouse.steps.summary import RunSummary
from tests.faults.plain import Placed, Row

Figures = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Expected(Generic[Row]):
    """A table: the columns that are compared, and their values from the good rows that count."""

    columns: tuple[str, ...]
    figures: Callable[[Sequence[Placed[Row]]], Figures]


@dataclass(frozen=True)
class Subject(Generic[Row]):
    """A domain with one bronze and one silver table, and any number of tables made from them.

    A table of another write strategy takes part by an entry in ``tables``.
    """

    domain: str
    silver: str
    """Id of the silver table."""
    slots: tuple[tuple[str, str], ...]
    """Deliveries that may come: day and file name."""
    good: st.SearchStrategy[Row]
    """Rows that no contract minds, or only one of the two."""
    harmless: st.SearchStrategy[Row]
    """Rows that no contract minds."""
    bad: st.SearchStrategy[Row]
    broken: Callable[[Row, int], bool]
    """Whether a row breaks a rule under a contract with this limit."""
    limits: tuple[int, int]
    """Limits that the contract is changed between; it begins with the first."""
    share: float
    """A delivery with a greater share of bad rows is refused."""
    mend: Callable[[Row], tuple[str, str, Row]]
    """How a bad row is patched: column, value, and the row with it."""
    delivery_id: Callable[[str, str], str]
    deliver: Callable[[Path, str, str, Sequence[Row]], None]
    contract: Callable[[Path, int], None]
    """Write the contract with a limit into a copy of the configuration."""
    run: Callable[..., RunSummary]
    """Run steps in this process: ``run(landing, lake, steps=..., days=..., decide=...)``."""
    tables: Mapping[str, Expected[Row]]
    """By folder below the domain's: ``gold/daily_usage``."""
