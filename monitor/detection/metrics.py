"""Metrics: how well probabilities of mining agree with labels, with intervals from a bootstrap over blocks.

Room `detection`, pure numpy. Every figure takes weights, so that a bootstrap draw is a count per cell and not a copy.
Labels are True or False, or 1 and 0; scores are finite and probabilities lie from 0 to 1, or a ValueError says so. Imports
nothing of this project.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

BINS = 10
SPECIFICITY = 0.99
DRAWS = 1000
LEVEL = 95
ROUNDING = 1e-6
"""So far may a sum of probabilities lie outside of 0 to 1."""
LEAST_BLOCKS = 5
"""Fewer blocks than this give no interval: they cannot tell what others would say, and one block draws itself alone."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A value and the interval in which 95 % of the bootstrap draws lie; NaN for what cannot be told."""

    value: float
    low: float
    high: float


def _check_scores(mining: npt.ArrayLike, score: npt.ArrayLike) -> tuple[Bool, Float64]:
    """Labels as bool (n,) and scores as float64 (n,). Raises ValueError."""
    told, scores = np.asarray(mining), np.asarray(score, np.float64)
    if told.ndim != 1 or told.shape != scores.shape:
        raise ValueError("mining and the scores must have one value for each cell.")
    if told.dtype != np.bool_ and not np.isin(told, (0, 1)).all():
        raise ValueError(
            "mining must be True or False for each cell, or 1 and 0; say which classes are mines."
        )
    if not np.isfinite(scores).all():
        raise ValueError("The scores hold numbers that are not finite; leave out cells that were not judged.")
    return told.astype(np.bool_), scores


def _check_probabilities(mining: npt.ArrayLike, probability: npt.ArrayLike) -> tuple[Bool, Float64]:
    """As `_check_scores`, and the probabilities lie from 0 to 1 but for the rounding of a sum."""
    is_mine, stated = _check_scores(mining, probability)
    if ((stated < -ROUNDING) | (stated > 1 + ROUNDING)).any():
        raise ValueError(
            "Probabilities must lie from 0 to 1; calibrate scores before their errors are measured."
        )
    return is_mine, np.clip(stated, 0, 1)


def count_above(
    mining: npt.ArrayLike, score: npt.ArrayLike, weight: Float64 | None = None
) -> tuple[Float64, Float64]:
    """Weight of mines, and of others, at or above each distinct score, from the highest score down, from 0.

    Takes and raises what `area_under_roc` does.
    """
    is_mine, scores = _check_scores(mining, score)
    weights = np.ones(len(is_mine)) if weight is None else weight
    _, place = np.unique(-scores, return_inverse=True)
    hits = np.bincount(place, weights * is_mine)
    misses = np.bincount(place, weights * ~is_mine)
    return np.append(0.0, np.cumsum(hits)), np.append(0.0, np.cumsum(misses))


def area_under_roc(mining: npt.ArrayLike, score: npt.ArrayLike, weight: Float64 | None = None) -> float:
    """Chance that a mine scores above another cell, ties counted half.

    Parameters
    ----------
    mining : bool array (n,), or 1 and 0
    score : float array (n,)
    weight : float64 (n,), optional

    Returns
    -------
    float
        NaN without mines or without others.

    Raises
    ------
    ValueError
        For shapes that differ, labels that are not 0 and 1, or scores that are not finite.

    Examples
    --------
    >>> area_under_roc(np.array([True, True, False, False]), [0.9, 0.4, 0.4, 0.1])
    0.875
    """
    hits, misses = count_above(mining, score, weight)
    if hits[-1] == 0 or misses[-1] == 0:
        return float("nan")
    return float(np.trapezoid(hits, misses) / (hits[-1] * misses[-1]))


def average_precision(mining: npt.ArrayLike, score: npt.ArrayLike, weight: Float64 | None = None) -> float:
    """Mean precision over the mines, as scikit-learn defines it (no interpolation). NaN without mines.

    Takes and raises what `area_under_roc` does.
    """
    hits, misses = count_above(mining, score, weight)
    if hits[-1] == 0:
        return float("nan")
    found = hits[1:] + misses[1:]
    precision = np.divide(hits[1:], found, out=np.zeros_like(found), where=found > 0)
    return float(np.sum(np.diff(hits) * precision) / hits[-1])


def recall_at_specificity(
    mining: npt.ArrayLike,
    score: npt.ArrayLike,
    weight: Float64 | None = None,
    specificity: float = SPECIFICITY,
) -> float:
    """Share of mines found at the lowest threshold that still leaves `specificity` of the others alone.

    Takes and raises what `area_under_roc` does.
    """
    hits, misses = count_above(mining, score, weight)
    if hits[-1] == 0 or misses[-1] == 0:
        return float("nan")
    allowed = misses <= (1 - specificity) * misses[-1] + 1e-9
    return float(hits[allowed].max() / hits[-1])


def brier_score(mining: npt.ArrayLike, probability: npt.ArrayLike, weight: Float64 | None = None) -> float:
    """Mean squared error of the probability.

    Raises ValueError as `area_under_roc` does, and for probabilities outside of 0 to 1.
    """
    is_mine, stated = _check_probabilities(mining, probability)
    error = (stated - is_mine) ** 2
    return float(np.average(error, weights=weight)) if weight is None or weight.sum() else float("nan")


