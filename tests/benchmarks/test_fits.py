"""How costs grow with history."""

from __future__ import annotations

import pytest

from benchmarks.fits import fit


def test_a_cost_that_stays_has_no_slope_and_exponent_zero() -> None:
    found = fit([30, 120, 480], [7, 7, 7])
    assert (found.constant, found.per_day, found.exponent) == (7, 0, 0)


def test_a_cost_in_proportion_to_history_has_exponent_one() -> None:
    found = fit([30, 120, 480], [60, 240, 960])
    assert (found.constant, found.per_day, found.exponent) == pytest.approx((0, 2, 1))


def test_a_constant_part_and_one_per_day_are_told_apart() -> None:
    found = fit([1, 2, 4], [13, 16, 22])
    assert (found.constant, found.per_day) == pytest.approx((10, 3))
    # ln 13, 16, 22 over ln 1, 2, 4: half the rise from the first to the last per doubling.
    assert found.exponent == pytest.approx(0.379496, abs=1e-6)


def test_a_square_root_has_exponent_one_half() -> None:
    assert fit([4, 16, 64], [200, 400, 800]).exponent == pytest.approx(0.5)


def test_nothing_read_at_all_is_flat() -> None:
    assert fit([30, 120, 480], [0, 0, 0]).exponent == 0


def test_costs_below_one_unit_have_an_exponent_too() -> None:
    assert fit([1, 2, 4], [0.1, 0.2, 0.4]).exponent == pytest.approx(1)


@pytest.mark.parametrize(("days", "costs"), [([30, 30], [1, 2]), ([30], [1]), ([30, 120], [1])])
def test_too_few_points_are_refused(days: list[float], costs: list[float]) -> None:
    with pytest.raises(ValueError, match="two different numbers of days at least, and a cost for each"):
        fit(days, costs)
