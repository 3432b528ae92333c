"""Familiarity: whether the features of a cell lie within what a model was fitted to; elsewhere its word counts for less.

Room `detection`, pure. Two measures, because each sees what the other does not: answers of patches notice clouds, stripes
and noise; how the spectral summaries go together notices a forgotten offset or an even grey. May import
`folds`, `partmaps`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from sklearn.covariance import LedoitWolf

from monitor.detection.folds import FoldsNotPossible, split_blocks
from monitor.detection.partmaps import Layout
from monitor.detection.rcf import Bool, Float32

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

QUANTILE = 98
"""Per cent of cells held back that lie within the reach before its margin: the farthest may be broken themselves."""
MARGIN = 1.5
"""How much farther than that still counts."""
LEAST_SPREAD = 1e-9


@dataclass(frozen=True, slots=True)
class Familiarity:
    """The cloud of features that a head was fitted to, at one of its dates.

    Parameters
    ----------
    layout : Layout
        Of a row of features.
    centre, spread : float64 (F - map,)
        Of each feature.
    precision : float64 (S, S)
        Of the standardised spectral summaries.
    reach_answers : float
        The greatest root mean square of the standardised answers that still counts as familiar.
    reach_summaries : float
        The greatest Mahalanobis distance of the summaries, over the root of S.

    Examples
    --------
    See `fit_familiarity`.
    """

    layout: Layout
    centre: Float64
    spread: Float64
    precision: Float64
    reach_answers: float
    reach_summaries: float

    def holds(self, values: Float32) -> Bool:
        """bool (n,): whether rows of features (n, F), finite, lie within the cloud."""
        answers, summaries = self.measure(self.layout.plain(values).astype(np.float64))
        return (answers <= self.reach_answers) & (summaries <= self.reach_summaries)

    def measure(self, plain: Float64) -> tuple[Float64, Float64]:
        """Both distances, float64 (n,) each, of features without maps (n, F - map): near 1 for what was fitted to, 0 where
        there are no such features."""
        standard = (plain - self.centre) / self.spread
        size = len(self.precision)
        split = standard.shape[1] - size
        answers, rest = standard[:, :split], standard[:, split:]
        squares = np.maximum(((rest @ self.precision) * rest).sum(axis=1), 0)
        return np.sqrt((answers**2).sum(axis=1) / max(split, 1)), np.sqrt(squares / max(size, 1))


def fit_familiarity(values: Float32, layout: Layout, blocks: Int64) -> Familiarity:
    """Learn the cloud of features of the training cells.

    Parameters
    ----------
    values : float32 (n, F)
        Finite, n > 0.
    layout : Layout
        Features without a known split into answers and summaries are all treated as answers.
    blocks : int64 (n,)
        How far familiar ground reaches is learnt from cells whose block was held back: those that the cloud was fitted to
        lie nearer by construction.

    Returns
    -------
    Familiarity

    References
    ----------
    Ledoit and Wolf 2004: the covariance is shrunk, so that a few dozen cells are enough.

    Examples
    --------
    >>> from monitor.detection.partmaps import NO_MAP
    >>> values = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    >>> cloud = fit_familiarity(values, NO_MAP, np.arange(200) // 10)
    >>> cloud.holds(np.array([[0, 0, 0], [20, 0, 0]], np.float32)).tolist()
    [True, False]
    """
    plain = layout.plain(values).astype(np.float64)
    answers, distances = np.empty(len(plain)), np.empty(len(plain))
    try:
        for fit_on, judge_on in split_blocks(np.zeros(len(plain)), blocks):
            answers[judge_on], distances[judge_on] = _fit(plain[fit_on], layout).measure(plain[judge_on])
    except FoldsNotPossible:
        answers, distances = _fit(plain, layout).measure(plain)
    return replace(
        _fit(plain, layout), reach_answers=_choose_reach(answers), reach_summaries=_choose_reach(distances)
    )


def _fit(plain: Float64, layout: Layout) -> Familiarity:
    """The cloud without its reach."""
    centre, spread = plain.mean(axis=0), plain.std(axis=0)
    spread[spread < LEAST_SPREAD] = 1.0
    precision = np.empty((0, 0))
    if layout.answers and layout.answers < plain.shape[1] and len(plain) > 1:
        summaries = ((plain - centre) / spread)[:, layout.answers :]
        precision = np.asarray(LedoitWolf().fit(summaries).precision_, np.float64)
    return Familiarity(layout, centre, spread, precision, np.inf, np.inf)


def _choose_reach(distances: Float64) -> float:
    return float(np.percentile(distances, QUANTILE) * MARGIN)
