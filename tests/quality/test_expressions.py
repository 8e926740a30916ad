"""What Spark does not understand in contracts is told with file and key, before there are rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lakehouse.contracts.domains import load_domain
from lakehouse.errors import ConfigurationError
from lakehouse.quality.expressions import check_expressions
from tests.contracts.places import DAILY, SILVER, Change, copy_conf

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

pytestmark = pytest.mark.slow

RULE = "conf/billing/silver/usage.yml: row_rules.usage_is_a_debit.assert: "
DERIVED = "conf/billing/silver/usage.yml: columns.usage_date.derived: "


def rule(condition: str) -> Change:
    return Change(SILVER, "{assert: credit_usage < 0,", f'{{assert: "{condition}",')


def derived(sql: str) -> Change:
    return Change(SILVER, "derived: to_date(usage_timestamp)", f'derived: "{sql}"')


def problem(spark: SparkSession, conf: Path, *changes: Change) -> str:
    copy_conf(conf, *changes)
    with pytest.raises(ConfigurationError) as caught:
        check_expressions(spark, load_domain("billing"))
    return str(caught.value).replace(str(conf), "conf")


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "conf"
    monkeypatch.setenv("LAKEHOUSE_CONF", str(folder))
    return folder


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("credit_usage", "decimal(20,8)"), ("length(region) + 1", "int"), ("'abc'", "string"), ("NULL", "void"),
        ("to_date(region)", "date"),
    ],
)  # fmt: skip
def test_a_rule_that_is_not_true_or_false(sql: str, kind: str, spark: SparkSession, conf: Path) -> None:
    assert problem(spark, conf, rule(sql)) == (
        f"{RULE}'{sql}' gives {kind}, and true or false is needed. Example: credit_usage < 0"
    )


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("lenght(region) > 0", "[UNRESOLVED_ROUTINE] Cannot resolve function `lenght` on search path ["),
        ("substring(region) = 'a'", "[WRONG_NUM_ARGS.WITHOUT_SUGGESTION] The `substring` requires [2, 3] parameters "),
        ("explode(array(success))", "[UNSUPPORTED_GENERATOR.NESTED_IN_EXPRESSIONS] The generator is not supported: "),
        ("try_sum(credit_usage) > 1", "[MISSING_GROUP_BY] The query does not include a GROUP BY clause."),
    ],
)
def test_a_rule_that_spark_does_not_understand(sql: str, said: str, spark: SparkSession, conf: Path) -> None:
    text = problem(spark, conf, rule(sql))
    assert text.startswith(f"{RULE}Spark does not understand '{sql}': {said}")
    assert text.endswith(" Example: credit_usage < 0")
    assert "\n" not in text


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("to_dat(usage_timestamp)", "[UNRESOLVED_ROUTINE] Cannot resolve function `to_dat` on search path ["),
        ("array(usage_timestamp)", "[DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION] Cannot resolve "),
    ],
)
def test_a_derived_column_that_spark_does_not_understand(sql: str, said: str, spark: SparkSession, conf: Path) -> None:
    assert problem(spark, conf, derived(sql)).startswith(f"{DERIVED}Spark does not understand '{sql}': {said}")


def test_a_threshold_that_spark_does_not_understand(spark: SparkSession, conf: Path) -> None:
    limit = "{figure: credits_used, says: region, warn_below: 1, where: credits_used}"
    assert problem(spark, conf, Change(DAILY, "write:", f"thresholds: [{limit}]\nwrite:")) == (
        "conf/billing/gold/daily_usage.yml: thresholds.0.where: 'credits_used' gives decimal(38,8), and true or false "
        "is needed. Example: credit_usage < 0"
    )


def test_what_spark_understands_is_taken(spark: SparkSession, conf: Path) -> None:
    copy_conf(conf, derived("to_date(usage_timestamp) -- the day"), rule("credit_usage < 0 -- a debit"))
    check_expressions(spark, load_domain("billing"))
