"""Consumption per month, currency and user."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.domains.billing.measures import added_up


def monthly_user_usage(daily: DataFrame) -> DataFrame:
    """Consumption per month, currency and user."""
    return daily.groupBy("usage_month", "currency", "user_id").agg(
        *added_up(),
        F.sum("success_count").alias("success_count"),
        F.count("usage_date").alias("active_days"),
    )
