"""What changed in a table since a version, from its change data feed."""

from __future__ import annotations

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from lakehouse.ledger.book import partition_columns


def changed_values(spark: SparkSession, path: str, column: str, after: int, until: int) -> set[str | None] | None:
    """The values of a column, as texts, among all rows inserted, updated (before and after) or deleted since a version.

    None when the feed does not reach back that far, for example because VACUUM removed its files or the table was made
    anew, or when it was partitioned by other columns then: of rows that are gone, the feed would not know them.
    """
    if after == until:
        return set()
    if until < after or partition_columns(path, after) != partition_columns(path, until):
        return None
    feed = (
        spark.read.format("delta")
        .option("readChangeFeed", "true")
        .option("startingVersion", after + 1)
        .option("endingVersion", until)
    )
    try:
        return {row[0] for row in feed.load(path).select(F.col(column).cast("string")).distinct().collect()}
    except PySparkException as error:
        if _unavailable(str(error)):
            return None
        raise


def _unavailable(message: str) -> bool:
    signs = ("FileNotFound", "FILE_NOT_FOUND", "FAILED_READ_FILE", "DELTA_MISSING_CHANGE_DATA", "does not exist",
             "DELTA_CHANGE_DATA_FILE_NOT_FOUND", "DELTA_LOG_FILE_NOT_FOUND", "VersionNotFound",
             # The table has other columns than at the version that the feed begins with.
             "DELTA_CHANGE_DATA_FEED_INCOMPATIBLE")  # fmt: skip
    return any(sign in message for sign in signs)
