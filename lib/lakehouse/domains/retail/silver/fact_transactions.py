"""One line of an order."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.domains.retail.keys import customer_key, product_key


def fact_transactions(transactions: DataFrame) -> DataFrame:
    """Lines with the keys of customer and product, and the marker where one stood in place of a phone.

    Whether the customer is known is not looked up here: who arrives later is then found without touching the lines.
    """
    return transactions.withColumns(
        {
            "customer_key": customer_key("contact_first_name", "contact_last_name", "customer_name"),
            "product_key": product_key("product_code"),
            # Until here it is the phone as delivered.
            "phone_null_marker": F.when(F.col("phone").isNull(), F.col("phone_null_marker")),
        }
    )
