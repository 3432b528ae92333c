"""The arithmetic of releases (pure): bands, trends, and when a block is safe to publish.

Total functions over integers and short lists, so that each can be read and tested as a truth table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from monitor.grid import IntArray
from monitor.privacy.policy import K_EFF_MIN, PRIOR_MAX, SEEN_PER_CENT_MIN


class ActivityBand(StrEnum):
    """Share of a block's plausible cells that are active, in bands."""

    NONE = "none"
    UNDER_2 = "under_2"
    FROM_2_TO_5 = "2_to_5"
    FROM_5_TO_10 = "5_to_10"
    OVER_10 = "over_10"


class ObservedBand(StrEnum):
    """Share of a block's plausible cells that were observed in the period, in bands."""

    NONE = "none"
    UNDER_25 = "under_25"
    FROM_25_TO_50 = "25_to_50"
    FROM_50_TO_75 = "50_to_75"
    OVER_75 = "over_75"


class Trend(StrEnum):
    """The band against that of the previous published period: a function of published bands only (P1)."""

    FIRST = "first"
    DOWN = "down"
    SAME = "same"
    UP = "up"


_ACTIVITY_ORDER = list(ActivityBand)


def choose_activity_band(active: int, plausible: int) -> ActivityBand:
    """The band of `active / plausible`. Whole numbers only, so no rounding can move a block over an edge."""
    if active <= 0:
        return ActivityBand.NONE
    per_cent = 100 * active
    if per_cent < 2 * plausible:
        return ActivityBand.UNDER_2
    if per_cent < 5 * plausible:
        return ActivityBand.FROM_2_TO_5
    if per_cent <= 10 * plausible:
        return ActivityBand.FROM_5_TO_10
    return ActivityBand.OVER_10


def choose_observed_band(observed: int, plausible: int) -> ObservedBand:
    """The band of `observed / plausible`."""
    if observed <= 0:
        return ObservedBand.NONE
    for limit, band in (
        (1, ObservedBand.UNDER_25),
        (2, ObservedBand.FROM_25_TO_50),
        (3, ObservedBand.FROM_50_TO_75),
    ):
        if 4 * observed < limit * plausible:
            return band
    return ObservedBand.OVER_75


def grade_activity(active: IntArray, plausible: IntArray) -> IntArray:
    """`choose_activity_band` for many blocks at once: the places of the bands in ActivityBand."""
    per_cent = 100 * active
    steps = 1 + (per_cent >= 2 * plausible) + (per_cent >= 5 * plausible) + (per_cent > 10 * plausible)
    return np.where(active > 0, steps, 0)


def grade_observed(observed: IntArray, plausible: IntArray) -> IntArray:
    """`choose_observed_band` for many blocks at once: the places of the bands in ObservedBand."""
    quarters = 4 * observed
    steps = 1 + (quarters >= plausible) + (quarters >= 2 * plausible) + (quarters >= 3 * plausible)
    return np.where(observed > 0, steps, 0)


def is_enough_seen(observed: IntArray, plausible: IntArray) -> npt.NDArray[np.bool_]:
    """Of which blocks so much was observed that their band may move; False for a block without plausible cells."""
    return np.asarray((100 * observed >= SEEN_PER_CENT_MIN * plausible) & (observed > 0))


def grade_trend(previous: IntArray, now: IntArray) -> IntArray:
    """`compare_bands` for many blocks at once: the places in Trend. previous, now: in ActivityBand; -1 is no band."""
    return np.where(previous < 0, 0, 2 + np.sign(now - previous))


def compare_bands(previous: ActivityBand | None, now: ActivityBand) -> Trend:
    """The trend from one published band to the next."""
    if previous is None:
        return Trend.FIRST
    step = _ACTIVITY_ORDER.index(now) - _ACTIVITY_ORDER.index(previous)
    return Trend.SAME if step == 0 else Trend.UP if step > 0 else Trend.DOWN


def count_effective_cells(prior: Sequence[float]) -> float:
    """k_eff = 2 ** entropy (bits) of a block's plausibility prior; the weights need not sum to one."""
    total = math.fsum(prior)
    if total <= 0:
        return 0.0
    shares = [weight / total for weight in prior if weight > 0]
    return float(2 ** -math.fsum(share * math.log2(share) for share in shares))


def is_safe_to_publish(k_eff: float, largest_prior: float) -> bool:
    """True where a block hides a site among enough plausible cells; otherwise its parent is published instead."""
    # an even prior over exactly K_EFF_MIN cells must pass although 2 ** log2(40) is a hair below 40
    return k_eff >= K_EFF_MIN - 1e-9 and largest_prior <= PRIOR_MAX
