"""Sample deliveries of the billing domain: usage files of many days with every kind of dirt in known amounts.

Kinds of dirt in files: bom, crlf, cr_only, semicolon, gzip, shuffled_columns, extra_columns, renamed_header,
several_files (readable); zero_bytes, not_csv, truncated_gzip, no_header (unreadable). Kinds of bad rows are
in `billing_dirt.BREACHES`; rows that stay good: late (1-3 days), very_late (4-6 days), duplicate_in_file,
duplicate_between_files, duplicate_across_days, missing_optional, padded_scale.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from operator import itemgetter
from pathlib import Path
from random import Random

from lakehouse.samples.billing_dirt import Soiler
from lakehouse.samples.billing_usage import HEADER, Market, Row, Usage, open_market, use
from lakehouse.samples.delivered_files import Dialect, picture, render, truncated
from lakehouse.samples.dirt import Stain
from lakehouse.samples.plan import LEAST_ROWS, Plan, check_empty
from lakehouse.samples.truth import Delivered, Truth, truth_path

ROWS_PER_DAY = 2000
"""Records of a day when nobody says how many."""

ALIASES = {"timestamp": "ts", "user_id": "user", "credit_usage": "credits", "service_tier": "tier"}
"""Columns whose header a delivery of kind renamed_header changes, and the name used there."""

# The readable files of each day and their kinds. The first week has every kind once; the second mixes them.
_FORTNIGHT: tuple[tuple[tuple[str, ...], ...], ...] = (
    ((),),
    (("bom",),),
    (("crlf",), ("shuffled_columns",)),
    (("semicolon",),),
    (("gzip",), ("extra_columns",)),
    (("cr_only",),),
    (("renamed_header",),),
    ((),),
    (("bom", "crlf", "semicolon"),),
    (("gzip", "renamed_header"), ("shuffled_columns", "extra_columns"), ()),
    ((),),
    (("gzip", "semicolon", "shuffled_columns"),),
    ((), ("renamed_header", "extra_columns")),
    (("crlf", "shuffled_columns"),),
)
# All in the first week, by day of the week from 0; then one a week.
_UNREADABLE = {1: "zero_bytes", 3: "not_csv", 4: "truncated_gzip", 6: "no_header"}
_UNREADABLE_WEEKDAY = 3
_HEADERLESS_RECORDS = 5


def generate(
    out: Path,
    *,
    days: int,
    seed: int,
    rows_per_day: int | None = None,
    start: date = date(2025, 1, 1),
    dirt: float = 0.01,
    bad_days: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Truth:
    """Write `days` days of deliveries below `out`/billing and the truth about them to `out`.billing.truth.json.

    rows_per_day: data records of a day's readable files together (a headerless file comes on top); ROWS_PER_DAY
    when None.
    dirt: share of bad rows (0 to 0.03), and about the same share again of late rows and of duplicates; a file
    has at least 3 bad rows but never above 4 %; 0 gives only good rows, one plain file a day. bad_days: this
    many deliveries have 10 % bad rows and no other row dirt, which a gate at 5 % refuses. progress: is called
    with (days done, days).

    The same arguments give the same bytes, and a longer series begins with the shorter one (0 bad days).
    From 7 days of 100 rows on every kind of dirt occurs at least once (with 0 bad days). Raises SampleError
    for arguments out of range and when `out`/billing already has files.
    """
    plan = Plan(days, ROWS_PER_DAY if rows_per_day is None else rows_per_day, seed, start, dirt, bad_days)
    landing = out / "billing"
    check_empty(landing)
    market = open_market(days=days, rows_per_day=plan.rows_per_day, seed=seed)
    soiler = Soiler(dirt)
    deliveries: list[Delivered] = []
    day_before: list[Row] = []
    for day_number in range(days):
        delivered, day_before = _deliver_day(landing, plan, market, soiler, day_number, day_before)
        deliveries.extend(delivered)
        if progress is not None:
            progress(day_number + 1, days)
    truth = Truth("billing", plan.parameters, tuple(sorted(deliveries, key=lambda delivered: delivered.path)))
    truth_path(out, truth.domain).write_bytes(truth.as_json().encode())
    return truth


def _readable_files(plan: Plan, day_number: int) -> tuple[tuple[str, ...], ...]:
    """Kinds of each readable file of the day; as few files as have LEAST_ROWS each."""
    files = _FORTNIGHT[day_number % len(_FORTNIGHT)] if plan.dirt else ((),)
    files = files[: max(1, plan.rows_per_day // LEAST_ROWS)]
    return tuple((*kinds, "several_files") for kinds in files) if len(files) > 1 else files


def _unreadable_file(plan: Plan, day_number: int) -> str | None:
    """Kind of the unreadable file of the day."""
    week, weekday = divmod(day_number, 7)
    if not plan.dirt:
        return None
    if week == 0:
        return _UNREADABLE.get(weekday)
    return tuple(_UNREADABLE.values())[week % 4] if weekday == _UNREADABLE_WEEKDAY else None


def _deliver_day(
    landing: Path, plan: Plan, market: Market, soiler: Soiler, day_number: int, day_before: list[Row]
) -> tuple[list[Delivered], list[Row]]:
    """Write the files of one day; return what was delivered and the rows that the next day may send again."""
    day = plan.day(day_number)
    folder = f"year={day:%Y}/month={day:%m}/day={day:%d}"
    (landing / folder).mkdir(parents=True, exist_ok=True)
    rng = Random(f"{plan.seed}/dirt/{day_number}")
    usage = use(market, day, day_number, rows=plan.rows_per_day, seed=plan.seed)
    files = _readable_files(plan, day_number)
    delivered, untouched = [], list[Row]()
    for number, kinds in enumerate(files):
        part = usage.part(number, len(files))
        refused = plan.is_bad(day_number) and number == 0
        stain = Stain()
        if refused:
            stain = soiler.refuse(part, rng)
        elif plan.dirt:
            stain, spare = soiler.soil(part, untouched, day_before, rng)
            untouched.extend(spare)
        stain.check_share(len(part.rows), refused)
        dialect = _dialect(kinds)
        path = f"{folder}/usage-{number + 1}{dialect.suffix}"
        header, rows = _arrange(part, kinds, rng)
        (landing / path).write_bytes(render(header, rows, dialect, stain.misfits))
        delivered.append(_readable(path, day, kinds, stain, len(rows), refused))
    kind = _unreadable_file(plan, day_number)
    if kind is not None:
        delivered.append(_deliver_unreadable(landing, f"{folder}/usage-{len(files) + 1}", day, kind, usage, rng))
    return delivered, untouched


def _readable(path: str, day: date, kinds: tuple[str, ...], stain: Stain, records: int, refused: bool) -> Delivered:
    return Delivered(
        path=path,
        delivery_date=day,
        state="refused" if refused else "accepted",
        records=records,
        bad_records=stain.bad_records,
        file_kinds=kinds,
        row_kinds=stain.row_kinds,
        broken_rules=stain.broken_rules,
    )


def _dialect(kinds: Sequence[str]) -> Dialect:
    return Dialect(
        delimiter=";" if "semicolon" in kinds else ",",
        line_end="\r\n" if "crlf" in kinds else "\r" if "cr_only" in kinds else "\n",
        byte_order_mark="bom" in kinds,
        gzipped="gzip" in kinds,
    )


def _arrange(usage: Usage, kinds: Sequence[str], rng: Random) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """Header and rows in the column names and order of this file."""
    header: Sequence[str] = HEADER
    rows: Sequence[Sequence[str]] = usage.rows
    if "renamed_header" in kinds:
        header = [ALIASES.get(name, name) for name in header]
    if "extra_columns" in kinds:
        header = [*header, "request_id", "comment"]
        first = rng.randrange(1_000_000)
        rows = [[*row, f"req-{first + n:08d}", "" if n % 3 else "a, b"] for n, row in enumerate(rows)]
    if "shuffled_columns" in kinds:
        order = itemgetter(*rng.sample(range(len(header)), len(header)))
        header, rows = order(header), [order(row) for row in rows]
    return header, rows


def _deliver_unreadable(landing: Path, stem: str, day: date, kind: str, usage: Usage, rng: Random) -> Delivered:
    """Write a file that no engine can read, from the day's rows where it has any."""
    rows = usage.rows[:_HEADERLESS_RECORDS]
    dialect = Dialect()
    if kind == "zero_bytes":
        data = b""
    elif kind == "not_csv":
        data = picture(rng.randbytes(2000))
    elif kind == "truncated_gzip":
        dialect = replace(dialect, gzipped=True)
        data = truncated(render(HEADER, usage.rows, dialect))
    else:
        data = render(rows[0], rows[1:], dialect)
    path = stem + dialect.suffix
    (landing / path).write_bytes(data)
    return Delivered.unreadable(path, day, kind, records=len(rows) if kind == "no_header" else 0)
