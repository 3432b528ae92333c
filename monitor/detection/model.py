"""The model: a featurizer and two heads, one that sees change and one for cells without a reference.

Room `detection`, pure. Holds what is learnt and applies it; learning is in `train`, files in `modelfile`. May import
`calibration`, `familiarity`, `featurizer`, `labels`, `scorers`, `views`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.pipeline import Pipeline

from monitor.detection.calibration import Calibrator
from monitor.detection.familiarity import Familiarity
from monitor.detection.featurizer import Featurizer
from monitor.detection.labels import CLASSES
from monitor.detection.pairs import PairFeaturizer
from monitor.detection.partmaps import Layout
from monitor.detection.rcf import Float32
from monitor.detection.scorers import score_table
from monitor.detection.views import Sight

Bool = npt.NDArray[np.bool_]
Float64 = npt.NDArray[np.float64]

ROWS_AT_A_TIME = 1024
"""Cells scored at a time, so that a tile's features are not copied whole."""


class ShareUnknown(ValueError):
    """A model does not say for which share of mines its probabilities hold."""


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
class Member:
    """One scorer of a head. view: what it looks at (`views`). weight: of its scores in those of the head."""

    view: str
    estimator: Pipeline
    weight: float


@dataclass(frozen=True, slots=True)
class Head:
    """Scorers with their calibrator.

    members: their weighted scores add up to those of the head. layout: of a row of features. pairs: makes the views of
    pairs, if any member looks at them. calibrator: scores to probabilities. learnt: positions in CLASSES of the m
    columns, the first is 0 (`none`). now, before: what features are familiar, now and at the reference, None for a head of
    single dates.
    """

    members: tuple[Member, ...]
    layout: Layout
    pairs: PairFeaturizer | None
    calibrator: Calibrator
    learnt: tuple[int, ...]
    now: Familiarity
    before: Familiarity | None

    def score(self, now: Float32, reference: Float32 | None = None) -> Float64:
        """Weighted scores of the members, float64 (n, m), for finite features (n, F) of one date, or of two."""
        sight = Sight(self.layout, now, reference, self.pairs)
        scores = np.zeros((len(now), len(self.learnt)))
        for member in self.members:
            scores += member.weight * score_table(member.estimator, sight.view(member.view))
        return scores

    def predict(
        self, now: Float32, reference: Float32 | None = None
    ) -> tuple[Float64, Float64, Float64, Bool]:
        """Probabilities (n, 3), low, high and familiar (n,) for finite features (n, F) of one date, or of two."""
        scores = self.score(now, reference)
        own = self.calibrator.probabilities(scores)
        column = 1 + own[:, 1:].argmax(axis=1)
        low, high = self.calibrator.interval(scores, column)
        probabilities = np.zeros((len(now), len(CLASSES)))
        probabilities[:, self.learnt] = own
        familiar = self.now.holds(now)
        if self.before is not None and reference is not None:
            familiar &= self.before.holds(reference)
        return probabilities, low, high, familiar


@dataclass(frozen=True, slots=True)
class MineModel:
    """A trained model.

    Parameters
    ----------
    featurizer : Featurizer
    change : Head or None
        For cells with a reference (features at the reference, now, difference); None if too few training cells had one.
    single : Head
        For all others.
    min_valid_share : float
        Below it a cell is not observed.
    facts : mapping
        Of the training, JSON-able (label digest, counts, penalties, folds), for the manifest.

    Examples
    --------
    See `train_model`.
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

    def expect_share(self, share: float) -> MineModel:
        """This model for ground where `share` of the cells are mines, within 0 and 1 (`Calibrator.expect_share`).

        Raises ShareUnknown where the model does not say for which share its probabilities were learnt.
        """
        learnt = self.facts.get("share", {})
        heads = {"single": self.single} | ({"change": self.change} if self.change else {})
        if set(heads) - set(learnt):
            raise ShareUnknown(
                "This model was trained before models said which share of mines they learnt; train it anew."
            )
        moved = {
            name: replace(head, calibrator=head.calibrator.expect_share(learnt[name], share))
            for name, head in heads.items()
        }
        facts = {**self.facts, "share": dict.fromkeys(heads, share)}
        return replace(self, single=moved["single"], change=moved.get("change"), facts=facts)

    def predict(self, now: Float32, reference: Float32 | None = None) -> Prediction:
        """Score cells.

        now: float32 (n, F), finite, in the order of `featurizer.names`. reference: the same before; rows of NaN for
        cells without one; None for none at all.
        """
        return predict_heads(self.change, self.single, now, reference)

    def predict_alone(self, now: Float32) -> Float32:
        """float32 (n,): probability of any kind of mining as for cells without a reference. now: as in `predict`."""
        found = predict_heads(None, self.single, now, None).probabilities
        return np.asarray(found[:, 1:].sum(axis=1))


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
            found = change.predict(now[part], reference[part])
            probabilities[part], low[part], high[part], familiar[part] = found
    for part in _portions(~changed):
        probabilities[part], low[part], high[part], familiar[part] = single.predict(now[part])
    return Prediction(probabilities, low, high, changed, familiar)


def _portions(mask: Bool) -> Iterator[npt.NDArray[np.intp]]:
    cells = np.flatnonzero(mask)
    for start in range(0, len(cells), ROWS_AT_A_TIME):
        yield cells[start : start + ROWS_AT_A_TIME]
