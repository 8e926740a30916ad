"""SQL in contracts, without Spark: what depends on the run, and what only other dialects know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lakehouse.contracts.domains import load_domain
from lakehouse.contracts.expressions import check_expression
from lakehouse.contracts.sql import check_sql
from lakehouse.errors import ConfigurationError
from tests.contracts.places import SILVER, Change, copy_conf

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = {"day": "date", "moment": "timestamp", "region": "string", "n": "int"}


def problem(sql: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        check_expression("x.yml: derived", sql, COLUMNS)
    return str(caught.value)


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("day <= date 'today'", "today"),
        ("day <= timestamp 'now'", "now"),
        ("day <= cast('yesterday' as timestamp)", "yesterday"),
        ("to_date(' Tomorrow ') = day", " Tomorrow "),
        ("day <= 'TODAY'", "TODAY"),
        ("day <= r'today'", "today"),
        ("cast(R'today' AS date) = day", "today"),
        ("CASE WHEN n > 1 THEN 'today' ELSE day END > moment", "today"),
        ("day <= 'today Europe/Paris'", "today Europe/Paris"),
        ("day <= 'today+01:00'", "today+01:00"),
        ("day IN ('today', '2025-01-31')", "today"),
        ("day BETWEEN '2025-01-31' AND 'today'", "today"),
        ("moment <=> coalesce(region, 'now')", "now"),
        ("n > 1 AND moment < 'now'", "now"),
        ("CASE day WHEN 'today' THEN n ELSE 0 END = n", "today"),
        ("exists(array(day), x -> x = 'today')", "today"),
        ("date_format('now' + interval 1 day, 'yyyy') = region", "now"),
        ("'yesterday' + interval 1 day = region", "yesterday"),
    ],
)
def test_a_text_that_is_the_day_of_the_run_is_refused(sql: str, word: str) -> None:
    assert problem(sql) == (
        f"x.yml: derived: '{sql}' holds '{word}', which stands for the time of the run beside dates "
        f"(texts: LIKE '{word}'); it must depend on one row alone. Example: credit_usage < 0"
    )


@pytest.mark.parametrize(
    "sql",
    [
        "region LIKE 'today'", "region NOT LIKE 'now'", "region ILIKE 'Tomorrow'", "region = 'now or never'",
        "region = 'nowhere'", "size(filter(split(region, ','), x -> x = 'a')) > 0",
        "get_json_object(region, '$.a') = 'b'", "day >= date 'epoch'", "day >= date '2025-01-31'",
        "region IN ('now', 'later')", "upper(region) = 'NOW'", "region RLIKE 'now'", "contains(region, 'now')",
        "locate('now', region) > 0", "regexp_extract(region, '(.*)') <=> 'today'", "region = 'now' AND day < moment",
        "NOT (region <> 'today') OR year(day) = 2025", "CASE WHEN region = 'now' THEN day ELSE moment END < moment",
        "CASE WHEN day < moment THEN 'today' ELSE 'later' END = region",
        "n = 5L", "n < 1.5BD", "n < 2D", "n = 1S", "CAST(region AS STRUCT<a: INT>).a = 1",
    ],
)  # fmt: skip
def test_other_texts_are_taken(sql: str) -> None:
    assert check_expression("x.yml", sql, COLUMNS) <= set(COLUMNS)


@pytest.mark.parametrize("sql", ["CASE WHEN n > 1 THEN 'now' ELSE 'later' END", "coalesce(region, 'today')"])
def test_a_text_is_the_day_of_the_run_where_a_date_is_made_of_it(sql: str) -> None:
    check_expression("x.yml", sql, COLUMNS, "string")
    for gives in ("date", "timestamp"):
        with pytest.raises(ConfigurationError, match="which stands for the time of the run beside dates"):
            check_expression("x.yml", sql, COLUMNS, gives)


@pytest.mark.parametrize("arguments", ["'now', 1", "'now'", "'day', 'now'"])
def test_a_function_of_dates_makes_one_of_a_text(arguments: str) -> None:
    functions = {
        "'now', 1": (
            "add_months", "convert_timezone", "date_add", "date_diff", "date_format", "date_part", "date_sub",
            "dateadd", "datediff", "datepart", "from_utc_timestamp", "months_between", "next_day", "to_date",
            "to_timestamp", "to_timestamp_ltz", "to_timestamp_ntz", "to_unix_timestamp", "to_utc_timestamp", "trunc",
            "try_to_timestamp",
        ),
        "'now'": (
            "date", "day", "dayname", "dayofmonth", "dayofweek", "dayofyear", "hour", "last_day", "minute", "month",
            "monthname", "quarter", "second", "timestamp", "unix_date", "unix_micros", "unix_millis", "unix_seconds",
            "weekday", "weekofyear", "year",
        ),
        "'day', 'now'": ("date_trunc",),
    }  # fmt: skip
    for name in functions[arguments]:
        assert " holds 'now', which stands for the time of the run " in problem(f"{name}({arguments}) = n")


def test_what_a_mapping_gives_is_text_whatever_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mapped = "mapped: {from: delivery_id, values: {'*_0_*': today}}, "
    monkeypatch.setenv(
        "LAKEHOUSE_CONF", str(copy_conf(tmp_path / "conf", Change(SILVER, "region: {", f"region: {{{mapped}")))
    )
    check_sql(load_domain("billing"))


@pytest.mark.parametrize(
    "name",
    [
        "current_catalog", "current_database", "current_schema", "current_timezone", "input_file_name", "java_method",
        "monotonically_increasing_id", "now", "reflect", "session_user", "spark_partition_id", "user", "version",
    ],
)  # fmt: skip
def test_a_function_of_the_run_is_refused(name: str) -> None:
    assert f" holds {name}(); it must depend on one row alone." in problem(f"{name}() = region")


@pytest.mark.parametrize("name", ["current_date", "current_timestamp", "current_user", "curdate", "localtimestamp"])
def test_a_clock_is_refused(name: str) -> None:
    assert " holds the time or the user of the run; " in problem(f"{name}() = region")


@pytest.mark.parametrize(
    ("sql", "sign"),
    [
        ("region = 'a';", ";"),
        ("? = region", "?"),
        (":x = region", ":"),
        ("region[1:2] = 'a'", ":"),
        ("json_object('a': 1) = region", ":"),
        ("map{'a': 1}['a'] = 1", ":"),
        ("@x = region", "@"),
        ("${x} = region", "$"),
        ("region -> 'a' = 'b'", "->"),
        ("region ->> 'a' = 'b'", "->>"),
    ],
)
def test_signs_that_spark_does_not_take_are_refused(sql: str, sign: str) -> None:
    assert problem(sql) == (
        f"x.yml: derived: '{sql}' holds '{sign}', which Spark does not take in an expression. Example: credit_usage < 0"
    )


def test_a_cast_of_another_dialect_is_told_with_that_of_spark() -> None:
    assert problem("region::int = 1") == (
        "x.yml: derived: 'region::int = 1' holds '::', which Spark does not take in an expression; "
        "a type is changed by CAST(... AS ...). Example: credit_usage < 0"
    )
