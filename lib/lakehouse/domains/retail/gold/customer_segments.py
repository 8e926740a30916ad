"""What each customer bought of all time."""

from decimal import Decimal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.domains.retail.measures import added_amounts, added_counts, ratio


def customer_segments(
    totals: DataFrame, pairs: DataFrame, customers: DataFrame, *, high_from: Decimal, medium_from: Decimal
) -> DataFrame:
    """Figures and segment per customer_name; exact, because an order lies in one block and pairs are counted once.

    ``high_from`` and ``medium_from`` are gross sales from which on a customer is High or Medium.
    """
    products = pairs.groupBy("customer_name").agg(F.countDistinct("product_code").alias("unique_products"))
    spent = totals.groupBy("customer_name").agg(
        F.max(F.struct("last_order_date", "customer_key")).alias("last"),
        *added_amounts("total_sales", "total_refunds"),
        *added_counts("sale_lines", "refund_lines", "order_count"),
    )
    figures = spent.join(products, "customer_name").select(
        "customer_name",
        F.col("total_sales").alias("total_spent"),
        "total_refunds",
        "order_count",
        ratio(F.col("total_sales"), F.col("order_count"), 2).cast("decimal(28,2)").alias("avg_order_value"),
        "last.*",
        "unique_products",
        _segment(high_from, medium_from).alias("customer_segment"),
    )
    known = customers.select("customer_key", F.col("customer_key").alias("member")).distinct()
    member = F.coalesce("member", F.lit("unknown")).alias("customer_member")
    return figures.join(known, "customer_key", "left").select("*", member)


def _segment(high_from: Decimal, medium_from: Decimal) -> Column:
    spent = F.col("total_sales")
    return (
        F.when((F.col("sale_lines") == 0) & (F.col("refund_lines") > 0), "RefundsOnly")
        .when(spent >= F.lit(high_from), "High")
        .when(spent >= F.lit(medium_from), "Medium")
        .otherwise("Low")
    )
