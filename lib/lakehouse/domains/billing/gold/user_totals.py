"""All-time consumption per user."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.domains.billing.measures import usage_rank


def user_totals(monthly: DataFrame) -> DataFrame:
    """All-time consumption per currency and user; exact, because months add up, active days too.

    Made from months, of which there are few, and not from days: it reads all of its input each time.
    """
    totals = monthly.groupBy("currency", "user_id").agg(
        F.sum("credits_used").cast("decimal(38,8)").alias("credits_used"),
        F.sum("transaction_count").alias("transaction_count"),
        F.sum("active_days").alias("active_days"),
        F.min("first_activity").alias("first_activity"),
        F.max("last_activity").alias("last_activity"),
    )
    return totals.select("*", usage_rank("currency", "user_id"))
