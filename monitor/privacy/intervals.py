"""Intervals from bands (pure): what published bands say of several blocks together, and no more.

Everything is computed from what is published, so it adds nothing to it. Bounds are exact fractions and hold for every way
in which the hidden figures could lie; where they are written as decimals they are rounded outward.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from monitor.grid import Level
from monitor.privacy.coarsen import ActivityBand, ObservedBand
from monitor.privacy.policy import K_EFF_MIN

ACTIVITY_EDGES = {
    ActivityBand.NONE: (Fraction(0), Fraction(0)),
    ActivityBand.UNDER_2: (Fraction(0), Fraction(2, 100)),
    ActivityBand.FROM_2_TO_5: (Fraction(2, 100), Fraction(5, 100)),
    ActivityBand.FROM_5_TO_10: (Fraction(5, 100), Fraction(10, 100)),
    ActivityBand.OVER_10: (Fraction(10, 100), Fraction(1)),
}
OBSERVED_EDGES = {
    ObservedBand.NONE: (Fraction(0), Fraction(0)),
    ObservedBand.UNDER_25: (Fraction(0), Fraction(1, 4)),
    ObservedBand.FROM_25_TO_50: (Fraction(1, 4), Fraction(1, 2)),
    ObservedBand.FROM_50_TO_75: (Fraction(1, 2), Fraction(3, 4)),
    ObservedBand.OVER_75: (Fraction(3, 4), Fraction(1)),
}


@dataclass(frozen=True, slots=True)
class Between:
    """A figure that lies from `low` to `high`, both included."""

    low: Fraction
    high: Fraction


@dataclass(frozen=True, slots=True)
class BandedBlock:
    """A published block, as far as its figures go. plausible: how many plausible cells it may hold, from least to most."""

    band: ActivityBand
    observed: ObservedBand
    plausible: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Interval:
    """What is known of several blocks together: active cells, their share of plausible cells, the share observed."""

    cells: Between
    share: Between
    observed: Between


def plausible_range(level: Level) -> tuple[int, int]:
    """How many plausible cells a published block of a level can hold: as many as the policy asks for, to all it has."""
    return min(K_EFF_MIN, level.span**2), level.span**2


def sum_up(blocks: Sequence[BandedBlock]) -> Interval:
    """The figures of the blocks together. All zero for no blocks."""
    counts = [_count(block) for block in blocks]
    plausible = [block.plausible for block in blocks]
    return Interval(
        Between(Fraction(sum(low for low, _ in counts)), Fraction(sum(high for _, high in counts))),
        _mean([ACTIVITY_EDGES[block.band] for block in blocks], plausible),
        _mean([OBSERVED_EDGES[block.observed] for block in blocks], plausible),
    )


def write_per_cent(between: Between) -> tuple[str, str]:
    """Both ends in per cent with one decimal, as text, rounded outward."""
    low, high = between.low * 1000, between.high * 1000
    return _tenths(low.numerator // low.denominator), _tenths(-(-high.numerator // high.denominator))


def _tenths(number: int) -> str:
    return f"{number // 10}.{number % 10}"


def _count(block: BandedBlock) -> tuple[int, int]:
    """Least and greatest number of active cells, whole ones. A band other than `none` holds one at least."""
    low, high = ACTIVITY_EDGES[block.band]
    least, most = block.plausible
    if block.band is ActivityBand.NONE:
        return 0, 0
    low_count, high_count = low * least, high * most
    return max(
        1, -(-low_count.numerator // low_count.denominator)
    ), high_count.numerator // high_count.denominator


def _mean(edges: Sequence[tuple[Fraction, Fraction]], weights: Sequence[tuple[int, int]]) -> Between:
    """The least and the greatest mean of shares that lie within `edges`, over all weights within `weights`."""
    if not edges:
        return Between(Fraction(0), Fraction(0))
    lows = [(low, weight) for (low, _), weight in zip(edges, weights, strict=True)]
    highs = [(-high, weight) for (_, high), weight in zip(edges, weights, strict=True)]
    return Between(_least_mean(lows), -_least_mean(highs))


def _least_mean(shares: Sequence[tuple[Fraction, tuple[int, int]]]) -> Fraction:
    """The least weighted mean: shares below it weigh as much as they can and those above as little (a threshold rule)."""
    ordered = sorted(shares)
    total = Fraction(sum(least for _, (least, _) in ordered))
    weighted = sum((share * least for share, (least, _) in ordered), Fraction(0))
    best = weighted / total
    for share, (least, most) in ordered:
        if share >= best:
            break
        total += most - least
        weighted += share * (most - least)
        best = min(best, weighted / total)
    return best
