"""Consumption per month, currency and user."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def monthly_user_usage(daily: DataFrame) -> DataFrame:
    """Consumption per month, currency and user; exact, because sums, counts and extremes of days add up."""
    return daily.groupBy("usage_month", "currency", "user_id").agg(
        F.sum("credits_used").cast("decimal(38,8)").alias("credits_used"),
        F.sum("transaction_count").alias("transaction_count"),
        F.sum("success_count").alias("success_count"),
        F.count("usage_date").alias("active_days"),
        F.min("first_activity").alias("first_activity"),
        F.max("last_activity").alias("last_activity"),
    )
