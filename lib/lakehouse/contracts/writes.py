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


class Scd2(Declaration):
    """Silver: the history of each key, a row for each version of it (a slowly changing dimension)."""

    example: ClassVar[str] = "write: {strategy: scd2, keys: [customer_key], valid_from: delivery_date, type_1: [phone]}"

    strategy: Literal["scd2"]
    keys: tuple[str, ...] = Field(min_length=1)
    valid_from: str = "delivery_date"
    """The column with the day from which a delivered row holds: the day of its delivery, or one of the table's."""
    type_1: tuple[str, ...] = ()
    """Columns that make no version: every version shows their newest value. All others are tracked."""

    @property
    def order_by(self) -> tuple[str, ...]:
        """Of rows with the same key and day the later path and record counts."""
        return ()

    @property
    def partition_by(self) -> tuple[str, ...]:
        """The versions of a key lie together whatever their days: such tables are not partitioned."""
        return ()


class ReplacePeriods(Declaration):
    """Computed tables: the partitions that a change can touch are computed anew and replaced together."""

    example: ClassVar[str] = (
        "write: {strategy: replace_periods, keys: [usage_date, currency], partition_by: [usage_date]}"
    )

    strategy: Literal["replace_periods"]
    keys: tuple[str, ...] = Field(min_length=1)
    partition_by: tuple[str, ...] = Field(min_length=1)


class ReplaceAll(Declaration):
    """Computed tables: small all-time ones, computed anew as a whole."""

    example: ClassVar[str] = "write: {strategy: replace_all, keys: [currency, user_id]}"

    strategy: Literal["replace_all"]
    keys: tuple[str, ...] = Field(min_length=1)

    @property
    def partition_by(self) -> tuple[str, ...]:
        """All-time tables are not partitioned."""
        return ()


Write = Annotated[Append | Merge | Scd2 | ReplacePeriods | ReplaceAll, Field(discriminator="strategy")]
