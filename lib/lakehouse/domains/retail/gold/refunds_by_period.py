"""Refunds per period."""

from pyspark.sql import DataFrame

from lakehouse.domains.retail.periods import of_periods


def refunds_by_period(totals: DataFrame) -> DataFrame:
    """Refund lines per week, month, quarter and year of the calendar and of the fiscal calendar."""
    return of_periods(totals, "REFUND", "total_refunds")
