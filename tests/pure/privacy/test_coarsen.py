"""The arithmetic of releases as truth tables, edges included."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.privacy.coarsen import (
    ActivityBand,
    ObservedBand,
    Trend,
    choose_activity_band,
    choose_observed_band,
    compare_bands,
    count_effective_cells,
    grade_activity,
    grade_observed,
    grade_trend,
    is_safe_to_publish,
)
from monitor.privacy.policy import K_EFF_MIN, PRIOR_MAX

ACTIVITY = list(ActivityBand)
OBSERVED = list(ObservedBand)
counts = st.integers(1, 10_000).flatmap(
    lambda plausible: st.tuples(st.integers(0, plausible), st.just(plausible))
)


@pytest.mark.parametrize(
    ("active", "plausible", "band"),
    [
        (0, 400, "none"),
        (1, 400, "under_2"),
        (7, 400, "under_2"),
        (8, 400, "2_to_5"),  # exactly 2 %
        (19, 400, "2_to_5"),
        (20, 400, "5_to_10"),  # exactly 5 %
        (39, 400, "5_to_10"),
        (40, 400, "5_to_10"),  # exactly 10 %
        (41, 400, "over_10"),
        (400, 400, "over_10"),
        (0, 40, "none"),
        (1, 40, "2_to_5"),
        (2, 40, "5_to_10"),
        (4, 40, "5_to_10"),
        (5, 40, "over_10"),
    ],
)
def test_activity_bands_at_their_edges(active: int, plausible: int, band: str) -> None:
    assert choose_activity_band(active, plausible) == band


@pytest.mark.parametrize(
    ("observed", "plausible", "band"),
    [
        (0, 400, "none"),
        (1, 400, "under_25"),
        (99, 400, "under_25"),
        (100, 400, "25_to_50"),
        (199, 400, "25_to_50"),
        (200, 400, "50_to_75"),
        (299, 400, "50_to_75"),
        (300, 400, "over_75"),
        (400, 400, "over_75"),
    ],
)
def test_observed_bands_at_their_edges(observed: int, plausible: int, band: str) -> None:
    assert choose_observed_band(observed, plausible) == band


@given(counts)
def test_bands_follow_the_exact_share_and_no_float(pair: tuple[int, int]) -> None:
    active, plausible = pair
    share = Fraction(active, plausible)
    index = sum((share > 0, share >= Fraction(2, 100), share >= Fraction(5, 100), share > Fraction(10, 100)))
    assert choose_activity_band(active, plausible) is ACTIVITY[index]
    quarters = sum((share > 0, *(share >= Fraction(number, 4) for number in (1, 2, 3))))
    assert choose_observed_band(active, plausible) is OBSERVED[quarters]


@given(st.integers(1, 2000))
def test_more_cells_never_mean_a_lower_band(plausible: int) -> None:
    activity = [ACTIVITY.index(choose_activity_band(n, plausible)) for n in range(plausible + 1)]
    observed = [OBSERVED.index(choose_observed_band(n, plausible)) for n in range(plausible + 1)]
    assert all(one <= other for one, other in pairwise(activity))
    assert all(one <= other for one, other in pairwise(observed))


@given(counts, st.integers(2, 7))
def test_a_band_is_a_share_not_a_count(pair: tuple[int, int], times: int) -> None:
    active, plausible = pair
    assert choose_activity_band(active * times, plausible * times) is choose_activity_band(active, plausible)


def test_the_band_of_a_publishable_block_never_tells_a_single_cell_apart() -> None:
    """With the fewest plausible cells allowed, every band but none leaves at least K_EFF_MIN places for its first cell."""
    for plausible in range(K_EFF_MIN, 401):
        for band in ACTIVITY[1:]:
            fitting = [n for n in range(1, plausible + 1) if choose_activity_band(n, plausible) is band]
            if fitting:
                assert math.comb(plausible, min(fitting)) >= K_EFF_MIN


@pytest.mark.parametrize(("before", "now"), list(product([None, *ACTIVITY], ACTIVITY)))
def test_the_trend_is_a_function_of_two_published_bands(
    before: ActivityBand | None, now: ActivityBand
) -> None:
    trend = compare_bands(before, now)
    if before is None:
        assert trend is Trend.FIRST
    else:
        step = ACTIVITY.index(now) - ACTIVITY.index(before)
        assert trend is {0: Trend.SAME, 1: Trend.UP, -1: Trend.DOWN}[(step > 0) - (step < 0)]


@given(st.integers(1, 5000), st.floats(1e-6, 1e6))
def test_an_even_prior_over_n_cells_has_n_effective_cells(n: int, weight: float) -> None:
    assert count_effective_cells([weight] * n) == pytest.approx(n, rel=1e-9)


@given(st.lists(st.floats(1e-9, 1e3), min_size=1, max_size=60))
def test_effective_cells_lie_between_one_and_the_number_of_cells(prior: list[float]) -> None:
    k_eff = count_effective_cells(prior)
    assert 1 - 1e-9 <= k_eff <= len(prior) + 1e-6
    assert count_effective_cells([*prior, 0.0]) == pytest.approx(k_eff)
    assert count_effective_cells(list(reversed(prior))) == pytest.approx(k_eff)
    assert count_effective_cells([weight * 7 for weight in prior]) == pytest.approx(k_eff)


@given(st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=40), st.integers(0, 39), st.floats(0.01, 1))
def test_evening_out_two_weights_never_lowers_the_effective_cells(
    prior: list[float], place: int, share: float
) -> None:
    one, other = place % len(prior), (place + 1) % len(prior)
    moved = share * (prior[one] - prior[other]) / 2
    evened = list(prior)
    evened[one] -= moved
    evened[other] += moved
    assert count_effective_cells(evened) >= count_effective_cells(prior) - 1e-6


def test_no_plausible_cell_hides_nothing() -> None:
    assert count_effective_cells([]) == count_effective_cells([0.0, 0.0]) == 0
    assert not is_safe_to_publish(0, 0)


@pytest.mark.parametrize(
    ("k_eff", "largest", "safe"),
    [
        (K_EFF_MIN, 1 / K_EFF_MIN, True),
        (K_EFF_MIN - 0.01, 0.01, False),
        (K_EFF_MIN - 1, 1 / (K_EFF_MIN - 1), False),
        (400, PRIOR_MAX, True),
        (400, PRIOR_MAX + 1e-6, False),
        (10_000, 1e-4, True),
    ],
)
def test_a_block_is_safe_with_enough_cells_and_no_likely_one(
    k_eff: float, largest: float, safe: bool
) -> None:
    assert is_safe_to_publish(k_eff, largest) is safe


@given(st.integers(1, 400))
def test_under_an_even_prior_exactly_forty_cells_are_enough(n: int) -> None:
    assert is_safe_to_publish(count_effective_cells([1.0] * n), 1 / n) == (n >= 40)


def test_one_likely_cell_makes_a_large_block_unsafe() -> None:
    prior = [0.2, *([0.8 / 399] * 399)]
    assert count_effective_cells(prior) > K_EFF_MIN
    assert not is_safe_to_publish(count_effective_cells(prior), max(prior))


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 400)), min_size=1, max_size=20))
def test_many_blocks_are_graded_as_one_is(counts: list[tuple[int, int]]) -> None:
    part, plausible = (np.array(column) for column in zip(*counts, strict=True))
    bands, shares = grade_activity(part, plausible).tolist(), grade_observed(part, plausible).tolist()
    for (cells, of), band, share in zip(counts, bands, shares, strict=True):
        assert list(ActivityBand)[band] is choose_activity_band(cells, of)
        assert list(ObservedBand)[share] is choose_observed_band(cells, of)


def test_many_trends_are_those_of_single_ones() -> None:
    for number, previous in enumerate([None, *ActivityBand], start=-1):
        for place, band in enumerate(ActivityBand):
            trend = grade_trend(np.array([number]), np.array([place]))[0]
            assert list(Trend)[trend] is compare_bands(previous, band)
