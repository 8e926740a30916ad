"""Consumption per day, currency and user."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.domains.billing.measures import credits_used, success_count


def daily_user_usage(usage: DataFrame) -> DataFrame:
    """Consumption per day, currency and user; the month of the day is what `monthly_user_usage` follows."""
    month = F.trunc("usage_date", "month").alias("usage_month")
    return usage.groupBy("usage_date", month, "currency", "user_id").agg(
        credits_used(),
        F.count("*").alias("transaction_count"),
        success_count(),
        F.countDistinct("resource_id").alias("unique_resources"),
        F.min("usage_timestamp").alias("first_activity"),
        F.max("usage_timestamp").alias("last_activity"),
    )
