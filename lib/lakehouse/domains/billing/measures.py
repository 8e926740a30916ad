"""Measures that several billing summaries share."""

from pyspark.sql import Column
from pyspark.sql import functions as F


def credits_used() -> Column:
    """Consumption in credits, positive: usage is booked as a debit (negative), so the sign is turned."""
    return F.sum(-F.col("credit_usage")).cast("decimal(38,8)").alias("credits_used")


def success_count() -> Column:
    """Operations that worked."""
    return F.count_if(F.col("success")).alias("success_count")


def success_rate() -> Column:
    """Share of operations that worked, from 0 to 1, to six places, half up."""
    share = F.count_if(F.col("success")).cast("decimal(20,0)") / F.count("*").cast("decimal(20,0)")
    return F.round(share, 6).cast("decimal(9,6)").alias("success_rate")


def added_up() -> list[Column]:
    """Measures of longer periods from those of their parts; exact, because sums, counts and extremes add up."""
    return [
        F.sum("credits_used").cast("decimal(38,8)").alias("credits_used"),
        F.sum("transaction_count").alias("transaction_count"),
        F.min("first_activity").alias("first_activity"),
        F.max("last_activity").alias("last_activity"),
    ]


def usage_rank(currency: str, name: str) -> Column:
    """Place by consumption within a currency, the biggest consumer first; equal consumption goes by name."""
    return F.expr(f"row_number() OVER (PARTITION BY {currency} ORDER BY credits_used DESC, {name} ASC)").alias(
        "usage_rank"
    )
