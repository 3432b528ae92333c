"""Ridge: linear scores of the classes, with a penalty chosen inside spatial folds.

Room `detection`, pure. One eigendecomposition of the smaller Gram matrix gives the scores for every penalty at once,
so choosing costs little more than one fit. Method: ridge on random convolutional features (Rolf et al. 2021, Methods).
May import `folds` and `metrics`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from monitor.detection.folds import FOLDS, find_judged, split_blocks
from monitor.detection.metrics import area_under_roc

Bool = npt.NDArray[np.bool_]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

PENALTIES = tuple(10.0 ** (exponent / 2) for exponent in range(-2, 13))
"""0.1 to a million, for standardised features."""
REPEATS = 3
"""Times the inner folds are dealt anew; one deal of few blocks is mostly luck."""


@dataclass(frozen=True, slots=True)
class FittedScores:
    """A fitted scorer and what it gave for cells that it had not seen.

    estimator: maps features (n, F) to scores (n, m), one column per class learnt. out_of_fold: float64
    (repeats, n, m), scores of each cell by models fitted without its block, NaN where these had not seen its class.
    penalty: the one chosen, of a ridge.
    """

    estimator: Pipeline
    out_of_fold: Float64
    penalty: float | None


def fit_ridge(
    values: npt.NDArray[np.float32],
    classes: Int64,
    blocks: Int64,
    teaches: Bool | None = None,
    *,
    penalties: Sequence[float] = PENALTIES,
    repeats: int = REPEATS,
    folds: int = FOLDS,
    seed: int = 0,
) -> FittedScores:
    """Fit ridge to one column of 0 and 1 per class that occurs.

    values: float32 (n, F), finite. classes: int64 (n,), 0 is `none`; at least two occur. blocks: int64 (n,). teaches:
    bool (n,), the rows to learn from and to choose by, all unless told; the others are only scored. Some cells of each class
    are judged by folds that had seen it (`folds.find_judged`).
    The penalty is the one whose scores, in blocks held back, put mines before others most reliably: order alone is
    asked for, because the calibrator that follows mends the scale. Of equal ones the greatest wins.
    """
    taught = np.ones(len(classes), np.bool_) if teaches is None else teaches
    exact = values.astype(np.float64)
    scaler = StandardScaler().fit(exact[taught])
    standard = scaler.transform(exact)
    targets = (classes[:, None] == np.unique(classes[taught])).astype(np.float64)
    held_back = np.full((repeats, len(penalties), *targets.shape), np.nan)
    for repeat in range(repeats):
        for fit_on, judge_on in split_blocks(classes, blocks, folds, seed + repeat):
            own = fit_on[taught[fit_on]]
            judged = judge_on[find_judged(classes, own, judge_on)]
            if len(judged):
                held_back[repeat][:, judged] = _score_path(standard, targets, own, judged, penalties)
    order = [_judge_order(classes, taught, held_back[:, choice, :, 0]) for choice in range(len(penalties))]
    best = len(order) - 1 - int(np.argmax(order[::-1]))
    ridge = Ridge(alpha=penalties[best]).fit(standard[taught], targets[taught])
    return FittedScores(Pipeline([("scale", scaler), ("ridge", ridge)]), held_back[:, best], penalties[best])


def _judge_order(classes: Int64, taught: Bool, none: Float64) -> float:
    """How reliably scores of `none` (repeats, n) put others before mines: the mean over the repeats that can tell."""
    used = taught & np.isfinite(none)
    areas = [area_under_roc(classes[own] != 0, -scores[own]) for own, scores in zip(used, none, strict=True)]
    return float(np.nanmean(areas))


def _score_path(
    standard: Float64, targets: Float64, fit_on: Int64, judge_on: Int64, penalties: Sequence[float]
) -> Float64:
    """Scores (penalties, judged, m) of ridge with an intercept, fitted on some rows and applied to others.

    With A the centred rows fitted: A A' where there are fewer rows than features, else A' A; both give the same.
    """
    mean = standard[fit_on].mean(axis=0)
    fitted, judged = standard[fit_on] - mean, standard[judge_on] - mean
    level = targets[fit_on].mean(axis=0)
    right = targets[fit_on] - level
    if len(fitted) <= fitted.shape[1]:
        inner, outer = fitted @ fitted.T, judged @ fitted.T
    else:
        inner, outer, right = fitted.T @ fitted, judged, fitted.T @ right
    values, vectors = np.linalg.eigh(inner)
    values = np.maximum(values, 0)
    turned, known = outer @ vectors, vectors.T @ right
    return np.stack([turned @ (known / (values + penalty)[:, None]) + level for penalty in penalties])
