"""Rules: booleans over one row, and gates over one delivery."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from lakehouse.contracts.declaration import Declaration


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


class QuarantineShare(Declaration):
    """Shares of quarantined rows, from 0 to 1, above which a delivery is warned about or refused."""

    example: ClassVar[str] = "quarantine_share: {warn: 0.01, error: 0.05}"

    warn: Annotated[float, Field(ge=0, le=1)] = 0.01
    error: Annotated[float, Field(ge=0, le=1)] = 0.05


class Maintenance(Declaration):
    """When and how the files of a table are rearranged."""

    example: ClassVar[str] = "maintain: {zorder_by: [user_id], compact_below_mb: 32}"

    zorder_by: tuple[str, ...] = ()
    compact_below_mb: Annotated[int, Field(gt=0)] = 32
    """Files below this size are small; a partition with several of them is compacted."""
    keep_days: Annotated[int, Field(ge=7)] = 30
    """For how long old versions stay readable before VACUUM removes their files."""
