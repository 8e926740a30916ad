"""Gross sales of products within their territory."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.domains.retail.measures import AMOUNT, added_amounts, added_counts, place, ratio


def product_performance(totals: DataFrame, products: DataFrame) -> DataFrame:
    """Gross sales of each product that was sold in a territory, with its place there and the way to the best."""
    sold = (
        totals.where("sale_lines > 0")
        .groupBy("territory", "product_code")
        .agg(*added_amounts("total_sales"), *added_counts("units_sold", "sale_orders"))
    )
    ranked = sold.select(
        "territory",
        "product_code",
        F.col("total_sales").alias("total_revenue"),
        F.col("units_sold").alias("total_quantity"),
        F.col("sale_orders").alias("order_count"),
        ratio(F.col("total_sales"), F.col("units_sold"), 4).cast("decimal(18,4)").alias("avg_price"),
        place("total_sales", "product_code", within="territory").alias("revenue_rank"),
        F.expr("max(total_sales) OVER (PARTITION BY territory)").alias("best_revenue"),
    )
    behind = (F.col("best_revenue") - F.col("total_revenue")).cast(AMOUNT).alias("revenue_diff_from_best")
    return ranked.join(products.select("product_code", "product_line"), "product_code", "left").select("*", behind)
