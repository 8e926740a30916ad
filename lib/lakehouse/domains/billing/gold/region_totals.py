"""All-time consumption per region."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.domains.billing.measures import usage_rank


def region_totals(daily: DataFrame) -> DataFrame:
    """All-time consumption per currency and region; exact, because sums and counts of days add up."""
    totals = daily.groupBy("currency", "region").agg(
        F.sum("credits_used").cast("decimal(38,8)").alias("credits_used"),
        F.sum("transaction_count").alias("transaction_count"),
    )
    return totals.select("*", usage_rank("currency", "region"))
