"""What the lines of a block of orders say of each product."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def product_sightings(lines: DataFrame) -> DataFrame:
    """First and last day, and the kind of product by the latest line that names one, per block and product."""
    named = F.when(F.col("product_line").isNotNull(), F.struct("order_date", "product_line"))
    seen = lines.groupBy("order_block", "product_code").agg(
        F.max(named).alias("named"), F.min("order_date").alias("first_seen"), F.max("order_date").alias("last_seen")
    )
    return seen.select("*", "named.product_line", F.col("named.order_date").alias("product_line_date"))
