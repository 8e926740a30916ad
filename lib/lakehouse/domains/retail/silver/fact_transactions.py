"""One line of an order."""

from pyspark.sql import DataFrame

from lakehouse.domains.retail.keys import customer_key, product_key


def fact_transactions(transactions: DataFrame) -> DataFrame:
    """Lines with the keys of customer and product.

    Whether the customer is known is not looked up here: who arrives later is then found without touching the lines.
    """
    return transactions.withColumns(
        {
            "customer_key": customer_key("contact_first_name", "contact_last_name", "customer_name"),
            "product_key": product_key("product_code"),
        }
    )
