"""How a table is written: one typed value per strategy, so that impossible combinations cannot be declared."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from lakehouse.contracts.declaration import Declaration


class Append(Declaration):
    """Bronze: every accepted delivery is added once."""

    example: ClassVar[str] = "write: {strategy: append, partition_by: [delivery_date]}"

    strategy: Literal["append"]
    partition_by: tuple[str, ...] = ("delivery_date",)


class Merge(Declaration):
    """Silver: one row per key; the highest-ranking row of a key is published, the others are kept aside."""

    example: ClassVar[str] = "write: {strategy: merge, keys: [order_number, line_number], partition_by: [order_date]}"

    strategy: Literal["merge"]
    keys: tuple[str, ...] = Field(min_length=1)
    order_by: tuple[str, ...] = ()
    """Columns that decide which row of a key wins, before the delivery's date, path and record number."""
    partition_by: tuple[str, ...] = ()


class ReplacePeriods(Declaration):
    """Gold: the partitions that a change can touch are computed anew and replaced together."""

    example: ClassVar[str] = (
        "write: {strategy: replace_periods, keys: [usage_date, currency], partition_by: [usage_date]}"
    )

    strategy: Literal["replace_periods"]
    keys: tuple[str, ...] = Field(min_length=1)
    partition_by: tuple[str, ...] = Field(min_length=1)


class ReplaceAll(Declaration):
    """Gold: small all-time tables, computed anew as a whole."""

    example: ClassVar[str] = "write: {strategy: replace_all, keys: [currency, user_id]}"

    strategy: Literal["replace_all"]
    keys: tuple[str, ...] = Field(min_length=1)

    @property
    def partition_by(self) -> tuple[str, ...]:
        """All-time tables are not partitioned."""
        return ()


Write = Annotated[Append | Merge | ReplacePeriods | ReplaceAll, Field(discriminator="strategy")]
