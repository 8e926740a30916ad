"""All-time consumption per user."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.domains.billing.measures import usage_rank


def user_totals(daily: DataFrame) -> DataFrame:
    """All-time consumption per currency and user; exact, because sums, counts and extremes of days add up."""
    totals = daily.groupBy("currency", "user_id").agg(
        F.sum("credits_used").cast("decimal(38,8)").alias("credits_used"),
        F.sum("transaction_count").alias("transaction_count"),
        F.count("usage_date").alias("active_days"),
        F.min("first_activity").alias("first_activity"),
        F.max("last_activity").alias("last_activity"),
    )
    return totals.select("*", usage_rank("currency", "user_id"))
