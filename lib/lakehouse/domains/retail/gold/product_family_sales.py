"""Sales and refunds per product family."""

from pyspark.sql import DataFrame

from lakehouse.domains.retail.keys import product_family
from lakehouse.domains.retail.measures import added_amounts, added_counts


def product_family_sales(totals: DataFrame) -> DataFrame:
    """All-time sales and refunds per product family; exact, because sums of blocks add up."""
    return totals.groupBy(product_family("product_code").alias("product_family")).agg(
        *added_amounts("total_sales", "total_refunds"),
        *added_counts("line_count", "sale_lines", "refund_lines", "units_sold", "units_refunded"),
    )
