"""Sales and refunds of a block of orders, per customer."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.domains.retail.measures import is_refund, is_sale, total_refunds, total_sales


def block_customer_totals(lines: DataFrame) -> DataFrame:
    """Sales and refunds per block and customer, with who bought on the last day."""
    totals = lines.groupBy("order_block", "customer_name").agg(
        F.max(F.struct("order_date", "customer_key")).alias("last"),
        total_sales(),
        total_refunds(),
        F.count_if(is_sale()).alias("sale_lines"),
        F.count_if(is_refund()).alias("refund_lines"),
        F.countDistinct("order_number").alias("order_count"),
    )
    return totals.select("*", "last.customer_key", F.col("last.order_date").alias("last_order_date"))
