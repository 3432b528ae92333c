"""Curves: how a score sorts mines from the rest at every threshold, and what a calibration error means.

Room `detection`, pure. The points of a plot, and two figures beside the calibration error: how large it would be by chance
alone, and how much of it is only another share of mines. May import `metrics`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from monitor.detection.metrics import LEVEL, Bool, Figure, Float64, calibration_error, count_above

POINTS = 60
"""A curve is thinned to about so many points."""
CHANCE_DRAWS = 200


def roc_points(mining: Bool, score: npt.ArrayLike) -> list[list[float]]:
    """Pairs of false alarm rate and recall, from (0, 0) to (1, 1), thresholds falling. Empty without both kinds."""
    hits, misses = count_above(mining, score)
    if not hits[-1] or not misses[-1]:
        return []
    return _thin(misses / misses[-1], hits / hits[-1])


def precision_recall_points(mining: Bool, score: npt.ArrayLike) -> list[list[float]]:
    """Pairs of recall and precision, thresholds falling. Empty without mines."""
    hits, misses = count_above(mining, score)
    if not hits[-1]:
        return []
    return _thin(hits[1:] / hits[-1], hits[1:] / (hits[1:] + misses[1:]))


def chance_error(probability: npt.ArrayLike, *, draws: int = CHANCE_DRAWS, seed: int = 0) -> Figure:
    """Calibration error that so many cells would show if every probability were exactly right.

    Labels are drawn from the probabilities (consistency resampling, Bröcker and Smith 2007): the mean over the draws, and
    the middle 95 % of them. Each label is drawn alone; neighbours that share their luck would show more. NaN without
    cells.
    """
    stated = np.asarray(probability, np.float64)
    if not len(stated):
        return Figure(np.nan, np.nan, np.nan)
    rng = np.random.default_rng(seed)
    drawn = [calibration_error(rng.random(len(stated)) < stated, stated) for _ in range(draws)]
    tail = (100 - LEVEL) / 2
    low, high = np.percentile(drawn, [tail, 100 - tail])
    return Figure(float(np.mean(drawn)), float(low), float(high))


def error_at_share(mining: Bool, probability: npt.ArrayLike) -> float:
    """Calibration error once all log odds are moved by one number, so that as many mines are expected as there are.

    What is left is not the share of mines, which differs from place to place, but the meaning of the score. NaN without
    mines or without others.
    """
    if not mining.any() or mining.all():
        return float("nan")
    return calibration_error(mining, move_share(probability, float(mining.mean())))


def move_share(probability: npt.ArrayLike, share: float) -> Float64:
    """Probabilities whose log odds are moved by one number so that their mean is `share` (0 < share < 1)."""
    stated = np.clip(np.asarray(probability, np.float64), 1e-6, 1 - 1e-6)
    odds = np.log(stated / (1 - stated))
    low, high = -30.0, 30.0
    for _ in range(60):
        middle = (low + high) / 2
        if (1 / (1 + np.exp(-(odds + middle)))).mean() < share:
            low = middle
        else:
            high = middle
    return np.asarray(1 / (1 + np.exp(-(odds + low))))


def _thin(x: Float64, y: Float64) -> list[list[float]]:
    at = np.unique(np.linspace(0, len(x) - 1, min(POINTS, len(x))).round().astype(int))
    return [[round(float(x[place]), 4), round(float(y[place]), 4)] for place in at]
