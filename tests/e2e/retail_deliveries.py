"""A few small deliveries of retail, with a correction, a late line, and customers who are known only afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

ORDERS = (
    "ORDERNUMBER,ORDERLINENUMBER,ORDERDATE,PRODUCTCODE,QUANTITYORDERED,TOTAL_AMOUNT,CUSTOMERNAME,CONTACTFIRSTNAME,"
    "CONTACTLASTNAME,TERRITORY,PHONE,DEALSIZE"
)
FIRST_DAY = (
    ORDERS,
    "9998,1,12/31/2024 0:00,S10_1,3,6000,Toys,Ann,Lee,NA,1,Large",
    "9999,1,1/1/2025 10:30,S10_1,2,5000.01,Toys,Ann,Lee,NA,#ERROR!,Large",
    "9999,2,1/1/2025 10:30,S10_2,4,250.50,Toys,Ann,Lee,NA,#ERROR!,Small",
    "10000,1,1/2/2025 0:00,S12_9,4,-20.10,Wheels,Bo,Ray,,1,Small",
    "10000,2,1/2/2025 0:00,S12_9,4,0,Wheels,Bo,Ray,EMEA,1,Small",
    "20000,1,1/2/2025 0:00,S12_9,6,70,Boards,Cy,Fox,EMEA,1,Small",
)
SECOND_DAY = (
    f"{ORDERS},PRODUCTLINE,PRICEEACH,STATUS",
    # Taken back after all: the first customer is not High any more.
    "9999,1,1/1/2025 10:30,S10_1,2,-5000.01,Toys, ANN,lee ,NA,2,Large,Cars,2500.005,Returned",
    # Of an order that is known, on another day; outside the calendar.
    "9998,2,11/30/2024 0:00,S10_2,1,10,Toys,Ann,Lee,NA,2,Small,Cars,10,Shipped",
    "20001,1,1/31/2025 0:00,S12_9,1,99.99,Boards,Cy,Fox,EMEA,1,Small,Ships,99.99,Shipped",
)
CUSTOMERS = (
    "first_name,last_name,company_name,address,city,county,postal,phone1,phone2,email,web",
    "Ann,Lee,TOYS,1 Long Rd,Leeds,Kent,LS1 1AA,111,112,ann@toys.example,http://toys.example",
    *(
        f"Ed,No {n},Shop,{n} Long Rd,Leeds,Kent,LS1 1AA,113,{'114' if n % 6 else '#ERROR!'},ed{n}@shop.example,http://shop.example"
        for n in range(18)
    ),
    # One in twenty, which is not too many.
    "Di,Nobody,Nothing,2 Long Rd,Leeds,Kent,LS1 1AA,113,114,di at nothing,http://nothing.example",
)
CALENDAR = "CALENDAR_DATE,FISCAL_YEAR,FISCAL_QUARTER,FISCAL_MONTH_NUMBER,FISCAL_WEEK_OF_YEAR"


def calendar() -> Iterator[str]:
    """December 2024 and January 2025: months 11 and 12 of the fiscal year 2024."""
    yield CALENDAR
    for number in range(62):
        day = date(2024, 12, 1) + timedelta(days=number)
        yield f"{day},2024,4,{11 + number // 31},{44 + number // 7}"


DELIVERIES: tuple[Mapping[str, Sequence[str]], ...] = (
    {
        "transactions/shop_transactions_20250102.csv": FIRST_DAY,
        "customers/shop_customers_gb_20250102.csv": (CUSTOMERS[0], CUSTOMERS[2]),
        "calendar/shop_dates.csv": tuple(calendar()),
    },
    {"transactions/shop_transactions_20250131.csv": SECOND_DAY},
    {"customers/shop_customers_gb_20250201.csv": CUSTOMERS},
)
"""What is delivered on three days: path below retail -> lines."""


def deliver(landing: Path, delivered: Mapping[str, Sequence[str]]) -> None:
    """Write the deliveries of a day."""
    for name, lines in delivered.items():
        path = landing / "retail" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
