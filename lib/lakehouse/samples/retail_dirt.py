"""What goes wrong in the lines of orders, in counted amounts: lines that break rules, corrections, spoilt values.

The rules that lines break have the names that the engine gives them, made of silver's column names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random

from lakehouse.samples.dirt import Amounts, Breach, Breaker, Stain, refused_positions, take
from lakehouse.samples.retail_figures import Tally
from lakehouse.samples.retail_orders import (
    ADDRESS,
    FIRST_NAME,
    LAST_NAME,
    ORDER_DATE,
    ORDER_NUMBER,
    PHONE,
    POSTCODE,
    QUANTITY,
    TOTAL_AMOUNT,
    YEAR,
    Line,
)

BREACHES: Mapping[str, Breach] = {
    "missing_order_number": Breach(("order_number_required",), {ORDER_NUMBER: ("",)}),
    "missing_amount": Breach(("total_amount_required",), {TOTAL_AMOUNT: ("",)}),
    # The second has a letter O; the third means one thousand two hundred and four in some countries only.
    "malformed_amount": Breach(("total_amount_unreadable",), {TOTAL_AMOUNT: ("USD 75", "12O.50", "1.204,50")}),
    "missing_date": Breach(("order_date_required",), {ORDER_DATE: ("",)}),
    "malformed_date": Breach(
        ("order_date_unreadable",), {ORDER_DATE: ("2/30/2025 0:00", "31/12/2024 0:00", "last Tuesday")}
    ),
    "missing_quantity": Breach(("quantity_required",), {QUANTITY: ("",)}),
    "malformed_quantity": Breach(("quantity_unreadable",), {QUANTITY: ("ten", "12 pcs", "4x")}),
    "too_few_columns": Breach(("record_malformed",), surplus=-2),
    "too_many_columns": Breach(("record_malformed",), surplus=1),
    "two_rules": Breach(
        ("order_number_required", "total_amount_unreadable"), {ORDER_NUMBER: ("",), TOTAL_AMOUNT: ("n. a.",)}
    ),
}
"""Kinds of bad lines. Every other kind of row dirt leaves the line good."""

_POOL = 20
"""Most lines that wait to be corrected, as a multiple of the corrections of a day."""


@dataclass(frozen=True)
class Correctable:
    """A good line of an earlier delivery, and the tally of that delivery."""

    line: Line
    tally: Tally


class Soiler:
    """Puts dirt into one delivery after the other, taking the kinds of bad lines in turn over all of them."""

    def __init__(self, dirt: float) -> None:
        self._dirt = dirt
        self._breaker = Breaker(BREACHES)
        self._pool: list[Correctable] = []

    def refuse(self, lines: Sequence[Line], rng: Random) -> Stain:
        """Break a tenth of the lines, so that the delivery is refused; nothing else is changed."""
        stain = _with_late_orders(lines)
        self._breaker.break_rows([line.values for line in lines], refused_positions(len(lines), rng), stain)
        return stain

    def soil(self, lines: list[Line], tally: Tally, rng: Random) -> Stain:
        """Put the usual dirt into a delivery, each line at most once, and count the lines that stand.

        Corrections take lines of earlier deliveries out of their tallies.
        """
        amounts = Amounts.of(len(lines), self._dirt)
        stain = _with_late_orders(lines)
        plain = [number for number, line in enumerate(lines) if not line.lateness and not line.outside_calendar]
        rng.shuffle(plain)
        accented = [number for number in plain if lines[number].buyer.is_accented][: amounts.few]
        positions = iter([number for number in plain if number not in accented])
        bad = take(positions, amounts.bad)
        self._breaker.break_rows([line.values for line in lines], bad, stain)
        _spoil_names(lines, accented, stain)
        _mistake_year(lines, take(positions, amounts.some), stain, rng)
        _lose_phone(lines, take(positions, amounts.some), stain)
        _blank_optional(lines, take(positions, amounts.few), stain)
        _respell(lines, take(positions, amounts.few), stain)
        outranked = _duplicate(lines, take(positions, amounts.few), take(positions, amounts.few), stain, rng)
        self._correct(lines, positions, amounts.some, stain, rng)
        for number in {*range(len(lines))} - {*bad, *outranked}:
            tally.add(lines[number])
        spare = (lines[number] for number in islice(positions, 3 * amounts.some))
        self._pool.extend(Correctable(line, tally) for line in spare)
        del self._pool[: -_POOL * amounts.some]
        return stain

    def _correct(self, lines: list[Line], positions: Iterator[int], count: int, stain: Stain, rng: Random) -> None:
        """Replace lines by corrections of lines delivered on earlier days: other amounts, every third sign turned."""
        for turn, position in enumerate(take(positions, min(count, len(self._pool)))):
            corrected = self._pool.pop(rng.randrange(len(self._pool)))
            corrected.tally.remove(corrected.line)
            lines[position] = _with_another_amount(corrected.line, turn % 3 == 2, rng)
            stain.row_kinds["late_correction"] += 1


def _with_late_orders(lines: Sequence[Line]) -> Stain:
    """A stain that has the lines of orders of earlier days, as they were made."""
    stain = Stain()
    stain.row_kinds.update(line.lateness for line in lines if line.lateness)
    stain.row_kinds.update("outside_calendar" for line in lines if line.outside_calendar)
    return stain


def _with_another_amount(line: Line, turned: bool, rng: Random) -> Line:
    again = line.copy()
    sign = -1 if line.cents < 0 else 1
    again.price(abs(line.cents) // line.quantity + rng.randrange(1, 500), line.quantity, -sign if turned else sign)
    return again


def _duplicate(
    lines: list[Line], originals: Sequence[int], copies: Sequence[int], stain: Stain, rng: Random
) -> list[int]:
    """Replace lines by copies of others with another amount; return where the outranked ones stand."""
    for original, copy in zip(originals, copies, strict=True):
        lines[copy] = _with_another_amount(lines[original], False, rng)
        stain.row_kinds["duplicate_in_file"] += 1
    # Of two lines with one key in a file the later one counts.
    return [min(pair) for pair in zip(originals, copies, strict=True)]


def _spoil_names(lines: Sequence[Line], positions: Sequence[int], stain: Stain) -> None:
    """Names whose UTF-8 bytes somebody took for Windows-1252."""
    for position in positions:
        for column in (FIRST_NAME, LAST_NAME):
            values = lines[position].values
            values[column] = values[column].encode().decode("cp1252")
        stain.row_kinds["mojibake_name"] += 1


def _mistake_year(lines: Sequence[Line], positions: Sequence[int], stain: Stain, rng: Random) -> None:
    for position in positions:
        values = lines[position].values
        values[YEAR] = str(int(values[YEAR]) + rng.choice((-3, -2, -1, 1, 2)))
        stain.row_kinds["wrong_year_id"] += 1


def _lose_phone(lines: Sequence[Line], positions: Sequence[int], stain: Stain) -> None:
    """What a spreadsheet leaves of a telephone number that begins with a plus."""
    for position in positions:
        lines[position].values[PHONE] = "#ERROR!"
        stain.row_kinds["error_phone"] += 1


def _blank_optional(lines: Sequence[Line], positions: Sequence[int], stain: Stain) -> None:
    for turn, position in enumerate(positions):
        lines[position].values[(POSTCODE, PHONE, ADDRESS)[turn % 3]] = ""
        stain.row_kinds["missing_optional"] += 1


def _respell(lines: Sequence[Line], positions: Sequence[int], stain: Stain) -> None:
    """The same person in capitals or with blanks around: still the same customer."""
    for turn, position in enumerate(positions):
        values = lines[position].values
        values[FIRST_NAME], values[LAST_NAME] = (
            (values[FIRST_NAME].upper(), f"{values[LAST_NAME]} "),
            (f" {values[FIRST_NAME]}", values[LAST_NAME].lower()),
        )[turn % 2]
        stain.row_kinds["respelled_name"] += 1
