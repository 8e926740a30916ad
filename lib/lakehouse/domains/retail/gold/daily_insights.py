"""What happened on a day."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.domains.retail.measures import (
    AMOUNT,
    FEES,
    is_refund,
    is_sale,
    restocking_fees,
    total_refunds,
    total_sales,
    units,
)


def daily_insights(lines: DataFrame) -> DataFrame:
    """Sales, refunds and what they are made of, per day of the order."""
    figures = lines.groupBy("order_month", "order_date").agg(
        total_sales(),
        total_refunds(),
        restocking_fees(),
        F.count_if(is_sale()).alias("sale_lines"),
        F.count_if(is_refund()).alias("refund_lines"),
        F.count_if(~is_sale() & ~is_refund()).alias("zero_lines"),
        units(is_sale()).alias("units_sold"),
        units(is_refund()).alias("units_refunded"),
        F.count_if("is_large_order").alias("large_lines"),
        F.countDistinct("order_number").alias("order_count"),
        F.countDistinct("customer_name").alias("unique_customers"),
        F.countDistinct("product_code").alias("unique_products"),
    )
    return figures.select(
        "*",
        (F.col("total_sales") - F.col("total_refunds")).cast(AMOUNT).alias("net_sales"),
        (F.col("total_refunds") - F.col("restocking_fees")).cast(FEES).alias("refunds_paid_out"),
    )
