"""Products."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.domains.retail.keys import product_family, product_key


def dim_product(sightings: DataFrame) -> DataFrame:
    """Products that orders name, with what the latest of them says; exact, because extremes of blocks add up."""
    named = F.when(F.col("product_line").isNotNull(), F.struct("product_line_date", "product_line"))
    seen = sightings.groupBy("product_code").agg(
        F.max(named).alias("named"), F.min("first_seen").alias("first_seen"), F.max("last_seen").alias("last_seen")
    )
    return seen.select(
        product_key("product_code").alias("product_key"),
        "product_code",
        product_family("product_code").alias("product_family"),
        "named.product_line",
        "first_seen",
        "last_seen",
    )
