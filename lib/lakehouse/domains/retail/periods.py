"""Weeks, months, quarters and years of the calendar and of the fiscal calendar."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.domains.retail.measures import AMOUNT, FEES, added_counts


def calendar_periods(day: str) -> list[Column]:
    """The ISO week, month, quarter and year of a day, as structs (calendar, period_type, period).

    A week belongs to the year of its Thursday: 2004-12-31 and 2005-01-02 lie in 2004-W53.
    """
    week_year = F.expr(f"extract(YEAROFWEEK FROM {day})")
    return _periods("calendar", week_year, F.weekofyear(day), F.year(day), F.month(day), F.quarter(day))


def fiscal_periods() -> list[Column]:
    """The same of the fiscal calendar, from the columns of dim_date; their period is null where these are."""
    year, week, month = F.col("fiscal_year"), F.col("fiscal_week_of_year"), F.col("fiscal_month_number")
    return _periods("fiscal", year, week, year, month, F.col("fiscal_quarter"))


def of_periods(totals: DataFrame, kind: str, name: str) -> DataFrame:
    """The totals of one transaction type per period, their amount under a name; blocks add up exactly."""
    return (
        totals.where(F.col("transaction_type") == kind)
        .groupBy("calendar", "period_type", "period")
        .agg(
            F.sum("total_amount").cast(AMOUNT).alias(name),
            *added_counts("line_count", "order_count", "units"),
            F.sum("restocking_fees").cast(FEES).alias("restocking_fees"),
        )
    )


def _periods(
    calendar: str, week_year: Column, week: Column, year: Column, month: Column, quarter: Column
) -> list[Column]:
    names = {
        "week": F.concat(week_year, F.lit("-W"), _two_digits(week)),
        "month": F.concat(year, F.lit("-"), _two_digits(month)),
        "quarter": F.concat(year, F.lit("-Q"), quarter),
        "year": year.cast("string"),
    }
    return [
        F.struct(F.lit(calendar).alias("calendar"), F.lit(kind).alias("period_type"), name.alias("period"))
        for kind, name in names.items()
    ]


def _two_digits(number: Column) -> Column:
    return F.lpad(number.cast("string"), 2, "0")
