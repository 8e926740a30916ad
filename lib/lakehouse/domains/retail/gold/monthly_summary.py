"""Sales and refunds per month."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.domains.retail.measures import (
    is_refund,
    is_sale,
    restocking_fees,
    total_refunds,
    total_sales,
    units,
)


def monthly_summary(lines: DataFrame) -> DataFrame:
    """Sales and refunds per month of the order."""
    return (
        lines.groupBy("order_month")
        .agg(
            total_sales(),
            total_refunds(),
            units(is_sale()).alias("items_sold"),
            units(is_refund()).alias("items_refunded"),
            restocking_fees().alias("total_restocking_fees"),
            F.countDistinct("customer_name").alias("unique_customers"),
        )
        .select("*", F.year("order_month").alias("year_number"), F.month("order_month").alias("month_number"))
    )
