"""Measures that several retail summaries share."""

from pyspark.sql import Column
from pyspark.sql import functions as F

AMOUNT = "decimal(28,2)"
"""Type of a sum of amounts."""

FEES = "decimal(28,4)"
"""Type of a sum of fees: a rate of two decimals of an amount of two decimals is exact in four."""


def is_sale() -> Column:
    """Whether a line of fact_transactions is one of a sale."""
    return F.col("transaction_type") == "SALE"


def is_refund() -> Column:
    """Whether a line of fact_transactions takes a sale back."""
    return F.col("transaction_type") == "REFUND"


def total_sales() -> Column:
    """Amount of the sale lines, 0 without any."""
    return F.sum(F.when(is_sale(), F.col("total_amount")).otherwise(0)).cast(AMOUNT).alias("total_sales")


def total_refunds() -> Column:
    """Amount of the refund lines, positive, 0 without any."""
    return F.sum(F.when(is_refund(), -F.col("total_amount")).otherwise(0)).cast(AMOUNT).alias("total_refunds")


def restocking_fees() -> Column:
    """What the shop keeps of the refunds, positive."""
    return F.sum("restocking_fee").cast(FEES).alias("restocking_fees")


def units(of: Column) -> Column:
    """Pieces on the lines of a kind, 0 without any."""
    return F.sum(F.when(of, F.col("quantity")).otherwise(0))


def added_amounts(*names: str) -> list[Column]:
    """Sums of amounts that are sums already, under their names."""
    return [F.sum(name).cast(AMOUNT).alias(name) for name in names]


def added_counts(*names: str) -> list[Column]:
    """Sums of counts, under their names."""
    return [F.sum(name).alias(name) for name in names]


def ratio(part: Column, whole: Column, scale: int) -> Column:
    """An amount or a count by a count, rounded half up to a number of decimals; null when the count is 0."""
    return F.round(part.cast(AMOUNT) / whole.cast("decimal(20,0)"), scale)


def place(largest: str, then: str, within: str | None = None) -> Column:
    """Place from 1 by a figure, the largest first; equals go by a name in ascending order."""
    partition = f"PARTITION BY {within} " if within else ""
    return F.expr(f"row_number() OVER ({partition}ORDER BY {largest} DESC, {then} ASC)")
