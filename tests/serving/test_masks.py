"""Personal data in SQL: masked as the contracts say, whole tables where no contract says, and as it is on demand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from deltalake import QueryBuilder, write_deltalake

from lakehouse.contracts.domains import load_domain
from lakehouse.contracts.lakes import Lake
from lakehouse.contracts.personal import personal_columns
from lakehouse.serving.masks import NO_MASKS, masks
from lakehouse.serving.quarantine import Selection, quarantined_rows
from lakehouse.serving.sql import open_lake, query
from lakehouse.serving.tables import lake_tables
from tests.cli.commands import commands
from tests.contracts.places import BRONZE, DAILY, SILVER, TOTALS, Change, copy_conf

USER = "user_id: {type: string, required: true, description"
PERSONAL_USER = Change(SILVER, USER, "user_id: {type: string, required: true, pii: true, description")
PERSONAL_BRONZE = Change(BRONZE, "user_id: {aliases", "user_id: {pii: true, aliases")
PERSONAL_SUM = Change(DAILY, "credits_used: {type", "credits_used: {pii: true, type")

TABLES = {
    "billing/bronze/usage": "SELECT 'ann@example.com' AS user_id, '-1.5' AS credit_usage, "
    "map(['mail', 'empty'], ['bob@example.com', NULL]) AS unknown_columns, 'eve,-1' AS malformed_record, "
    "'usage/a.csv' AS delivery_id",
    "billing/silver/usage": "SELECT 'ann@example.com' AS user_id, 'eu' AS region UNION ALL "
    "SELECT NULL, 'us' UNION ALL SELECT '', 'ap' UNION ALL SELECT 'élan', 'sa'",
    "billing/outranked/usage": "SELECT 'ann@example.com' AS user_id, 'eu' AS region",
    "billing/quarantine/usage": "SELECT '{\"user_id\":\"ann@example.com\",\"credit_usage\":\"x\","
    "\"unknown_columns\":{\"mail\":\"bob@example.com\"}}' AS payload, [named_struct('rule', 'credit_usage_unreadable', "
    "'column', 'credit_usage', 'value', 'ann@example.com', 'message', 'no number')] AS reasons, 'q1' AS quarantine_id, "
    "'usage/a.csv' AS delivery_id, DATE '2025-01-01' AS delivery_date, 1 AS delivery_sequence, 1 AS record_number, "
    "'open' AS status, 'run-1' AS run_id",
    "billing/gold/daily_usage": "SELECT DATE '2025-01-01' AS usage_date, 'eu' AS region, "
    "CAST('12.50000000' AS DECIMAL(38,8)) AS credits_used",
    "billing/ledger/decisions": "SELECT 'patch' AS kind, 'user_id' AS column, 'ann@example.com' AS value",
}  # fmt: skip


def write(lake: Lake, tables: dict[str, str]) -> None:
    for path, statement in tables.items():
        write_deltalake(f"{lake.root}/{path}", QueryBuilder().execute(statement).read_all())


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    found = Lake.at(str(tmp_path_factory.mktemp("lake")))
    write(found, TABLES)
    return found


@pytest.fixture
def contracts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Contracts with some changes, as the process finds them."""

    def use(*changes: Change) -> Path:
        conf = copy_conf(tmp_path / "conf", *changes)
        monkeypatch.setenv("LAKEHOUSE_CONF", str(conf))
        return conf

    return use


def answer(lake: Lake, *statements: str) -> list[tuple[Any, ...]]:
    """The rows of all answers, one after the other."""
    connection = open_lake(lake)
    return [row for statement in statements for row in query(connection, statement)[1]]


def personal(domain: str = "billing") -> dict[str, set[str]]:
    return {str(table): set(columns) for table, columns in personal_columns(load_domain(domain)).items() if columns}


# --- Which columns are personal


def test_a_mark_is_good_for_what_is_read_from_it_and_what_it_is_read_from(contracts: Any) -> None:
    contracts(PERSONAL_BRONZE)
    assert personal() == {"billing.bronze.usage": {"user_id"}, "billing.silver.usage": {"user_id"}}


def test_a_mark_in_silver_is_good_for_bronze_by_the_name_there(contracts: Any) -> None:
    contracts(Change(SILVER, "required: true, from: timestamp", "required: true, pii: true, from: timestamp"))
    assert personal() == {"billing.bronze.usage": {"timestamp"}, "billing.silver.usage": {"usage_timestamp"}}


def test_a_mark_is_good_for_columns_of_the_same_name_downstream(contracts: Any) -> None:
    contracts(PERSONAL_SUM)
    assert personal() == {
        "billing.gold.daily_usage": {"credits_used"},
        "billing.gold.region_totals": {"credits_used"},
    }


