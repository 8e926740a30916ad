"""Customers."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.domains.retail.keys import customer_key


def dim_customer(customers: DataFrame) -> DataFrame:
    """Customers with their key; a county that stands alone is the state."""
    state, county = F.col("state"), F.col("county")
    return customers.withColumns(
        {
            "customer_key": customer_key("first_name", "last_name", "company_name"),
            "state": F.coalesce(state, county),
            "county": F.when(state.isNotNull(), county),
        }
    )
