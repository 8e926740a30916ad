"""Which products a block of orders has for a customer."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def block_customer_products(lines: DataFrame) -> DataFrame:
    """Pairs of customer and product, per block."""
    return lines.groupBy("order_block", "customer_name", "product_code").agg(F.count("*").alias("line_count"))
