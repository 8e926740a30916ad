"""Sample deliveries of the retail domain: order lines by day, customer snapshots, and a fiscal calendar.

Below `out`/retail: transactions/shop_transactions_YYYYMMDD.csv, one a day; customers/shop_customers_CC_YYYYMMDD.csv
of four countries; calendar/shop_dates.csv.

Kinds of files: header_gb, header_ca, header_us, header_au, cr_only, all_quoted (customers); price_and_status,
shuffled_columns, no_product_line, gzip, no_final_line_end (transactions); out_of_order (calendar); zero_bytes,
truncated_gzip (unreadable). Kinds of bad lines are in `retail_dirt.BREACHES`. Lines that stay good: wrong_year_id,
error_phone, mojibake_name, missing_optional, respelled_name, duplicate_in_file, late_correction (another amount for a
line of an earlier delivery), late (1-3 days), very_late (4-6 days), outside_calendar. Customers with broken_email are
bad, in every file that has them; those with shared_email are good.

Figures are those of silver's tables when all deliveries were taken in, each delivery with its share: see
`retail_figures.Tally` for transactions and `retail_customers.Snapshot` for customers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import zip_longest
from operator import itemgetter
from pathlib import Path
from random import Random

from lakehouse.samples import retail_calendar
from lakehouse.samples.delivered_files import Dialect, render, truncated
from lakehouse.samples.dirt import Stain
from lakehouse.samples.plan import Plan, check_empty
from lakehouse.samples.retail_customers import Register
from lakehouse.samples.retail_dirt import Soiler
from lakehouse.samples.retail_figures import Tally
from lakehouse.samples.retail_names import COUNTRIES
from lakehouse.samples.retail_orders import HEADER, OPTIONAL, PRODUCT_LINE, Line, Orders, take_orders
from lakehouse.samples.retail_people import Buyer, stranger
from lakehouse.samples.truth import Delivered, Truth, truth_path

ROWS_PER_DAY = 400
"""Order lines of a day when nobody says how many."""

# Kinds of each day's transactions file, by day of the week from 0.
_WEEK: tuple[tuple[str, ...], ...] = (
    (),
    ("price_and_status",),
    ("shuffled_columns",),
    ("no_product_line",),
    ("gzip",),
    ("price_and_status", "shuffled_columns"),
    ("no_final_line_end",),
)
_EMPTY_CUSTOMERS_WEEKDAY, _TRUNCATED_WEEKDAY = 1, 5
_LEAST_STRANGERS = 16
_STRANGERS_SHARE = 1 / 25
# Fiscal years in the calendar before that of the first day, and after it: six years have one of 53 weeks.
_YEARS_BEFORE, _YEARS_AFTER = 2, 3


@dataclass
class _Shop:
    """What goes on from day to day."""

    plan: Plan
    landing: Path
    registers: dict[str, Register]
    orders: Orders
    strangers: list[Buyer]
    soiler: Soiler
    known: list[Buyer] = field(default_factory=list)
    deliveries: list[tuple[Delivered, Tally | None]] = field(default_factory=list)

    def write(self, delivered: Delivered, data: bytes, tally: Tally | None = None) -> None:
        """Write a file, and note it. The figures of a tally are final only when all days are written."""
        (self.landing / delivered.path).write_bytes(data)
        self.deliveries.append((delivered, tally))


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
    """Write `days` days of deliveries below `out`/retail and the truth about them to `out`.retail.truth.json.

    rows_per_day: lines of a day's transactions file; ROWS_PER_DAY when None. The customers grow with it, beginning
    at about 60 a country. dirt: share of bad lines (0 to 0.03), and about the same share again of other kinds; a
    file has at least 3 bad lines but never above 4 %; 0 gives only good rows, in plain files. Refunds, lines of
    zero, large lines, unknown buyers and the four forms of customer files are there in any case. bad_days: this many
    transactions files have 10 % bad lines, which a gate at 5 % refuses. progress: is called with (days done, days).

    The same arguments give the same bytes. A longer series begins with the shorter one (0 bad days), unless it
    outgrows the calendar. From 7 days of 100 rows on every kind of dirt occurs at least once (with 0 bad days).
    Raises SampleError for arguments out of range and when `out`/retail already has files.
    """
    plan = Plan(days, ROWS_PER_DAY if rows_per_day is None else rows_per_day, seed, start, dirt, bad_days)
    shop = _open_shop(plan, out / "retail")
    _deliver_calendar(shop)
    for day_number in range(days):
        for country, register in shop.registers.items():
            _deliver_customers(shop, country, register, day_number)
        newcomers = (register.new_buyers(day_number) for register in shop.registers.values())
        # Countries take turns, so that each has some of the first, who buy the most.
        shop.known.extend(buyer for turn in zip_longest(*newcomers) for buyer in turn if buyer)
        _deliver_transactions(shop, day_number)
        if dirt:
            _deliver_unreadable(shop, day_number)
        if progress is not None:
            progress(day_number + 1, days)
    truth = Truth("retail", plan.parameters, _settled(shop.deliveries, days))
    truth_path(out, truth.domain).write_bytes(truth.as_json().encode())
    return truth


def _open_shop(plan: Plan, landing: Path) -> _Shop:
    check_empty(landing)
    for folder in ("transactions", "customers", "calendar"):
        (landing / folder).mkdir(parents=True, exist_ok=True)
    size, is_dirty = plan.rows_per_day, plan.dirt > 0
    first_year = retail_calendar.fiscal_year(plan.start) - _YEARS_BEFORE
    return _Shop(
        plan=plan,
        landing=landing,
        registers={
            country: Register(country, seed=plan.seed, rows_per_day=size, is_dirty=is_dirty) for country in COUNTRIES
        },
        orders=take_orders(
            seed=plan.seed,
            rows_per_day=size,
            calendar_start=retail_calendar.first_day(first_year),
            is_dirty=is_dirty,
        ),
        strangers=[stranger(n, plan.seed) for n in range(max(_LEAST_STRANGERS, round(_STRANGERS_SHARE * size)))],
        soiler=Soiler(plan.dirt),
    )


def _deliver_calendar(shop: _Shop) -> None:
    plan = shop.plan
    first, last = (retail_calendar.fiscal_year(plan.day(number)) for number in (0, plan.days - 1))
    years = range(first - _YEARS_BEFORE, max(first + _YEARS_AFTER, last + 1) + 1)
    rows = [row for year in years for row in retail_calendar.days_of(year)]
    if plan.dirt:
        rows = retail_calendar.shuffled(rows, Random(f"{plan.seed}/calendar"))
    shop.write(
        Delivered(
            path="calendar/shop_dates.csv",
            delivery_date=None,
            state="accepted",
            records=len(rows),
            bad_records=0,
            file_kinds=("out_of_order",) if plan.dirt else (),
            row_kinds={},
            broken_rules={},
            figures={
                "fiscal_years": len(years),
                "fiscal_years_of_53_weeks": sum(retail_calendar.weeks(year) == 53 for year in years),
            },
        ),
        render(retail_calendar.HEADER, rows, Dialect()),
    )


def _deliver_customers(shop: _Shop, country: str, register: Register, day_number: int) -> None:
    snapshot = register.snapshot(day_number)
    if snapshot is None:
        return
    day, stain = shop.plan.day(day_number), snapshot.stain
    stain.check_share(len(snapshot.rows), refused=False)
    delivered = Delivered(
        path=_customers_path(country, day),
        delivery_date=day,
        state="accepted",
        records=len(snapshot.rows),
        bad_records=stain.bad_records,
        file_kinds=(f"header_{country}", "cr_only", "all_quoted"),
        row_kinds=stain.row_kinds,
        broken_rules=stain.broken_rules,
        figures=snapshot.figures,
    )
    shop.write(delivered, render(snapshot.header, snapshot.rows, Dialect(line_end="\r", all_quoted=True)))


def _deliver_transactions(shop: _Shop, day_number: int) -> None:
    plan, day = shop.plan, shop.plan.day(day_number)
    rng = Random(f"{plan.seed}/dirt/{day_number}")
    lines = shop.orders.of_day(day, day_number, shop.known, shop.strangers)
    kinds = _WEEK[day_number % len(_WEEK)] if plan.dirt else ()
    refused = plan.is_bad(day_number)
    tally = Tally()
    if refused:
        stain = shop.soiler.refuse(lines, rng)
    elif plan.dirt:
        stain = shop.soiler.soil(lines, tally, rng)
    else:
        stain = Stain()
        for line in lines:
            tally.add(line)
    stain.check_share(len(lines), refused)
    dialect = Dialect(gzipped="gzip" in kinds, final_line_end="no_final_line_end" not in kinds)
    delivered = Delivered(
        path=_transactions_path(day, dialect),
        delivery_date=day,
        state="refused" if refused else "accepted",
        records=len(lines),
        bad_records=stain.bad_records,
        file_kinds=kinds,
        row_kinds=stain.row_kinds,
        broken_rules=stain.broken_rules,
    )
    header, rows = _arranged(lines, kinds, rng)
    shop.write(delivered, render(header, rows, dialect, stain.misfits), None if refused else tally)


def _arranged(lines: Sequence[Line], kinds: Sequence[str], rng: Random) -> tuple[Sequence[str], list[Sequence[str]]]:
    """Header and rows in the columns and order of this file."""
    left_out = set() if "price_and_status" in kinds else set(OPTIONAL)
    if "no_product_line" in kinds:
        left_out.add(PRODUCT_LINE)
    columns = [column for column in range(len(HEADER)) if column not in left_out]
    if "shuffled_columns" in kinds:
        rng.shuffle(columns)
    pick = itemgetter(*columns)
    return pick(HEADER), [pick(line.values) for line in lines]


def _deliver_unreadable(shop: _Shop, day_number: int) -> None:
    """Write the file of the day that no engine can read, where there is one."""
    day, weekday = shop.plan.day(day_number), day_number % 7
    if weekday == _EMPTY_CUSTOMERS_WEEKDAY:
        country = tuple(COUNTRIES)[-1]
        shop.write(Delivered.unreadable(_customers_path(country, day), day, "zero_bytes"), b"")
    elif weekday == _TRUNCATED_WEEKDAY:
        dialect = Dialect(gzipped=True)
        lines = shop.orders.of_day(day, day_number, shop.known, shop.strangers)
        data = truncated(render(HEADER, [line.values for line in lines], dialect))
        shop.write(Delivered.unreadable(_transactions_path(day, dialect), day, "truncated_gzip"), data)


def _customers_path(country: str, day: date) -> str:
    return f"customers/shop_customers_{country}_{day:%Y%m%d}.csv"


def _transactions_path(day: date, dialect: Dialect) -> str:
    return f"transactions/shop_transactions_{day:%Y%m%d}{dialect.suffix}"


def _settled(deliveries: Sequence[tuple[Delivered, Tally | None]], days: int) -> tuple[Delivered, ...]:
    """The deliveries by path, with the figures that they have in the end."""
    settled = (one if tally is None else replace(one, figures=tally.figures(days)) for one, tally in deliveries)
    return tuple(sorted(settled, key=lambda delivered: delivered.path))
