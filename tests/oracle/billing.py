"""What every billing table must hold, computed from the landing files with csv and DuckDB only.

Nothing here is shared with the engine or with the sample generator: neither code nor lists.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import tempfile
import zlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb

COLUMNS = (
    "timestamp",
    "resource_id",
    "user_id",
    "credit_usage",
    "region",
    "service_tier",
    "operation_type",
    "success",
    "resource_type",
    "invoice_id",
    "currency",
)
ALIASES = {"ts": "timestamp", "user": "user_id", "credits": "credit_usage", "tier": "service_tier"}

# ISO 4217, list one: the active codes, with funds, metals and the codes for tests and for no currency.
ISO_4217 = re.findall(
    r"[A-Z]{3}",
    """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN
    BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD
    FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS
    KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK
    MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR
    SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH
    UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XAG XAU XBA XBB XBC XBD XCD XCG XDR XOF XPD
    XPF XPT XSU XTS XUA XXX YER ZAR ZMW ZWG
    """,
)

_DELIVERY = re.compile(r"year=(\d{4})/month=(\d\d)/day=(\d\d)/[^/]+\.csv(\.gz)?")


class UnreadableError(Exception):
    """A file from which no record can be taken, and why."""


def compute(landing: Path) -> duckdb.DuckDBPyConnection:
    """An in-memory database with the tables that follow from the files below `landing`/billing.

    raw: every record as text (delivery_id, delivery_date, record_number, the delivered columns, malformed);
    a malformed record has no values. deliveries: delivery_id, delivery_date, state (accepted, refused,
    unreadable), reason, records, quarantined. quarantine_usage: delivery_id, record_number, rules (list of
    names, sorted). silver_usage, outranked_usage: silver's columns and delivery_id, delivery_date,
    record_number. Gold: the nine tables by their names. Timestamps are UTC without a zone.
    """
    database = duckdb.connect()
    load(database, landing)
    derive(database)
    return database


def derive(database: duckdb.DuckDBPyConnection) -> None:
    """Make all tables of `compute` from what `load` left in the database."""
    database.execute("create table currencies as select unnest(?::text[]) as code", [ISO_4217])
    for statement in (_CONFORMED, _BROKEN, _QUARANTINE, _DELIVERIES, _RANKED, _SILVER, *_GOLD):
        database.execute(statement)


def load(database: duckdb.DuckDBPyConnection, landing: Path) -> None:
    """Add the records of a landing zone to `raw`, and its files to `found` with why they are unreadable."""
    texts = ", ".join(f'"{column}" text' for column in COLUMNS)
    database.execute(
        "create table if not exists raw "
        f"(delivery_id text, delivery_date date, record_number bigint, {texts}, malformed boolean)"
    )
    database.execute("create table if not exists found (delivery_id text, delivery_date date, reason text)")
    types = {"delivery_id": "text", "delivery_date": "date", "record_number": "bigint"}
    types |= dict.fromkeys(COLUMNS, "text") | {"malformed": "boolean"}
    names = tuple(types)
    for path, day in _files(landing / "billing"):
        delivery_id = "usage/" + path.relative_to(landing / "billing").as_posix()
        reason = None
        # Rows go through a file of JSON lines, the quickest way in that keeps line breaks and nulls apart.
        with tempfile.TemporaryDirectory() as folder:
            spool = Path(folder, "rows.json")
            try:
                with spool.open("w", encoding="utf-8") as lines:
                    for number, (values, malformed) in enumerate(_records(path), start=1):
                        row = (delivery_id, day.isoformat(), number, *values, malformed)
                        lines.write(json.dumps(dict(zip(names, row, strict=True))) + "\n")
            except UnreadableError as why:
                reason = str(why)
            if reason is None and spool.stat().st_size:
                database.execute(
                    "insert into raw select * from read_json(?, format = 'newline_delimited', columns = ?)",
                    [str(spool), types],
                )
        database.execute("insert into found values (?, ?, ?)", [delivery_id, day, reason])


def _files(folder: Path) -> Iterator[tuple[Path, date]]:
    for path in sorted(folder.rglob("*")):
        match = _DELIVERY.fullmatch(path.relative_to(folder).as_posix())
        if match and path.is_file():
            yield path, date(int(match[1]), int(match[2]), int(match[3]))


def _records(path: Path) -> Iterator[tuple[list[str | None], bool]]:
    """The data records of a file: values in the order of COLUMNS, and whether the record is malformed."""
    text = _text(path)
    first_line = re.split(r"[\r\n]", text, maxsplit=1)[0]
    delimiter = max(",;", key=lambda mark: len(_known(first_line.split(mark))))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header = [ALIASES.get(name, name) for name in next(reader, [])]
    if not _known(header):
        raise UnreadableError("no usable header")
    positions = [header.index(column) if column in header else None for column in COLUMNS]
    for record in reader:
        if not record:
            continue  # an empty line is no record
        if len(record) != len(header):
            yield [None] * len(COLUMNS), True
        else:
            yield [(record[at] or None) if at is not None else None for at in positions], False


def _text(path: Path) -> str:
    data = path.read_bytes()
    if not data:
        raise UnreadableError("zero bytes")
    if path.suffix == ".gz":
        try:
            data = gzip.decompress(data)
        except (EOFError, OSError, zlib.error) as error:
            raise UnreadableError(f"broken gzip: {error}") from error
    if b"\0" in data:
        raise UnreadableError("not text")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError("not text") from error


def _known(header: list[str]) -> set[str]:
    return {ALIASES.get(name.strip('"'), name.strip('"')) for name in header} & set(COLUMNS)


# A pattern of ISO 8601 with hours to 23, then the pieces: local time to the microsecond, minus the offset.
_CONFORMED = r"""
create table conformed as
with pieces as (
    select *,
        regexp_full_match(
            "timestamp",
            '\d{4}-\d\d-\d\d[T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?'
            || '(Z|[+-](0\d|1[0-7]):?[0-5]\d|[+-]18:?00)?'
        ) as stamp_fits,
        regexp_extract("timestamp", '^(.{10})[T ](\d\d:\d\d)(:\d\d)?(\.\d+)?(Z|[+-].*)?$',
            ['on_date', 'hours', 'seconds', 'fraction', 'zone']) as stamp,
        regexp_full_match(credit_usage, '[+-]?(\d+(\.\d*)?|\.\d+)') as credit_fits,
        length(ltrim(regexp_extract(credit_usage, '^[+-]?(\d*)', 1), '0')) as credit_digits,
        length(rtrim(regexp_extract(credit_usage, '\.(\d*)$', 1), '0')) as credit_scale
    from raw
)
select delivery_id, delivery_date, record_number, malformed,
    "timestamp" as timestamp_text, credit_usage as credit_text, success as success_text,
    case when stamp_fits then
        try_cast(stamp.on_date || ' ' || stamp.hours || coalesce(nullif(stamp.seconds, ''), ':00')
            || stamp.fraction as timestamp)
        - case when stamp.zone in ('', 'Z') then interval 0 minute
            else (case when stamp.zone[1] = '-' then -1 else 1 end)
                * (stamp.zone[2:3]::int * 60 + stamp.zone[-2:]::int) * interval 1 minute end
    end as usage_timestamp,
    resource_id, user_id,
    credit_fits and credit_digits <= 12 as credit_is_decimal,
    credit_scale > 8 as credit_exceeds_scale,
    case when credit_fits and credit_digits <= 12 and credit_scale <= 8
        then credit_usage::decimal(38, 20)::decimal(20, 8) end as credit_usage,
    region, service_tier, operation_type,
    case when lower(success) in ('true', 't', 'yes', 'y', '1') then true
        when lower(success) in ('false', 'f', 'no', 'n', '0') then false end as success,
    resource_type, invoice_id, currency
