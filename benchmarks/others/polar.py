"""The same as billing in Polars, all of it at once, tables written by delta-rs. No bronze, no quarantine, no MERGE.

Example: python -m benchmarks.others.polar files.txt tables
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl
from deltalake import write_deltalake

from benchmarks.others.rules import COLUMNS, CREDIT, CURRENCIES, KEYS, REQUIRED, TIERS, TIMESTAMP

_SURPLUS = "surplus"


def read(files: list[str]) -> pl.DataFrame:
    """The good rows of some files, typed, the latest of each key."""
    delivered = pl.concat([_file(path, number) for number, path in enumerate(sorted(files))])
    text = pl.col("timestamp").str.replace(" ", "T", literal=True)
    # One form of all: seconds, and a zone of four digits.
    text = text.str.replace(r"^(.{16})(Z|[+-].*)?$", "${1}:00${2}").str.replace(r"Z$", "+0000")
    text = text.str.replace(r"([+-]\d\d):(\d\d)$", "${1}${2}")
    text = pl.when(text.str.contains(r"[+-]\d{4}$")).then(text).otherwise(text + "+0000")
    yes = pl.col("success").str.to_lowercase()
    typed = delivered.filter(
        pl.col(_SURPLUS).is_null()
        & pl.col("timestamp").str.contains(TIMESTAMP)
        & pl.col("credit_usage").str.contains(CREDIT)
    ).with_columns(
        text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", time_unit="us", strict=False).alias("usage_timestamp"),
        pl.col("credit_usage").str.slice(0, 22).cast(pl.Decimal(20, 8), strict=False),
        pl.when(yes.is_in(["true", "t", "yes", "y", "1"]))
        .then(True)
        .when(yes.is_in(["false", "f", "no", "n", "0"]))
        .then(False)
        .alias("success"),
    )
    good = typed.filter(
        (pl.col("credit_usage") < 0) & pl.col("service_tier").is_in(TIERS) & pl.col("currency").is_in(CURRENCIES)
    ).drop_nulls(["usage_timestamp", *REQUIRED])
    latest = good.sort("number", "place").unique(KEYS, keep="last")
    return latest.select(
        pl.exclude("timestamp", "number", "place", _SURPLUS), pl.col("usage_timestamp").dt.date().alias("usage_date")
    ).collect()


def _file(path: str, number: int) -> pl.LazyFrame:
    # A record with too few values has nulls in required columns; one with too many has a value in the last.
    schema = dict.fromkeys((*COLUMNS, _SURPLUS), pl.String)
    rows = pl.scan_csv(
        path, has_header=False, skip_rows=1, schema=schema, missing_columns="insert", row_index_name="place"
    )
    return rows.with_columns(pl.lit(number).alias("number"))


def summaries(usage: pl.LazyFrame) -> dict[str, pl.LazyFrame]:
    """The gold tables."""
    used, count = (-pl.col("credit_usage")).sum().alias("credits_used"), pl.len().alias("transaction_count")
    successes = pl.col("success").sum().alias("success_count")
    # Half up in whole numbers; the measured rates have no other exact form in Polars.
    rate = ((2_000_000 * pl.col("success").sum().cast(pl.Int64) + pl.len()) // (2 * pl.len()) / 1_000_000).alias(
        "success_rate"
    )
    seen = [
        pl.col("usage_timestamp").min().alias("first_activity"),
        pl.col("usage_timestamp").max().alias("last_activity"),
    ]
    users, resources = pl.col("user_id").n_unique(), pl.col("resource_id").n_unique()
    month = pl.col("usage_date").dt.truncate("1mo").alias("usage_month")
    totals = usage.group_by("currency", "user_id").agg(
        used, count, pl.col("usage_date").n_unique().alias("active_days"), *seen
    )
    ranked = totals.sort("currency", "credits_used", "user_id", descending=[False, True, False])
    return {
        "daily_usage": usage.group_by("usage_date", "currency").agg(
            used, count, successes, rate, users.alias("unique_users"), resources.alias("unique_resources")
        ),
        "daily_user_usage": usage.group_by("usage_date", month, "currency", "user_id").agg(
            used, count, successes, resources.alias("unique_resources"), *seen
        ),
        "daily_service_usage": usage.group_by(
            "usage_date", "currency", "service_tier", "resource_type", "operation_type"
        ).agg(used, count, successes, rate),
        "user_totals": ranked.with_columns(
            pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("currency").alias("usage_rank")
        ),
    }


def main(listed: Path, tables: Path) -> None:
    """Take the files that are listed, one a line, and make all tables."""
    usage = read(listed.read_text().splitlines())
    write_deltalake(str(tables / "silver" / "usage"), usage, partition_by=["usage_date"])
    for name, rows in summaries(usage.lazy()).items():
        write_deltalake(str(tables / "gold" / name), rows.collect())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
