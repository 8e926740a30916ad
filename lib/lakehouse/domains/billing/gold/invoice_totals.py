"""All-time consumption per invoice."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def invoice_totals(daily: DataFrame) -> DataFrame:
    """All-time consumption per currency and invoice; exact, because an invoice's days add up."""
    return daily.groupBy("currency", "invoice_id").agg(
        F.sum("credits_used").cast("decimal(38,8)").alias("credits_used"),
        F.sum("line_count").alias("line_count"),
        F.min("first_usage").alias("first_usage"),
        F.max("last_usage").alias("last_usage"),
    )
