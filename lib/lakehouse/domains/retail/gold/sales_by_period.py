"""Sales per period."""

from pyspark.sql import DataFrame

from lakehouse.domains.retail.periods import of_periods


def sales_by_period(totals: DataFrame) -> DataFrame:
    """Sale lines per week, month, quarter and year of the calendar and of the fiscal calendar."""
    return of_periods(totals, "SALE", "total_sales")
