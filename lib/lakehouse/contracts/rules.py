"""Rules: booleans over one row, and gates over one delivery."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from lakehouse.contracts.declaration import Declaration
from lakehouse.contracts.statements import GATE_KINDS, filters, is_joined, misfit, named_columns
from lakehouse.errors import nearest

MOST_DAYS = 36500
"""A hundred years: the longest that anything can be kept for, where it is not kept for ever."""
_MOST_MB = 1 << 20

_OF_ROWS = {"ColumnCount", "ColumnDataType", "ColumnExists", "ColumnLength", "ColumnValues", "IsComplete"}
"""Statements that hold of some rows together when they hold of each."""
_OF_KEYS = {"IsPrimaryKey", "IsUnique"}
_THRESHOLD = re.compile(r"\bwith\s+threshold\b", re.IGNORECASE)
_PRESENCE = re.compile(r'(?:Completeness|IsComplete) "[^"]+"[^"]*')


class RowRule(Declaration):
    """A named SQL boolean over one conformed row; broken when it is FALSE, not when it is NULL."""

    example: ClassVar[str] = "credit_usage_is_a_debit: {assert: credit_usage < 0, because: usage is booked as a debit}"

    condition: str = Field(alias="assert")
    because: str
    severity: Literal["quarantine", "warn"] = "quarantine"


class Gate(Declaration):
    """A DQDL statement about one delivery, judged by PyDeequ before (conformed) or after (staged) the split."""

    example: ClassVar[str] = "{on: conformed, rule: 'Completeness \"invoice_id\" > 0.99', severity: error}"

    on: Literal["conformed", "staged"]
    rule: str
    severity: Literal["error", "warn"] = "error"

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that the statement names."""
        return named_columns(self.rule)

    @property
    def filters(self) -> tuple[str, ...]:
        """SQL of the rows that it looks at; none when it looks at all."""
        return filters(self.rule)

    @property
    def presence_only(self) -> bool:
        """Whether it asks no more of a column than whether its values are there."""
        return _PRESENCE.fullmatch(self.rule) is not None

    def unfit_for_deliveries(self) -> str | None:
        """Why it cannot look at one delivery at a time, as gates of silver tables do; None when it can."""
        if self.filters:
            return "has its own where; a gate of a silver table already looks at one delivery. Leave the where out."
        if is_joined(self.rule):
            return (
                "joins statements; a gate of a silver table is one statement about one delivery. Write each as a gate "
                "of its own, or what is asked of single rows as a row rule. "
                "Example: row_rules: {paid_or_free: {assert: price > 0 OR tier = 'free', because: others are billed}}"
            )
        if self.rule.split()[0] in {"ColumnCount", "ColumnExists"}:
            return (
                "asks about the table's columns; a silver table has those of its contract, whatever was delivered. "
                "Leave it out: 'lakehouse status' tells how the columns of deliveries differ."
            )
        return None

    def unfit_for_periods(self, periods: Iterable[str]) -> str | None:
        """Why it cannot look at the changed periods of a table alone; None when it can, or does no more than warn.

        What is refused must not depend on which periods happen to be computed together.
        """
        kind = self.rule.split()[0]
        of_rows = kind in _OF_ROWS and not _THRESHOLD.search(self.rule)
        of_keys = kind in _OF_KEYS and set(periods) <= {*self.columns}
        if self.severity == "warn" or (not is_joined(self.rule) and (of_rows or of_keys)):
            return None
        return (
            "is decided by many rows together, and of this table only the periods that changed are looked at: what is "
            "refused would depend on how deliveries came. Ask something of each row, or of a key with "
            f"{' and '.join(periods)}, or let it warn. Example: {{on: staged, rule: 'ColumnValues \"amount\" >= 0'}}"
        )

    @field_validator("rule")
    @classmethod
    def _check_statement(cls, rule: str) -> str:
        kind = rule.split(maxsplit=1)[0] if rule.split() else ""
        # Statements joined by and, or begin with a bracket; PyDeequ itself judges those.
        if kind not in GATE_KINDS and not kind.startswith("("):
            raise PydanticCustomError(
                "gate",
                "'{kind}' is not a statement that a gate can make.{hint} Allowed: {allowed}. "
                "Example: rule: 'Completeness \"invoice_id\" > 0.99'.",
                {"kind": kind, "hint": nearest(kind, GATE_KINDS), "allowed": ", ".join(GATE_KINDS)},
            )
        problem = misfit(rule)
        if problem:
            raise PydanticCustomError(
                "gate",
                "'{rule}' {problem}. Example: rule: 'Completeness \"invoice_id\" > 0.99'.",
                {"rule": rule, "problem": problem},
            )
        return rule


