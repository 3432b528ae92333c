"""Calibration: from scores to probabilities, learnt on scores of cells that the model had not seen.

Room `detection`, pure. Platt's sigmoid (1999) and its form for several classes: a logistic regression on the scores.
How far it can be trusted is told by fitting it anew on bootstrap samples of blocks. May import `metrics`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from monitor.detection.metrics import LEVEL, draw_weights

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

DRAWS = 200
STRENGTH = 10.0
"""Inverse of the penalty on the slopes: hardly felt with a hundred cells, and finite where classes are separable."""


@dataclass(frozen=True, slots=True)
class Calibrator:
    """Logits of the m classes learnt are `scores[:, 1:] / scale` times slopes plus intercepts, and then softmax.

    scale: float64 (m - 1,). slopes: float64 (1 + draws, m - 1, m) and intercepts: (1 + draws, m); the first is the
    calibrator itself, the others its bootstrap draws.
    """

    scale: Float64
    slopes: Float64
    intercepts: Float64

    @property
    def tells_nothing(self) -> bool:
        """Whether no score has a slope: every cell is then given the share of each class."""
        return not self.slopes[0].any()

    def expect_share(self, learnt: float, share: float) -> Calibrator:
        """The same calibrator for ground where `share` of the cells are mines instead of `learnt`, both within 0 and 1.

        The odds of every kind of mine against `none` are multiplied by one number (Elkan 2001; Saerens et al. 2002): right
        where mines and others look as they did, and only their numbers differ.
        """
        moved = self.intercepts.copy()
        moved[:, 1:] += np.log(share / (1 - share)) - np.log(learnt / (1 - learnt))
        return replace(self, intercepts=moved)

    def probabilities(self, scores: Float64) -> Float64:
        """float64 (n, m) from scores (n, m)."""
        return self._apply(scores, 0)

    def interval(self, scores: Float64, column: Int64) -> tuple[Float64, Float64]:
        """Low and high end of the middle 95 % of the draws for one class per cell; column: int64 (n,), its place.

        The interval holds the probability itself, and is only that where the calibrator has no draws.
        """
        each = np.arange(len(scores))
        stated = self._apply(scores, 0)[each, column]
        if len(self.slopes) == 1:
            return stated, stated
        drawn = np.stack([self._apply(scores, draw)[each, column] for draw in range(1, len(self.slopes))])
        tail = (100 - LEVEL) / 2
        low, high = np.percentile(drawn, [tail, 100 - tail], axis=0)
        return np.minimum(low, stated), np.maximum(high, stated)

    def _apply(self, scores: Float64, draw: int) -> Float64:
        logits = scores[:, 1:] / self.scale @ self.slopes[draw] + self.intercepts[draw]
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def fit_calibrator(
    out_of_fold: Float64, places: Int64, blocks: Int64, *, draws: int = DRAWS, seed: int = 0
) -> Calibrator:
    """Learn what the scores mean.

    out_of_fold: float64 (repeats, n, m), scores of cells by models that had not seen their block, NaN where these say
    nothing of the cell; the repeats that say something count as one observation together.
    places: int64 (n,), which of the m columns is true. blocks: int64 (n,), for the
    bootstrap. A draw that misses a class is left out.

    No slope turns the order of cells round: a score by which cells of its class would be less probable the higher it is says
    nothing (slope 0), and where that is so of all, each class has its share (`Calibrator.tells_nothing`).
    """
    repeats, count, columns = out_of_fold.shape
    scores = out_of_fold[:, :, 1:].reshape(repeats * count, columns - 1)
    scale = np.maximum(np.nanstd(scores, axis=0), 1e-9)
    told = np.isfinite(out_of_fold).all(axis=2)
    times = np.maximum(told.sum(axis=0), 1)
    truth = np.tile(places, repeats)
    samples = np.concatenate([np.ones((1, count)), draw_weights(blocks, draws, seed)])
    fitted = [
        _fit_logistic(scores / scale, truth, (sample * told / times).ravel(), columns)
        for sample in samples
        if len(np.unique(places[(sample > 0) & told.any(axis=0)])) == columns
    ]
    slopes, intercepts = zip(*fitted, strict=True)
    return Calibrator(scale, np.stack(slopes), np.stack(intercepts))


def _fit_logistic(scores: Float64, truth: Int64, weight: Float64, columns: int) -> tuple[Float64, Float64]:
    """Slopes (m - 1, m) and intercepts (m,) of a weighted multinomial logistic regression, without those scores that would
    make their own class less probable the higher they are."""
    used = weight > 0
    slopes, intercepts = np.zeros((columns - 1, columns)), np.zeros(columns)
    kept = np.arange(columns - 1)
    while len(kept):
        fit = LogisticRegression(C=STRENGTH, max_iter=1000).fit(
            scores[used][:, kept], truth[used], sample_weight=weight[used]
        )
        slopes[:] = 0
        if columns == 2:
            slopes[kept, 1], intercepts[1] = fit.coef_[0], fit.intercept_[0]
        else:
            slopes[kept], intercepts[:] = fit.coef_.T, fit.intercept_
        rises = slopes[kept, kept + 1] >= slopes[kept, 0]
        if rises.all():
            return slopes, intercepts
        kept = kept[rises]
    slopes[:] = 0
    return slopes, np.log(np.bincount(truth, weight, minlength=columns) / weight.sum())
