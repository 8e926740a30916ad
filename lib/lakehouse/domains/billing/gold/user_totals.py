"""All-time consumption per user."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.domains.billing.measures import added_up, usage_rank


def user_totals(monthly: DataFrame) -> DataFrame:
    """All-time consumption per currency and user; active days of months add up too.

    Made from months, of which there are few, and not from days: it reads all of its input each time.
    """
    totals = monthly.groupBy("currency", "user_id").agg(*added_up(), F.sum("active_days").alias("active_days"))
    return totals.select("*", usage_rank("currency", "user_id"))
