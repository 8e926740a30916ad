"""Sample deliveries of the billing domain: usage files of many days with every kind of dirt in known amounts.

Kinds of dirt in files: bom, crlf, cr_only, semicolon, gzip, shuffled_columns, extra_columns, renamed_header,
several_files (readable); zero_bytes, not_csv, truncated_gzip, no_header (unreadable). Kinds of bad rows are
in `billing_dirt.BREACHES`; rows that stay good: late (1-3 days), very_late (4-6 days), duplicate_in_file,
duplicate_between_files, duplicate_across_days, missing_optional, padded_scale.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from operator import itemgetter
from pathlib import Path
from random import Random

from lakehouse.samples.billing_dirt import GATE_SHARE, MOST_BAD_SHARE, Soiler, Stain
from lakehouse.samples.billing_usage import HEADER, Market, Row, Usage, open_market, use
from lakehouse.samples.delivered_files import Dialect, picture, render, truncated
from lakehouse.samples.truth import Delivered, SampleError, Truth, truth_path

LEAST_ROWS = 20
MOST_DIRT = 0.03
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


@dataclass(frozen=True)
class _Plan:
    """The arguments of `generate` that say what is in the files."""

    days: int
    rows_per_day: int
    seed: int
    start: date
    dirt: float
    bad_days: int

    def is_bad(self, day_number: int) -> bool:
        """Whether the first file of the day is to be refused; such days are spread evenly."""
        return day_number in {(2 * turn + 1) * self.days // (2 * self.bad_days) for turn in range(self.bad_days)}

    def readable(self, day_number: int) -> tuple[tuple[str, ...], ...]:
        """Kinds of each readable file of the day; as few files as have LEAST_ROWS each."""
        files = _FORTNIGHT[day_number % len(_FORTNIGHT)] if self.dirt else ((),)
        files = files[: max(1, self.rows_per_day // LEAST_ROWS)]
        return tuple((*kinds, "several_files") for kinds in files) if len(files) > 1 else files

    def unreadable(self, day_number: int) -> str | None:
        """Kind of the unreadable file of the day."""
        week, weekday = divmod(day_number, 7)
        if not self.dirt:
            return None
        if week == 0:
            return _UNREADABLE.get(weekday)
        return tuple(_UNREADABLE.values())[week % 4] if weekday == _UNREADABLE_WEEKDAY else None


def generate(
    out: Path,
    *,
    days: int,
    rows_per_day: int,
    seed: int,
    start: date = date(2025, 1, 1),
    dirt: float = 0.01,
    bad_days: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Truth:
    """Write `days` days of deliveries below `out`/billing and the truth about them to `out`.truth.json.

    rows_per_day: data records of a day's readable files together (a headerless file comes on top).
    dirt: share of bad rows (0 to 0.03), and about the same share again of late rows and of duplicates; a file
    has at least 3 bad rows but never above 4 %; 0 gives only good rows, one plain file a day. bad_days: this
    many deliveries have 10 % bad rows and no other row dirt, which a gate at 5 % refuses. progress: is called
    with (days done, days).

    The same arguments give the same bytes, and a longer series begins with the shorter one (0 bad days).
    From 7 days of 100 rows on every kind of dirt occurs at least once (with 0 bad days). Raises SampleError
    for arguments out of range and when `out`/billing already has files.
    """
    plan = _Plan(days, rows_per_day, seed, start, dirt, bad_days)
    _check(plan)
    landing = out / "billing"
    _check_empty(landing)
    market = open_market(days=days, rows_per_day=rows_per_day, seed=seed)
    soiler = Soiler(dirt)
    deliveries: list[Delivered] = []
    day_before: list[Row] = []
    for day_number in range(days):
        delivered, day_before = _deliver_day(landing, plan, market, soiler, day_number, day_before)
        deliveries.extend(delivered)
        if progress is not None:
            progress(day_number + 1, days)
    parameters: dict[str, int | float | str] = {
        "seed": seed,
        "days": days,
        "rows_per_day": rows_per_day,
        "start": start.isoformat(),
        "dirt": dirt,
        "bad_days": bad_days,
    }
    truth = Truth("billing", parameters, tuple(sorted(deliveries, key=lambda delivered: delivered.path)))
    truth_path(out).write_bytes(truth.as_json().encode())
    return truth


def _check(plan: _Plan) -> None:
    if plan.days < 1:
        raise SampleError(f"days must be at least 1, found {plan.days}. Example: 7")
    if plan.rows_per_day < LEAST_ROWS:
        raise SampleError(f"rows per day must be at least {LEAST_ROWS}, found {plan.rows_per_day}. Example: 1000")
    if not 0 <= plan.dirt <= MOST_DIRT:
        raise SampleError(f"dirt is the share of bad rows, from 0 to {MOST_DIRT}, found {plan.dirt}. Example: 0.01")
    if not 0 <= plan.bad_days <= plan.days:
        raise SampleError(f"bad days must be from 0 to days ({plan.days}), found {plan.bad_days}. Example: 1")


def _check_empty(landing: Path) -> None:
    if landing.is_dir():
        found = next((path for path in sorted(landing.rglob("*")) if path.is_file()), None)
        if found is not None:
            raise SampleError(
                f"{landing} already has files, for example {found.relative_to(landing).as_posix()}. "
                "Sample data is never mixed with what is there: choose another folder or empty this one"
            )
    elif landing.exists() or landing.parent.is_file():
        raise SampleError(f"{landing} cannot be a folder: there is a file of that name. Choose another folder")


def _deliver_day(
    landing: Path, plan: _Plan, market: Market, soiler: Soiler, day_number: int, day_before: list[Row]
) -> tuple[list[Delivered], list[Row]]:
    """Write the files of one day; return what was delivered and the rows that the next day may send again."""
    day = plan.start + timedelta(days=day_number)
    folder = f"year={day:%Y}/month={day:%m}/day={day:%d}"
    (landing / folder).mkdir(parents=True, exist_ok=True)
    rng = Random(f"{plan.seed}/dirt/{day_number}")
    usage = use(market, day, day_number, rows=plan.rows_per_day, seed=plan.seed)
    files = plan.readable(day_number)
    delivered, untouched = [], list[Row]()
    for number, kinds in enumerate(files):
        part = usage.part(number, len(files))
        refused = plan.is_bad(day_number) and number == 0
        if refused:
            stain = soiler.refuse(part, rng)
        elif plan.dirt:
            stain = soiler.soil(part, untouched, day_before, rng)
        else:
            stain = Stain()
        _check_share(stain, len(part.rows), refused)
        untouched.extend(stain.untouched)
        dialect = _dialect(kinds)
        path = f"{folder}/usage-{number + 1}{dialect.suffix}"
        header, rows = _arrange(part, kinds, rng)
        (landing / path).write_bytes(render(header, rows, dialect, stain.misfits))
        delivered.append(_readable(path, day, kinds, stain, len(rows), refused))
    kind = plan.unreadable(day_number)
    if kind is not None:
        delivered.append(_deliver_unreadable(landing, f"{folder}/usage-{len(files) + 1}", day, kind, usage, rng))
    return delivered, untouched


def _check_share(stain: Stain, records: int, refused: bool) -> None:
    share = stain.bad_records / records
    if (refused and share <= GATE_SHARE) or (not refused and share > MOST_BAD_SHARE):
        raise AssertionError(f"{stain.bad_records} of {records} rows are bad, and refused should be {refused}")


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
    return Delivered(
        path=path,
        delivery_date=day,
        state="unreadable",
        records=len(rows) if kind == "no_header" else 0,
        bad_records=0,
        file_kinds=(kind,),
        row_kinds={},
        broken_rules={},
    )
