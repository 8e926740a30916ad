"""The same as billing, as an engineer would write it for this one purpose: typed read, MERGE by key, gold made anew.

It is told which files are new. Rows that break a rule are dropped, of equal keys the latest delivery wins, and silver
is partitioned by day. It keeps no bronze, no quarantine, no ledger; it judges no delivery and can retract nothing.

Example: python -m benchmarks.others.hand_written files.txt tables
"""

from __future__ import annotations

import sys
from pathlib import Path

from delta.tables import DeltaTable
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from benchmarks.others.rules import CREDIT, CURRENCIES, KEYS, REQUIRED, TIERS, TIMESTAMP
from lakehouse.contracts.environments import load_environment
from lakehouse.session import open_session

_DELIVERED = (
    "timestamp string, resource_id string, user_id string, credit_usage string, region string, service_tier string, "
    "operation_type string, success string, resource_type string, invoice_id string, currency string, broken string"
)


def read(spark: SparkSession, files: list[str]) -> DataFrame:
    """The good rows of some files, typed, the latest of each key."""
    rows = (
        spark.read.schema(_DELIVERED)
        .options(header=True, multiLine=True, mode="PERMISSIVE", columnNameOfCorruptRecord="broken", escape='"')
        .csv(files)
        .select(
            "*",
            F.regexp_extract(F.input_file_name(), r"year=(\d+)/month=(\d+)/day=(\d+)", 0).alias("day"),
            F.monotonically_increasing_id().alias("place"),
        )
    )
    typed = rows.where(
        F.col("broken").isNull() & F.col("timestamp").rlike(TIMESTAMP) & F.col("credit_usage").rlike(CREDIT)
    ).select(
        # Minutes alone are no time to Spark.
        F.regexp_replace("timestamp", "^(.{16})(Z|[+-].*)?$", "$1:00$2").cast("timestamp").alias("usage_timestamp"),
        "resource_id", "user_id", F.col("credit_usage").cast("decimal(20,8)").alias("credit_usage"),
        "region", "service_tier", "operation_type", F.col("success").cast("boolean").alias("success"),
        "resource_type", "invoice_id", "currency",
        F.to_date(F.regexp_replace("day", "[a-z]+=", ""), "yyyy/MM/dd").alias("delivery_date"), "place",
    )  # fmt: skip
    good = typed.withColumn("usage_date", F.to_date("usage_timestamp")).where(
        F.col("usage_timestamp").isNotNull()
        & (F.col("credit_usage") < 0)
        & F.col("service_tier").isin(*TIERS)
        & F.col("currency").isin(*CURRENCIES)
    )
    latest = Window.partitionBy(*KEYS).orderBy(F.desc("delivery_date"), F.desc("place"))
    good = good.dropna(subset=list(REQUIRED))
    return good.withColumn("rank", F.row_number().over(latest)).where("rank = 1").drop("rank", "place")


def publish(spark: SparkSession, rows: DataFrame, silver: str) -> None:
    """Put the rows into silver by key."""
    if not DeltaTable.isDeltaTable(spark, silver):
        rows.repartition("usage_date").write.format("delta").partitionBy("usage_date").save(silver)
        return
    same = " AND ".join(f"old.{key} = new.{key}" for key in ("usage_date", *KEYS))
    merge = DeltaTable.forPath(spark, silver).alias("old").merge(rows.alias("new"), same)
    merge = merge.whenMatchedUpdateAll("new.delivery_date >= old.delivery_date").whenNotMatchedInsertAll()
    merge.execute()


def summaries(usage: DataFrame) -> dict[str, DataFrame]:
    """The gold tables."""
    credits_used = F.sum(-F.col("credit_usage")).cast("decimal(38,8)").alias("credits_used")
    count = F.count("*").alias("transaction_count")
    successes = F.count_if("success").alias("success_count")
    share = F.count_if("success").cast("decimal(20,0)") / F.count("*").cast("decimal(20,0)")
    rate = F.round(share, 6).cast("decimal(9,6)").alias("success_rate")
    first, last = F.min("usage_timestamp").alias("first_activity"), F.max("usage_timestamp").alias("last_activity")
    users, resources = F.countDistinct("user_id"), F.countDistinct("resource_id")
    month = F.trunc("usage_date", "month").alias("usage_month")
    by_credits = Window.partitionBy("currency").orderBy(F.desc("credits_used"), "user_id")
    return {
        "daily_usage": usage.groupBy("usage_date", "currency").agg(
            credits_used, count, successes, rate, users.alias("unique_users"), resources.alias("unique_resources")
        ),
        "daily_user_usage": usage.groupBy("usage_date", month, "currency", "user_id").agg(
            credits_used, count, successes, resources.alias("unique_resources"), first, last
        ),
        "daily_service_usage": usage.groupBy(
            "usage_date", "currency", "service_tier", "resource_type", "operation_type"
        ).agg(credits_used, count, successes, rate),
        "user_totals": usage.groupBy("currency", "user_id")
        .agg(credits_used, count, F.countDistinct("usage_date").alias("active_days"), first, last)
        .withColumn("usage_rank", F.row_number().over(by_credits)),
    }


def take(spark: SparkSession, files: list[str], tables: Path) -> None:
    """Take some new files and make all gold tables anew."""
    silver = str(tables / "silver" / "usage")
    publish(spark, read(spark, files), silver)
    usage = spark.read.format("delta").load(silver)
    for name, rows in summaries(usage).items():
        rows.write.format("delta").mode("overwrite").save(str(tables / "gold" / name))


def main(listed: Path, tables: Path) -> None:
    """Take the files that are listed, one a line."""
    spark = open_session("hand-written", load_environment("local"))
    take(spark, listed.read_text().splitlines(), tables)
    spark.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