from pieces
"""

_BROKEN = """
create table broken as
with checks (delivery_id, record_number, rule, is_broken) as (
    select delivery_id, record_number, unnest(rule.name), unnest(rule.is_broken) from (
        select delivery_id, record_number, case when malformed then
            {'name': ['record_malformed'], 'is_broken': [true]}
        else {
            'name': [
                'usage_timestamp_required', 'resource_id_required', 'user_id_required', 'invoice_id_required',
                'credit_usage_required', 'service_tier_required', 'currency_required', 'success_required',
                'usage_timestamp_unreadable', 'success_unreadable',
                'credit_usage_unreadable', 'credit_usage_excess_scale',
                'credit_usage_is_not_zero', 'credit_usage_is_a_debit',
                'service_tier_is_known', 'currency_is_iso_4217'],
            'is_broken': [
                timestamp_text is null, resource_id is null, user_id is null, invoice_id is null,
                credit_text is null, service_tier is null, currency is null, success_text is null,
                timestamp_text is not null and usage_timestamp is null,
                success_text is not null and success is null,
                not credit_is_decimal, credit_is_decimal and credit_exceeds_scale,
                credit_usage = 0, credit_usage > 0,
                service_tier not in ('free', 'standard', 'premium', 'enterprise'),
                currency not in (select code from currencies)]
        } end as rule
        from conformed
    )
)
select delivery_id, record_number, rule from checks where is_broken
"""

_QUARANTINE = """
create table quarantine_usage as
select delivery_id, record_number, list(rule order by rule) as rules from broken group by all
"""

_DELIVERIES = """
create table deliveries as
with counts as (
    select delivery_id, count(*) as records, count(q.rules) as quarantined
    from raw left join quarantine_usage q using (delivery_id, record_number) group by delivery_id
)
select delivery_id, delivery_date,
    case when reason is not null then 'unreadable'
        when records is null or quarantined * 100 > records * 5 then 'refused' else 'accepted' end as state,
    coalesce(reason, case when records is null then 'no records' when quarantined * 100 > records * 5
        then quarantined || ' of ' || records || ' records break a rule' end) as reason,
    coalesce(records, 0) as records, coalesce(quarantined, 0) as quarantined
