"""Consumption per day, currency and region."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.domains.billing.measures import credits_used, success_rate


def daily_region_usage(usage: DataFrame) -> DataFrame:
    """Consumption per day, currency and region."""
    return usage.groupBy("usage_date", "currency", "region").agg(
        credits_used(),
        F.count("*").alias("transaction_count"),
        success_rate(),
        F.countDistinct("user_id").alias("unique_users"),
    )