def calibration_error(
    mining: npt.ArrayLike, probability: npt.ArrayLike, weight: Float64 | None = None
) -> float:
    """Expected calibration error: mean distance of stated and found share over ten bins of equal width.

    Raises what `brier_score` does.
    """
    count, stated, found = _bin(mining, probability, weight)
    if count.sum() == 0:
        return float("nan")
    return float(np.abs(stated - found).sum() / count.sum())


def reliability(mining: npt.ArrayLike, probability: npt.ArrayLike) -> list[dict[str, float]]:
    """One row per bin that has cells: its edges, cells, mean probability, share of mines.

    Raises what `brier_score` does.
    """
    count, stated, found = _bin(mining, probability, None)
    return [
        {
            "from": place / BINS,
            "to": (place + 1) / BINS,
            "n": int(count[place]),
            "mean_probability": float(stated[place] / count[place]),
            "share_mining": float(found[place] / count[place]),
        }
        for place in range(BINS)
        if count[place]
    ]


def _bin(
    mining: npt.ArrayLike, probability: npt.ArrayLike, weight: Float64 | None
) -> tuple[Float64, Float64, Float64]:
    """Per bin: weight of the cells, their summed probability, weight of the mines among them."""
    is_mine, stated = _check_probabilities(mining, probability)
    weights = np.ones(len(stated)) if weight is None else weight
    place = np.minimum((stated * BINS).astype(np.int64), BINS - 1)
    count, total, found = (
        np.bincount(place, weights * part, BINS).astype(np.float64) for part in (1.0, stated, is_mine)
    )
    return count, total, found


MEASURES: dict[str, Callable[[npt.ArrayLike, npt.ArrayLike, Float64 | None], float]] = {
    "auc": area_under_roc,
    "average_precision": average_precision,
    "recall_at_specificity_0.99": recall_at_specificity,
    "brier": brier_score,
    "ece": calibration_error,
}


def draw_weights(blocks: npt.ArrayLike, draws: int, seed: int) -> Float64:
    """float64 (draws, n): how often each cell is in a bootstrap sample that draws whole blocks with replacement."""
    _, block = np.unique(np.asarray(blocks), return_inverse=True)
    count = int(block.max(initial=-1)) + 1
    if not count:
        return np.empty((draws, 0))
    times = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), draws)
    return times[:, block].astype(np.float64)


def draw_samples(blocks: npt.ArrayLike, draws: int, seed: int) -> Float64:
    """As `draw_weights`, for intervals: no draw where there are fewer than `LEAST_BLOCKS` blocks."""
    return draw_weights(blocks, 0 if has_few_blocks(blocks) else draws, seed)


def has_few_blocks(blocks: npt.ArrayLike) -> bool:
    """Whether cells lie in fewer than `LEAST_BLOCKS` blocks."""
    return len(np.unique(np.asarray(blocks))) < LEAST_BLOCKS


def measure(
    mining: npt.ArrayLike,
    probability: npt.ArrayLike,
    blocks: npt.ArrayLike,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, Figure]:
    """All of `MEASURES` with intervals.

    Parameters
    ----------
    mining : bool array (n,), or 1 and 0
    probability : float array (n,)
        Of mining, from 0 to 1.
    blocks : int array (n,)
        Number of the block of each cell.
    draws, seed : int
        Of the bootstrap.

    Returns
    -------
    dict of str to Figure
        The interval is the middle 95 % over samples of whole blocks, leaving out samples without mines or without others; it
        does not cover refitting the model or the choice of it. There is none for fewer than `LEAST_BLOCKS` blocks.

    Raises
    ------
    ValueError
        For shapes that differ, labels that are not 0 and 1, or probabilities that are not finite or outside of 0 to 1.

    Examples
    --------
    >>> mining, stated = np.arange(40) % 2 == 0, np.where(np.arange(40) % 2 == 0, 0.8, 0.3)
    >>> measure(mining, stated, np.arange(40) // 4, draws=20)["auc"]
    Figure(value=1.0, low=1.0, high=1.0)
    """
    if np.shape(blocks) != np.shape(mining):
        raise ValueError("mining and blocks must have one value for each cell.")
    samples = draw_samples(blocks, draws, seed)
    return {
        name: with_interval(partial(function, mining, probability), samples)
        for name, function in MEASURES.items()
    }


def with_interval(function: Callable[[Float64 | None], float], samples: Float64) -> Figure:
    """A figure of n cells and the middle 95 % of its draws.

    function: the figure for weights of the cells, float64 (n,), or None. samples: float64 (draws, n), of `draw_samples`;
    those for which there is no figure are left out.
    """
    drawn = np.array([function(sample) for sample in samples])
    drawn = drawn[np.isfinite(drawn)]
    tail = (100 - LEVEL) / 2
    low, high = np.percentile(drawn, [tail, 100 - tail]) if len(drawn) else (np.nan, np.nan)
    return Figure(function(None) if samples.shape[1] else float("nan"), float(low), float(high))
