"""What goes wrong in usage rows, in counted amounts: rows that break rules, late rows, duplicates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from lakehouse.samples.billing_usage import (
    CREDIT_USAGE,
    CURRENCY,
    INVOICE_ID,
    OPERATION_TYPE,
    REGION,
    RESOURCE_ID,
    RESOURCE_TYPE,
    SERVICE_TIER,
    SUCCESS,
    TIMESTAMP,
    USER_ID,
    Row,
    Usage,
    late_timestamp,
)
from lakehouse.samples.dirt import Amounts, Breach, Breaker, Stain, refused_positions, take

BREACHES: Mapping[str, Breach] = {
    "missing_timestamp": Breach(("usage_timestamp_required",), {TIMESTAMP: ("",)}),
    "missing_resource_id": Breach(("resource_id_required",), {RESOURCE_ID: ("",)}),
    "missing_user_id": Breach(("user_id_required",), {USER_ID: ("",)}),
    "missing_invoice_id": Breach(("invoice_id_required",), {INVOICE_ID: ("",)}),
    "malformed_timestamp": Breach(
        ("usage_timestamp_unreadable",), {TIMESTAMP: ("12:30", "2025-13-45T00:00:00Z", "yesterday")}
    ),
    "missing_credit": Breach(("credit_usage_required",), {CREDIT_USAGE: ("",)}),
    # A decimal comma and an exponent are no decimals either.
    "malformed_credit": Breach(("credit_usage_unreadable",), {CREDIT_USAGE: ("abc", "1e3", "-1,5")}),
    "oversized_credit": Breach(("credit_usage_unreadable",), {CREDIT_USAGE: ("-1234567890123.5",)}),
    "excess_scale": Breach(("credit_usage_excess_scale",), {CREDIT_USAGE: ("-1.123456789", "-0.0000000001")}),
    "zero_credit": Breach(("credit_usage_is_not_zero",), {CREDIT_USAGE: ("0", "0.00", "-0.00000000")}),
    "positive_credit": Breach(("credit_usage_is_a_debit",), {CREDIT_USAGE: ("12.5", "0.00000001")}),
    "missing_tier": Breach(("service_tier_required",), {SERVICE_TIER: ("",)}),
    "unknown_tier": Breach(("service_tier_is_known",), {SERVICE_TIER: ("gold", "PREMIUM")}),
    "missing_currency": Breach(("currency_required",), {CURRENCY: ("",)}),
    "bad_currency": Breach(("currency_is_iso_4217",), {CURRENCY: ("US$", "usd", "XXQ")}),
    "missing_success": Breach(("success_required",), {SUCCESS: ("",)}),
    "unreadable_success": Breach(("success_unreadable",), {SUCCESS: ("maybe", "2")}),
    "too_few_columns": Breach(("record_malformed",), surplus=-2),
    "too_many_columns": Breach(("record_malformed",), surplus=1),
    "three_rules": Breach(
        ("user_id_required", "service_tier_is_known", "currency_is_iso_4217"),
        {USER_ID: ("",), SERVICE_TIER: ("gold",), CURRENCY: ("usd",)},
    ),
}
"""Kinds of bad rows. Every other kind of row dirt leaves the row good."""


class Soiler:
    """Puts dirt into one delivery after the other, taking the kinds of bad rows in turn over all of them."""

    def __init__(self, dirt: float) -> None:
        self._dirt = dirt
        self._breaker = Breaker(BREACHES)

    def refuse(self, usage: Usage, rng: Random) -> Stain:
        """Break a tenth of the rows, so that the delivery is refused; nothing else is changed."""
        stain = Stain()
        self._breaker.break_rows(usage.rows, refused_positions(len(usage.rows), rng), stain)
        return stain

    def soil(
        self, usage: Usage, same_day: Sequence[Row], day_before: list[Row], rng: Random
    ) -> tuple[Stain, list[Row]]:
        """Put the usual dirt into a delivery, each row at most once.

        same_day, day_before: untouched rows of earlier deliveries, to send again with another amount. Those
        of the day before are taken from the list, so that no other delivery of this day sends them too; those
        of the same day are not, so that some keys come three times.
        Returns what was put in, and good rows in time and unchanged that later deliveries may send again.
        """
        size = len(usage.rows)
        amounts = Amounts.of(size, self._dirt)
        bad, some, few = amounts.bad, amounts.some, amounts.few
        again = {
            "duplicate_between_files": same_day[:few],
            "duplicate_across_days": day_before[:few],
        }
        del day_before[:few]
        spare = 3 * few
        positions = iter(rng.sample(range(size), bad + some + 5 * few + sum(map(len, again.values())) + spare))
        stain = Stain()
        self._breaker.break_rows(usage.rows, take(positions, bad), stain)
        _make_late(usage, take(positions, some), "late", (1, 2, 3), stain)
        _make_late(usage, take(positions, few), "very_late", (4, 5, 6), stain)
        _duplicate(usage, take(positions, few), take(positions, few), stain, rng)
        for kind, originals in again.items():
            _send_again(usage, take(positions, len(originals)), originals, kind, stain, rng)
        _blank_optional(usage, take(positions, few), stain)
        _pad_scale(usage, take(positions, few), stain)
        return stain, [list(usage.rows[position]) for position in positions]


def _make_late(usage: Usage, positions: Sequence[int], kind: str, days: tuple[int, ...], stain: Stain) -> None:
    for turn, position in enumerate(positions):
        days_late = days[turn % len(days)]
        usage.rows[position][TIMESTAMP] = late_timestamp(usage.day, usage.moments[position], days_late)
        stain.row_kinds[kind] += 1


def _duplicate(usage: Usage, originals: Sequence[int], copies: Sequence[int], stain: Stain, rng: Random) -> None:
    rows = [list(usage.rows[position]) for position in originals]
    _send_again(usage, copies, rows, "duplicate_in_file", stain, rng)


def _send_again(
    usage: Usage, positions: Sequence[int], originals: Sequence[Row], kind: str, stain: Stain, rng: Random
) -> None:
    """Replace the rows at the positions by copies of the originals with another amount."""
    for position, original in zip(positions, originals, strict=True):
        row = list(original)
        row[CREDIT_USAGE] = f"-{rng.randrange(1, 1000)}.{rng.randrange(100_000_000):08d}"
        if row[TIMESTAMP].endswith("Z"):
            # The same instant in other words is still the same key.
            row[TIMESTAMP] = row[TIMESTAMP][:-1] + "+00:00"
        usage.rows[position] = row
        stain.row_kinds[kind] += 1


def _blank_optional(usage: Usage, positions: Sequence[int], stain: Stain) -> None:
    for turn, position in enumerate(positions):
        usage.rows[position][(REGION, OPERATION_TYPE, RESOURCE_TYPE)[turn % 3]] = ""
        stain.row_kinds["missing_optional"] += 1


def _pad_scale(usage: Usage, positions: Sequence[int], stain: Stain) -> None:
    """Give amounts more than 8 decimals of which the last are zeros: still exact, still good."""
    for position in positions:
        amount = usage.rows[position][CREDIT_USAGE]
        usage.rows[position][CREDIT_USAGE] = amount + "0" * 8
        stain.row_kinds["padded_scale"] += 1
