"""Scorers: ridge, logistic regression, random forest and gradient boosting behind one interface.

Room `detection`, pure. Each is a scikit-learn pipeline that is fitted to a table and gives a column of scores per class;
what it gave for cells held back by blocks comes with it, for calibration and for stacking. May import `folds`, `ridge`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from monitor.detection.folds import FOLDS, find_judged, split_blocks
from monitor.detection.ridge import PENALTIES, REPEATS, FittedScores, fit_ridge

Bool = npt.NDArray[np.bool_]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

RIDGE, LOGISTIC, FOREST, BOOSTING = "ridge", "logistic", "forest", "boosting"
KINDS = (RIDGE, LOGISTIC, FOREST, BOOSTING)
LEAST_PROBABILITY = 1e-3
"""Probabilities of trees are kept this far from 0 and 1 before odds are taken."""


def make_estimator(kind: str, seed: int) -> Pipeline:
    """An unfitted scorer that is not ridge. Settings are first guesses for a few hundred labels, and were not tuned."""
    estimators: dict[str, tuple[tuple[str, Any], ...]] = {
        LOGISTIC: (("scale", StandardScaler()), ("logistic", LogisticRegression(C=1e-2, max_iter=2000))),
        FOREST: (
            (
                "forest",
                RandomForestClassifier(
                    100, min_samples_leaf=3, class_weight="balanced_subsample", random_state=seed
                ),
            ),
        ),
        BOOSTING: (
            (
                "boosting",
                HistGradientBoostingClassifier(
                    max_iter=80,
                    learning_rate=0.08,
                    max_leaf_nodes=8,
                    min_samples_leaf=10,
                    l2_regularization=5.0,
                    max_features=0.2,
                    early_stopping=False,
                    class_weight="balanced",
                    random_state=seed,
                ),
            ),
        ),
    }
    return Pipeline(list(estimators[kind]))


def score_table(estimator: Pipeline, values: npt.NDArray[np.float32]) -> Float64:
    """Scores of cells, float64 (n, m), one column per class learnt: of a ridge as they are, else the log of the odds."""
    exact = values.astype(np.float64)
    if not hasattr(estimator[-1], "predict_proba"):
        return np.asarray(estimator.predict(exact), np.float64)
    stated = np.clip(estimator.predict_proba(exact), LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    return np.asarray(np.log(stated / (1 - stated)), np.float64)


def count_deals(kind: str, repeats: int) -> int:
    """How often a scorer is judged on blocks dealt anew."""
    return 1 if kind in (FOREST, BOOSTING) else repeats


def fit_scorer(
    kind: str,
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
    """Fit a scorer of one of `KINDS`.

    values: float32 (n, F), finite. classes, blocks: int64 (n,). teaches: bool (n,), the rows to learn from, all unless
    told; the others are only scored. repeats, folds: of the blocks held back; trees are dealt one deal (`count_deals`),
    counted `repeats` times, because they are slow. Raises FoldsNotPossible.
    """
    taught = np.ones(len(classes), np.bool_) if teaches is None else teaches
    if kind == RIDGE:
        return fit_ridge(
            values, classes, blocks, taught, penalties=penalties, repeats=repeats, folds=folds, seed=seed
        )
    deals = count_deals(kind, repeats)
    learnt = np.unique(classes[taught])
    exact = values.astype(np.float64)
    held_back = np.full((deals, len(classes), len(learnt)), np.nan)
    for deal in range(deals):
        for fit_on, judge_on in split_blocks(classes, blocks, folds, seed + deal):
            own = fit_on[taught[fit_on]]
            judged = judge_on[find_judged(classes, own, judge_on)]
            if not len(judged):
                continue
            fitted = make_estimator(kind, seed).fit(exact[own], classes[own])
            # a class unknown there is none of the cells judged
            scores = np.full((len(judged), len(learnt)), np.log(LEAST_PROBABILITY))
            scores[:, np.searchsorted(learnt, np.unique(classes[own]))] = score_table(fitted, values[judged])
            held_back[deal, judged] = scores
    estimator = make_estimator(kind, seed).fit(exact[taught], classes[taught])
    return FittedScores(estimator, np.repeat(held_back, repeats // deals, axis=0), None)
