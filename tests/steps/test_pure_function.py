"""Silver, outranked and gold are a pure function of the deliveries: any order, any split over runs, any repetition."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import deliver, run_billing, usage
from tests.steps.test_publish import table

pytestmark = pytest.mark.slow

# (day, file): rows of (hour, user, credit). Few hours and users, so that keys collide in and across deliveries.
row = st.tuples(st.integers(0, 2), st.sampled_from(["u1", "u2"]), st.integers(1, 9))
deliveries = st.fixed_dictionaries(
    {
        ("2025-01-02", "a.csv"): st.lists(row, min_size=1, max_size=5),
        ("2025-01-02", "b.csv"): st.lists(row, min_size=1, max_size=5),
        ("2025-01-03", "a.csv"): st.lists(row, min_size=1, max_size=5),
    }
)
Delivered = dict[tuple[str, str], list[tuple[int, str, int]]]


def expected(delivered: Delivered) -> tuple[dict[Any, str], list[tuple[str, int]]]:
    """Credit by key, and the addresses of the rows that lost, computed the plain way."""
    rows = [
        (day, f"usage/year=2025/month=01/day={day[-2:]}/{name}", number, hour, user, credit)
        for (day, name), found in delivered.items()
        for number, (hour, user, credit) in enumerate(found, start=1)
    ]
    winners: dict[Any, tuple[Any, ...]] = {}
    for found in rows:
        key = (found[3], found[4])
        winners[key] = max(winners.get(key, found), found, key=lambda one: one[:3])
    lost = sorted((one[1], one[2]) for one in rows if one not in winners.values())
    return {key: f"-{one[5]}.00" for key, one in winners.items()}, lost


@settings(
    max_examples=2,
    deadline=None,
    derandomize=True,
    # The configuration is the same for all examples; each has its own landing zone and lake.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(delivered=deliveries, order=st.permutations(range(3)), split=st.integers(1, 2))
def test_any_order_and_split_gives_the_same_tables(
    spark: object, conf: Path, delivered: Delivered, order: list[int], split: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        landing, lake = Path(folder) / "landing", Path(folder) / "lake"
        names = [list(delivered)[number] for number in order]
        # What was delivered first arrives once more, with a new time: the same content is no news.
        for part in (names[:split], [*names[split:], names[0]]):
            for day, name in part:
                rows = [usage(f"2025-01-02T{hour:02}:00:00Z", user, f"-{c}") for hour, user, c in delivered[day, name]]
                deliver(landing, day, name, rows)
            run_billing(landing, lake)
        credits_by_key, lost = expected(delivered)
        silver = {
            (r["usage_timestamp"].hour, r["user_id"]): f"{r['credit_usage']:.2f}" for r in table(lake, "silver/usage")
        }
        assert silver == credits_by_key
        assert sorted((r["delivery_id"], r["record_number"]) for r in table(lake, "outranked/usage")) == lost
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for (_, user), credit in credits_by_key.items():
            sums[user] -= Decimal(credit)
        assert {r["user_id"]: r["credits_used"] for r in table(lake, "gold/user_totals")} == dict(sums)
