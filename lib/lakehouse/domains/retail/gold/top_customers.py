"""The customers with the greatest gross sales."""

from decimal import Decimal

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.domains.retail.measures import place


def top_customers(segments: DataFrame, customers: DataFrame, *, places: Decimal) -> DataFrame:
    """The first ``places`` customers by gross sales, with how to reach those whom dim_customer knows."""
    ranked = segments.where("total_spent > 0").select("*", place("total_spent", "customer_name").alias("spending_rank"))
    current = customers.where("is_current").select("customer_key", "email", "phone")
    return ranked.where(F.col("spending_rank") <= F.lit(places)).join(current, "customer_key", "left")
