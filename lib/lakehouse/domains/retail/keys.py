"""Keys that several retail tables share: the same value gives the same key in all of them."""

from pyspark.sql import Column
from pyspark.sql import functions as F


def customer_key(first_name: str, last_name: str, company: str) -> Column:
    """SHA-256 of first name, last name and company, by which a customer is known; null when none of them is there.

    Case does not count, nor do spaces at the edges and how many there are between words. An e-mail address alone would
    not do: people share one.
    """
    words = [F.lower(F.trim(F.regexp_replace(name, r"\s+", " "))) for name in (first_name, last_name, company)]
    # A character that no name holds keeps the parts apart: ("Ann", "Lee") is not ("Ann Lee", "").
    business_key = F.concat_ws("\u001f", *(F.coalesce(word, F.lit("")) for word in words))
    return F.when(F.length(business_key) > len(words) - 1, F.sha2(business_key, 256))


def product_key(product_code: str) -> Column:
    """SHA-256 of a product's code."""
    return F.sha2(product_code, 256)


def product_family(product_code: str) -> Column:
    """What stands before the first _ of a product's code; the whole code when it has none."""
    return F.substring_index(product_code, "_", 1)