def test_a_contract_can_say_that_a_column_is_not_meant(contracts: Any) -> None:
    contracts(PERSONAL_SUM, Change(TOTALS, "credits_used: {type", "credits_used: {pii: false, type"))
    assert personal() == {"billing.gold.daily_usage": {"credits_used"}}


def test_a_mark_makes_no_delivery_pending(contracts: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contracts()
    before = load_domain("billing").fingerprints
    monkeypatch.setenv("LAKEHOUSE_CONF", str(copy_conf(tmp_path / "other", PERSONAL_BRONZE, PERSONAL_SUM)))
    assert load_domain("billing").fingerprints == before


# --- What people see


def test_a_personal_text_shows_its_first_character_and_nothing_stays_nothing(contracts: Any, lake: Lake) -> None:
    contracts(PERSONAL_USER)
    silver = "SELECT user_id, region FROM billing_silver.usage ORDER BY region"
    assert answer(lake, silver, "SELECT * FROM billing_outranked.usage") == [
        ("***", "ap"), ("a***", "eu"), ("é***", "sa"), (None, "us"), ("a***", "eu"),
    ]  # fmt: skip


def test_another_personal_value_is_nothing_of_the_same_type(contracts: Any, lake: Lake) -> None:
    contracts(PERSONAL_SUM)
    assert answer(lake, "SELECT region, credits_used, typeof(credits_used) FROM billing_gold.daily_usage") == [
        ("eu", None, "DECIMAL(38,8)")
    ]


def test_bronze_masks_what_no_contract_names_too(contracts: Any, lake: Lake) -> None:
    contracts(PERSONAL_USER)
    assert answer(lake, "SELECT * FROM billing_bronze.usage") == [
        ("a***", "-1.5", {"mail": "b***", "empty": None}, "e***", "usage/a.csv")
    ]


def test_quarantine_masks_all_that_was_delivered_and_stays_json(contracts: Any, lake: Lake) -> None:
    contracts(PERSONAL_BRONZE)
    assert answer(
        lake,
        "SELECT payload, payload ->> 'user_id', reasons, quarantine_id, delivery_id FROM billing_quarantine.usage",
    ) == [
        (
            '{"user_id":"a***","credit_usage":"x***","unknown_columns":"{***"}',
            "a***",
            [{"rule": "credit_usage_unreadable", "column": "credit_usage", "value": "a***", "message": "no number"}],
            "q1",
            "usage/a.csv",
        )
    ]


def test_patched_values_in_the_ledger_are_masked(contracts: Any, lake: Lake) -> None:
    contracts(PERSONAL_BRONZE)
    assert answer(lake, "SELECT * FROM billing_ledger.decisions") == [("patch", "user_id", "a***")]


def test_a_column_that_the_contract_names_no_more_is_masked(contracts: Any, tmp_path: Path) -> None:
    contracts(PERSONAL_USER)
    found = Lake.at(str(tmp_path / "lake"))
    once = TABLES["billing/bronze/usage"].replace("'-1.5' AS", "'0113 49' AS phone, '-1.5' AS")
    kept = "SELECT 'ann@example.com' AS user_id, 'eu' AS region, 7 AS age, 3 AS record_number"
    write(found, {"billing/bronze/usage": once, "billing/silver/usage": kept})
    assert answer(
        found,
        "SELECT phone, credit_usage, delivery_id FROM billing_bronze.usage",
        "SELECT * FROM billing_silver.usage",
    ) == [("0***", "-1.5", "usage/a.csv"), ("a***", "eu", None, 3)]


def test_a_filter_does_not_reach_below_the_mask(contracts: Any, lake: Lake) -> None:
    contracts(PERSONAL_USER)
    count = "SELECT count(*) FROM billing_silver.usage WHERE user_id = "
    assert answer(lake, f"{count} 'ann@example.com'", f"{count} 'a***'") == [(0,), (1,)]


def test_without_personal_columns_nothing_is_masked(contracts: Any, lake: Lake) -> None:
    contracts()
    assert answer(
        lake,
        "SELECT user_id FROM billing_silver.usage WHERE region = 'eu'",
        "SELECT payload ->> 'user_id' FROM billing_quarantine.usage",
        "SELECT malformed_record FROM billing_bronze.usage",
        "SELECT value FROM billing_ledger.decisions",
    ) == [("ann@example.com",), ("ann@example.com",), ("eve,-1",), ("ann@example.com",)]


def test_who_mends_quarantined_rows_sees_them_as_they_are(contracts: Any, lake: Lake) -> None:
    contracts(PERSONAL_BRONZE)
    (row,), _ = quarantined_rows(lake, "billing", Selection())
    assert row.payload["user_id"] == "ann@example.com"
    assert row.reasons[0].value == "ann@example.com"


# --- Without a contract


@pytest.fixture
def lakehouse(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    return commands(monkeypatch, capsys)


STATEMENT = "SELECT region, credits_used FROM billing_gold.daily_usage"
MASKED = ["region credits_used", "e***"]
PLAIN = ["region credits_used", "eu 12.50000000"]


def cells(out: str) -> list[str]:
    """The words of a table's lines that hold any."""
    lines = [" ".join(line.translate(dict.fromkeys(map(ord, "│┃"), " ")).split()) for line in out.splitlines()]
    return [line for line in lines if line and line[0] not in "┏┡└" and not line.endswith(" rows")]


def test_a_domain_without_contracts_is_masked_as_a_whole(
    contracts: Any, lakehouse: Any, lake: Lake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    conf = contracts()
    (conf / "billing" / "domain.yml").unlink()
    code, out, err = lakehouse("sql", "--lake", lake.root, STATEMENT)
    assert (code, cells(out)) == (0, MASKED)
    assert err == (
        "masked every value of 'billing', because its contracts cannot be read. There is no domain 'billing'. "
        f"Domains: none (folders with a domain.yml in {conf}). --unmasked shows them.\n"
    )
    # What the engine itself made stays readable, and what was delivered does not.
    assert answer(
        lake,
        "SELECT delivery_id, user_id, unknown_columns FROM billing_bronze.usage",
        "SELECT status, payload ->> 'user_id', reasons[1].value FROM billing_quarantine.usage",
        "SELECT kind, value FROM billing_ledger.decisions",
    ) == [
        ("usage/a.csv", "a***", {"mail": "b***", "empty": None}),
        ("open", "a***", "a***"),
        ("patch", "a***"),
    ]
    monkeypatch.setenv("LAKEHOUSE_CONF", str(tmp_path / "nowhere"))
    code, out, err = lakehouse("sql", "--lake", lake.root, STATEMENT)
    assert (code, cells(out)) == (0, MASKED)
    assert "LAKEHOUSE_CONF names" in err


def test_a_table_without_a_contract_is_masked_as_a_whole(contracts: Any, lakehouse: Any, lake: Lake) -> None:
    conf = contracts()
    (conf / TOTALS).unlink()
    (conf / DAILY).unlink()
    code, out, err = lakehouse("sql", "--lake", lake.root, STATEMENT)
    assert (code, cells(out)) == (0, MASKED)
    assert err == (
        "masked every value of billing_gold.daily_usage, because no contract says which are personal. "
        "--unmasked shows them.\n"
    )


def test_wrong_contracts_mask_everything_and_are_told_of(contracts: Any, lakehouse: Any, lake: Lake) -> None:
    contracts(Change(DAILY, "description: Consumption a day.", "descripton: Consumption a day."))
    code, out, err = lakehouse("sql", "--lake", lake.root, STATEMENT)
    assert (code, cells(out)) == (0, MASKED)
    assert err.startswith("masked every value of 'billing', because its contracts cannot be read. ")
    assert "unknown key 'descripton'. Did you mean 'description'?" in err


def test_unmasked_shows_all_as_it_is(contracts: Any, lakehouse: Any, lake: Lake) -> None:
    conf = contracts(PERSONAL_SUM)
    assert cells(lakehouse("sql", "--lake", lake.root, STATEMENT)[1]) == ["region credits_used", "eu"]
    code, out, err = lakehouse("sql", "--lake", lake.root, "--unmasked", STATEMENT)
    assert (code, cells(out), err) == (0, PLAIN, "")
    (conf / "billing" / "domain.yml").unlink()
    code, out, err = lakehouse("sql", "--lake", lake.root, "--unmasked", STATEMENT)
    assert (code, cells(out), err) == (0, PLAIN, "")


def test_a_table_that_comes_between_looking_and_opening_is_masked_too(contracts: Any, tmp_path: Path) -> None:
    contracts()
    found = Lake.at(str(tmp_path / "lake"))
    write(found, {"billing/gold/daily_usage": TABLES["billing/gold/daily_usage"]})
    before = masks(lake_tables(found))
    write(found, {"billing/silver/usage": TABLES["billing/silver/usage"]})
    connection = open_lake(found, before)
    assert query(connection, "SELECT count(*) FROM billing_silver.usage WHERE user_id NOT LIKE '%***'")[1] == [(0,)]
    assert query(open_lake(found, NO_MASKS), "SELECT max(user_id) FROM billing_silver.usage")[1] == [("élan",)]
