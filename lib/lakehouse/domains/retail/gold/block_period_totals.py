"""Sales and refunds of a block of orders, per period."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.domains.retail.measures import AMOUNT, FEES, is_refund, is_sale
from lakehouse.domains.retail.periods import calendar_periods, fiscal_periods


def block_period_totals(lines: DataFrame, dates: DataFrame) -> DataFrame:
    """Lines that are sales or refunds, per block, type and each period that their day lies in."""
    # Eight periods a line: lines of one order on one day are added up first.
    orders = (
        lines.where(is_sale() | is_refund())
        .groupBy("order_block", "transaction_type", "order_date", "order_number")
        .agg(
            F.sum(F.abs("total_amount")).alias("total_amount"),
            F.count("*").alias("line_count"),
            F.sum("quantity").alias("units"),
            F.sum("restocking_fee").alias("restocking_fees"),
        )
    )
    dated = orders.join(dates.withColumnRenamed("calendar_date", "order_date"), "order_date", "left")
    periods = F.array(*calendar_periods("order_date"), *fiscal_periods())
    return (
        dated.select(*orders.columns, F.inline(periods))
        .where("period IS NOT NULL")
        .groupBy("order_block", "transaction_type", "calendar", "period_type", "period")
        .agg(
            F.sum("total_amount").cast(AMOUNT).alias("total_amount"),
            F.sum("line_count").alias("line_count"),
            F.countDistinct("order_number").alias("order_count"),
            F.sum("units").alias("units"),
            F.sum("restocking_fees").cast(FEES).alias("restocking_fees"),
        )
    )
