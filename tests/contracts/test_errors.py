"""Every mistake in a contract or an environment that a person can make, and the whole text that explains it.

The texts are in errors.txt, one section for each mistake. Read a new one aloud before adding it: file, field, value
found, values allowed, nearest match, a correct example.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lakehouse.contracts.domains import load_domain
from lakehouse.contracts.environments import load_environment
from lakehouse.contracts.locations import PACKAGE
from lakehouse.contracts.sql import check_sql
from lakehouse.errors import ConfigurationError
from tests.contracts.places import BRONZE, CONF, DAILY, DOMAIN, LOCAL, SILVER, TOTALS, Change, copy_conf

REGION = "region: {type: string, description: Region of the resource}"
DEBIT = "{assert: credit_usage < 0, because"
NO_TRANSFORM = """\
description: Consumption a week.
inputs: {usage: billing.silver.usage}
columns: {week: {type: date, description: Monday of the week}}
write: {strategy: replace_all, keys: [week]}
"""
NO_COLUMNS = "description: x\nsource: {kind: csv, folder: b, files: '*.csv'}\ncolumns: {}\n"


def rule(condition: str) -> Change:
    return Change(SILVER, DEBIT, f"{{assert: {condition}, because")


def manifest(files: str) -> Change:
    return Change(BRONZE, "columns:\n", f"  manifest: {{files: {files}}}\ncolumns:\n")


def derived(expression: str) -> Change:
    return Change(SILVER, "derived: to_date(usage_timestamp)", f"derived: {expression}")


def formats(text: str) -> Change:
    return Change(SILVER, "from: timestamp", f"from: timestamp, formats: [{text}]")


def prices(folder: str, files: str = "*.csv") -> Change:
    text = f"description: x\nsource: {{kind: csv, folder: {folder}, files: '{files}'}}\ncolumns: {{price: {{}}}}\n"
    return Change("billing/bronze/prices.yml", "", text)


def schedule(text: str) -> Change:
    return Change(DOMAIN, '"0 2 * * *"', f'"{text}"')


def parameter(text: str) -> Change:
    return Change(DAILY, "write:", f"parameters: {{high_from: {text}}}\nwrite:")


def mapped(text: str) -> str:
    return f"region: {{type: string, mapped: {text}, description: Region of the resource}}"


def marker(of: str) -> str:
    return f"region: {{type: string, null_marker_of: {of}, description: What stood there}}"


def threshold(text: str) -> Change:
    return Change(DAILY, "write:", f"thresholds: [{text}]\nwrite:")


def filtered(condition: str) -> Change:
    return Change(DAILY, '"credits_used" > 0', f'"credits_used" > 0 where "{condition}"')


def history(options: str) -> Change:
    merged = "write:\n  strategy: merge\n  keys: [usage_timestamp, user_id]\n  partition_by: [usage_date]\n"
    return Change(SILVER, merged, f"write: {{strategy: scd2, keys: [user_id]{options}}}\n")


HISTORY = history("")
REGIONS = """\
description: Regions.
inputs: {{usage: {}}}
columns: {{region: {{type: string, required: true, description: x}}}}
write: {{strategy: replace_all, keys: [region]}}
"""

MISTAKES = {
    # --- YAML
    "empty file": [Change(SILVER, "", b"")],
    "list": [Change(SILVER, "", "- a\n")],
    "text": [Change(SILVER, "", "hello\n")],
    "tab": [Change(SILVER, "write:\n", "write:\n\t")],
    "bracket": [Change(SILVER, "columns:\n", "columns: {\n")],
    "two documents": [Change(SILVER, "columns:\n", "---\ncolumns:\n")],
    "control character": [Change(SILVER, "", "description: a\x01b\n")],
    "encoding of a contract": [Change(SILVER, "", b"description: \xff\n")],
    "impossible date": [Change(DOMAIN, "2025-01-01", "2025-02-30")],
    "key that is a list": [Change(SILVER, "columns:\n", "? [a]\n: b\ncolumns:\n")],
    "key twice": [Change(SILVER, "write:\n", "description: again\nwrite:\n")],
    "column twice": [Change(SILVER, "  region: {", "  user_id: {type: string, description: x}\n  region: {")],
    "number with a leading zero": [parameter("010000")],
    "number to the base of sixty": [parameter("1:30")],
    "number with an exponent": [parameter("1e4")],
    # --- files
    "file ending": [Change("billing/gold/x.yaml", "", "a: b\n")],
    "folder of a contract": [Change("billing/glod/x.yml", "", "a: b\n")],
    "place of a contract": [Change("billing/x.yml", "", "a: b\n")],
    "name of a contract": [Change("billing/gold/Weekly-Usage.yml", "", "a: b\n")],
    # --- keys and types
    "unknown key": [Change(SILVER, "description: One", "descripton: One")],
    "unknown key of a column": [Change(SILVER, "required: true, from", "requird: true, from")],
    "unquoted decimal": [Change(SILVER, '"decimal(20,8)"', "decimal(20,8)")],
    "unquoted comma": [Change(SILVER, "because: usage is booked as a debit", "because: usage is booked, as a debit")],
    "id": [Change(SILVER, "description: One", "id: x\ndescription: One")],
    "no description": [Change(SILVER, "description: One billed operation.\n", "")],
    "no type": [Change(SILVER, REGION, "region: {description: Region of the resource}")],
    "no description of a column": [Change(SILVER, REGION, "region: {type: string}")],
    "no assert": [Change(SILVER, "assert: credit_usage < 0, ", "")],
    "no keys": [Change(DAILY, "keys: [usage_date, region], ", "")],
    "no strategy": [Change(DAILY, "strategy: replace_periods, ", "")],
    "no source kind": [Change(BRONZE, "  kind: csv\n", "")],
    "unknown source kind": [Change(BRONZE, "kind: csv", "kind: cvs")],
    "unknown strategy of gold": [Change(DAILY, "strategy: replace_periods", "strategy: replace_period")],
    "strategy of another layer": [Change(DAILY, "strategy: replace_periods", "strategy: merge")],
    "unknown strategy of silver": [Change(SILVER, "strategy: merge", "strategy: upsert")],
    "option of another strategy": [
        Change(TOTALS, "{strategy: replace_all, ", "{strategy: replace_all, partition_by: [region], ")
    ],
    "column with a name of the engine": [Change(SILVER, "  region: {", "  quarantined: {")],
    "rule with a name of a column": [Change(SILVER, "  usage_is_near_its_delivery:", "  region:")],
    "parameter with too many digits": [Change(DAILY, "write:", "parameters: {rate: 12345678901234567.89}\nwrite:")],
    "mapped text with a quote": [Change(SILVER, REGION, mapped("{from: delivery_id, values: {\"*o'clock*\": GB}}"))],
    "mapped number": [
        Change(SILVER, REGION, mapped("{from: delivery_id, values: {'*_gb_*': GB}}").replace("string", "int"))
    ],
    "mapped and derived": [
        Change(SILVER, REGION, mapped("{from: user_id, values: {'*': x}}, derived: user_id"))
    ],
    "null marker of an unknown column": [Change(SILVER, REGION, marker("regio"))],
    "null marker of a column without any": [Change(SILVER, REGION, marker("user_id"))],
    "null marker that is a number": [Change(SILVER, REGION, marker("user_id").replace("string", "int"))],
    "null marker of a null marker": [
        Change(SILVER, "user_id: {type: string,", "user_id: {type: string, null_marker_of: region,"),
        Change(SILVER, REGION, marker("success")),
    ],
    "null marker of itself": [Change(SILVER, REGION, marker("region"))],
    "null marker with null values": [Change(SILVER, REGION, marker("user_id, null_values: ['n/a']"))],
    "null values of a derived column": [derived("to_date(usage_timestamp), null_values: ['n/a']")],
    "mapped from nothing": [Change(SILVER, REGION, mapped("{from: delivery, values: {'*': x}}"))],
    "parameter that is a list": [Change(DAILY, "write:", "parameters: {high_from: [1]}\nwrite:")],
    "parameter that the transform does not take": [
        Change(DAILY, "write:", "parameters: {high_from: 10, zone: x}\nwrite:")
    ],
    "threshold without a limit": [threshold("{figure: credits_used, says: region}")],
    "thresholds in the wrong order": [threshold("{figure: credits_used, says: region, warn_below: 1, error_below: 2}")],
    "threshold of an unknown figure": [threshold("{figure: credit_used, says: region, warn_below: 1}")],
    "threshold of unknown rows": [threshold("{figure: credits_used, says: region, warn_below: 1, where: regio = 'x'}")],
    "threshold of a text": [threshold("{figure: region, says: region, warn_below: 1}")],
    "history with a column of its own": [HISTORY, Change(SILVER, "  region: {", "  valid_to: {")],
    "history of an unknown column": [history(", type_1: [regio]")],
    "history of a key": [history(", type_1: [user_id]")],
    "history of its own days": [
        Change(SILVER, "{type: date, derived", "{type: date, required: true, derived"),
        history(", valid_from: usage_date, type_1: [usage_date]"),
    ],
    "history from an unknown day": [history(", valid_from: usage_day")],
    "history from a text": [history(", valid_from: region")],
    "history of deliveries without a day": [
        HISTORY, Change(BRONZE, "year={year}/month={month}/day={day}/*.csv", "*.csv")
    ],
    "periods of rows beside": [Change(DAILY, "inputs: {", "inputs: {beside: billing.outranked.usage, ")],
    "rows beside gold": [Change(TOTALS, "billing.gold.daily_usage", "billing.outranked.daily_usage")],
    "rows beside a computed table": [
        Change("billing/silver/regions.yml", "", REGIONS.format("billing.silver.usage")),
        Change(TOTALS, "billing.gold.daily_usage", "billing.outranked.regions"),
    ],
    "silver refined from rows beside": [Change(SILVER, "billing.bronze.usage", "billing.outranked.usage")],
    "silver computed from gold": [
        Change("billing/silver/regions.yml", "", REGIONS.format("billing.gold.daily_usage"))
    ],
    "silver computed from bronze": [
        Change("billing/silver/regions.yml", "", REGIONS.format("billing.bronze.usage"))
    ],
    "severity": [Change(SILVER, "days\n    severity: warn", "days\n    severity: warning")],
    "column type": [Change(SILVER, "region: {type: string", "region: {type: strin")],
    "float": [Change(SILVER, '"decimal(20,8)"', "double")],
    "decimal precision": [Change(SILVER, '"decimal(20,8)"', '"decimal(40,8)"')],
    "decimal scale": [Change(SILVER, '"decimal(20,8)"', '"decimal(8,20)"')],
    "column name": [Change(SILVER, "  region: {", "  Region: {")],
    "column name of the engine's kind": [Change(SILVER, "  region: {", "  _lakehouse_place: {")],
    "column name of the change feed": [Change(DAILY, "  region: {", "  _change_type: {")],
    "column name that is a number": [Change(SILVER, "  region: {", "  1: {")],
    "column that is a text": [Change(SILVER, REGION, "region: string")],
    "column that is nothing": [Change(SILVER, REGION, "region:")],
    "text expected": [Change(SILVER, "description: One billed operation.", "description: 5")],
    "list expected": [Change(SILVER, "partition_by: [usage_date]", "partition_by: usage_date")],
    "names expected": [Change(SILVER, "inputs: {usage: billing.bronze.usage}", "inputs: [billing.bronze.usage]")],
    "write that is a text": [
        Change(TOTALS, "write: {strategy: replace_all, keys: [region]}", "write: replace_all")
    ],
    "truth expected": [Change(SILVER, "required: true, from", "required: maybe, from")],
    "whole number expected": [Change(SILVER, "compact_below_mb: 32", "compact_below_mb: 32mb")],
    "fraction": [Change(SILVER, "compact_below_mb: 32", "compact_below_mb: 0.5")],
    "not above zero": [Change(SILVER, "compact_below_mb: 32", "compact_below_mb: 0")],
    "too few days": [Change(SILVER, "compact_below_mb: 32", "keep_days: 1")],
    "too many days": [Change(SILVER, "compact_below_mb: 32", "keep_days: 1000000")],
    "too many days for contents": [
        Change(BRONZE, "columns:\n", "maintain: {drop_superseded_days: 36501}\ncolumns:\n")
    ],
    "too many days for the ledger": [Change(DOMAIN, "description:", "keep_ledger_days: 36501\ndescription:")],
    "files too large": [Change(SILVER, "compact_below_mb: 32", "target_file_mb: 1048577")],
    "sorting by what has no ranges": [Change(SILVER, "zorder_by: [user_id]", "zorder_by: [success]")],
    "small files that are above the target": [Change(SILVER, "compact_below_mb: 32", "target_file_mb: 16")],
    "versions kept shorter than a restore goes back": [Change(SILVER, "compact_below_mb: 32", "keep_days: 7")],
    "sorting of bronze": [Change(BRONZE, "columns:\n", "maintain: {zorder_by: [region]}\ncolumns:\n")],
    "removal of contents from silver": [Change(SILVER, "compact_below_mb: 32", "drop_superseded_days: 400")],
    "contents that a restore may need": [
        Change(BRONZE, "columns:\n", "maintain: {drop_superseded_days: 29}\ncolumns:\n")
    ],
    "contents that old versions show": [
        Change(BRONZE, "columns:\n", "maintain: {drop_superseded_days: 400, keep_days: 500}\ncolumns:\n")
    ],
    "share that is no number": [Change(SILVER, "warn: 0.01", "warn: 1%")],
    "share above one": [Change(SILVER, "error: 0.05", "error: 5")],
    "shares in the wrong order": [Change(SILVER, "warn: 0.01", "warn: 0.1")],
    "drops in the wrong order": [
        Change(SILVER, "quarantine_share: ", "row_count_drop: {warn: 0.9, error: 0.5}\nquarantine_share: ")
    ],
    "list of numbers": [Change(SILVER, "{type: boolean, ", "{type: boolean, true_values: [1, ok], ")],
    "empty keys": [Change(DAILY, "keys: [usage_date, region]", "keys: []")],
    "no columns": [Change(BRONZE, "", NO_COLUMNS)],
    "two inputs": [Change(SILVER, "{usage: billing", "{b: billing.bronze.b, usage: billing")],
    "several mistakes": [
        Change(SILVER, "region: {type: string", "region: {type: strin"),
        Change(SILVER, "days\n    severity: warn", "days\n    severity: warning"),
    ],
    # --- names that must agree
    "table id": [Change(SILVER, "billing.bronze.usage", "billing.usage")],
    "layer": [Change(SILVER, "billing.bronze.usage", "billing.brnze.usage")],
    "unknown input": [Change(SILVER, "billing.bronze.usage", "billing.bronze.usge")],
    "silver from silver": [Change(SILVER, "billing.bronze.usage", "billing.silver.usage")],
    "gold from bronze": [Change(DAILY, "billing.silver.usage", "billing.bronze.usage")],
    "column of the engine": [Change(SILVER, "  region: {", "  delivery_id: {")],
    "rule of the engine": [Change(SILVER, "  usage_is_a_debit:", "  region_required:")],
    "rule name": [Change(SILVER, "  usage_is_a_debit:", "  Usage-Debit:")],
    "alias of two columns": [Change(BRONZE, "region: {", "region: {aliases: [User], ")],
    "no such bronze column": [Change(SILVER, "  region: {", "  regoin: {")],
    "no such source column": [Change(SILVER, "from: timestamp", "from: timestmp")],
    "from and derived": [Change(SILVER, "from: timestamp", "from: timestamp, derived: to_date(timestamp)")],
    "from and computed": [Change(SILVER, "from: timestamp", "from: timestamp, computed: true")],
    "formats of a text": [Change(SILVER, "region: {type: string", "region: {type: string, formats: [iso8601]")],
    "formats of a derived column": [derived("to_date(usage_timestamp), formats: [iso8601]")],
    "format of minutes for months": [formats("dd/mm/yyyy")],
    "format with a letter of another meaning": [formats("dd/MM/YYYY")],
    "format with half an hour of twelve": [formats("'yyyy-MM-dd hh:mm:ss'")],
    "format that is misspelt": [formats("iso-8601")],
    "no format": [formats("")],
    "derived in gold": [Change(DAILY, "credits_used: {", "credits_used: {derived: 1 + 1, ")],
    "unknown key column": [Change(SILVER, "keys: [usage_timestamp", "keys: [usage_timestmp")],
    "key column twice": [Change(SILVER, "keys: [usage_timestamp", "keys: [user_id")],
    "key that is not required": [Change(SILVER, "user_id: {type: string, required: true", "user_id: {type: string")],
    "unknown order column": [Change(SILVER, "  partition_by:", "  order_by: [updated_at]\n  partition_by:")],
    "unknown partition column": [Change(SILVER, "partition_by: [usage_date]", "partition_by: [usage_dat]")],
    "partition that is not a function of the key": [
        Change(SILVER, "partition_by: [usage_date]", "partition_by: [region]")
    ],
    "derived partition that is not a function of the key": [
        derived('"coalesce(to_date(usage_timestamp), delivery_date)"')
    ],
    "partition of bronze": [
        Change(BRONZE, "columns:\n", "write: {strategy: append, partition_by: [region]}\ncolumns:\n")
    ],
    "unknown zorder column": [Change(SILVER, "zorder_by: [user_id]", "zorder_by: [user]")],
    "zorder by partition": [Change(SILVER, "zorder_by: [user_id]", "zorder_by: [usage_date]")],
    "no periods": [Change(DAILY, "periods: {usage_date: usage.usage_date}\n", "")],
    "periods of two columns": [
        Change(DAILY, "usage_date: usage.usage_date}", "usage_date: usage.usage_date, region: usage.region}"),
        Change(DAILY, "partition_by: [usage_date]", "partition_by: [usage_date, region]"),
    ],
    "periods of another type": [
        Change(DAILY, "usage_date: {type: date, required: true", "usage_date: {type: timestamp, required: true")
    ],
    "periods of a whole table": [Change(TOTALS, "write: {", "periods: {region: daily.region}\nwrite: {")],
    "unknown input of a period": [Change(DAILY, "usage.usage_date", "usag.usage_date")],
    "period without a column": [Change(DAILY, "usage_date: usage.usage_date", "usage_date: usage")],
    "unknown column of a period": [Change(DAILY, "usage.usage_date", "usage.usage_day")],
    "partition that is not in the key": [Change(DAILY, "keys: [usage_date, region]", "keys: [region]")],
    "circle": [Change(TOTALS, "billing.gold.daily_usage", "billing.gold.region_totals")],
    # --- transforms
    "no transform": [Change("billing/gold/weekly_usage.yml", "", NO_TRANSFORM)],
    "parameters": [
        Change(DAILY, "inputs: {usage:", "inputs: {records:"),
        Change(DAILY, "usage.usage_date", "records.usage_date"),
    ],
    # --- SQL
    "unknown column in a rule": [rule("credit_usag < 0")],
    "rule that ends early": [rule("credit_usage <")],
    "rule with an open quote": [rule("region = 'eu")],
    "rule with an open bracket": [rule("(credit_usage < 0")],
    "rule with a sub-query": [rule("credit_usage > (select 1)")],
    "rule with an aggregate": [rule("credit_usage > avg(credit_usage)")],
    "rule with a window": [rule("rank() over (order by user_id) > 1")],
    "rule with a clock": [rule("usage_date < current_date()")],
    "rule with another clock": [rule("usage_timestamp < now()")],
    "rule with a day of the run": [rule("usage_date <= date 'today'")],
    "rule with the user of the run": [rule("user_id <> session_user()")],
    "rule with chance": [rule("rand() < 0.5")],
    "rule with a star": [rule("struct(*) is not null")],
    "rule of two parts": [rule("'credit_usage < 0, region'")],
    "rule with a name": [rule("credit_usage < 0 as ok")],
    "rule with a condition": [rule("credit_usage < 0 where region is null")],
    "rule with a table": [rule("usage.credit_usage < 0")],
    "rule with a semicolon": [rule("credit_usage < 0;")],
    "rule with a cast of another dialect": [rule('"credit_usage::int < 0"')],
    "rule with a parameter": [rule('"credit_usage < :most"')],
    "rule that is empty": [rule("''")],
    "rule that is a number": [rule("1")],
    "rule that is a statement": [rule("drop table usage")],
    "unknown column in a derived one": [derived("to_date(usage_timestam)")],
    "order of arrival in a derived column": [derived('"date_add(delivery_date, delivery_sequence)"')],
    "column that is derived later": [
        Change(SILVER, "  usage_date: {", "  month: {type: date, description: x, derived: last_day(usage_date)}\n"
               "  usage_date: {")
    ],
    # --- gates
    "where a gate looks": [Change(SILVER, "{on: conformed, ", "{on: conform, ")],
    "unknown statement of a gate": [Change(SILVER, "RowCount > 0", "RowCont > 0")],
    "where in a gate": [Change(SILVER, "rule: RowCount > 0", "rule: 'RowCount > 0 where \"region = 1\"'")],
    "statements that are joined in a gate": [
        Change(SILVER, "rule: RowCount > 0", "rule: '(RowCount > 0) and (IsComplete \"region\")'")
    ],
    "statements that are joined without brackets": [
        Change(SILVER, "rule: RowCount > 0", "rule: 'IsComplete \"region\" or RowCount > 5'")
    ],
    "gate on the number of columns": [Change(SILVER, "rule: RowCount > 0", "rule: ColumnCount = 6")],
    "gate with an operator that is none": [Change(SILVER, '"region" > 0.5', '"region" >> 0.5')],
    "gate without a condition": [Change(SILVER, ' "region" > 0.5', ' "region"')],
    "gate with a condition for nothing": [Change(SILVER, 'Completeness "region" > 0.5', 'IsComplete "region" > 0.5')],
    "gate without a column": [Change(SILVER, 'Completeness "region" > 0.5', "IsPrimaryKey")],
    "gate with too many columns": [Change(SILVER, '"region" > 0.5', '"region" "user_id" > 0.5')],
    "gate with a threshold that nobody looks at": [
        Change(SILVER, 'Completeness "region" > 0.5', 'ColumnValues "region" in ["eu"] with threshold > 0.5')
    ],
    "gate with a clock in its filter": [filtered("usage_date >= current_date() - 7")],
    "gate with an unknown column in its filter": [filtered("regio = ''eu''")],
    "gate of two statements": [Change(SILVER, '"region" > 0.5', '"region" > 0.5, IsComplete "user_id"')],
    "gate on the presence of a column": [Change(SILVER, "rule: RowCount > 0", "rule: 'ColumnExists \"region\"'")],
    "unknown column of a gate": [Change(SILVER, '"region" > 0.5', '"regoin" > 0.5')],
    "conformed gate of gold": [Change(DAILY, "{on: staged, ", "{on: conformed, ")],
    "gate on a count of changed periods": [Change(DAILY, "'ColumnValues \"credits_used\" > 0'", "RowCount > 0")],
    "gate on a share of changed periods": [
        Change(DAILY, 'ColumnValues "credits_used" > 0', 'ColumnDataType "region" = "Date" with threshold > 0.9')
    ],
    "unique key without the period": [Change(DAILY, 'ColumnValues "credits_used" > 0', 'IsPrimaryKey "region"')],
    # --- sources
    "placeholder": [Change(BRONZE, "{month}", "{mont}")],
    "half a day": [Change(BRONZE, "/day={day}", "")],
    "two stars": [Change(BRONZE, "year={year}/month={month}/day={day}/*.csv", "**/*.csv")],
    "absolute folder": [Change(BRONZE, "folder: billing", "folder: /billing")],
    "folder above": [Change(BRONZE, "folder: billing", "folder: ../billing")],
    "files of two sources": [prices("billing/", "*/*/day=*/prices-*.csv")],
    "files in the folder of another source": [prices("billing/year=2025", "*/*/prices.csv.gz")],
    "files around the folder of another source": [prices(".", "billing/*/*/*/*")],
    "delimiter that is a word": [Change(BRONZE, "columns:\n", "  delimiters: [tab]\ncolumns:\n")],
    "delimiter that is a letter": [Change(BRONZE, "columns:\n", "  delimiters: [',', x]\ncolumns:\n")],
    "tab that is no tab": [Change(BRONZE, "columns:\n", "  delimiters: [',', '\\t']\ncolumns:\n")],
    "no delimiter": [Change(BRONZE, "columns:\n", "  delimiters: []\ncolumns:\n")],
    "encoding": [Change(BRONZE, "columns:\n", "  encoding: utf8\ncolumns:\n")],
    "manifest that is a text": [Change(BRONZE, "columns:\n", "  manifest: manifest.json\ncolumns:\n")],
    "unknown key of a manifest": [Change(BRONZE, "columns:\n", "  manifest: {file: m.json}\ncolumns:\n")],
    "manifest without a place": [Change(BRONZE, "columns:\n", "  manifest: {required: true}\ncolumns:\n")],
    "manifest that may be missing or not": [manifest("'{path}.json', required: maybe")],
    "manifest with a star": [manifest("'*.json'")],
    "placeholder of a manifest": [manifest("'{paht}.json'")],
    "day of a manifest": [manifest("'{date}.json'")],
    "folder in the middle of a manifest's path": [manifest("'manifests/{folder}/m.json'")],
    "form of a manifest": [manifest("'{path}.xml'")],
    "absolute path of a manifest": [manifest("/manifests/m.json")],
    # --- domains
    "unknown key of a domain": [Change(DOMAIN, "owner:", "ower:")],
    "start that is no date": [Change(DOMAIN, "2025-01-01", "soon")],
    "schedule": [Change(DOMAIN, '"0 2 * * *"', "daily")],
    "schedule with too few fields": [schedule("0 2 * *")],
    "minute that does not exist": [schedule("0,99 2 * * *")],
    "hour that does not exist": [schedule("0 24 * * *")],
    "day of a month that does not exist": [schedule("0 0 0 * *")],
    "month that does not exist": [schedule("0 0 1 1-13 *")],
    "day of a week that does not exist": [schedule("0 0 * * 8")],
    "steps of nothing": [schedule("*/0 * * * *")],
    "day that no month has": [schedule("0 0 31 4,6 *")],
    "no owner": [Change(DOMAIN, "owner: billing-data\n", "")],
    "ledger kept shorter than a restore goes back": [
        Change(DOMAIN, "owner:", "keep_ledger_days: 60\nrestore_days: 90\nowner:")
    ],
    "days of a restore": [Change(DOMAIN, "owner:", "restore_days: 1\nowner:")],
    "what a run does about a missing day": [Change(DOMAIN, "owner:", "arrival: {on_missing: goon}\nowner:")],
    "unknown key of arrival": [Change(DOMAIN, "owner:", "arrival: {wait_hour: 3}\nowner:")],
    "wait that is a text": [Change(DOMAIN, "owner:", "arrival: {wait_hours: 3h}\nowner:")],
    "retries that are fewer than none": [Change(DOMAIN, "owner:", "retries: {count: -1}\nowner:")],
    "delays in the wrong order": [Change(DOMAIN, "owner:", "retries: {max_delay_seconds: 5}\nowner:")],
    "alert to no address": [Change(DOMAIN, "owner:", "alerts: {email: {to: [on-call]}}\nowner:")],
    "alert to nobody": [Change(DOMAIN, "owner:", "alerts: {email: {to: []}}\nowner:")],
    "alert without receivers": [Change(DOMAIN, "owner:", "alerts: {email: {connection: smtp}}\nowner:")],
    "alert to no topic": [Change(DOMAIN, "owner:", "alerts: {sns: {topic_arn: alerts}}\nowner:")],
    "unknown channel of alerts": [Change(DOMAIN, "owner:", "alerts: {mail: {to: [a@example.com]}}\nowner:")],
    "deadline before the end of the day": [Change(DOMAIN, "owner:", "alerts: {deadline_hours: -1}\nowner:")],
    # --- environments
    "unknown key of an environment": [Change(LOCAL, "landing:", "landng:")],
    "variable that is not set": [Change(LOCAL, "lake: data/lake", "lake: ${LAKE_BUCKT}/lake")],
    "reference to no variable": [Change(LOCAL, "lake: data/lake", "lake: ${LAKE-BUCKET}/lake")],
    "Spark setting that is a list": [Change(LOCAL, "spark.master: local[2]", "spark.master: [local]")],
    "Spark setting of another name": [Change(LOCAL, "spark.master: local[2]", "master: local[2]")],
    "Spark setting that is the engine's": [
        Change(LOCAL, "spark.master: local[2]", "spark.sql.session.timeZone: Europe/Berlin")
    ],
    "Spark settings that are a text": [Change(LOCAL, "spark:\n  spark.master: local[2]\n", "spark: fast\n")],
    "kind of runner that is unknown": [Change(LOCAL, "landing:", "runner: {kind: emr_step}\nlanding:")],
    "runner without a kind": [Change(LOCAL, "landing:", "runner: {package: s3://b/p}\nlanding:")],
    "unknown key of a runner": [
        Change(LOCAL, "landing:", "runner: {kind: emr_steps, clusterid: j-1, package: s3://b/p}\nlanding:")
    ],
    "runner without a package": [Change(LOCAL, "landing:", "runner: {kind: emr_steps, cluster_id: j-1}\nlanding:")],
    "standalone runner without a cluster": [Change(LOCAL, "landing:", "runner: {kind: standalone}\nlanding:")],
    "runner and master": [
        Change(LOCAL, "landing:", "runner: {kind: emr_steps, cluster_id: j-1, package: s3://b/p}\nlanding:")
    ],
    "cluster without a version": [
        Change(LOCAL, "landing:", "runner: {kind: databricks, package: s3://b, cluster: {}}\nlanding:")
    ],
    "cluster with Spark settings": [
        Change(
            LOCAL,
            "landing:",
            "runner: {kind: databricks, package: s3://b, cluster: {spark_version: x, spark_conf: {}}}\nlanding:",
        )
    ],
    "lease that is too short": [Change(LOCAL, "landing:", "lease_seconds: 5\nlanding:")],
    "lake that is nowhere": [Change(LOCAL, "lake: data/lake", "lake: ''")],
    "address with one slash": [Change(LOCAL, "landing: data/landing", "landing: s3:/bucket/in")],
    "address that only clusters know": [Change(LOCAL, "lake: data/lake", "lake: hdfs:/user/x")],
    "package with one slash": [
        Change(LOCAL, "landing:", "runner: {kind: emr_steps, cluster_id: j-1, package: 's3:/b/p'}\nlanding:")
    ],
    "package that is nowhere": [
        Change(LOCAL, "landing:", "runner: {kind: emr_steps, cluster_id: j-1, package: ' '}\nlanding:")
    ],
    "ending of an environment": [Change("environments/prod.yaml", "", "a: b\n")],
}  # fmt: skip


def expected_texts() -> dict[str, str]:
    sections = re.split(r"^## (.*)\n", (Path(__file__).parent / "errors.txt").read_text("utf-8"), flags=re.MULTILINE)
    return {name: text.strip("\n") for name, text in zip(sections[1::2], sections[2::2], strict=True)}


def explanation(conf: Path) -> str:
    """The error of a configuration, with places as they are called in errors.txt."""
    with pytest.raises(ConfigurationError) as caught:
        check_sql(load_domain("billing"))
        load_environment("local")
    return str(caught.value).replace(str(conf), "conf").replace(str(PACKAGE), "lib/lakehouse")


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_explained(mistake: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conf = copy_conf(tmp_path / "conf", *MISTAKES[mistake])
    monkeypatch.setenv("LAKEHOUSE_CONF", str(conf))
    monkeypatch.setenv("LAKE_BUCKET", "s3://bucket")
    assert explanation(conf) == expected_texts()[mistake]


def test_every_text_belongs_to_a_mistake() -> None:
    assert list(expected_texts()) == list(MISTAKES)


def test_the_configuration_without_a_mistake_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_CONF", str(CONF))
    domain = load_domain("billing")
    check_sql(domain)
    assert [str(table) for table in domain.tables] == [
        "billing.bronze.usage",
        "billing.silver.usage",
        "billing.gold.daily_usage",
        "billing.gold.region_totals",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "0 0 * * 0,7", "*/15 6-18/2 1,31 12 1-5", "59 23 31 12 7", "5/10 * * * *", "0 */24 * * *", "*/90 * * * *",
        "0 0 */32 * *", "0 22-2 * * *", "0 0 * * 6-1", "0 0 31 11-2 *", "0 0 31-2 2 *", "0 0 29 2 *", "0 0 31 2 1",
        "0 0 30-31 2,3 *", "0 0 29/2 */2 *",
    ],
)  # fmt: skip
def test_a_schedule_that_cron_knows_is_taken(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_CONF", str(copy_conf(tmp_path / "conf", schedule(text), prices("billing_prices"))))
    assert load_domain("billing").facts.schedule == text


@pytest.mark.parametrize(
    "text", ["0 0 30 2 *", "0 0 30,31 2 *", "0 0 31 4-6/2 *", "0 0 31-2/5 2 *", "0 0 31/2 2-9/7 *"]
)
def test_a_schedule_that_never_comes_is_refused(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_CONF", str(copy_conf(tmp_path / "conf", schedule(text))))
    with pytest.raises(ConfigurationError, match="never comes: its months have no such day of month"):
        load_domain("billing")


def test_other_names_may_begin_with_an_underscore(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = (
        Change(BRONZE, "  region: {", "  _id: {"),
        Change(SILVER, "  region: {", "  _id: {"),
        Change(SILVER, '"region"', '"_id"'),
        Change(DAILY, "  credits_used: {", "  _place: {type: int, description: x}\n  credits_used: {"),
    )
    monkeypatch.setenv("LAKEHOUSE_CONF", str(copy_conf(tmp_path / "conf", *changes)))
    domain = load_domain("billing")
    check_sql(domain)
    assert [name for table in domain.tables.values() for name in table.columns if name.startswith("_")] == [
        "_id",
        "_id",
        "_place",
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("biling", "There is no domain 'biling'. Did you mean 'billing'? Domains: billing (folders with a domain.yml "),
        ("x", "There is no domain 'x'. Domains: billing (folders with a domain.yml in "),
    ],
)
def test_an_unknown_domain(name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_CONF", str(CONF))
    with pytest.raises(ConfigurationError) as caught:
        load_domain(name)
    assert str(caught.value).startswith(text)


def test_an_unknown_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_CONF", str(CONF))
    place = f"(files <name>.yml in {CONF / 'environments'})."
    with pytest.raises(ConfigurationError) as caught:
        load_environment("locla")
    text = f"There is no environment 'locla'. Did you mean 'local'? Environments: local {place}"
    assert str(caught.value) == text
    monkeypatch.setenv("LAKEHOUSE_ENV", "prod")
    with pytest.raises(ConfigurationError) as caught:
        load_environment()
    assert str(caught.value) == f"There is no environment 'prod' (LAKEHOUSE_ENV). Environments: local {place}"


def test_a_variable_of_the_process_is_filled_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conf = copy_conf(tmp_path / "conf", Change(LOCAL, "lake: data/lake", "lake: ${LAKE_BUCKET}/lake"))
    monkeypatch.setenv("LAKEHOUSE_CONF", str(conf))
    monkeypatch.setenv("LAKE_BUCKET", "s3://bucket")
    assert load_environment().lake == "s3://bucket/lake"


def test_a_conf_folder_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_CONF", str(tmp_path / "nowhere"))
    with pytest.raises(ConfigurationError) as caught:
        load_domain("billing")
    assert str(caught.value) == (
        f"LAKEHOUSE_CONF names '{tmp_path / 'nowhere'}', which is not a folder. "
        "Name the folder that holds environments/ and one folder per domain."
    )


def test_code_that_is_not_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "lakehouse"
    transform = package / "domains" / "billing" / "silver" / "usage.py"
    transform.parent.mkdir(parents=True)
    monkeypatch.setattr("lakehouse.contracts.locations.PACKAGE", package)
    monkeypatch.setenv("LAKEHOUSE_CONF", str(CONF))
    transform.write_text("def usage(usage:\n")
    with pytest.raises(ConfigurationError) as caught:
        load_domain("billing")
    assert str(caught.value) == f"{transform}, line 1: not valid Python: '(' was never closed."
    transform.write_text("def usages(usage):\n    return usage\n")
    with pytest.raises(ConfigurationError) as caught:
        load_domain("billing")
    assert str(caught.value) == (
        f"{transform}: there is no function 'usage'. Did you mean 'usages'? "
        "Write 'def usage(usage: DataFrame) -> DataFrame'."
    )


# --- Whatever is wrong, it is said in our words

INTERNALS = re.compile(r"Input should|value_error|validation error|pydantic|type=|input_value|something else|<class")


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if path:
        yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield from places(inner, (*path, key))


def replaced(value: Any, path: tuple[str | int, ...], new: object) -> Any:
    if not path:
        return new
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    changed = {key: replaced(inner, path[1:], new) if key == path[0] else inner for key, inner in pairs}
    return changed if isinstance(value, dict) else list(changed.values())


@pytest.mark.parametrize("file", [BRONZE, SILVER, DAILY, TOTALS, DOMAIN, LOCAL])
@pytest.mark.parametrize("wrong", [None, 7, [], {"x": [1]}], ids=["nothing", "number", "list", "mapping"])
def test_no_internals_leak(file: str, wrong: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conf = copy_conf(tmp_path / "conf")
    monkeypatch.setenv("LAKEHOUSE_CONF", str(conf))
    # "on" is a text in our contracts; yaml's own loader would read it as a truth value.
    content = yaml.load((conf / file).read_text(), Loader=yaml.BaseLoader)
    for path in places(content):
        (conf / file).write_text(yaml.safe_dump(replaced(content, path, wrong)))
        try:
            check_sql(load_domain("billing"))
            load_environment("local")
        except ConfigurationError as error:
            assert not INTERNALS.search(str(error)), str(error)
            assert str(error).startswith(f"{conf}{os.sep}"), str(error)
