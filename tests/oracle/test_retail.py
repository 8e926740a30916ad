"""The oracle itself, against a landing zone of a few rows whose figures were worked out by hand."""

from __future__ import annotations

import gzip
from datetime import date
from decimal import Decimal

import pytest

from tests.oracle import retail as oracle

ORDERS = (
    "ORDERNUMBER,ORDERLINENUMBER,ORDERDATE,PRODUCTCODE,QUANTITYORDERED,TOTAL_AMOUNT,CUSTOMERNAME,CONTACTFIRSTNAME,"
    "CONTACTLASTNAME,TERRITORY,PHONE\n"
)
FIRST = (
    ORDERS + "1,1,12/31/2004 0:00,S10_1,3,100,Toys,Ann,Lee,NA,1\n"
    "1,2,1/2/2005 9:05,S10_2,2,50.05,Toys, ANN ,lee,NA,#ERROR!\n"
    "2,1,1/3/2005 0:00,S12_9,4,-20.10,Wheels,Bo,Ray,,1\n"
    "3,1,1/3/2005 0:00,S12_9,4,0,Boards,Cy,Fox,EMEA,1\n"
    # Replaced by the next day's file.
    "4,1,1/3/2005 0:00,S12_9,1,999,Wheels,Bo,Ray,EMEA,1\n"
    # A bad date, a bad amount, a missing order, too few values.
    "5,1,2/30/2005 0:00,S12_9,1,999,Wheels,Bo,Ray,EMEA,1\n"
    "5,2,1/3/2005 0:00,S12_9,1,n. a.,Wheels,Bo,Ray,EMEA,1\n"
    ",3,1/3/2005 0:00,S12_9,1,999,Wheels,Bo,Ray,EMEA,1\n"
    "5,4,1/3/2005 0:00,S12_9,1\n"
)
SECOND = (
    ORDERS.replace("ORDERNUMBER,", "STATUS,ORDERNUMBER,").replace("PHONE\n", "PHONE,PRODUCTLINE\n")
    + "Shipped,4,1,1/3/2005 0:00,S12_9,5,149.98,Wheels,Bo,Ray,EMEA,1,Cars\n"
    "Shipped,6,1,1/3/2005 0:00,S12_8,5,149.98,Wheels,Bo,Ray,EMEA,1,Cars\n"
)
CUSTOMERS = (
    "first_name,last_name,company_name,email,phone1,phone2\rAnn,Lee,toys,ann@toys.example,1,#ERROR!\r"
    "Bo,Ray,Wheels,bo at wheels,#ERROR!,#ERROR!\r"
)
CALENDAR = (
    "CALENDAR_DATE,FISCAL_YEAR,FISCAL_QUARTER,FISCAL_MONTH_NUMBER,FISCAL_WEEK_OF_YEAR\n"
    "2005-01-02,2004,4,12,49\n2005-01-03,2004,4,12,49\n"
)
PHONE = ("null_marker", "phone")
A, B = "transactions/a_20050103.csv", "transactions/b_20050104.csv.gz"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> oracle.Shop:
    landing = tmp_path_factory.mktemp("landing")
    files = {
        A: FIRST.encode(),
        B: gzip.compress(SECOND.encode()),
        "transactions/c_20050105.csv.gz": gzip.compress(FIRST.encode())[:60],
        "customers/d_20050103.csv": CUSTOMERS.encode(),
        "customers/e_20050104.csv": b"",
        "calendar/dates.csv": CALENDAR.encode(),
    }
    for name, data in files.items():
        path = landing / "retail" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return oracle.read_shop(landing)


def test_the_last_delivered_line_of_a_key_counts(shop: oracle.Shop) -> None:
    assert {(line.order, line.number): (line.amount, line.delivery) for line in shop.lines} == {
        (1, 1): (Decimal(100), A),
        (1, 2): (Decimal("50.05"), A),
        (2, 1): (Decimal("-20.10"), A),
        (3, 1): (Decimal(0), A),
        (4, 1): (Decimal("149.98"), B),
        (6, 1): (Decimal("149.98"), B),
    }
    assert shop.known == {("ann", "lee", "toys")}


def test_figures_of_months_days_and_families(shop: oracle.Shop) -> None:
    assert oracle.monthly_summary(shop.lines) == {
        (2004, 12): (Decimal(100), Decimal(0), 3, 0, Decimal(0), 1),
        (2005, 1): (Decimal("350.01"), Decimal("20.10"), 12, 4, Decimal("2.010"), 3),
    }
    assert oracle.daily_insights(shop.lines)[date(2005, 1, 3)] == (
        Decimal("299.96"), Decimal("20.10"), Decimal("2.010"), 2, 1, 1, 10, 4, 0, 4,
    )  # fmt: skip
    assert oracle.product_family_sales(shop.lines) == {
        "S10": (Decimal("150.05"), 2, 5, Decimal(0)),
        "S12": (Decimal("299.96"), 4, 10, Decimal("20.10")),
    }
    assert oracle.dim_product(shop.lines)["S12_9"] == ("S12", "Cars", date(2005, 1, 3), date(2005, 1, 3))


def test_figures_of_periods(shop: oracle.Shop) -> None:
    sales = oracle.by_period(shop, "SALE")
    assert sales["calendar", "week", "2004-W53"] == (Decimal("150.05"), 2, 1, 5, Decimal(0))
    assert sales["calendar", "week", "2005-W01"] == (Decimal("299.96"), 2, 2, 10, Decimal(0))
    assert sales["calendar", "quarter", "2005-Q1"] == (Decimal("350.01"), 3, 3, 12, Decimal(0))
    assert sales["fiscal", "week", "2004-W49"] == sales["fiscal", "year", "2004"] == sales["calendar", "year", "2005"]
    assert len(sales) == 2 + 2 + 2 + 2 + 4
    assert set(oracle.by_period(shop, "REFUND").values()) == {(Decimal("20.10"), 1, 1, 4, Decimal("2.010"))}


def test_rankings(shop: oracle.Shop) -> None:
    price, best = Decimal("29.9960"), Decimal("149.98")
    assert oracle.product_performance(shop.lines) == {
        ("NA", "S10_1"): (Decimal(100), 3, 1, Decimal("33.3333"), 1, Decimal(100), Decimal(0)),
        ("NA", "S10_2"): (Decimal("50.05"), 2, 1, Decimal("25.0250"), 2, Decimal(100), Decimal("49.95")),
        ("EMEA", "S12_8"): (best, 5, 1, price, 1, best, Decimal(0)),
        ("EMEA", "S12_9"): (best, 5, 1, price, 2, best, Decimal(0)),
    }
    day = date(2005, 1, 3)
    assert oracle.customer_segments(shop.lines) == {
        "Toys": (Decimal("150.05"), 1, Decimal("150.05"), date(2005, 1, 2), 2, "Low"),
        "Wheels": (Decimal("299.96"), 3, Decimal("99.99"), day, 2, "Low"),
        "Boards": (Decimal(0), 1, Decimal(0), day, 1, "Low"),
    }
    assert [row[0] for row in oracle.top_customers(shop.lines)] == ["Wheels", "Toys"]
    assert oracle.data_coverage(shop) == {
        (A, "reference", "dim_customer"): (4, 2), (A, "calendar", "dim_date"): (4, 3), (A, *PHONE): (4, 1),
        (B, "reference", "dim_customer"): (2, 0), (B, "calendar", "dim_date"): (2, 2), (B, *PHONE): (2, 0),
        ("customers/d_20050103.csv", *PHONE): (1, 0), ("customers/d_20050103.csv", "null_marker", "phone_2"): (1, 1),
    }  # fmt: skip
