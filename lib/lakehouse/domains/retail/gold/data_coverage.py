"""How many rows of a delivery find what they refer to, and how many have a null marker."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.domains.retail.measures import ratio


def data_coverage(
    delivered: DataFrame, customers: DataFrame, dates: DataFrame, delivered_customers: DataFrame
) -> DataFrame:
    """Shares of lines that find their customer and fiscal day, and of rows that have a null marker, per delivery."""
    known = customers.select("customer_key", F.lit(True).alias("in_customers")).distinct()
    days = dates.select(F.col("calendar_date").alias("order_date"), F.lit(True).alias("in_dates"))
    found = delivered.join(known, "customer_key", "left").join(days, "order_date", "left")
    lines = found.groupBy("delivery_id").agg(
        F.sum("line_count").alias("rows_checked"),
        _lines(F.col("in_customers")).alias("in_customers"),
        _lines(F.col("in_dates")).alias("in_dates"),
        F.sum("phone_null_markers").alias("phone_null_markers"),
    )
    people = delivered_customers.groupBy("delivery_id").agg(
        F.count("*").alias("rows_checked"),
        F.count("phone_null_marker").alias("phone_null_markers"),
        F.count("phone_2_null_marker").alias("phone_2_null_markers"),
    )
    of_lines = _measured(
        "fact_transactions",
        lines,
        _measure("reference", "dim_customer", "in_customers", "lines match dim_customer"),
        _measure("calendar", "dim_date", "in_dates", "lines lie in the fiscal calendar"),
        _measure("null_marker", "phone", "phone_null_markers", "lines have a null marker for phone"),
    )
    of_people = _measured(
        "dim_customer",
        people,
        _measure("null_marker", "phone", "phone_null_markers", "customers have a null marker for phone"),
        _measure("null_marker", "phone_2", "phone_2_null_markers", "customers have a null marker for phone_2"),
    )
    return of_lines.unionByName(of_people)


def _lines(where: Column) -> Column:
    return F.sum(F.when(where, F.col("line_count")).otherwise(0))


def _measure(measure: str, subject: str, matched: str, words: str) -> Column:
    return F.struct(
        F.lit(measure).alias("measure"),
        F.lit(subject).alias("subject"),
        F.col(matched).alias("rows_matched"),
        F.lit(words).alias("words"),
    )


def _measured(table: str, counts: DataFrame, *measures: Column) -> DataFrame:
    rows = counts.select("delivery_id", "rows_checked", F.inline(F.array(*measures)))
    share = ratio(F.col("rows_matched"), F.col("rows_checked"), 6).cast("decimal(9,6)").alias("match_share")
    statement = F.concat(
        F.format_number("rows_matched", 0), F.lit(" of "), F.format_number("rows_checked", 0), F.lit(" "), "words"
    )
    return rows.select(F.lit(table).alias("table_name"), "*", share, statement.alias("statement"))
