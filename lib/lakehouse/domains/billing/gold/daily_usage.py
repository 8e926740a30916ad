"""Consumption per day and currency."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.domains.billing.measures import credits_used, success_count, success_rate


def daily_usage(usage: DataFrame) -> DataFrame:
    """Consumption per day and currency."""
    return usage.groupBy("usage_date", "currency").agg(
        credits_used(),
        F.count("*").alias("transaction_count"),
        success_count(),
        success_rate(),
        F.countDistinct("user_id").alias("unique_users"),
        F.countDistinct("resource_id").alias("unique_resources"),
    )
