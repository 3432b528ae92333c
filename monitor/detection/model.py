"""The model: a featurizer and two heads, one that sees change and one for cells without a reference.

Room `detection`, pure. Holds what is learnt and applies it; learning is in `train`, files in `modelfile`. May import
`calibration`, `change`, `featurizer`, `labels`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.pipeline import Pipeline

from monitor.detection.calibration import Calibrator
from monitor.detection.change import stack_change
from monitor.detection.featurizer import Featurizer
from monitor.detection.labels import CLASSES
from monitor.detection.rcf import Float32

Bool = npt.NDArray[np.bool_]
Float64 = npt.NDArray[np.float64]

ROWS_AT_A_TIME = 1024
"""Cells scored at a time, so that a tile's features are not copied whole."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model says of n cells.

    probabilities: float32 (n, 3), columns as CLASSES; rows sum to 1; a class never learnt has 0. low, high: float32
    (n,), interval of the most probable mining class. used_reference: bool (n,), scored by change. familiar: bool (n,),
    the features lie within what the model was fitted on; elsewhere its word counts for less.
    """

    probabilities: Float32
    low: Float32
    high: Float32
    used_reference: Bool
    familiar: Bool


@dataclass(frozen=True, slots=True)
class Head:
    """One scorer with its calibrator.

    estimator: standardises features (n, F) and predicts scores (n, m). calibrator: scores to probabilities. learnt:
    positions in CLASSES of the m columns, the first is 0 (`none`). reach: the greatest root mean square of
    standardised features that still counts as familiar.
    """

    estimator: Pipeline
    calibrator: Calibrator
    learnt: tuple[int, ...]
    reach: float

    def predict(self, values: Float32) -> tuple[Float64, Float64, Float64, Bool]:
        """Probabilities (n, 3), low, high and familiar (n,) for finite features (n, F)."""
        exact = values.astype(np.float64)
        standard = self.estimator[:-1].transform(exact)
        scores = np.asarray(self.estimator[-1].predict(standard), np.float64)
        own = self.calibrator.probabilities(scores)
        column = 1 + own[:, 1:].argmax(axis=1)
        low, high = self.calibrator.interval(scores, column)
        probabilities = np.zeros((len(values), len(CLASSES)))
        probabilities[:, self.learnt] = own
        return probabilities, low, high, measure_reach(standard) <= self.reach


def measure_reach(standard: Float64) -> Float64:
    """float64 (n,): root mean square of standardised features (n, F); near 1 for what the scaler was fitted on."""
    return np.asarray(np.sqrt(np.mean(standard**2, axis=1)))


@dataclass(frozen=True, slots=True)
class MineModel:
    """A trained model.

    change: for cells with a reference (features at the reference, now, difference); None if no training cell had one.
    single: for all others. min_valid_share: below it a cell is not observed. facts: of the training, JSON-able (label
    digest, counts, penalties, folds), for the manifest.
    """

    featurizer: Featurizer
    change: Head | None
    single: Head
    min_valid_share: float
    facts: Mapping[str, Any]

    @property
    def classes_learnt(self) -> tuple[str, ...]:
        """Names of the classes that any head can give."""
        learnt = {*self.single.learnt, *(self.change.learnt if self.change else ())}
        return tuple(CLASSES[position] for position in sorted(learnt))

    def predict(self, now: Float32, reference: Float32 | None = None) -> Prediction:
        """Score cells.

        now: float32 (n, F), finite, in the order of `featurizer.names`. reference: the same before; rows of NaN for
        cells without one; None for none at all.
        """
        return predict_heads(self.change, self.single, now, reference)


def predict_heads(change: Head | None, single: Head, now: Float32, reference: Float32 | None) -> Prediction:
    """Score cells: those with a reference by `change`, if there is such a head, the others by `single`."""
    count = len(now)
    probabilities = np.zeros((count, len(CLASSES)), np.float32)
    low, high = np.zeros(count, np.float32), np.zeros(count, np.float32)
    familiar = np.zeros(count, np.bool_)
    changed = np.zeros(count, np.bool_)
    if reference is not None and change is not None:
        changed[:] = np.isfinite(reference).all(axis=1)
        for part in _portions(changed):
            both = stack_change(now[part], reference[part])
            probabilities[part], low[part], high[part], familiar[part] = change.predict(both)
    for part in _portions(~changed):
        probabilities[part], low[part], high[part], familiar[part] = single.predict(now[part])
    return Prediction(probabilities, low, high, changed, familiar)


def _portions(mask: Bool) -> Iterator[npt.NDArray[np.intp]]:
    cells = np.flatnonzero(mask)
    for start in range(0, len(cells), ROWS_AT_A_TIME):
        yield cells[start : start + ROWS_AT_A_TIME]
