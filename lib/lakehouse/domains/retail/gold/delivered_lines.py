"""Lines of a delivery, per day and customer."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def delivered_lines(lines: DataFrame) -> DataFrame:
    """Lines per block of orders, delivery, day of the order and customer."""
    return lines.groupBy("order_block", "delivery_id", "order_date", "customer_key").agg(
        F.count("*").alias("line_count"), F.count("phone_null_marker").alias("phone_null_markers")
    )
