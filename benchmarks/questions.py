"""Ten typical questions to gold, in SQL that DuckDB and Spark both understand; all name their order."""

from __future__ import annotations

QUESTIONS = {
    "a day": "SELECT * FROM daily_usage WHERE usage_date = DATE '2025-01-20' ORDER BY currency",
    "a month by day": """SELECT usage_date, credits_used, unique_users FROM daily_usage
        WHERE currency = 'USD' AND usage_date BETWEEN DATE '2025-01-01' AND DATE '2025-01-31' ORDER BY usage_date""",
    "months": """SELECT year(usage_date) AS y, month(usage_date) AS m, currency, sum(credits_used) AS used
        FROM daily_usage GROUP BY year(usage_date), month(usage_date), currency ORDER BY y, m, currency""",
    "biggest consumers": """SELECT currency, usage_rank, user_id, credits_used FROM user_totals
        WHERE usage_rank <= 10 ORDER BY currency, usage_rank""",
    "a user": "SELECT currency, credits_used, active_days FROM user_totals WHERE user_id = 'user-00007' ORDER BY 1",
    "a user's days": """SELECT usage_date, currency, credits_used FROM daily_user_usage
        WHERE user_id = 'user-00007' ORDER BY usage_date, currency""",
    "a user's week": """SELECT usage_date, currency, credits_used FROM daily_user_usage WHERE user_id = 'user-00003'
        AND usage_date BETWEEN DATE '2025-01-06' AND DATE '2025-01-12' ORDER BY usage_date, currency""",
    "active users": """SELECT usage_date, count(DISTINCT user_id) AS users FROM daily_user_usage
        GROUP BY usage_date ORDER BY usage_date""",
    "success by tier": """SELECT service_tier, sum(success_count) AS good, sum(transaction_count) AS n
        FROM daily_service_usage GROUP BY service_tier ORDER BY service_tier""",
    "operations of a week": """SELECT usage_date, operation_type, sum(transaction_count) AS n FROM daily_service_usage
        WHERE usage_date BETWEEN DATE '2025-01-06' AND DATE '2025-01-12'
        GROUP BY usage_date, operation_type ORDER BY usage_date, operation_type NULLS FIRST""",
}
