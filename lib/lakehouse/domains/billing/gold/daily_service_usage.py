"""Consumption per day, currency, tier, kind of resource and operation."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.domains.billing.measures import credits_used, success_count, success_rate


def daily_service_usage(usage: DataFrame) -> DataFrame:
    """Consumption per day, currency, tier, kind of resource and operation."""
    return usage.groupBy("usage_date", "currency", "service_tier", "resource_type", "operation_type").agg(
        credits_used(),
        F.count("*").alias("transaction_count"),
        success_count(),
        success_rate(),
    )