class Threshold(Declaration):
    """A figure of a computed table below which a row of it is warned about, or the table refused."""

    example: ClassVar[str] = (
        "thresholds: [{figure: match_share, where: \"subject = 'dim_customer'\", warn_below: 0.95, says: statement}]"
    )

    figure: str
    """A column with numbers."""
    where: str | None = None
    """A SQL boolean: the rows that are meant; all when it is left out."""
    warn_below: Decimal | None = None
    error_below: Decimal | None = None
    says: str
    """The column whose text tells a person what was found."""

    @model_validator(mode="after")
    def _check_limits(self) -> Threshold:
        limits = [limit for limit in (self.error_below, self.warn_below) if limit is not None]
        if not limits or sorted(limits) != limits:
            raise PydanticCustomError(
                "threshold",
                "warn_below or error_below is needed, and error_below may not be the greater one. Example: {example}.",
                {"example": self.example},
            )
        return self

    def severity(self, value: Decimal | None) -> Literal["error", "warn"] | None:
        """What a figure leads to; None when it is high enough. A figure that is absent is below every limit."""
        if self.error_below is not None and (value is None or value < self.error_below):
            return "error"
        return "warn" if self.warn_below is not None and (value is None or value < self.warn_below) else None


def _check_shares(warn: float, error: float, example: str) -> None:
    if warn > error:
        raise PydanticCustomError(
            "share",
            "warn ({warn}) is above error ({error}): nobody would be warned before a delivery is refused. "
            "Example: {example}.",
            {"warn": warn, "error": error, "example": example},
        )


class QuarantineShare(Declaration):
    """Shares of quarantined rows, from 0 to 1, above which a delivery is warned about or refused."""

    example: ClassVar[str] = "quarantine_share: {warn: 0.01, error: 0.05}"

    warn: Annotated[float, Field(ge=0, le=1)] = 0.01
    error: Annotated[float, Field(ge=0, le=1)] = 0.05

    @model_validator(mode="after")
    def _check_order(self) -> QuarantineShare:
        _check_shares(self.warn, self.error, self.example)
        return self


class RowCountDrop(Declaration):
    """Shares of missing rows, from 0 to 1, above which a delivery is warned about or refused.

    Compared with the content that it replaces, and with the median of the deliveries of its series that are nearest
    in time.
    """

    example: ClassVar[str] = "row_count_drop: {warn: 0.5, error: 0.9}"

    warn: Annotated[float, Field(ge=0, le=1)] | None = None
    error: Annotated[float, Field(ge=0, le=1)] | None = None

    @model_validator(mode="after")
    def _check_order(self) -> RowCountDrop:
        if self.warn is not None and self.error is not None:
            _check_shares(self.warn, self.error, self.example)
        return self


class Upkeep(Declaration):
    """When the files of a table are brought together, and for how long its old versions stay."""

    compact_below_mb: Annotated[int, Field(gt=0, le=_MOST_MB)] = 32
    """Files below this size are small; a partition with several of them is compacted."""
    target_file_mb: Annotated[int, Field(gt=0, le=_MOST_MB)] = 128
    """The size that files are brought to."""
    keep_days: Annotated[int, Field(ge=7, le=MOST_DAYS)] = 30
    """For how long old versions stay readable before VACUUM removes their files."""

    @model_validator(mode="after")
    def _check_sizes(self) -> Upkeep:
        if self.compact_below_mb > self.target_file_mb:
            raise PydanticCustomError(
                "sizes",
                "compact_below_mb ({small}) is above target_file_mb ({target}): files of the wanted size would count "
                "as small for ever. Example: {example}.",
                {"small": self.compact_below_mb, "target": self.target_file_mb, "example": self.example},
            )
        return self


class Maintenance(Upkeep):
    """When and how the files of a table are rearranged."""

    example: ClassVar[str] = "maintain: {zorder_by: [user_id], compact_below_mb: 32}"

    zorder_by: tuple[str, ...] = ()
    """Columns that are looked up: rows with near values are put into the same files."""


class BronzeMaintenance(Upkeep):
    """When the files of a bronze table are brought together, and which rows need not be kept."""

    example: ClassVar[str] = "maintain: {compact_below_mb: 32, drop_superseded_days: 400}"

    drop_superseded_days: Annotated[int, Field(ge=7, le=MOST_DAYS)] | None = None
    """Contents that have counted for nothing for so many days are removed; None keeps everything that was delivered."""
