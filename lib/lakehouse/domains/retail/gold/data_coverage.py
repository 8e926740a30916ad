"""How many lines of a delivery find what they refer to."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.domains.retail.measures import ratio


def data_coverage(delivered: DataFrame, customers: DataFrame, dates: DataFrame) -> DataFrame:
    """Shares of lines that find their customer and fiscal day, and that have a null marker, per delivery."""
    known = customers.select("customer_key", F.lit(True).alias("in_customers")).distinct()
    days = dates.select(F.col("calendar_date").alias("order_date"), F.lit(True).alias("in_dates"))
    found = delivered.join(known, "customer_key", "left").join(days, "order_date", "left")
    counts = found.groupBy("delivery_id").agg(
        F.sum("line_count").alias("rows_checked"),
        _lines(F.col("in_customers")).alias("in_customers"),
        _lines(F.col("in_dates")).alias("in_dates"),
        F.sum("phone_null_markers").alias("phone_null_markers"),
    )
    measures = F.array(
        _measure("reference", "dim_customer", "in_customers", "lines match dim_customer"),
        _measure("calendar", "dim_date", "in_dates", "lines lie in the fiscal calendar"),
        _measure("null_marker", "phone", "phone_null_markers", "lines have a null marker for phone"),
    )
    rows = counts.select("delivery_id", "rows_checked", F.inline(measures))
    share = ratio(F.col("rows_matched"), F.col("rows_checked"), 6).cast("decimal(9,6)").alias("match_share")
    statement = F.concat(
        F.format_number("rows_matched", 0), F.lit(" of "), F.format_number("rows_checked", 0), F.lit(" "), "words"
    )
    return rows.select(F.lit("fact_transactions").alias("table_name"), "*", share, statement.alias("statement"))


def _lines(where: Column) -> Column:
    return F.sum(F.when(where, F.col("line_count")).otherwise(0))


def _measure(measure: str, subject: str, matched: str, words: str) -> Column:
    return F.struct(
        F.lit(measure).alias("measure"),
        F.lit(subject).alias("subject"),
        F.col(matched).alias("rows_matched"),
        F.lit(words).alias("words"),
    )
