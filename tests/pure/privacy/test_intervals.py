"""Intervals hold the truth, whatever it is, and are no wider than they must be."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.grid import Level
from monitor.privacy.coarsen import ActivityBand, ObservedBand, choose_activity_band, choose_observed_band
from monitor.privacy.intervals import (
    ACTIVITY_EDGES,
    BandedBlock,
    Between,
    plausible_range,
    sum_up,
    write_per_cent,
)


@st.composite
def truths(draw: st.DrawFn) -> tuple[int, int, int]:
    """Plausible, active and observed cells of one block of L2."""
    plausible = draw(st.integers(40, 400))
    return plausible, draw(st.integers(0, plausible)), draw(st.integers(0, plausible))


@given(st.lists(truths(), min_size=1, max_size=8), st.booleans())
def test_the_truth_lies_in_the_interval(blocks: list[tuple[int, int, int]], is_known: bool) -> None:
    told = sum_up(
        [
            BandedBlock(
                choose_activity_band(active, plausible),
                choose_observed_band(observed, plausible),
                (plausible, plausible) if is_known else plausible_range(Level.L2),
            )
            for plausible, active, observed in blocks
        ]
    )
    total, active, observed = (sum(column) for column in zip(*blocks, strict=True))
    assert told.cells.low <= active <= told.cells.high
    assert told.share.low <= Fraction(active, total) <= told.share.high
    assert told.observed.low <= Fraction(observed, total) <= told.observed.high
    low, high = map(float, write_per_cent(told.share))
    assert low <= 100 * active / total <= high
    assert 0 <= low <= high <= 100


bands = st.sampled_from(list(ActivityBand))
ranges = st.tuples(st.integers(40, 200), st.integers(0, 200)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@given(st.lists(st.tuples(bands, ranges), min_size=1, max_size=5))
def test_the_share_is_no_wider_than_the_widest_weighting(
    blocks: list[tuple[ActivityBand, tuple[int, int]]],
) -> None:
    told = sum_up([BandedBlock(band, ObservedBand.NONE, weight) for band, weight in blocks]).share
    lows, highs = [], []
    for weights in product(*(weight for _, weight in blocks)):  # extremes of a ratio of sums lie at corners
        edges = [ACTIVITY_EDGES[band] for band, _ in blocks]
        lows.append(
            sum((edge[0] * w for edge, w in zip(edges, weights, strict=True)), Fraction(0)) / sum(weights)
        )
        highs.append(
            sum((edge[1] * w for edge, w in zip(edges, weights, strict=True)), Fraction(0)) / sum(weights)
        )
    assert told == Between(min(lows), max(highs))


def test_nothing_says_nothing() -> None:
    told = sum_up([])
    assert told.cells == told.share == told.observed == Between(Fraction(0), Fraction(0))


@pytest.mark.parametrize(
    ("band", "cells"),
    [
        ("none", (0, 0)),
        ("under_2", (1, 8)),
        ("2_to_5", (8, 20)),
        ("5_to_10", (20, 40)),
        ("over_10", (40, 400)),
    ],
)
def test_a_whole_block_of_known_size_by_its_band(band: str, cells: tuple[int, int]) -> None:
    told = sum_up([BandedBlock(ActivityBand(band), ObservedBand.OVER_75, (400, 400))])
    assert (int(told.cells.low), int(told.cells.high)) == cells
    assert write_per_cent(told.observed) == ("75.0", "100.0")


def test_a_published_block_holds_at_least_what_the_policy_asks_for() -> None:
    assert plausible_range(Level.L2) == (40, 400)
    assert plausible_range(Level.L3) == (40, 10_000)


def test_rounding_goes_outward() -> None:
    assert write_per_cent(Between(Fraction(1, 3), Fraction(1, 3))) == ("33.3", "33.4")
