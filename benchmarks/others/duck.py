"""The same as billing in DuckDB, all of it at once, tables written by delta-rs. No bronze, no quarantine, no MERGE.

Example: python -m benchmarks.others.duck files.txt tables
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
from deltalake import write_deltalake

from benchmarks.others.rules import COLUMNS, CREDIT, CURRENCIES, KEYS, REQUIRED, TIERS, TIMESTAMP

_SILVER = f"""
CREATE TABLE usage AS
WITH typed AS (
    SELECT
        -- Minutes alone are no time to DuckDB.
        try_cast(regexp_replace("timestamp", '^(.{{16}})(Z|[+-].*)?$', '\\1:00\\2') AS timestamptz) AS usage_timestamp,
        resource_id, user_id, try_cast(credit_usage AS decimal(38, 20)) AS credit_usage, region, service_tier,
        operation_type, try_cast(success AS boolean) AS success, resource_type, invoice_id, currency,
        regexp_extract(filename, 'year=.*/day=\\d+') AS delivery_day, place
    FROM delivered
    WHERE regexp_matches("timestamp", '{TIMESTAMP}') AND regexp_matches(credit_usage, '{CREDIT}')
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY {", ".join(KEYS)} ORDER BY delivery_day DESC, place DESC) AS rank
    FROM typed
    WHERE usage_timestamp IS NOT NULL AND credit_usage < 0 AND service_tier IN {TIERS} AND currency IN {CURRENCIES}
        AND {" AND ".join(f"{name} IS NOT NULL" for name in REQUIRED)}
)
SELECT * EXCLUDE (rank, place, delivery_day) REPLACE (credit_usage::decimal(20, 8) AS credit_usage),
    usage_timestamp::timestamp::date AS usage_date
FROM ranked WHERE rank = 1
"""

_RATE = "round(count(*) FILTER (success)::double / count(*), 6)::decimal(9, 6) AS success_rate"
_MEASURES = "sum(-credit_usage) AS credits_used, count(*) AS transaction_count"
_SUCCESSES = "count(*) FILTER (success) AS success_count"
_SEEN = "min(usage_timestamp) AS first_activity, max(usage_timestamp) AS last_activity"

SUMMARIES = {
    "daily_usage": f"""SELECT usage_date, currency, {_MEASURES}, {_SUCCESSES}, {_RATE},
        count(DISTINCT user_id) AS unique_users, count(DISTINCT resource_id) AS unique_resources
        FROM usage GROUP BY ALL""",
    "daily_user_usage": f"""SELECT usage_date, date_trunc('month', usage_date)::date AS usage_month, currency, user_id,
        {_MEASURES}, {_SUCCESSES},
        count(DISTINCT resource_id) AS unique_resources, {_SEEN} FROM usage GROUP BY ALL""",
    "daily_service_usage": f"""SELECT usage_date, currency, service_tier, resource_type, operation_type, {_MEASURES},
        {_SUCCESSES}, {_RATE} FROM usage GROUP BY ALL""",
    "user_totals": f"""SELECT *, row_number() OVER (PARTITION BY currency ORDER BY credits_used DESC, user_id)::int
        AS usage_rank FROM (SELECT currency, user_id, {_MEASURES}, count(DISTINCT usage_date) AS active_days, {_SEEN}
        FROM usage GROUP BY ALL)""",
}


def main(listed: Path, tables: Path) -> None:
    """Take the files that are listed, one a line, and make all tables."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET threads = 2")
    # Records with too many or too few values are left out; they are bad.
    columns = ", ".join(f"'{name}': 'varchar'" for name in COLUMNS)
    connection.execute(
        "CREATE VIEW delivered AS SELECT *, row_number() OVER () AS place "
        f"FROM read_csv({listed.read_text().splitlines()}, columns = {{{columns}}}, "
        "header = true, filename = true, ignore_errors = true, delim = ',', quote = '\"', escape = '\"')"
    )
    connection.execute(_SILVER)
    write_deltalake(str(tables / "silver" / "usage"), connection.sql("FROM usage"), partition_by=["usage_date"])
    for name, statement in SUMMARIES.items():
        write_deltalake(str(tables / "gold" / name), connection.sql(statement))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
