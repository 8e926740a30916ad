"""SQL over a lake: every table by its name, the same answers on every machine, and errors that help."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from arro3.core import Array, DataType, Table
from deltalake import DeltaTable, write_deltalake

from lakehouse.contracts.lakes import Lake
from lakehouse.errors import ConfigurationError
from lakehouse.ledger.book import Ledger
from lakehouse.serving.asking import check_question
from lakehouse.serving.masks import NO_MASKS
from lakehouse.serving.sql import QueryError, open_lake, query, view_names
from lakehouse.serving.tables import lake_tables

FIVE_O_CLOCK = 1_735_707_600_000_000
"""2025-01-01 05:00 UTC in microseconds: still the old year in New York, already noon in Bangkok."""


def column(values: list[Any], kind: DataType) -> Array:
    return Array(values, type=kind)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    root = tmp_path_factory.mktemp("it's a lake")
    every_type = Table.from_pydict(
        {
            "moment": column([FIVE_O_CLOCK, None], DataType.int64()).cast(DataType.timestamp("us", tz="UTC")),
            "day": column([20089, None], DataType.int32()).cast(DataType.date32()),
            "amount": column(["-1.50000000", None], DataType.string()).cast(DataType.decimal128(20, 8)),
            "name": column(["NA", None], DataType.string()),
            "number": column([2**40, None], DataType.int64()),
            "good": column([True, None], DataType.bool()),
            "nothing": column([None, None], DataType.string()),
        }
    )
    write_deltalake(f"{root}/shop/gold/daily_orders", every_type)
    write_deltalake(f"{root}/shop/quarantine/orders", every_type)
    write_deltalake(f"{root}/shop/scratch/orders", every_type)
    Ledger(Lake.at(str(root)), "shop").record("runs", [{"run_id": "run-1", "exit_code": 0}])
    return Lake.at(str(root))


def test_every_table_has_a_view(lake: Lake) -> None:
    assert view_names(open_lake(lake, NO_MASKS)) == [
        "shop_gold.daily_orders",
        "shop_ledger.runs",
        "shop_quarantine.orders",
    ]


def test_values_come_back_exactly(lake: Lake) -> None:
    columns, rows = query(open_lake(lake, NO_MASKS), "select * from shop_gold.daily_orders order by number nulls last")
    assert columns == ["moment", "day", "amount", "name", "number", "good", "nothing"]
    assert rows == [
        (
            datetime(2025, 1, 1, 5, 0, tzinfo=timezone.utc),
            date(2025, 1, 1),
            Decimal("-1.50000000"),
            "NA",
            1_099_511_627_776,
            True,
            None,
        ),
        (None,) * 7,
    ]


def test_the_ledger_is_a_table_too(lake: Lake) -> None:
    _, rows = query(open_lake(lake, NO_MASKS), "select run_id, exit_code, entry from shop_ledger.runs")
    assert rows == [("run-1", 0, 1)]


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Bangkok", "UTC"])
def test_times_are_utc_on_every_machine(zone: str, lake: Lake) -> None:
    code = f"""\
from lakehouse.contracts.lakes import Lake
from lakehouse.serving.masks import NO_MASKS
from lakehouse.serving.sql import open_lake, query
statement = '''select moment, moment::varchar, moment::date, hour(moment), moment < '2025-01-01 06:00:00',
    date_trunc('day', moment)::varchar from shop_gold.daily_orders where moment is not null'''
for row in query(open_lake(Lake({lake.root!r}), NO_MASKS), statement)[1]:
    print(*row, sep="|")
