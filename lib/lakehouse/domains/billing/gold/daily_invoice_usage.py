"""Consumption per day, currency and invoice."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.domains.billing.measures import credits_used


def daily_invoice_usage(usage: DataFrame) -> DataFrame:
    """Consumption per day, currency and invoice."""
    return usage.groupBy("usage_date", "currency", "invoice_id").agg(
        credits_used(),
        F.count("*").alias("line_count"),
        F.min("usage_timestamp").alias("first_usage"),
        F.max("usage_timestamp").alias("last_usage"),
    )
