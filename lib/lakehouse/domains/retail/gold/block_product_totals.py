"""Sales and refunds of a block of orders, per territory and product."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.domains.retail.measures import is_refund, is_sale, total_refunds, total_sales, units


def block_product_totals(lines: DataFrame) -> DataFrame:
    """Sales and refunds per block, territory and product; lines without a territory are those of 'unknown'."""
    territory = F.coalesce("territory", F.lit("unknown")).alias("territory")
    return lines.groupBy("order_block", territory, "product_code").agg(
        total_sales(),
        total_refunds(),
        F.count("*").alias("line_count"),
        F.count_if(is_sale()).alias("sale_lines"),
        F.count_if(is_refund()).alias("refund_lines"),
        units(is_sale()).alias("units_sold"),
        units(is_refund()).alias("units_refunded"),
        F.countDistinct(F.when(is_sale(), F.col("order_number"))).alias("sale_orders"),
    )