"""
    found = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "TZ": zone}, capture_output=True, text=True, check=True
    )
    assert found.stdout == (
        "2025-01-01 05:00:00+00:00|2025-01-01 05:00:00+00|2025-01-01|5|True|2025-01-01 00:00:00+00\n"
    )


ALL = "Tables: shop_gold.daily_orders, shop_ledger.runs, shop_quarantine.orders."


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        (
            "select * from shop_gold.daily_order",
            f"There is no table 'shop_gold.daily_order'. Did you mean 'shop_gold.daily_orders'? {ALL}",
        ),
        (
            "select * from shop_gld.daily_orders",
            f"There is no table 'shop_gld.daily_orders'. Did you mean 'shop_gold.daily_orders'? {ALL}",
        ),
        (
            'select * from "shop_gold"."daily_order"',
            f"There is no table 'shop_gold.daily_order'. Did you mean 'shop_gold.daily_orders'? {ALL}",
        ),
        ("select * from run", f"There is no table 'run'. Did you mean 'shop_ledger.runs'? {ALL}"),
        ("select * from weather", f"There is no table 'weather'. {ALL}"),
        ("selec 1", 'Parser Error: syntax error at or near "selec"'),
        (
            "select amont from shop_gold.daily_orders",
            'Binder Error: Referenced column "amont" not found in FROM clause!\n'
            'Candidate bindings: "amount", "moment", "name", "nothing", "day"',
        ),
    ],
)
def test_a_statement_that_cannot_be_answered(statement: str, text: str, lake: Lake) -> None:
    with pytest.raises(QueryError) as caught:
        query(open_lake(lake, NO_MASKS), statement)
    assert str(caught.value) == text


QUESTIONS = "Only questions are answered here: SELECT, FROM, WITH, DESCRIBE, SUMMARIZE, SHOW, EXPLAIN. "
FILES = (
    "is no table of the lake, and nothing else can be read here. 'lakehouse sql \"show all tables\"' lists the tables."
)


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("copy (select 1) to '{out}'", QUESTIONS),
        ("explain analyze copy (select 1) to '{out}'", QUESTIONS),
        ("attach '{out}' as other", QUESTIONS),
        ("create table x (a int)", QUESTIONS),
        ("set threads = 1", QUESTIONS),
        ("select 1; select 2", "One statement at a time, found 2. Nothing was asked."),
        ("select * from delta_scan('/lake')", f"'delta_scan' {FILES}"),
        ("summarize select * from read_text('/lake/x')", f"'read_text' {FILES}"),
        ("explain select (select 1 from glob('/*'))", f"'glob' {FILES}"),
        ("select * from query('select 1')", f"'query' {FILES}"),
        ("with a as (select 1) select * from a, '/lake/x.parquet'", f"'/lake/x.parquet' {FILES}"),
        ('select * from "x.csv"', f"'x.csv' {FILES}"),
        ('show "x.csv"', f"'x.csv' {FILES}"),
        ('select * from "/lake/shop/silver/orders/*".parquet', f"'/lake/shop/silver/orders/*.parquet' {FILES}"),
        ('describe "/lake/x".csv', f"'/lake/x.csv' {FILES}"),
        ('summarize "/lake"."x".csv', f"'/lake.x.csv' {FILES}"),
        ("from orders.csv", "There is no table 'orders.csv'. Tables: "),
        ("explain from orders.csv", "There is no table 'orders.csv'. Tables: "),
        ("select * from shop_gold.daily_order", "There is no table 'shop_gold.daily_order'. Did you mean 'shop_gold."),
        ("explain (analyze) copy (select 1) to '{out}'", QUESTIONS),
        ("explain (analyze, format json) copy (select 1) to '{out}'", QUESTIONS),
        ("/* a plan */ explain analyze copy (select 1) to '{out}'", QUESTIONS),
        ("-- a plan\nexplain analyze copy (select 1) to '{out}'", QUESTIONS),
        ("-- a plan\nexplain (analyze) copy (select 1) to '{out}'", QUESTIONS),
        ("-- a plan\nexplain analyze create or replace view shop_gold.daily_orders as\nselect 2 a", QUESTIONS),
        ("explain -- a plan\nanalyze copy (select 1) to '{out}'", QUESTIONS),
        ("explain (analyze true) copy (select 1) to '{out}'", QUESTIONS),
        ("explain (format json) select 1; copy (select 1) to '{out}'", QUESTIONS),
        ("explain (format json) select 1; select 2", "One statement at a time, found 2. Nothing was asked."),
        ("explain (format json) from 'x.csv'", f"'x.csv' {FILES}"),
    ],
)
def test_only_tables_are_read_and_nothing_is_written(statement: str, text: str, lake: Lake, tmp_path: Path) -> None:
    out = tmp_path / "written"
    with pytest.raises(QueryError) as caught:
        check_question(open_lake(lake, NO_MASKS), statement.format(out=out))
    assert str(caught.value).startswith(text)
    assert not out.exists()


@pytest.mark.parametrize(
    "statement",
    [
        "select * from shop_gold.daily_orders",
        "from shop_gold.daily_orders limit 1;",
        "with a as (select unnest([1, 2]) b) select * from a, range(3)",
        "explain analyze select 1",
        "explain (analyze, format json) select * from shop_gold.daily_orders",
        "explain (select 1)",
        "explain (analyze true, format 'json') select 1",
        "-- a comment\nselect 1",
        "show tables from shop_gold",
        "show tables from memory.shop_gold",
        "from Shop_Gold.Daily_Orders",
        "from information_schema.tables",
        "from pg_catalog.pg_class",
        "from duckdb_views where not internal",
        "describe shop_gold.daily_orders",
        "summarize shop_gold.daily_orders",
        "show all tables",
        "values (1)",
    ],
)
def test_questions_are_answered(statement: str, lake: Lake) -> None:
    connection = open_lake(lake, NO_MASKS)
    check_question(connection, statement)
    assert query(connection, statement)[1]


@pytest.mark.parametrize("statement", ["", "  ", "-- nothing"])
def test_an_empty_statement_has_an_empty_answer(statement: str, lake: Lake) -> None:
    assert query(open_lake(lake, NO_MASKS), statement) == ([], [])


@pytest.fixture
def damaged(tmp_path: Path) -> Lake:
    """A lake with a table whose log holds garbage, one that a full disk kept from being made, and one that is whole."""
    for name in ("whole", "damaged"):
        write_deltalake(f"{tmp_path}/shop/gold/{name}", Table.from_pydict({"n": column([7], DataType.int64())}))
    (tmp_path / "shop/gold/damaged/_delta_log" / f"{0:020}.json").write_text("garbage")
    (tmp_path / "shop/gold/begun/_delta_log").mkdir(parents=True)
    return Lake.at(str(tmp_path))


def test_tables_that_cannot_be_read_leave_the_others_alone(damaged: Lake) -> None:
    connection = open_lake(damaged)
    assert view_names(connection) == ["shop_gold.whole"]
    check_question(connection, "select * from shop_gold.whole")
    assert query(connection, "select count(*) from shop_gold.whole")[1] == [(1,)]


@pytest.mark.parametrize(
    ("ask", "name"),
    [
        (check_question, "shop_gold.damaged"),
        (check_question, "memory.Shop_Gold.Damaged"),
        (query, "shop_gold.damaged"),
        (query, "damaged"),
    ],
)
def test_a_table_that_cannot_be_read_is_told_when_it_is_asked_for(ask: Any, name: str, damaged: Lake) -> None:
    with pytest.raises(QueryError) as caught:
        ask(open_lake(damaged, NO_MASKS), f"select * from {name}")
    assert str(caught.value) == (
        f"The log of the table {damaged.root}/shop/gold/damaged cannot be read: IO Error: DeltaKernel ArrowError (2): "
        "Json error: Encountered unexpected 'g' whilst parsing value. Restore the folder from a backup, or move the "
        "whole lake aside and load it anew."
    )


def test_a_table_that_was_begun_alone_is_none(damaged: Lake) -> None:
    with pytest.raises(QueryError) as caught:
        query(open_lake(damaged, NO_MASKS), "select * from shop_gold.begun")
    assert str(caught.value) == (
        "There is no table 'shop_gold.begun'. Did you mean 'shop_gold.whole'? Tables: shop_gold.whole."
    )


def test_a_checkpoint_alone_tells_of_a_table(damaged: Lake) -> None:
    table = Path(damaged.root, "shop/gold/whole")
    DeltaTable(str(table)).create_checkpoint()
    (table / "_delta_log" / f"{0:020}.json").unlink()
    assert [table.view for table in lake_tables(damaged)] == ["shop_gold.damaged", "shop_gold.whole"]


def test_there_is_no_lake(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_lake(Lake.at(str(tmp_path / "lake")))
    assert str(caught.value) == (
        f"There is no lake at {tmp_path}/lake. Run 'lakehouse run DOMAIN --lake {tmp_path}/lake --landing ...' first, "
        "or name another folder with --lake."
    )