from found left join counts using (delivery_id)
"""

_RANKED = """
create table ranked as
select usage_timestamp, usage_timestamp::date as usage_date, resource_id, user_id, credit_usage, region,
    service_tier, operation_type, success, resource_type, invoice_id, currency,
    delivery_id, c.delivery_date, record_number,
    row_number() over (
        partition by usage_timestamp, resource_id, user_id, invoice_id
        order by c.delivery_date desc, delivery_id desc, record_number desc) as place
from conformed c
join deliveries using (delivery_id)
where state = 'accepted' and (delivery_id, record_number) not in (
    select (delivery_id, record_number) from quarantine_usage)
"""

_SILVER = """
create table silver_usage as select * exclude (place) from ranked where place = 1;
create table outranked_usage as select * exclude (place) from ranked where place > 1;
"""

# Half up in whole numbers: no rate passes through floating point.
_RATE = """(((2000000 * {successes} + {rows}) // (2 * {rows}))::decimal(15, 0)
    * 0.000001::decimal(7, 6))::decimal(9, 6)""".format(successes="count(*) filter (where success)", rows="count(*)")

_GOLD = (
    f"""create table daily_usage as
select usage_date, currency, sum(-credit_usage) as credits_used, count(*) as transaction_count,
    count(*) filter (where success) as success_count, {_RATE} as success_rate,
    count(distinct user_id) as unique_users, count(distinct resource_id) as unique_resources
from silver_usage group by usage_date, currency""",
    """create table daily_user_usage as
select usage_date, date_trunc('month', usage_date)::date as usage_month, currency, user_id,
    sum(-credit_usage) as credits_used, count(*) as transaction_count,
    count(*) filter (where success) as success_count, count(distinct resource_id) as unique_resources,
    min(usage_timestamp) as first_activity, max(usage_timestamp) as last_activity
from silver_usage group by usage_date, currency, user_id""",
    f"""create table daily_service_usage as
select usage_date, currency, service_tier, resource_type, operation_type, sum(-credit_usage) as credits_used,
    count(*) as transaction_count, count(*) filter (where success) as success_count, {_RATE} as success_rate
from silver_usage group by usage_date, currency, service_tier, resource_type, operation_type""",
    f"""create table daily_region_usage as
select usage_date, currency, region, sum(-credit_usage) as credits_used, count(*) as transaction_count,
    {_RATE} as success_rate, count(distinct user_id) as unique_users
from silver_usage group by usage_date, currency, region""",
    """create table daily_invoice_usage as
select usage_date, currency, invoice_id, sum(-credit_usage) as credits_used, count(*) as line_count,
    min(usage_timestamp) as first_usage, max(usage_timestamp) as last_usage
from silver_usage group by usage_date, currency, invoice_id""",
    """create table monthly_user_usage as
select date_trunc('month', usage_date)::date as usage_month, currency, user_id, sum(-credit_usage) as credits_used,
    count(*) as transaction_count, count(*) filter (where success) as success_count,
    count(distinct usage_date) as active_days,
    min(usage_timestamp) as first_activity, max(usage_timestamp) as last_activity
from silver_usage group by all""",
    """create table user_totals as
select currency, user_id, sum(-credit_usage) as credits_used, count(*) as transaction_count,
    count(distinct usage_date) as active_days,
    min(usage_timestamp) as first_activity, max(usage_timestamp) as last_activity,
    row_number() over (partition by currency order by sum(-credit_usage) desc, user_id) as usage_rank
from silver_usage group by currency, user_id""",
    """create table region_totals as
select currency, region, sum(-credit_usage) as credits_used, count(*) as transaction_count,
    row_number() over (
        partition by currency order by sum(-credit_usage) desc, region nulls first) as usage_rank
from silver_usage group by currency, region""",
    """create table invoice_totals as
select currency, invoice_id, sum(-credit_usage) as credits_used, count(*) as line_count,
    min(usage_timestamp) as first_usage, max(usage_timestamp) as last_usage
from silver_usage group by currency, invoice_id""",
)
