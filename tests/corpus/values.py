"""Values that are nearly what their type wants, and such as are exactly it."""

from __future__ import annotations

from tests.corpus.cases import Case, Record, bad, read, row


def _amount(text: str, value: str) -> Record:
    return row({"amount": value}, id=_next(), amount=text)


def _wrong(column: str, *texts: str) -> list[Record]:
    return [bad((f"{column}_unreadable", text), id=_next(), **{column: text}) for text in texts]


_count = iter(range(1, 1000))


def _next() -> str:
    return str(next(_count))


def _file(name: str, column: str, *records: Record) -> Case:
    """Records of id and one column, the values quoted."""
    lines = [f'{record.values["id"]},"{record.values[column]}"' for record in records]
    return read(name, "\n".join([f"id,{column}", *lines]) + "\n", *records)


def _right(column: str, text: str, value: str) -> Record:
    return row({column: value}, id=_next(), **{column: text})


CASES: list[Case] = [
    _file(
        "amounts.csv",
        "amount",
        _amount("5", "5.00000000"),
        _amount("-0", "0.00000000"),
        _amount("+1.5", "1.50000000"),
        _amount(".5", "0.50000000"),
        _amount("5.", "5.00000000"),
        _amount("0005", "5.00000000"),
        _amount("1.123456780000", "1.12345678"),
        _amount("999999999999.99999999", "999999999999.99999999"),
        *_wrong(
            "amount",
            "1e5",
            "1E-3",
            "NaN",
            "nan",
            "Infinity",
            "-inf",
            "1,000.50",
            "1.000,50",
            "1 000",
            "1_000",
            "٣",
            "１２",
            "½",
            "0x1F",
            "5 ",
            " 5",
            "5\n",
            "\t5",
            "5€",
            "$5",
            "--5",
            "5-",
            "+-5",
            ".",
            "-",
            "1.2.3",
            "(5)",
            "null",
            "N/A",
            "1000000000000",
            "1" * 400,
            "1" * 21 + ".5",
        ),
        bad(("amount_excess_scale", "1.123456789"), id=_next(), amount="1.123456789"),
        bad(("amount_excess_scale", "0." + "0" * 300 + "1"), id=_next(), amount="0." + "0" * 300 + "1"),
    ),
    _file(
        "counts.csv",
        "count",
        _right("count", "9223372036854775807", "9223372036854775807"),
        _right("count", "-0", "0"),
        _right("count", "+007", "7"),
        *_wrong(
            "count",
            "9223372036854775808",
            "1.0",
            "1e3",
            "٣",
            "1,000",
            "1 ",
            "1\n",
            "1\r",
            "true",
            "NaN",
            "Infinity",
            "0b1",
            "12:30",
        ),
    ),
    _file(
        "days.csv",
        "day",
        _right("day", "2024-02-29", "2024-02-29"),
        _right("day", "0001-01-01", "0001-01-01"),
        _right("day", "1582-10-10", "1582-10-10"),
        _right("day", "9999-12-31", "9999-12-31"),
        *_wrong(
            "day",
            "2025-02-29",
            "2025-13-01",
            "2025-00-10",
            "2025-1-2",
            "25-01-02",
            "02.01.2025",
            "01/02/2025",
            "2025-01-02T00:00:00",
            "2025-01-02 ",
            "2025-01-02\n",
            "12:30",
            "45658",
            "20250102",
            "0000-00-00",
            "+10000-01-01",
            "0000-01-01",
            "today",
            "epoch",
            "٢٠٢٥-٠١-٠٢",
        ),
    ),
    _file(
        "times.csv",
        "at",
        _right("at", "2025-01-02T12:30:00Z", "2025-01-02 12:30:00"),
        _right("at", "2025-01-02 12:30", "2025-01-02 12:30:00"),
        _right("at", "2025-01-02T12:30:00.123456+02:00", "2025-01-02 10:30:00.123456"),
        _right("at", "2025-01-01T00:30:00+0100", "2024-12-31 23:30:00"),
        _right("at", "0001-01-01T00:00:00Z", "0001-01-01 00:00:00"),
        _right("at", "1582-10-10T00:00:00Z", "1582-10-10 00:00:00"),
        *_wrong(
            "at",
            "12:30",
            "12:30:00",
            "2025-01-02",
            "2025-01-02T24:00:00Z",
            "2025-01-02T12:60:00Z",
            "2025-01-02T12:30:60Z",
            "2025-01-02T12:30:00.1234567Z",
            "2025-02-30T00:00:00Z",
            "1735819800",
            "2025-01-02T12:30:00 Europe/Paris",
            "2025-01-02T12:30:00+25:00",
            "2025-01-02T12:30:00Z\n",
            "2025-01-02t12:30:00z",
            "9999-12-31T23:59:59-05:00",
            "0001-01-01T00:00:00+01:00",
            "now",
            "Thu, 02 Jan 2025 12:30:00 GMT",
        ),
    ),
    _file(
        "booleans.csv",
        "ok",
        _right("ok", "TRUE", "True"),
        _right("ok", "f", "False"),
        _right("ok", "1", "True"),
        _right("ok", "No", "False"),
        *_wrong("ok", "2", "on", "oui", "true ", "-1", "1.0"),
    ),
    _file(
        "cells_that_compute.csv",
        "name",
        *(
            row(id=_next(), name=text)
            for text in (
                "=1+1",
                "+1",
                "-1",
                "@SUM(A1)",
                "\t=1",
                "\r=1",
                "=cmd|' /C calc'!A0",
                "＝1+1",
                "'=1",
                "a;=1",
            )
        ),
    ),
    _file(
        "words_that_are_no_nulls.csv",
        "name",
        *(row(id=_next(), name=text) for text in ("null", "NULL", "None", "NA", "N/A", "nan", "-", "\\N", "#N/A", " ")),
    ),
]
